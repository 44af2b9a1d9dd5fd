/** Makes the look of a moment: one status, drawn together with what was measured. */
import type { BackupDone } from "../../keeping/backup/calls.js";
import type { LaneStatus, Status } from "../../node/status.js";
import { type LaneId, laneId } from "../../types/lane.js";
import type { Release } from "../../persist/note-forms.js";
import { max } from "../../types/numbers.js";
import { laneLabels } from "../metrics/lane-labels.js";
import type { Meters } from "../metrics/meters.js";
import type { Observed } from "../observed.js";
import type {
  ArchiveLook,
  BackupLook,
  DiskLook,
  LaneLook,
  Look,
  RecoveryLook,
  ReleaseLook,
  ReservationsLook,
  ReservedLook,
  RoadLook,
  StoreLook,
} from "../page/look.js";
import { findingsOf } from "./findings.js";
import type { History } from "./history.js";

export interface Watch {
  readonly observed: Observed;
  readonly meters: Meters;
  readonly history: History;
  readonly startedAtMs: number;
  /** The releases on record, as they were last read. */
  readonly releases: readonly Release[];
}

/** Ages count whole seconds, so that nothing changes while nothing happens within one. */
export function lookOf(watch: Watch): Look {
  const { observed, meters, history } = watch;
  const state = observed.store();
  const keeper = state.kind === "open" ? state.keeper : undefined;
  const status = keeper?.status();
  const labels = status ? laneLabels(status, observed.laneIndex) : new Map<LaneId, string>();
  const [verdict, ...findings] = findingsOf({
    state,
    isDraining: observed.isDraining(),
    status,
    labels,
    space: history.space,
    flush: history.latencyOf("groupMs"),
    certificates: observed.certificates(),
    nowMs: Date.now(),
  });
  const writer = observed.writer();
  return {
    verdict,
    findings,
    service: {
      version: observed.version,
      directory: observed.directory,
      startedAtMs: watch.startedAtMs,
      writer: writer && { ...writer, fence: String(writer.fence) },
      calls: meters.rpc.totals,
      refused: meters.refusals.total,
      refusals: meters.refusals.recent,
    },
    store: status && storeLookOf(status, { labels, lastBackup: keeper?.lastBackup }, watch),
  };
}

function storeLookOf(
  status: Status,
  {
    labels,
    lastBackup,
  }: {
    readonly labels: ReadonlyMap<LaneId, string>;
    readonly lastBackup: BackupDone | undefined;
  },
  { history, releases }: Watch,
): StoreLook {
  return {
    chainId: status.chainId,
    storeId: status.storeId,
    mode: status.durable ? "disk" : "memory",
    epochIndex: String(status.epochIndex),
    lanes: [...labels].flatMap(([lane, label]) => {
      const facts = status.lanes.get(lane);
      return facts ? [laneLookOf(status, facts, { lane, label })] : [];
    }),
    road: roadLookOf(status),
    latencies: {
      flush: history.latencyOf("groupMs"),
      block: history.latencyOf("blockAckMs"),
      vote: history.latencyOf("voteAckMs"),
      anchor: history.latencyOf("anchorAckMs"),
    },
    disk: diskLookOf(status, history),
    keys: status.keys.map(({ content, state, bytes }) => ({ content, state, bytes })),
    backup: lastBackup && backupLookOf(lastBackup),
    archive: status.archive && archiveLookOf(status.archive),
    reservations: reservationsLookOf(status),
    recovery: recoveryLookOf(status),
    releases: releases.map((release) => releaseLookOf(release, labels)),
  };
}

function backupLookOf({ takenAtMs, lsn, directory }: BackupDone): BackupLook {
  const ageSeconds = Math.max(0, Math.floor((Date.now() - takenAtMs) / 1000));
  return { ageSeconds, lsn: String(lsn), directory };
}

function archiveLookOf(archive: NonNullable<Status["archive"]>): ArchiveLook {
  const { bucket, gate, heldBytes, heldBytesMax, counts, failing } = archive;
  return {
    bucket,
    gate,
    pendingRecords: String(archive.pendingRecords),
    oldestPendingSeconds: Math.floor(archive.oldestPendingMs / 1000),
    heldBytes,
    heldBytesMax,
    objects: String(counts.objects),
    bytes: String(counts.bytes),
    failing: failing?.code,
  };
}

function reservationsLookOf({ reservations, lanes, road }: Status): ReservationsLook | undefined {
  if (!reservations) return undefined;
  const { at, state, holder, places, puts, failure } = reservations;
  const reserved = (name: string, taken: bigint): ReservedLook | undefined => {
    const found = places.get(name);
    if (!found) return undefined;
    const { next } = found;
    const from = max(found.first, taken);
    return { next: String(next), left: next > from ? Number(next - from) : 0 };
  };
  const series = (kind: string): readonly ReservedLook[] => {
    return [...places.keys()].flatMap((name) => {
      if (!name.startsWith(kind)) return [];
      return reserved(name, lanes.get(laneId(name.slice(kind.length)))?.next ?? 0n) ?? [];
    });
  };
  const votes = series("votes/");
  return {
    at,
    state,
    holder,
    road: reserved("road", road.next),
    own: series("blocks/")[0],
    votedLanes: votes.length,
    votes: votes.toSorted((a, b) => a.left - b.left)[0],
    puts,
    failing: failure?.code,
  };
}

function laneLookOf(
  status: Status,
  facts: LaneStatus,
  { lane, label }: { readonly lane: LaneId; readonly label: string },
): LaneLook {
  const { first, next, durable, lag, capacityLeft, pinned, refused } = facts;
  const retained = status.retained.lanes.get(lane);
  return {
    label,
    id: lane,
    first: String(first),
    next: String(next),
    durable: String(durable),
    durableBlocks: Number(durable - first),
    lag: Number(lag),
    capacityLeft: Number(capacityLeft),
    oldestWaitingMs: Math.round(facts.oldestWaitingMs),
    retained: retained ? Number(retained.next - retained.first) : 0,
    pinned: pinned.map((number) => Number(number - first)),
    ...(refused ? { refused: { code: refused.code, message: refused.message } } : {}),
  };
}

function roadLookOf({ road, retained, anchorRoadIndex, anchorAgeMs }: Status): RoadLook {
  return {
    first: String(road.first),
    next: String(road.next),
    durable: String(road.durable),
    lag: Number(road.next - road.durable),
    retained: Number(retained.road.next - retained.road.first),
    anchor: anchorRoadIndex === undefined ? undefined : String(anchorRoadIndex),
    anchorAgeSeconds: Math.floor(anchorAgeMs / 1000),
  };
}

function diskLookOf({ disk }: Status, history: History): DiskLook {
  return {
    liveBytes: disk.liveBytes,
    retainedBytes: disk.segments.retained.bytes,
    freeSlotBytes: disk.segments.free.bytes,
    journalBytes: disk.bytes,
    reclaimableBytes: disk.reclaimableBytes,
    freeBytes: history.space?.freeBytes,
    sizeBytes: history.space?.sizeBytes,
    fullInSeconds: history.fullInSeconds(),
  };
}

function recoveryLookOf({ recovery }: Status): RecoveryLook {
  const { durationMs, steps, recordsRead, bytesWrittenAgain, generation, abstainThrough } =
    recovery;
  return {
    durationMs,
    steps,
    recordsRead,
    bytesWrittenAgain,
    generation: String(generation),
    pins: recovery.pins.length,
    abstainThrough: abstainThrough === undefined ? undefined : String(abstainThrough),
    warnings: recovery.warnings,
  };
}

function releaseLookOf(
  { lane, number, reason, atMs }: Release,
  labels: ReadonlyMap<LaneId, string>,
): ReleaseLook {
  return { lane: labels.get(lane) ?? lane, number: String(number), reason, atMs };
}

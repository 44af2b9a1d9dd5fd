/** The status of a service and of its store, and the recovery, by the names of our messages. */
import type { KeyUse } from "../../journal/upkeep/rekeyer.js";
import type { GuardStatus } from "../../node/signing/verdict.js";
import type { Recovery } from "../../node/start.js";
import type { LaneStatus, Status } from "../../node/status.js";
import type { Height } from "../../persist/guards/heights.js";
import { ROAD } from "../../persist/kinds.js";
import {
  type GetRecoveryResponse,
  type ServiceStatus,
  ServiceStatusState as State,
} from "../../rpc/api/keeper.js";
import type { KeyUse as KeyUseMessage, StoreStatus } from "../../rpc/api/types.js";
import { failureOf, laneBytes } from "../../rpc/failures.js";
import type { Encodable } from "../../rpc/message.js";
import { fromMs } from "../../rpc/times.js";
import type { PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import type { Observed } from "../observed.js";
import { encodeCommitQC, encodePruneAnchor } from "../../wire/codec/encode.js";

type StoreForm = Encodable<typeof StoreStatus>;
type LaneForm = NonNullable<StoreForm["lanes"]>[number];

export function storeStatusForm(status: Status): StoreForm {
  const { anchor, latestCommitQC, stalled, poison } = status;
  return {
    directory: status.directory,
    chainId: status.chainId,
    onDisk: status.durable,
    lanes: [...status.lanes].map(([lane, each]) => laneForm(lane, each, status)),
    road: {
      first: status.road.first,
      next: status.road.next,
      durableNext: status.road.durable,
      retained: status.retained.road,
      anchorAge: fromMs(status.anchorAgeMs),
    },
    anchorRoadIndex: status.anchorRoadIndex,
    epochIndex: status.epochIndex,
    pins: pinForms(status.pins),
    usage: usageForm(status),
    counters: countersForm(status),
    stalled: stalled && failureOf(stalled),
    poison: poison && failureOf(poison),
    mapWarnings: status.mapWarnings,
    latestCommitQc: latestCommitQC && encodeCommitQC(latestCommitQC),
    anchor: anchor && encodePruneAnchor(anchor),
    guards: status.guards && guardsForm(status.guards),
    keys: status.keys.map(keyUseForm),
    archive: status.archive && archiveForm(status.archive, status),
    reservations: status.reservations && reservationsForm(status.reservations),
  };
}

function reservationsForm(status: NonNullable<Status["reservations"]>): StoreForm["reservations"] {
  const { at, machine, state, holder = "", places, puts, failures, failure } = status;
  return {
    at,
    machine,
    state,
    holder,
    series: [...places].map(([name, { first, next }]) => ({ name, places: { first, next } })),
    puts: BigInt(puts),
    failures: BigInt(failures),
    failure: failure && failureOf(failure),
  };
}

/** A lane of which nothing is archived yet is told as well. */
function archiveForm(
  archive: NonNullable<Status["archive"]>,
  { lanes }: Status,
): StoreForm["archive"] {
  const { through, counts, refused, failing } = archive;
  const logForm = (lane: Uint8Array, upTo: bigint, error: PersisterError | undefined) => {
    return { lane, through: upTo, refused: error && failureOf(error) };
  };
  const named = new Set([...lanes.keys(), ...through.lanes.keys(), ...refused.keys()]);
  const laneForms = [...named].flatMap((name) => {
    if (name === ROAD) return [];
    return [logForm(laneBytes(name), through.lanes.get(name) ?? 0n, refused.get(name))];
  });
  return {
    bucket: archive.bucket,
    gate: archive.gate,
    logs: [...laneForms, logForm(new Uint8Array(0), through.road, refused.get(ROAD))],
    pendingRecords: archive.pendingRecords,
    oldestPending: fromMs(archive.oldestPendingMs),
    heldSegments: BigInt(archive.heldSegments),
    heldBytes: BigInt(archive.heldBytes),
    heldBytesMax: BigInt(archive.heldBytesMax),
    behind: archive.isBehind,
    failing: failing && failureOf(failing),
    objects: BigInt(counts.objects),
    bytes: BigInt(counts.bytes),
    found: BigInt(counts.found),
    failures: BigInt(counts.failures),
    missed: counts.missed,
  };
}

/** The bytes on disk of one kind. Those of a store of jobs have jobs. */
export function keyUseForm(
  use: KeyUse & { readonly jobs?: readonly string[] },
): Encodable<typeof KeyUseMessage> {
  const { content, state, segments, freeSlots, bytes, jobs = [] } = use;
  return {
    content,
    state,
    segments: BigInt(segments),
    freeSlots: BigInt(freeSlots),
    bytes: BigInt(bytes),
    jobs,
  };
}

function guardsForm(guards: GuardStatus): StoreForm["guards"] {
  const { lanes, byLane, votes, standing, by, reason, atMs } = guards;
  return {
    lanes: known(lanes),
    byLane: [...byLane].map(([lane, height]) => ({ lane: laneBytes(lane), height: known(height) })),
    votes: known(votes),
    standing,
    by,
    reason,
    at: fromMs(atMs),
  };
}

function known(height: Height): bigint | undefined {
  return height === "unknown" ? undefined : height;
}

function laneForm(lane: LaneId, status: LaneStatus, { retained }: Status): LaneForm {
  const { first, next, durable, capacityLeft, pinned, refused, oldestWaitingMs } = status;
  return {
    lane: laneBytes(lane),
    first,
    next,
    durableNext: durable,
    capacityLeft,
    pinned,
    refused: refused && failureOf(refused),
    retained: retained.lanes.get(lane),
    oldestWaiting: fromMs(oldestWaitingMs),
  };
}

function usageForm({ disk, cachedBytes, flush }: Status): StoreForm["usage"] {
  return {
    slots: BigInt(disk.slots),
    freeSlots: BigInt(disk.free),
    journalBytes: BigInt(disk.bytes),
    cachedBytes: BigInt(cachedBytes),
    liveBytes: BigInt(disk.liveBytes),
    reclaimableBytes: BigInt(disk.reclaimableBytes),
    retainedBytes: BigInt(disk.retainedBytes),
    segments: Object.entries(disk.segments).map(([state, { slots, bytes }]) => {
      return { state, slots: BigInt(slots), bytes: BigInt(bytes) };
    }),
    flush: {
      way: flush.way,
      blockingGroups: BigInt(flush.blockingGroups),
      longestHold: fromMs(flush.longestHoldMs),
    },
  };
}

function countersForm({ counters, verified }: Status): StoreForm["counters"] {
  return {
    groups: BigInt(counters.groups),
    records: BigInt(counters.records),
    bytes: BigInt(counters.bytes),
    rotations: BigInt(counters.rotations),
    relocated: BigInt(counters.relocated),
    droppedBlocks: BigInt(counters.droppedBlocks),
    mapRebuilds: BigInt(counters.mapRebuilds),
    mapWarnings: BigInt(counters.mapWarnings),
    listenerFailures: BigInt(counters.listenerFailures),
    cacheHits: BigInt(counters.cacheHits),
    cacheMisses: BigInt(counters.cacheMisses),
    signaturesVerified: BigInt(verified.signatures),
    certificatesKnown: BigInt(verified.known),
    signaturesKnown: BigInt(verified.knownSignatures),
    verifiedByWorker: BigInt(verified.byWorker),
  };
}

function pinForms(pins: Status["pins"]): StoreForm["pins"] {
  return pins.map(({ lane, number, headerHash }) => {
    return { lane: laneBytes(lane), blockNumber: number, headerHash };
  });
}

export function recoveryForm(recovery: Recovery): Encodable<typeof GetRecoveryResponse> {
  const { anchor } = recovery;
  return {
    lanes: [...recovery.lanes].map(([lane, range]) => ({ lane: laneBytes(lane), range })),
    road: recovery.road,
    anchor: anchor && encodePruneAnchor(anchor),
    pins: pinForms(recovery.pins),
    votes: recovery.voteState,
    abstainThrough: recovery.abstainThrough,
    foreign: recovery.foreign,
    warnings: recovery.warnings,
    recordsRead: BigInt(recovery.recordsRead),
    bytesWrittenAgain: BigInt(recovery.bytesWrittenAgain),
    generation: recovery.generation,
    duration: fromMs(recovery.durationMs),
    guards: recovery.guards && guardsForm(recovery.guards),
    steps: recovery.steps.map(({ name, ms }) => ({ name, duration: fromMs(ms) })),
  };
}

export function serviceStatusForm(
  observed: Observed & { readonly startedAtMs: number },
): Encodable<typeof ServiceStatus> {
  const state = observed.store();
  const writer = observed.writer();
  const store = state.kind === "open" ? state.keeper.status() : undefined;
  return {
    version: observed.version,
    startedAt: fromMs(observed.startedAtMs),
    state: stateOf(observed, store),
    ...(state.kind === "refused" ? { refusal: failureOf(state.error) } : {}),
    ...(store ? { store: storeStatusForm(store), storeId: store.storeId } : {}),
    ...(writer
      ? { fence: writer.fence, writer: writer.name, writerPresent: writer.isConnected }
      : {}),
  };
}

function stateOf({ store, isDraining }: Observed, status: Status | undefined): number {
  const { kind } = store();
  if (kind === "refused") return State.REFUSED;
  if (isDraining() || kind === "closed") return State.DRAINING;
  if (kind === "opening") return State.OPENING;
  if (status?.poison) return State.POISONED;
  return status?.stalled ? State.STALLED : State.SERVING;
}

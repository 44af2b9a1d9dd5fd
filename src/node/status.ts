/**
 * One look at a running store, for operators and tests.
 */
import type { Inner } from "../avail/inner.js";
import type { LaneQueue } from "../avail/queues/lane-queue.js";
import { hex } from "../codec/hex.js";
import type { FlushStatus } from "../disk/surroundings.js";
import type { KeyUse } from "../journal/upkeep/rekeyer.js";
import type { LaneLog } from "../log/lane-log.js";
import type { LogSet } from "../log/log-set.js";
import type { Persisters } from "../persist/persisters.js";
import type { VerifierCounts } from "../wire/verifier.js";
import type { PersisterError } from "../types/errors.js";
import { withJson } from "../types/json.js";
import type { LaneId } from "../types/lane.js";
import type { CommitQC, PruneAnchor } from "../wire/messages.js";
import type { ReservationStatus } from "./signing/reserving.js";
import { type GuardStatus, guardStatusOf } from "./signing/verdict.js";
import type { ArchiveStatus } from "../archive/writing/archiving.js";
import type { PinnedNumber, Range, Recovery } from "./start.js";

/** A queue in memory: [first, next), of which [first, durable) is on disk. */
export interface QueueStatus extends Range {
  readonly durable: bigint;
}

export interface LaneStatus extends QueueStatus {
  /** Blocks that are admitted and not durable yet. */
  readonly lag: bigint;
  /** Blocks that the lane admits before an anchor has to move its start (D9). */
  readonly capacityLeft: bigint;
  /** How long the oldest block has waited that is not durable yet; 0 where none waits. */
  readonly oldestWaitingMs: number;
  /** Numbers at which only one block may be signed (D6). */
  readonly pinned: readonly bigint[];
  /** Why this lane goes no further. */
  readonly refused?: PersisterError;
}

export interface Status {
  readonly directory: string;
  readonly chainId: string;
  /** The store's own identity, in hexadecimal digits. */
  readonly storeId: string;
  /** False for a store in memory (D10). */
  readonly durable: boolean;
  /** Without those that are being dropped. */
  readonly lanes: ReadonlyMap<LaneId, LaneStatus>;
  readonly road: QueueStatus;
  /**
   * The pruned records that can be read yet: ranges that end where the live ones begin. While the map is
   * mended after a crash, or made anew, the ranges are as long as it is known; a read may find more.
   */
  readonly retained: { readonly lanes: ReadonlyMap<LaneId, Range>; readonly road: Range };
  readonly anchorRoadIndex: bigint | undefined;
  /** How long ago the anchor became durable; since open, for the one that was recovered, or without one. */
  readonly anchorAgeMs: number;
  /** The durable prune anchor. */
  readonly anchor: PruneAnchor | undefined;
  /** The newest commit QC that is durable. */
  readonly latestCommitQC: CommitQC | undefined;
  /** The epoch whose committee judges new blocks: that of the newest commit QC. */
  readonly epochIndex: bigint;
  readonly pins: readonly PinnedNumber[];
  /** The guards of a store that was restored; `undefined` if it never was, and nothing is guarded (D6). */
  readonly guards: GuardStatus | undefined;
  /** The reservations of this machine; `undefined` where it shares its keys with no other. */
  readonly reservations: ReservationStatus | undefined;
  /** Journal slots: how many, how many of them free, and their bytes. */
  readonly disk: {
    readonly slots: number;
    readonly free: number;
    readonly bytes: number;
    /** Slots by the state of the segments in them. */
    readonly segments: Readonly<
      Record<
        "current" | "sealed" | "retained" | "free",
        { readonly slots: number; readonly bytes: number }
      >
    >;
    readonly liveBytes: number;
    /** Bytes of segments with live records that hold nothing live. */
    readonly reclaimableBytes: number;
    /** Bytes of segments that are kept for readers of pruned records alone: `retainBytes` bounds them. */
    readonly retainedBytes: number;
  };
  /** The way that small groups of records are written now, and how long blocking calls held the event loop. */
  readonly flush: FlushStatus;
  /**
   * The keys whose bytes lie on disk: a key is not needed any more once it is not among them. One entry for each
   * key, one "plain", and one "unknown" for torn bytes of which no segment tells.
   */
  readonly keys: readonly KeyUse[];
  /** Bytes of durable payloads in memory. */
  readonly cachedBytes: number;
  /** Signatures that the store's verifier has verified, and certificates that needed none. */
  readonly verified: VerifierCounts;
  readonly counters: {
    readonly groups: number;
    readonly records: number;
    readonly bytes: number;
    readonly rotations: number;
    readonly relocated: number;
    readonly droppedBlocks: number;
    /** Reads of blocks that memory answered, and that went to the disk. */
    readonly cacheHits: number;
    readonly cacheMisses: number;
    /** How often the map was found wrong and made anew, and how often it was warned of. */
    readonly mapRebuilds: number;
    readonly mapWarnings: number;
    /** How often a listener of events, or the log, threw. */
    readonly listenerFailures: number;
  };
  /** How the archive stands, where there is one. */
  readonly archive: ArchiveStatus | undefined;
  /** Why what is queued waits, while the disk is full. */
  readonly stalled: PersisterError | undefined;
  /** Why nothing is acknowledged any more (D7). */
  readonly poison: PersisterError | undefined;
  /** The findings and the work of the last open. */
  readonly recovery: Recovery;
  /** Why the map is not what it should be, the last 20 reasons: costs time only. */
  readonly mapWarnings: readonly string[];
}

/** The part of the status that the keeper itself knows. */
type OwnStatus = Pick<
  Status,
  "directory" | "chainId" | "durable" | "verified" | "recovery" | "reservations" | "archive"
> & {
  readonly listenerFailures: number;
};

export function statusOf(
  persisters: Persisters,
  inner: Inner,
  { listenerFailures, ...own }: OwnStatus,
): Status {
  const { identity, journal, blocks, logs } = persisters;
  const pins = blocks.pinned();
  const pinsOf = (lane: LaneId): bigint[] =>
    pins.filter((pin) => pin.lane === lane).map(({ number }) => number);
  const lanes = new Map<LaneId, LaneStatus>();
  for (const [lane, queue] of inner.lanes) {
    if (!inner.isLeaving(lane)) lanes.set(lane, laneStatusOf(queue, pinsOf(lane)));
  }
  return withJson({
    ...own,
    storeId: hex(identity.storeId),
    lanes,
    road: roadStatusOf(inner),
    retained: retainedOf(persisters, inner),
    anchorRoadIndex: inner.anchors.durable?.roadIndex,
    anchorAgeMs: inner.anchors.durableAgeMs,
    anchor: inner.anchors.durable?.anchor,
    latestCommitQC: inner.road.latest,
    epochIndex: inner.epochIndex,
    pins,
    guards: guardStatusOf(persisters),
    disk: journal.space,
    flush: journal.flush,
    keys: journal.rekeyer.uses,
    cachedBytes: inner.cache.byteLength,
    counters: {
      ...journal.counters,
      ...logs.mapCounters,
      droppedBlocks: inner.droppedBlocks,
      cacheHits: inner.cache.counters.hits,
      cacheMisses: inner.cache.counters.misses,
      listenerFailures,
    },
    stalled: inner.stalled,
    poison: journal.poison,
    mapWarnings: logs.mapWarnings,
  });
}

function roadStatusOf({ road }: Inner): QueueStatus {
  const { first, next, durable } = road;
  return { first, next, durable };
}

function laneStatusOf(queue: LaneQueue, pinned: readonly bigint[]): LaneStatus {
  const { first, next, durable, capacityEnd, refused } = queue;
  return {
    first,
    next,
    durable,
    lag: next - durable,
    capacityLeft: capacityEnd - next,
    oldestWaitingMs: queue.arrivals.oldestMs,
    pinned,
    ...(refused ? { refused } : {}),
  };
}

function retainedOf({ blocks, road, logs }: Persisters, inner: Inner): Status["retained"] {
  const lanes = [...blocks.lanes].map(([lane, log]) => {
    return [lane, retainedIn(logs, log, inner.lanes.get(lane)?.first)] as const;
  });
  return {
    lanes: new Map(lanes.filter(([, { first, next }]) => first < next)),
    road: retainedIn(logs, road.log, inner.road.first),
  };
}

/**
 * The records that can be read below the start of a log. A durable anchor may have raised the start
 * while the log is not truncated yet. An anchor beyond the end of the log leaves a gap, and then there
 * is nothing right below the start.
 */
function retainedIn(
  logs: LogSet,
  { name, first, next }: Pick<LaneLog<unknown>, "name" | "first" | "next">,
  start = first,
): Range {
  if (!logs.retains || start > next) return { first: start, next: start };
  return { first: logs.retainedFirst(name), next: start };
}

/** The report of a recovery, as the node gets it, and the beginning of the availability state. */
import type { AvailStart } from "../avail/avail-start.js";
import type { HeldLane } from "../avail/queues/lane-queue.js";
import type { OpenedPersisters } from "../persist/persisters.js";
import type { EpochOf } from "../wire/committee.js";
import type { OpenSettings } from "./options.js";
import { type GuardStatus, guardStatusOf, guardWarnings } from "./signing/verdict.js";
import { withJson } from "../types/json.js";
import type { LaneId } from "../types/lane.js";
import type { PruneAnchor } from "../wire/messages.js";

/** A live range [first, next). */
export interface Range {
  readonly first: bigint;
  readonly next: bigint;
}

/** A number at which only one block may be signed, after a loss in flight (D6). */
export interface PinnedNumber {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly headerHash: Uint8Array;
}

export interface Recovery {
  readonly lanes: ReadonlyMap<LaneId, Range>;
  readonly road: Range;
  readonly anchor: PruneAnchor | undefined;
  readonly pins: readonly PinnedNumber[];
  /** The vote state that was durable at the open, byte for byte as it was written. */
  readonly voteState: Uint8Array | undefined;
  /** Abstain at every road index up to this one until a commit QC covers it (D6). */
  readonly abstainThrough: bigint | undefined;
  /** The guards of a store that was restored, as they stood at the open (D6). */
  readonly guards: GuardStatus | undefined;
  /** Files that are not ours, left alone. */
  readonly foreign: readonly string[];
  readonly warnings: readonly string[];
  readonly recordsRead: number;
  /** Bytes that were seen, not known to be durable, and written again before anything else (D1). */
  readonly bytesWrittenAgain: number;
  /** How often the store was opened, this time included. */
  readonly generation: bigint;
  readonly durationMs: number;
  /** The time of each step, in their order: `RecoveryStep` of `lanekeeper/keeping` says what each of them does. */
  readonly steps: readonly { readonly name: string; readonly ms: number }[];
}

export function recoveryOf(
  persisters: OpenedPersisters,
  epochOf: EpochOf,
  durationMs: number,
): Recovery {
  const { blocks, road, report } = persisters;
  const strange = [...blocks.lanes.keys()].filter((lane) => !isServed(persisters, epochOf, lane));
  const lanes = new Map(
    [...blocks.lanes].map(([lane, { first, next }]) => [lane, { first, next }]),
  );
  const pins = blocks.pinned();
  const guards = guardStatusOf(persisters);
  return withJson({
    lanes,
    road: { first: road.log.first, next: road.log.next },
    anchor: persisters.recoveredAnchor,
    pins,
    voteState: persisters.recoveredVote && Uint8Array.from(persisters.recoveredVote),
    abstainThrough: persisters.abstainThrough,
    guards,
    foreign: report.foreign,
    warnings: [
      ...report.warnings,
      ...strange.map((lane) => `lane ${lane} is outside the committee: kept on disk, not served`),
      ...pins.map(pinWarning),
      ...guardWarnings(guards),
    ],
    recordsRead: report.recordsRead,
    bytesWrittenAgain: report.bytesWrittenAgain,
    generation: report.generation,
    durationMs,
    steps: report.steps,
  });
}

/** D6: a pin is no damage, and the ways out of it are told with it. */
function pinWarning({ lane, number, headerHash }: PinnedNumber): string {
  return (
    `lane ${lane}: block ${number} was lost while it was being written, and only the block with header ` +
    `${Buffer.from(headerHash).toString("hex")} may stand there: push that block (a peer may hold it), or ` +
    "a lane QC, commit QC or anchor that covers the number, or lift the pin with release()"
  );
}

/** A lane is served where the committee of the newest epoch that is known has it. */
function isServed(persisters: OpenedPersisters, epochOf: EpochOf, lane: LaneId): boolean {
  const { road, recoveredRoad, recoveredAnchor } = persisters;
  const newest = recoveredRoad.get(road.log.next - 1n) ?? recoveredAnchor?.commitQC;
  const committee = epochOf(newest?.vote.view.epochIndex ?? 0n)?.committee;
  return committee === undefined || committee.memberOfLane(lane) !== undefined;
}

export function startOf(
  persisters: OpenedPersisters,
  { epochOf, cacheBytes }: Pick<OpenSettings, "epochOf" | "cacheBytes">,
  verifier: AvailStart["verifier"],
): AvailStart {
  const { blocks, road } = persisters;
  const heldLane = (lane: LaneId): HeldLane | undefined => {
    const log = blocks.lanes.get(lane);
    return log && { first: log.first, next: log.next, tipHash: blocks.tipHash(lane) };
  };
  const lanes = new Map<LaneId, HeldLane>();
  for (const lane of blocks.lanes.keys()) {
    const held = heldLane(lane);
    if (held && isServed(persisters, epochOf, lane)) lanes.set(lane, held);
  }
  return {
    lanes,
    heldLane,
    road: { first: road.log.first, next: road.log.next, qcs: persisters.recoveredRoad },
    anchor: persisters.recoveredAnchor,
    epochOf,
    verifier,
    pinOf: (lane, number) => blocks.pinOf(lane, number),
    readBlock: (lane, number) => blocks.readBytes(lane, number),
    readCommitQC: (index) => road.log.readBytes(index),
    blockBytesMax: blocks.blockBytesMax,
    cacheBytes,
  };
}

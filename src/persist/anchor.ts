/**
 * The prune anchor: an app QC with its commit QC, below which everything may be forgotten (D3). Here
 * stands all that is about it: where it lets every log start, its proof when it is recovered, the ways
 * in which the logs may contradict it, and its A/B pair of files.
 */
import type { LogTable } from "../journal/form/log-table.js";
import type { SlotStates } from "../disk/slots/slots.js";
import { LOOK_FIRST, PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import { decodePruneAnchor } from "../wire/codec/decode.js";
import { DecodeError } from "../wire/codec/decode-error.js";
import { encodePruneAnchor } from "../wire/codec/encode.js";
import { commitVoteDigest, sameBytes } from "../wire/hash.js";
import { type CommitQC, LANE_BLOCKS_MAX, type PruneAnchor } from "../wire/messages.js";
import { verifyAppAgainstCommit } from "../wire/rules/verify.js";
import { isVerifyError, type VerifyErrorClass } from "../wire/verify-error.js";
import { ROAD } from "./kinds.js";
import { isNoteLog } from "./note-forms.js";
import type { PairPersister } from "./pair-persister.js";

/** D3: where an anchor lets the logs start. A lane that is not in it keeps its start. */
export interface AnchorStarts {
  /** The anchor's own road index. */
  readonly road: bigint;
  /** The first number of each lane's range in the anchor's commit QC. */
  readonly lanes: ReadonlyMap<LaneId, bigint>;
}

export function startsOf({ commitQC }: PruneAnchor): AnchorStarts {
  const { view, laneRanges } = commitQC.vote;
  return { road: view.index, lanes: new Map(laneRanges.map(({ lane, first }) => [lane, first])) };
}

/** The same starts by the names of the logs, as the journal asks for them. */
export function startsByLog(starts: AnchorStarts | undefined): ReadonlyMap<string, bigint> {
  return new Map<string, bigint>(starts ? [[ROAD, starts.road], ...starts.lanes] : []);
}

/** An anchor with what follows from it, computed once: when it is admitted, or recovered. */
export interface KnownAnchor {
  readonly anchor: PruneAnchor;
  readonly roadIndex: bigint;
  readonly starts: AnchorStarts;
  /** Of the proposal of its commit QC. */
  readonly digest: Uint8Array;
}

export function knownAnchor(anchor: PruneAnchor): KnownAnchor {
  const { vote } = anchor.commitQC;
  const digest = commitVoteDigest(vote);
  return { anchor, roadIndex: vote.view.index, starts: startsOf(anchor), digest };
}

/** The anchor's A/B pair of files. */
export class AnchorPersister {
  readonly #pair: PairPersister;

  constructor(pair: PairPersister) {
    this.#pair = pair;
  }

  /** The content of both slots, as far as it is durable. */
  get slots(): SlotStates {
    return this.#pair.slots;
  }

  /**
   * Durable when resolved; only then may anything be pruned by it (D3).
   *
   * @throws {PersisterError} as `PairPersister.write`.
   */
  async write({ anchor }: KnownAnchor): Promise<void> {
    await this.#pair.write(encodePruneAnchor(anchor));
  }
}

/**
 * Broken rules that tell of another committee, not of damage: the slot's checksum has verified, and
 * the anchor's halves belong together.
 */
const committeeRules: ReadonlySet<VerifyErrorClass> = new Set([
  "epoch",
  "road_range",
  "not_a_replica",
  "not_a_lane",
  "quorum",
]);

/**
 * Decodes and proves the anchor that an A/B slot holds. `verify` rejects as `verifyAnchor` does.
 *
 * @throws {PersisterError} WRONG_COMMITTEE when the committee that the caller gives for its epoch did
 * not sign it; ANCHOR_CORRUPT when it does not decode, its halves do not belong together, or a
 * signature does not verify.
 */
export async function proveAnchor(
  message: Uint8Array,
  file: string,
  verify: (anchor: PruneAnchor) => Promise<void>,
): Promise<PruneAnchor> {
  const anchor = decodedAnchor(message, file);
  try {
    await verify(anchor);
    return anchor;
  } catch (cause) {
    if (!isVerifyError(cause)) throw cause;
    if (!committeeRules.has(cause.errorClass)) throw untrusted(file, cause);
    const { index, epochIndex } = anchor.commitQC.vote.view;
    throw new PersisterError(
      "WRONG_COMMITTEE",
      `the prune anchor at road ${index} was not signed by the committee that was given for epoch ` +
        `${epochIndex}: ${cause.message}; give the committees of this chain. The store is sound`,
      { file, roadIndex: index, cause },
    );
  }
}

function decodedAnchor(message: Uint8Array, file: string): PruneAnchor {
  try {
    const anchor = decodePruneAnchor(message);
    verifyAppAgainstCommit(anchor.appQC.vote, anchor.commitQC);
    return anchor;
  } catch (cause) {
    if (!(cause instanceof DecodeError || isVerifyError(cause))) throw cause;
    throw untrusted(file, cause);
  }
}

function untrusted(file: string, cause: Error): PersisterError {
  return new PersisterError(
    "ANCHOR_CORRUPT",
    `${file}: the prune anchor cannot be trusted: ${cause.message}; ${LOOK_FIRST}`,
    { file, cause },
  );
}

/** One way in which a log may contradict the anchor; each is a refusal. */
interface ContradictionCase {
  readonly label: string;
  readonly fits: (log: LogFacts) => boolean;
  readonly say: string;
}

interface LogFacts {
  readonly first: bigint;
  readonly next: bigint;
  /** The first number that the anchor lets the log keep; `undefined` if it is silent about the log. */
  readonly start: bigint | undefined;
  /**
   * The highest first that the anchor allows: the road's own index, and the end of a lane's range. An
   * imported lane may begin anywhere in that range, since sei-chain prunes in whole files.
   */
  readonly startMax: bigint | undefined;
  readonly anchored: boolean;
  readonly isLane: boolean;
}

/** D3, D9: checked for every log before the anchor is applied. */
export const contradictions: readonly ContradictionCase[] = [
  {
    label: "first-without-anchor",
    fits: (log) => !log.anchored && log.first > 0n,
    say: "it does not start at 0, and no anchor allowed that",
  },
  {
    label: "first-above-anchor",
    fits: (log) => log.startMax !== undefined && log.first > log.startMax,
    say: "it starts above where the durable anchor lets it start",
  },
  {
    label: "over-capacity",
    // An anchor that is silent about a lane says nothing of the start that an older one gave it, and
    // a crash may come before that was recorded in the lane.
    fits: (log) =>
      log.isLane &&
      (log.start !== undefined || !log.anchored) &&
      log.next - startOf(log) > LANE_BLOCKS_MAX,
    say: `it exceeds capacity: more than ${LANE_BLOCKS_MAX} blocks above its start`,
  },
];

function startOf(log: LogFacts): bigint {
  return log.start !== undefined && log.start > log.first ? log.start : log.first;
}

/**
 * Checks every log of `table` against the durable anchor.
 *
 * @throws {PersisterError} RECOVERY_MISMATCH naming lane and number.
 */
export function refuseContradictions(
  table: LogTable,
  road: ReadonlyMap<bigint, CommitQC>,
  anchor: PruneAnchor | undefined,
): void {
  const starts = startsByLog(anchor && startsOf(anchor));
  const ends = endsByLog(anchor);
  for (const { name, first, next } of table.states()) {
    if (isNoteLog(name)) continue;
    const start = starts.get(name);
    const isLane = name !== ROAD;
    const anchored = anchor !== undefined;
    const facts = { first, next, start, startMax: ends.get(name), anchored, isLane };
    const row = contradictions.find((each) => each.fits(facts));
    if (!row) continue;
    throw new PersisterError(
      "RECOVERY_MISMATCH",
      `${name} [${first}, ${next}): ${row.say} [${row.label}]; ${LOOK_FIRST}`,
      isLane ? { lane: name, blockNumber: first } : { roadIndex: first },
    );
  }
  const held = anchor && road.get(anchor.commitQC.vote.view.index);
  if (anchor && held) refuseOtherProposal(anchor.commitQC, held);
}

function endsByLog(anchor: PruneAnchor | undefined): ReadonlyMap<string, bigint> {
  if (!anchor) return new Map();
  const { view, laneRanges } = anchor.commitQC.vote;
  const lanes = laneRanges.map(({ lane, next }) => [lane, next] as const);
  return new Map<string, bigint>([[ROAD, view.index], ...lanes]);
}

function refuseOtherProposal(anchored: CommitQC, held: CommitQC): void {
  if (sameBytes(commitVoteDigest(anchored.vote), commitVoteDigest(held.vote))) return;
  const { index } = anchored.vote.view;
  throw new PersisterError(
    "RECOVERY_MISMATCH",
    `commit QC ${index}: the road holds a QC of another proposal than the durable anchor's; ` +
      LOOK_FIRST,
    { roadIndex: index },
  );
}

/**
 * Checks the blocks of one lane, in the order of its log. It takes one unbroken run: every block is of
 * this lane, lies under its own number, follows the block before it, names that block as its parent,
 * is signed by the lane's owner, and has the payload that its header names.
 *
 * It takes nothing above a refused block: that would have no verified parent, and a lane has no holes.
 */
import type { LaneId } from "../../types/lane.js";
import type { Committee } from "../../wire/committee.js";
import { headerHash, sameBytes } from "../../wire/hash.js";
import { LANE_BLOCKS_MAX, type SignedBlock } from "../../wire/messages.js";
import { verifySignedBlock } from "../../wire/rules/verify.js";
import { firstBroken, type CheckResult, type RecordRule, refusedBy } from "./record-check.js";
import type { LiveRecord } from "../read/live-run.js";

export interface VerifiedBlock {
  readonly kind: "block";
  readonly lane: LaneId;
  readonly number: bigint;
  /** Its transactions are views of the file that it was read from. */
  readonly block: SignedBlock;
  readonly headerHash: Uint8Array;
}

export interface LaneTerms {
  readonly lane: LaneId;
  /** A committee that has the lane; undefined if none does. */
  readonly committee: Committee | undefined;
  /** The numbers at which the run may begin; undefined if it may begin anywhere. */
  readonly start: LaneStart | undefined;
}

/**
 * The first block of a run is one of [lowest, highest], both included. If it is higher, blocks were
 * lost. Records below `lowest` are passed over.
 */
export interface LaneStart {
  readonly lowest: bigint;
  readonly highest: bigint;
}

interface BlockCase extends LaneTerms {
  readonly index: bigint;
  readonly block: SignedBlock;
  /** The number that would continue the run; undefined before it has begun. */
  readonly next: bigint | undefined;
  /** The header hash of the block before it, if that was taken. */
  readonly tip: Uint8Array | undefined;
  /** The index of the first refused record. */
  readonly refused: bigint | undefined;
}

const rules: readonly RecordRule<BlockCase>[] = [
  {
    reason: "not_a_lane",
    broken: ({ committee, lane }) =>
      committee ? undefined : `lane ${lane} is in no committee that the road names`,
  },
  {
    reason: "after_refused",
    broken: ({ refused }) =>
      refused === undefined ? undefined : `the record under index ${refused} was refused`,
  },
  {
    reason: "wrong_lane",
    broken: ({ block, lane }) =>
      block.msg.header.lane === lane
        ? undefined
        : `it is a block of lane ${block.msg.header.lane}, in the directory of ${lane}`,
  },
  {
    reason: "wrong_number",
    broken: ({ block, index }) =>
      block.msg.header.blockNumber === index
        ? undefined
        : `it is block ${block.msg.header.blockNumber}, stored under ${index}`,
  },
  {
    reason: "lane_gap",
    broken: ({ index, next, start }) => {
      const latest = next ?? start?.highest;
      return latest === undefined || index <= latest ? undefined : `block ${latest} is missing`;
    },
  },
  {
    reason: "over_capacity",
    broken: ({ index, start }) =>
      start === undefined || index < start.highest + LANE_BLOCKS_MAX
        ? undefined
        : `a lane holds at most ${LANE_BLOCKS_MAX} blocks from ${start.highest} on`,
  },
  {
    reason: "parent_hash",
    broken: ({ block, tip, index }) =>
      tip === undefined || sameBytes(tip, block.msg.header.parentHash)
        ? undefined
        : `it names another parent than block ${index - 1n}`,
  },
];

export class LaneCheck {
  readonly #terms: LaneTerms;
  #next: bigint | undefined;
  #tip: Uint8Array | undefined;
  #refused: bigint | undefined;

  constructor(terms: LaneTerms) {
    this.#terms = terms;
  }

  /** Checks the next record of the log. */
  check({ index, value: block }: LiveRecord<SignedBlock>): CheckResult<VerifiedBlock> {
    const { lane, start, committee } = this.#terms;
    if (start !== undefined && index < start.lowest) return { kind: "below" };
    const facts = {
      ...this.#terms,
      index,
      block,
      next: this.#next,
      tip: this.#tip,
      refused: this.#refused,
    };
    const result = firstBroken(rules, facts) ?? verified(block, committee);
    if (result?.kind === "refused") {
      this.#refused ??= index;
      return result;
    }
    const hash = headerHash(block.msg.header);
    this.#next = index + 1n;
    this.#tip = hash;
    return {
      kind: "taken",
      taken: { kind: "block", lane, number: index, block, headerHash: hash },
    };
  }
}

/** The refusal of a block that breaks a rule of the protocol. */
function verified(block: SignedBlock, committee: Committee | undefined) {
  if (!committee) return undefined;
  try {
    verifySignedBlock(block, committee);
    return undefined;
  } catch (cause) {
    return refusedBy(cause);
  }
}

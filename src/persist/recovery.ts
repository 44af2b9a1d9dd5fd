/**
 * What recovery checks of the records that the journal found: each in its lane, at its number,
 * parent-linked (D5); the anchor that allows pruning, proven before it may prune (D3).
 */
import type { RecoveredRecord } from "../journal/recovery/recovery.js";
import type { LogTable } from "../journal/form/log-table.js";
import { PersisterError } from "../types/errors.js";
import { isLaneId, type LaneId } from "../types/lane.js";
import { readSignedBlockHeader } from "../wire/codec/block-header.js";
import { decodeCommitQC, decodePruneAnchor } from "../wire/codec/decode.js";
import { DecodeError } from "../wire/codec/decode-error.js";
import { commitVoteDigest, headerHash, sameBytes } from "../wire/hash.js";
import { type CommitQC, LANE_BLOCKS_MAX, type PruneAnchor } from "../wire/messages.js";
import { VerifyError } from "../wire/verify-error.js";
import type { Tip } from "./block-persister.js";
import { ROAD } from "./kinds.js";
import { readRelease, RELEASES } from "./release-log.js";

/** A block that was found, and what it must link to. */
interface FoundBlock extends Tip {
  readonly parentHash: Uint8Array;
  readonly record: RecoveredRecord;
}

/** Judges recovered records one by one, in any order, and at the end how they are linked. */
export class RecordJudge {
  readonly #blocks = new Map<LaneId, Map<bigint, FoundBlock>>();
  readonly #road = new Map<bigint, CommitQC>();

  /** The last block of each lane that has one. */
  get tips(): ReadonlyMap<LaneId, Tip> {
    return new Map(
      [...this.#blocks].map(([lane, blocks]) => [lane, [...blocks.values()].reduce(higher)]),
    );
  }

  /**
   * D5: every block's parent is the block before it, where that one is held.
   *
   * @throws {PersisterError} RECOVERY_MISMATCH
   */
  checkLinks(): void {
    for (const refusal of this.brokenLinks()) throw refusal;
  }

  /** A refusal for each block whose parent is not the block before it. */
  *brokenLinks(): Generator<PersisterError> {
    for (const blocks of this.#blocks.values()) {
      for (const { number, parentHash, record } of blocks.values()) {
        const parent = blocks.get(number - 1n);
        if (parent && !sameBytes(parentHash, parent.headerHash)) {
          yield mismatch(record, `its parent is not block ${parent.number}`);
        }
      }
    }
  }

  /** Every commit QC that is held. */
  get road(): ReadonlyMap<bigint, CommitQC> {
    return this.#road;
  }

  /** The visitor of the journal's recovery: the header hash of a block, nothing for a QC. */
  readonly visit = (record: RecoveredRecord): Uint8Array | undefined => {
    try {
      if (record.name === ROAD) return this.#commitQC(record);
      if (record.name === RELEASES) return checkRelease(record);
      if (isLaneId(record.name)) return this.#block(record, record.name);
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      throw mismatch(record, `it does not decode: ${cause.message}`, cause);
    }
    throw mismatch(record, "no log of a validator is called so");
  };

  #commitQC(record: RecoveredRecord): undefined {
    // A copy: keys and signatures of the QC are copied by the decoder, nothing else is kept.
    const qc = decodeCommitQC(record.payload);
    if (qc.vote.view.index !== record.number) {
      throw mismatch(record, `it is the QC of road index ${qc.vote.view.index}`);
    }
    this.#road.set(record.number, qc);
    return undefined;
  }

  #block(record: RecoveredRecord, lane: LaneId): Uint8Array {
    const header = readSignedBlockHeader(record.payload);
    if (header.lane !== lane) throw mismatch(record, `it is a block of lane ${header.lane}`);
    if (header.blockNumber !== record.number) {
      throw mismatch(record, `it is block ${header.blockNumber}`);
    }
    const { name, number, pointer, file } = record;
    const block = {
      number,
      headerHash: headerHash(header),
      parentHash: header.parentHash,
      // Without the payload: it is valid no longer than this visit.
      record: { name, number, pointer, file, payload: NOTHING },
    };
    const blocks = this.#blocks.get(lane) ?? new Map<bigint, FoundBlock>();
    this.#blocks.set(lane, blocks.set(number, block));
    return block.headerHash;
  }
}

const NOTHING = new Uint8Array(0);

function checkRelease(record: RecoveredRecord): undefined {
  if (!readRelease(record.payload)) throw mismatch(record, "it does not read as a release");
  return undefined;
}

function higher(one: FoundBlock, other: FoundBlock): FoundBlock {
  return one.number > other.number ? one : other;
}

/**
 * Decodes and proves the anchor that an A/B slot holds. `verify` rejects as `verifyAnchor` does.
 *
 * @throws {PersisterError} ANCHOR_CORRUPT when it does not decode, its halves do not belong together,
 * its epoch is unknown, or a signature does not verify.
 */
export async function proveAnchor(
  message: Uint8Array,
  file: string,
  verify: (anchor: PruneAnchor) => Promise<void>,
): Promise<PruneAnchor> {
  try {
    const anchor = decodePruneAnchor(message);
    await verify(anchor);
    return anchor;
  } catch (cause) {
    if (!(cause instanceof DecodeError || cause instanceof VerifyError)) throw cause;
    throw new PersisterError(
      "ANCHOR_CORRUPT",
      `${file}: the prune anchor cannot be trusted: ${cause.message}; restore the file, or check ` +
        "the committee of its epoch",
      { file, cause },
    );
  }
}

/** One way in which the logs may contradict the anchor; each is a refusal. */
interface ContradictionCase {
  readonly label: string;
  /** `start` is where the anchor lets the log start: `undefined` where it says nothing of it. */
  readonly when: (log: LogFacts) => boolean;
  readonly say: string;
}

interface LogFacts {
  readonly first: bigint;
  readonly next: bigint;
  readonly start: bigint | undefined;
  /** The highest number that it may start at: an imported lane starts anywhere in the range. */
  readonly startMax: bigint | undefined;
  readonly anchored: boolean;
  readonly isLane: boolean;
}

/** D3, D9: checked for every log before the anchor is applied. */
export const contradictions: readonly ContradictionCase[] = [
  {
    label: "first-without-anchor",
    when: (log) => !log.anchored && log.first > 0n,
    say: "it does not start at 0, and no anchor allowed that",
  },
  {
    label: "first-above-anchor",
    when: (log) => log.startMax !== undefined && log.first > log.startMax,
    say: "it starts above where the durable anchor lets it start",
  },
  {
    label: "over-capacity",
    // An anchor that is silent about a lane says nothing of the start that an older one gave it, and
    // a crash may come before that was recorded in the lane.
    when: (log) =>
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
 * Where the durable anchor lets every log start, after checking that no log contradicts it.
 *
 * @throws {PersisterError} RECOVERY_MISMATCH naming lane and number.
 */
export function startsByAnchor(
  table: LogTable,
  road: ReadonlyMap<bigint, CommitQC>,
  anchor: PruneAnchor | undefined,
): ReadonlyMap<string, bigint> {
  const starts = anchor ? anchorStarts(anchor) : new Map<string, bigint>();
  const ranges = anchor?.commitQC.vote.laneRanges ?? [];
  const ends = new Map<string, bigint>(ranges.map(({ lane, next }) => [lane, next]));
  for (const { name, first, next } of table.states()) {
    if (name === RELEASES) continue;
    const facts = {
      first,
      next,
      start: starts.get(name),
      startMax: ends.get(name) ?? starts.get(name),
      anchored: anchor !== undefined,
      isLane: name !== ROAD,
    };
    const row = contradictions.find((each) => each.when(facts));
    if (!row) continue;
    throw new PersisterError(
      "RECOVERY_MISMATCH",
      `${name} [${first}, ${next}): ${row.say} [${row.label}]; restore the state directory`,
      name === ROAD ? { roadIndex: first } : { lane: name, blockNumber: first },
    );
  }
  const held = anchor && road.get(anchor.commitQC.vote.view.index);
  if (anchor && held) refuseOtherProposal(anchor.commitQC, held);
  return starts;
}

/** D3: the road starts at the anchor's index, a lane at the first of its range in the anchor's QC. */
export function anchorStarts(anchor: PruneAnchor): Map<string, bigint> {
  const { view, laneRanges } = anchor.commitQC.vote;
  const starts = new Map<string, bigint>([[ROAD, view.index]]);
  for (const range of laneRanges) starts.set(range.lane, range.first);
  return starts;
}

function refuseOtherProposal(anchored: CommitQC, held: CommitQC): void {
  if (sameBytes(commitVoteDigest(anchored.vote), commitVoteDigest(held.vote))) return;
  const { index } = anchored.vote.view;
  throw new PersisterError(
    "RECOVERY_MISMATCH",
    `commit QC ${index}: the road holds a QC of another proposal than the durable anchor's`,
    { roadIndex: index },
  );
}

function mismatch(record: RecoveredRecord, what: string, cause?: unknown): PersisterError {
  const { name, number, file, pointer } = record;
  const facts = name === ROAD ? { roadIndex: number } : { lane: name, blockNumber: number };
  return new PersisterError(
    "RECOVERY_MISMATCH",
    `${file}: record ${name} ${number}: ${what}; restore the file`,
    { ...facts, file, offset: pointer.offset, ...(cause === undefined ? {} : { cause }) },
  );
}

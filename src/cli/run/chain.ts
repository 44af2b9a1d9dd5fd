/**
 * The committee of a run and what it signs, made lazily and in order: the blocks of each lane,
 * the commit QCs of the road, and the app QCs behind them. All of it follows from the seed: the
 * same seed gives the same bytes, whatever is killed when.
 *
 * A commit QC finalises 0 to `RANGE_BLOCKS` blocks of each lane, at least one in all. Kept in memory
 * are header hashes and commit QCs that something still to be made refers to.
 */
import { createHash } from "node:crypto";
import { assert } from "../../types/assert.js";
import type { LaneId } from "../../types/lane.js";
import { U64_MAX } from "../../types/numbers.js";
import { buildAppQC, buildBlock, buildCommitQC, signBlock } from "../../wire/build.js";
import { Committee, type Epoch } from "../../wire/committee.js";
import { type KeyPair, keyPairFromSeed } from "../../wire/signatures/ed25519.js";
import { encodeCommitQC, encodePruneAnchor, encodeSignedBlock } from "../../wire/codec/encode.js";
import { headerHash } from "../../wire/hash.js";
import { type CommitQC, type LaneRange, ZERO_HASH } from "../../wire/messages.js";
import { globalRange } from "../../wire/rules/proposal.js";
import { SeededRandom } from "../random.js";

/** The most blocks of one lane that a commit QC finalises here; the protocol allows 10. */
export const RANGE_BLOCKS = 6;
/** With 2,000 transactions of this size a block is full. */
const TX_BYTES = 1024;
/** The time of the first block, in seconds since 1970; each next one is a second later. */
const FIRST_SECOND = 1_700_000_000n;

interface LaneTip {
  readonly keys: KeyPair;
  next: bigint;
  parentHash: Uint8Array;
  /** Where the range of the next commit QC starts. */
  rangeFirst: bigint;
  /** Header hashes of the blocks `[rangeFirst, next)`. */
  readonly hashes: Map<bigint, Uint8Array>;
}

export interface ChainOptions {
  readonly seed: number;
  readonly lanes: number;
  readonly payloadBytes: number;
}

/** A prune anchor as bytes, and where each lane starts under it. */
export interface BuiltAnchor {
  readonly bytes: Uint8Array;
  readonly starts: ReadonlyMap<LaneId, bigint>;
}

/** The epoch of a committee in which every key has weight 1; it does not end. */
export function epochOfKeys(keys: readonly Uint8Array[]): Epoch {
  const committee = Committee.genesis(keys.map((key) => ({ key, weight: 1n })));
  return { index: 0n, firstRoad: 0n, nextRoad: U64_MAX, committee };
}

export class Chain {
  readonly seed: number;
  readonly chainId: string;
  /** The committee's public keys. */
  readonly keys: readonly Uint8Array[];
  readonly lanes: readonly LaneId[];
  readonly #options: ChainOptions;
  readonly #signers: readonly KeyPair[];
  readonly #tips = new Map<LaneId, LaneTip>();
  readonly #commitQCs = new Map<bigint, CommitQC>();
  readonly #lengths: SeededRandom;
  #roadNext = 0n;
  #globalNext = 0n;
  /** How many blocks of each lane the next commit QC finalises, in the order of `lanes`. */
  #nextLengths: readonly number[] = [];

  constructor(options: ChainOptions) {
    this.#options = options;
    this.seed = options.seed;
    this.chainId = `run-${options.seed}`;
    const pairs = Array.from({ length: options.lanes }, (_, index) =>
      keyPairFromSeed(new SeededRandom(options.seed, `key ${index}`).bytes(32)),
    );
    this.keys = pairs.map(({ publicKey }) => publicKey);
    const { committee } = epochOfKeys(this.keys);
    this.#signers = pairs.slice(0, Number(committee.commitQuorum));
    for (const keys of pairs) {
      const lane = committee.memberOf(keys.publicKey)?.lane;
      assert(lane !== undefined, "each key made is a member's");
      const tip = { keys, next: 0n, parentHash: ZERO_HASH, rangeFirst: 0n, hashes: new Map() };
      this.#tips.set(lane, tip);
    }
    this.lanes = [...this.#tips.keys()];
    this.#lengths = new SeededRandom(options.seed, "ranges");
    this.#drawLengths();
  }

  /** Makes the next block of `lane`, encoded. */
  nextBlock(lane: LaneId): Uint8Array {
    const tip = this.#tip(lane);
    const number = tip.next;
    const block = buildBlock({
      lane,
      blockNumber: number,
      parentHash: tip.parentHash,
      payload: {
        createdAt: { seconds: FIRST_SECOND + number, nanos: 0 },
        txs: this.#transactions(lane, number),
        totalGasWanted: BigInt(this.#options.payloadBytes),
        totalGasEstimated: BigInt(this.#options.payloadBytes),
      },
    });
    tip.parentHash = headerHash(block.header);
    tip.hashes.set(number, tip.parentHash);
    tip.next += 1n;
    return encodeSignedBlock(signBlock(block, tip.keys));
  }

  /** Tells whether every block that the next commit QC finalises was made. */
  get hasNextCommitQC(): boolean {
    return this.lanes.every((lane, at) => {
      const { next, rangeFirst } = this.#tip(lane);
      return next >= rangeFirst + this.#lengthAt(at);
    });
  }

  /** Makes the next commit QC, encoded. Only where `hasNextCommitQC`. */
  nextCommitQC(): Uint8Array {
    assert(this.hasNextCommitQC, "a commit QC finalises blocks that were made");
    const index = this.#roadNext;
    const proposal = {
      view: { index, number: 0n, epochIndex: 0n },
      timestamp: { seconds: FIRST_SECOND + index, nanos: 0 },
      laneRanges: this.lanes.map((lane, at) => this.#takeRange(lane, this.#lengthAt(at))),
      globalFirst: this.#globalNext,
    };
    this.#globalNext = globalRange(proposal).next;
    this.#roadNext += 1n;
    this.#drawLengths();
    const qc = buildCommitQC(proposal, this.#signers);
    this.#commitQCs.set(index, qc);
    return encodeCommitQC(qc);
  }

  /** Makes the prune anchor at `index`, encoded; no older one can be made after it. */
  anchorAt(index: bigint): BuiltAnchor {
    const commitQC = this.#commitQCs.get(index);
    assert(commitQC !== undefined, "an anchor is at a commit QC that was made, and rises");
    for (const older of this.#commitQCs.keys()) {
      if (older < index) this.#commitQCs.delete(older);
    }
    const { first, next } = globalRange(commitQC.vote);
    const app = {
      roadIndex: commitQC.vote.view.index,
      appHash: createHash("sha256").update(`state ${this.chainId} ${index}`).digest(),
      epochIndex: 0n,
      globalFirst: first,
      globalNext: next,
    };
    return {
      bytes: encodePruneAnchor({ appQC: buildAppQC(app, this.#signers), commitQC }),
      starts: new Map(commitQC.vote.laneRanges.map((range) => [range.lane, range.first])),
    };
  }

  #takeRange(lane: LaneId, length: bigint): LaneRange {
    const tip = this.#tip(lane);
    const first = tip.rangeFirst;
    const next = first + length;
    const lastHash = length === 0n ? ZERO_HASH : tip.hashes.get(next - 1n);
    assert(lastHash !== undefined, "the last block of a range was made");
    for (let number = first; number < next; number++) tip.hashes.delete(number);
    tip.rangeFirst = next;
    return { lane, first, next, lastHash };
  }

  #drawLengths(): void {
    const lengths = this.lanes.map(() => this.#lengths.below(RANGE_BLOCKS + 1));
    this.#nextLengths = lengths.some((length) => length > 0) ? lengths : lengths.map(() => 1);
  }

  #lengthAt(at: number): bigint {
    return BigInt(this.#nextLengths[at] ?? 0);
  }

  #transactions(lane: LaneId, number: bigint): Uint8Array[] {
    const random = new SeededRandom(this.#options.seed, `block ${lane} ${number}`);
    const bytes = random.bytes(this.#options.payloadBytes);
    const txs: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += TX_BYTES) txs.push(bytes.subarray(at, at + TX_BYTES));
    return txs;
  }

  #tip(lane: LaneId): LaneTip {
    const tip = this.#tips.get(lane);
    assert(tip !== undefined, "the lane is one of the committee's");
    return tip;
  }
}

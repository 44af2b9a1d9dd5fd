/**
 * A small committee and its traffic for tests: signed chains, commit QCs, anchors. Deterministic, and
 * kept across tests, since signing is the slow part.
 */
import { createHash } from "node:crypto";
import { buildBlock, laneRangeOf, signBlock } from "../../src/wire/build.js";
import { buildAppQC, buildCommitQC } from "../../src/testing/certificates.js";
import { Committee, type Epoch } from "../../src/wire/committee.js";
import { keyPairFromSeed, type KeyPair } from "../../src/wire/signatures/signer.js";
import { encodeCommitQC, encodeSignedBlock } from "../../src/wire/codec/encode.js";
import { headerHash } from "../../src/wire/hash.js";
import type { BlockHeader, CommitQC, PruneAnchor, SignedBlock } from "../../src/wire/messages.js";
import { ZERO_HASH } from "../../src/wire/messages.js";
import { globalRange } from "../../src/wire/rules/proposal.js";
import type { LaneId } from "../../src/types/lane.js";
import { U64_MAX } from "../../src/types/numbers.js";

export const CHAIN_ID = "test-chain";

/** A block, its bytes and its hash. */
export interface MadeBlock {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly signed: SignedBlock;
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

export interface MadeQC {
  readonly qc: CommitQC;
  readonly bytes: Uint8Array;
  readonly anchor: PruneAnchor;
}

export class TestChain {
  readonly keys: readonly KeyPair[];
  readonly committee: Committee;
  readonly epoch: Epoch;
  readonly lanes: readonly LaneId[];
  readonly #payloadBytes: number;
  readonly #blocks = new Map<string, MadeBlock>();
  readonly #qcs = new Map<string, MadeQC>();

  constructor(lanes = 3, payloadBytes = 200) {
    this.#payloadBytes = payloadBytes;
    this.keys = Array.from({ length: lanes }, (_, index) =>
      keyPairFromSeed(createHash("sha256").update(`test-${index}`).digest()),
    );
    this.committee = Committee.genesis(
      this.keys.map((pair) => ({ key: pair.publicKey, weight: 1n })),
    );
    this.epoch = {
      index: 0n,
      firstRoad: 0n,
      nextRoad: U64_MAX,
      committee: this.committee,
    };
    this.lanes = this.committee.members.map((member) => member.lane);
  }

  readonly epochOf = (index: bigint): Epoch | undefined => (index === 0n ? this.epoch : undefined);

  /** Block `number` of the lane; `fork` makes another one at the same place, with the same parent. */
  block(lane: LaneId, number: bigint, fork = 0): MadeBlock {
    const key = `${lane} ${number} ${fork}`;
    const known = this.#blocks.get(key);
    if (known) return known;
    const parentHash = number === 0n ? ZERO_HASH : this.block(lane, number - 1n).hash;
    const made = this.#sign(lane, number, parentHash, fork);
    this.#blocks.set(key, made);
    return made;
  }

  /** A block of the lane that names no parent that there is. */
  orphan(lane: LaneId, number: bigint): MadeBlock {
    return this.#sign(lane, number, createHash("sha256").update("orphan").digest(), 0);
  }

  /**
   * The commit QC of `index`, whose range of each lane is [starts, starts + 1) by default
   * `starts = index`; `fork` makes a QC of another proposal.
   */
  qc(index: bigint, fork = 0): MadeQC {
    const key = `${index} ${fork}`;
    const known = this.#qcs.get(key);
    if (known) return known;
    const laneRanges = this.lanes.map((lane) =>
      laneRangeOf(lane, index, [this.block(lane, index).signed.msg.header]),
    );
    const proposal = {
      view: { index, number: 0n, epochIndex: 0n },
      timestamp: { seconds: 1_700_000_000n + index, nanos: fork },
      laneRanges,
      globalFirst: index * BigInt(this.lanes.length),
    };
    const qc = buildCommitQC(proposal, this.keys);
    const range = globalRange(proposal);
    const app = {
      roadIndex: index,
      appHash: createHash("sha256").update(`app ${index} ${fork}`).digest(),
      epochIndex: 0n,
      globalFirst: range.first,
      globalNext: range.next,
    };
    const appQC = buildAppQC(app, this.keys);
    const made = { qc, bytes: encodeCommitQC(qc), anchor: { appQC, commitQC: qc } };
    this.#qcs.set(key, made);
    return made;
  }

  keysOf(lane: LaneId): KeyPair {
    const pair = this.keys.find((each) =>
      lane.startsWith(Buffer.from(each.publicKey).toString("hex")),
    );
    if (!pair) throw new Error("no such lane");
    return pair;
  }

  #sign(lane: LaneId, number: bigint, parentHash: Uint8Array, fork: number): MadeBlock {
    const seed = createHash("sha256").update(`${lane} ${number} ${fork}`).digest();
    const tx = Buffer.alloc(this.#payloadBytes, seed);
    const block = buildBlock({
      lane,
      blockNumber: number,
      parentHash,
      payload: {
        createdAt: { seconds: 1_700_000_000n, nanos: 0 },
        txs: [tx],
        totalGasWanted: 0n,
        totalGasEstimated: BigInt(fork),
      },
    });
    const signed = signBlock(block, this.keysOf(lane));
    const header: BlockHeader = signed.msg.header;
    const hash = headerHash(header);
    return { lane, number, signed, bytes: encodeSignedBlock(signed), hash };
  }
}

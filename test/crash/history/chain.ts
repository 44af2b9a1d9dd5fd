/**
 * A committee and its traffic for crash tests: one validator's signature is every quorum, since signing
 * and verifying are the slow part of a test that opens a store a hundred thousand times. Deterministic;
 * blocks and QCs are kept from run to run.
 */
import { createHash } from "node:crypto";
import type { LaneId } from "../../../src/types/lane.js";
import { U64_MAX } from "../../../src/types/numbers.js";
import { buildBlock, laneRangeOf, signBlock } from "../../../src/wire/build.js";
import { buildAppQC, buildCommitQC } from "../../../src/testing/certificates.js";
import { Committee, type Epoch } from "../../../src/wire/committee.js";
import { type KeyPair, keyPairFromSeed } from "../../../src/wire/signatures/signer.js";
import { encodeCommitQC, encodeSignedBlock } from "../../../src/wire/codec/encode.js";
import { headerHash } from "../../../src/wire/hash.js";
import { ZERO_HASH } from "../../../src/wire/messages.js";
import { globalRange } from "../../../src/wire/rules/proposal.js";
import type { MadeBlock, MadeQC } from "../../model/chain.js";

/** Weight of the one validator whose signature is a quorum; the others have 1 each. */
const QUORUM_WEIGHT = 1000n;

export interface ChainForm {
  readonly lanes: number;
  /** Bytes of the one transaction of a block, by the lane's place and the block's number. */
  readonly payloadBytes: (lane: number, number: bigint) => number;
}

export class SoloChain {
  readonly lanes: readonly LaneId[];
  readonly #form: ChainForm;
  readonly #keys: readonly KeyPair[];
  readonly #signer: KeyPair;
  readonly #epoch: Epoch;
  readonly #blocks = new Map<string, MadeBlock>();
  readonly #qcs = new Map<bigint, MadeQC>();

  constructor(form: ChainForm) {
    this.#form = form;
    const pair = (index: number): KeyPair =>
      keyPairFromSeed(createHash("sha256").update(`solo ${index}`).digest());
    this.#signer = pair(0);
    this.#keys = [this.#signer, ...Array.from({ length: form.lanes - 1 }, (_, at) => pair(at + 1))];
    const committee = Committee.genesis(
      this.#keys.map((each) => ({
        key: each.publicKey,
        weight: each === this.#signer ? QUORUM_WEIGHT : 1n,
      })),
    );
    const [firstRoad, nextRoad] = [0n, U64_MAX];
    this.#epoch = { index: 0n, firstRoad, nextRoad, committee };
    this.lanes = committee.members.map((member) => member.lane);
  }

  readonly epochOf = (index: bigint): Epoch | undefined => (index === 0n ? this.#epoch : undefined);

  /** Block `number` of the lane; `fork` makes another one at the same place, with the same parent. */
  block(lane: LaneId, number: bigint, fork = 0): MadeBlock {
    const key = `${lane} ${number} ${fork}`;
    const known = this.#blocks.get(key);
    if (known) return known;
    const parentHash = number === 0n ? ZERO_HASH : this.block(lane, number - 1n).hash;
    const txBytes = this.#form.payloadBytes(this.lanes.indexOf(lane), number);
    const block = buildBlock({
      lane,
      blockNumber: number,
      parentHash,
      payload: {
        createdAt: { seconds: 1_700_000_000n, nanos: 0 },
        txs: [Buffer.alloc(txBytes, createHash("sha256").update(key).digest())],
        totalGasWanted: 0n,
        totalGasEstimated: BigInt(fork),
      },
    });
    const signed = signBlock(block, this.#keyOf(lane));
    const hash = headerHash(signed.msg.header);
    const made = { lane, number, signed, bytes: encodeSignedBlock(signed), hash };
    this.#blocks.set(key, made);
    return made;
  }

  /** The commit QC of `index`, with the range [index, index + 1) of every lane, and its anchor. */
  qc(index: bigint): MadeQC {
    const known = this.#qcs.get(index);
    if (known) return known;
    const proposal = {
      view: { index, number: 0n, epochIndex: 0n },
      timestamp: { seconds: 1_700_000_000n + index, nanos: 0 },
      laneRanges: this.lanes.map((lane) => {
        return laneRangeOf(lane, index, [this.block(lane, index).signed.msg.header]);
      }),
      globalFirst: index * BigInt(this.lanes.length),
    };
    const qc = buildCommitQC(proposal, [this.#signer]);
    const range = globalRange(proposal);
    const app = {
      roadIndex: index,
      appHash: createHash("sha256").update(`app ${index}`).digest(),
      epochIndex: 0n,
      globalFirst: range.first,
      globalNext: range.next,
    };
    const appQC = buildAppQC(app, [this.#signer]);
    const made = { qc, bytes: encodeCommitQC(qc), anchor: { appQC, commitQC: qc } };
    this.#qcs.set(index, made);
    return made;
  }

  #keyOf(lane: LaneId): KeyPair {
    const pair = this.#keys.find((each) =>
      lane.startsWith(Buffer.from(each.publicKey).toString("hex")),
    );
    if (!pair) throw new Error(`${lane} is no lane of this committee`);
    return pair;
  }
}

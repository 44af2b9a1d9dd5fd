/**
 * A store, its committee and its traffic without signatures: nothing is signed, and a verifier lets everything
 * pass. All messages of a phase are encoded before its clock runs.
 */
import { createHash, randomBytes } from "node:crypto";
import { Committee } from "../../../dist/wire/committee.js";
import { encodeSignedBlock } from "../../../dist/wire/codec/encode.js";
import { headerHash } from "../../../dist/wire/hash.js";
import { Verifier } from "../../../dist/wire/verifier.js";
import { keyPairFromSeed } from "../../../dist/wire/signatures/signer.js";

const HEADER_BYTES = 270;
const SIGNATURE = { key: new Uint8Array(32), bytes: new Uint8Array(64) };
const NO_TIME = { seconds: 0n, nanos: 0 };
const HASH_BYTES = 32;

/** The only epoch: so many lanes. */
export function epochOf(lanes) {
  const members = Array.from({ length: lanes }, (_, index) => {
    const seed = createHash("sha256").update(`bench ${index}`).digest();
    return { key: keyPairFromSeed(seed).publicKey, weight: 1n };
  });
  const committee = Committee.genesis(members);
  return { index: 0n, firstRoad: 0n, nextRoad: 2n ** 64n - 1n, committee };
}

/** Lets everything pass. */
class Unverified extends Verifier {
  verifySignedBlockAtOnce() {}
  async verifyCommitQC() {}
  async verifyAnchor() {}
}

/** Options of a store without signatures. */
export function storeChoices(epoch) {
  return {
    chainId: "bench",
    epochOf: (index) => (index === 0n ? epoch : undefined),
    verifier: new Unverified(),
  };
}

/** Rounds of one block a lane and an anchor: each call makes the rounds behind those of the one before. */
export class Traffic {
  lanes;
  #next = 0n;
  #parents;

  constructor(epoch) {
    this.lanes = epoch.committee.members.map(({ lane }) => lane);
    this.#parents = this.lanes.map(() => new Uint8Array(HASH_BYTES));
  }

  rounds(count, recordBytes) {
    const tx = randomBytes(Math.max(1, recordBytes - HEADER_BYTES));
    return Array.from({ length: count }, () => this.#round(tx));
  }

  #round(tx) {
    const number = this.#next++;
    const blocks = this.lanes.map((lane, index) => {
      const header = {
        lane,
        blockNumber: number,
        parentHash: this.#parents[index],
        payloadHash: hashOf(number),
      };
      this.#parents[index] = headerHash(header);
      const payload = { createdAt: NO_TIME, totalGasWanted: 0n, totalGasEstimated: 0n, txs: [tx] };
      const bytes = encodeSignedBlock({ msg: { header, payload }, sig: SIGNATURE });
      return { lane, number, bytes };
    });
    return { number, blocks, anchor: this.#anchor(number) };
  }

  #anchor(index) {
    const laneRanges = this.lanes.map((lane, at) => {
      return { lane, first: index, next: index + 1n, lastHash: this.#parents[at] };
    });
    const globalFirst = index * BigInt(this.lanes.length);
    const globalNext = globalFirst + BigInt(this.lanes.length);
    const view = { index, number: 0n, epochIndex: 0n };
    const app = {
      roadIndex: index,
      appHash: hashOf(index),
      epochIndex: 0n,
      globalFirst,
      globalNext,
    };
    return {
      commitQC: this.#certificate({ view, timestamp: NO_TIME, laneRanges, globalFirst }),
      appQC: this.#certificate(app),
    };
  }

  #certificate(vote) {
    const quorum = Math.ceil((2 * this.lanes.length + 1) / 3);
    return { vote, sigs: this.lanes.slice(0, quorum).map(() => SIGNATURE) };
  }
}

function hashOf(number) {
  const hash = new Uint8Array(HASH_BYTES);
  new DataView(hash.buffer).setBigUint64(0, number);
  return hash;
}

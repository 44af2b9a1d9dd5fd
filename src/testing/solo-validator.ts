/** A committee of one validator, for tests of a node: blocks of its lane need nobody else. */
import { type LaneId, laneIdOf } from "../types/lane.js";
import { buildBlock, signBlock } from "../wire/build.js";
import { decodeSignedBlock } from "../wire/codec/decode.js";
import { encodeSignedBlock } from "../wire/codec/encode.js";
import { Committee, type EpochOf } from "../wire/committee.js";
import { headerHash } from "../wire/hash.js";
import { ZERO_HASH } from "../wire/messages.js";
import { type KeyPair, keyPairFromSeed } from "../wire/signatures/signer.js";

const SEED = new Uint8Array(32).fill(7);

/** The only member of a committee. */
export interface SoloValidator {
  readonly keys: KeyPair;
  readonly lane: LaneId;
  /** Knows one epoch, 0, which never ends. */
  readonly epochOf: EpochOf;
  /** The bytes of the signed block behind `before`, with `txs`; of block 0 without one before it. */
  readonly blockAfter: (before: Uint8Array | undefined, ...txs: Uint8Array[]) => Uint8Array;
}

/**
 * Makes a committee of one. The same seed, 32 bytes, makes the same keys, lane and blocks.
 *
 * @example
 * const { lane, epochOf, blockAfter } = soloValidator();
 * await keeper.pushBlock(blockAfter(undefined, Buffer.from("a transaction")));
 *
 * @throws {PersisterError} USAGE if the seed has another length.
 */
export function soloValidator(seed: Uint8Array = SEED): SoloValidator {
  const keys = keyPairFromSeed(seed);
  const committee = Committee.genesis([{ key: keys.publicKey, weight: 1n }]);
  const epoch = { index: 0n, firstRoad: 0n, nextRoad: 2n ** 64n - 1n, committee };
  const lane = laneIdOf(keys.publicKey, 0n);
  const blockAfter = (before: Uint8Array | undefined, ...txs: Uint8Array[]) => {
    const parent = before && decodeSignedBlock(before).msg.header;
    const block = buildBlock({
      lane,
      blockNumber: parent ? parent.blockNumber + 1n : 0n,
      parentHash: parent ? headerHash(parent) : ZERO_HASH,
      payload: {
        createdAt: { seconds: 0n, nanos: 0 },
        txs,
        totalGasWanted: 0n,
        totalGasEstimated: 0n,
      },
    });
    return encodeSignedBlock(signBlock(block, keys));
  };
  return { keys, lane, epochOf: (index) => (index === 0n ? epoch : undefined), blockAfter };
}

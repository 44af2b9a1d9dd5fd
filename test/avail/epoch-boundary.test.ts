/** A lane that joins in the next epoch: its blocks are valid, and too early before that epoch begins. */
import { describe, expect, test } from "vitest";
import type { Lanekeeper } from "../../src/node/lanekeeper.js";
import { type LaneId, laneIdOf } from "../../src/types/lane.js";
import { U64_MAX } from "../../src/types/numbers.js";
import { buildBlock, signBlock } from "../../src/wire/build.js";
import { Committee, type Epoch } from "../../src/wire/committee.js";
import { encodeSignedBlock } from "../../src/wire/codec/encode.js";
import { headerHash } from "../../src/wire/hash.js";
import { ZERO_HASH } from "../../src/wire/messages.js";
import { keyPairFromSeed } from "../../src/wire/signatures/signer.js";
import { buildCommitQC } from "../../src/testing/certificates.js";
import { TestChain } from "../model/chain.js";
import { forge } from "../journal/kit.js";
import { born, fresh, hex, openRefused, refusal, reopened } from "../node/kit.js";
import { seedOf } from "../wire/bytes.js";

const chain = new TestChain();
const joining = keyPairFromSeed(seedOf("joins in epoch 1"));
const keys = [...chain.keys, joining];
const weights = keys.map((pair) => ({ key: pair.publicKey, weight: 1n }));
const epochs: readonly Epoch[] = [
  { ...chain.epoch, nextRoad: 1n },
  { index: 1n, firstRoad: 1n, nextRoad: U64_MAX, committee: chain.committee.after(1n, weights) },
];
const epochOf = (index: bigint): Epoch | undefined => epochs[Number(index)];
const { payload } = chain.block(chain.lanes[0] ?? laneIdOf(joining.publicKey, 0n), 0n).signed.msg;

function firstBlockOf(joined: bigint) {
  const lane = laneIdOf(joining.publicKey, joined);
  const block = buildBlock({ lane, blockNumber: 0n, parentHash: ZERO_HASH, payload });
  return { lane, signed: signBlock(block, joining) };
}

test("it is refused as too early, and taken once the newest commit QC is of that epoch", async () => {
  const { keeper } = await fresh(Object.assign(new TestChain(), { epochOf }));
  const { lane, signed } = firstBlockOf(1n);
  const error = await refusal(keeper.pushBlock(signed), "OUT_OF_SEQUENCE");
  expect(error).toMatchObject({ lane, blockNumber: 0n });
  expect(error.message).toContain("push the first commit QC of epoch 1 first");
  await keeper.pushCommitQC(chain.qc(0n).qc);
  const { vote } = chain.qc(1n).qc;
  const later = { ...vote, view: { ...vote.view, epochIndex: 1n } };
  await keeper.pushCommitQC(buildCommitQC(later, keys));
  await keeper.waitForCommitQC(1n);
  await keeper.pushBlock(signed);
  await keeper.waitForBlock(lane, 0n);
  await keeper.close();
});

test("a lane of no epoch that is known is invalid", async () => {
  const { keeper } = await fresh(Object.assign(new TestChain(), { epochOf }));
  await refusal(keeper.pushBlock(firstBlockOf(0n).signed), "INVALID");
  await refusal(keeper.pushBlock(firstBlockOf(2n).signed), "INVALID");
  await keeper.close();
});

/** A validator that leaves in epoch 1 and is back in epoch 2: the same key has two lanes. */
describe("two lanes of one key", () => {
  const stay = chain.keys.map((pair) => ({ key: pair.publicKey, weight: 1n }));
  const genesis = Committee.genesis(weights);
  const without = genesis.after(1n, stay);
  const lives: readonly Epoch[] = [
    { index: 0n, firstRoad: 0n, nextRoad: 1n, committee: genesis },
    { index: 1n, firstRoad: 1n, nextRoad: 2n, committee: without },
    { index: 2n, firstRoad: 2n, nextRoad: U64_MAX, committee: without.after(2n, weights) },
  ];
  const returning = Object.assign(new TestChain(), {
    epochOf: (index: bigint): Epoch | undefined => lives[Number(index)],
  });
  const before = laneIdOf(joining.publicKey, 0n);
  const since = laneIdOf(joining.publicKey, 2n);

  /** The blocks of a lane from 0 on; those of both lanes are the same but for the lane. */
  function blocksOf(lane: LaneId, count: number): Uint8Array[] {
    let parentHash: Uint8Array = ZERO_HASH;
    return Array.from({ length: count }, (_, at) => {
      const block = buildBlock({ lane, blockNumber: BigInt(at), parentHash, payload });
      parentHash = headerHash(block.header);
      return encodeSignedBlock(signBlock(block, joining));
    });
  }
  const old = blocksOf(before, 4);
  const own = blocksOf(since, 3);

  async function pushAll(keeper: Lanekeeper, lane: LaneId, blocks: Uint8Array[]): Promise<void> {
    for (const bytes of blocks) {
      expect(await keeper.pushBlock(bytes)).toEqual({ status: "admitted" });
    }
    await keeper.waitForBlock(lane, BigInt(blocks.length - 1));
  }

  async function expectEach(keeper: Lanekeeper): Promise<void> {
    for (const [lane, blocks] of [
      [before, old.slice(0, 3)],
      [since, own.slice(0, 2)],
    ] as const) {
      const next = BigInt(blocks.length);
      expect(keeper.recovery.lanes.get(lane)).toEqual({ first: 0n, next });
      for (const [at, bytes] of blocks.entries()) {
        expect(hex(await keeper.readBlock(lane, BigInt(at)))).toBe(hex(bytes));
      }
    }
  }

  test("each has its own blocks, before a reopen and behind it, and only its own go", async () => {
    const { disk, keeper } = await fresh(returning);
    await pushAll(keeper, before, old.slice(0, 3));
    for (const index of [0n, 1n, 2n]) {
      const { vote } = chain.qc(index).qc;
      const signers = index === 1n ? chain.keys : keys;
      const view = { ...vote.view, epochIndex: index };
      await keeper.pushCommitQC(buildCommitQC({ ...vote, view }, signers));
    }
    await keeper.waitForCommitQC(2n);
    await pushAll(keeper, since, own.slice(0, 2));
    // The next block of the lane of epoch 0 does not go on in the lane of epoch 2, nor in its own.
    await refusal(keeper.pushBlock(old[3] ?? ZERO_HASH), "INVALID");
    await refusal(keeper.pushBlock(own[1] ?? ZERO_HASH), "DUPLICATE");
    for (const [at, bytes] of old.slice(0, 3).entries()) {
      expect(hex(await keeper.readBlock(before, BigInt(at)))).toBe(hex(bytes));
    }

    const again = await reopened(keeper, disk, returning);
    await expectEach(again);
    expect(again.recovery.warnings).toEqual([
      `lane ${before} is outside the committee: kept on disk, not served`,
    ]);
    const last = await reopened(again, disk, returning);
    await expectEach(last);
    expect(await last.pushBlock(own[2] ?? ZERO_HASH)).toEqual({ status: "admitted" });
    expect(await last.waitForBlock(since, 2n)).toBe("durable");
    await last.dropLanesExcept(new Set([since]));
    const end = await reopened(last, disk, returning);
    expect([...end.recovery.lanes]).toEqual([[since, { first: 0n, next: 3n }]]);
    await end.close();
  });

  test("a block of one that stands in the log of the other is no block of it", async () => {
    for (const [lane, strange] of [
      [before, own],
      [since, old],
    ] as const) {
      const disk = await born();
      forge(disk, [{ name: lane, number: 0n, first: 0n, payload: strange[0] ?? ZERO_HASH }]);
      const error = await openRefused(disk, returning, "RECOVERY_MISMATCH");
      expect([error.lane, error.blockNumber]).toEqual([lane, 0n]);
    }
  });
});

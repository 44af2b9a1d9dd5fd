/** A lane that joins in the next epoch: its blocks are valid, and too early before that epoch begins. */
import { expect, test } from "vitest";
import { laneIdOf } from "../../src/types/lane.js";
import { U64_MAX } from "../../src/types/numbers.js";
import { buildBlock, signBlock } from "../../src/wire/build.js";
import type { Epoch } from "../../src/wire/committee.js";
import { ZERO_HASH } from "../../src/wire/messages.js";
import { keyPairFromSeed } from "../../src/wire/signatures/signer.js";
import { buildCommitQC } from "../../src/testing/certificates.js";
import { TestChain } from "../model/chain.js";
import { fresh, refusal } from "../node/kit.js";
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

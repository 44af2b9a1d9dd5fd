import { expect, test } from "vitest";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { soloValidator } from "../../src/testing/solo-validator.js";

test("a store takes the blocks of the only validator, each behind the one before", async () => {
  const { lane, epochOf, blockAfter } = soloValidator();
  const keeper = await Lanekeeper.openMemory({ chainId: "solo-1", epochOf });
  const first = blockAfter(undefined, Buffer.from("a transaction"));
  const second = blockAfter(first);
  for (const block of [first, second]) await keeper.pushBlock(block);
  await keeper.waitForBlock(lane, 1n);
  expect(await keeper.readBlock(lane, 1n)).toEqual(second);
  await keeper.close();
});

test("the same seed makes the same blocks, and another seed another lane", () => {
  const one = soloValidator(Buffer.alloc(32, 1));
  const again = soloValidator(Buffer.alloc(32, 1));
  expect(again.blockAfter(undefined)).toEqual(one.blockAfter(undefined));
  expect(soloValidator(Buffer.alloc(32, 2)).lane).not.toBe(one.lane);
});

test("a block of another validator is no parent, and a short seed no seed", async () => {
  const { epochOf, blockAfter } = soloValidator();
  const stranger = soloValidator(Buffer.alloc(32, 9)).blockAfter(undefined);
  const keeper = await Lanekeeper.openMemory({ chainId: "solo-1", epochOf });
  await keeper.pushBlock(blockAfter(undefined));
  expect(await keeper.pushBlock(blockAfter(stranger))).toMatchObject({ status: "dropped" });
  await keeper.close();
  expect(() => soloValidator(Buffer.alloc(31))).toThrow(expect.objectContaining({ code: "USAGE" }));
});

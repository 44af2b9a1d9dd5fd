import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { TestChain } from "../../model/chain.js";
import { SEGMENT_BYTES } from "../../node/surroundings.js";
import { born, laneAt, opened, pushAnchor, pushBlocks, pushQCs, refusal } from "../../node/kit.js";

/** Blocks of which a few fill a segment. */
const chain = new TestChain(1, 9000);
const lane = laneAt(chain, 0);

/** Pushes `rounds` of blocks, and prunes them. */
async function worked(
  keeper: Awaited<ReturnType<typeof opened>>,
  [from, to]: readonly [bigint, bigint],
): Promise<void> {
  for (let number = from; number < to; number++) {
    await pushBlocks(keeper, chain, lane, { from: number, to: number + 1n });
    await pushQCs(keeper, chain, { from: number, to: number + 1n });
    if (number >= 2n) await pushAnchor(keeper, chain.qc(number - 2n).anchor);
  }
}

test("a slot that is held is not overwritten, given back or lost, and is free behind that", async () => {
  const keeper = await opened(await born(), chain);
  await worked(keeper, [0n, 10n]);
  const cut = keeper.cut();
  const [file] = cut.files;
  const before = Buffer.from(await bytesOf());
  await worked(keeper, [10n, 25n]);
  expect(Buffer.compare(before, Buffer.from(await bytesOf()))).toBe(0);
  const held = keeper.status().disk;
  await cut.end();
  await cut.end();
  const freed = keeper.status().disk;
  expect(freed.free).toBeGreaterThan(held.free);
  expect(sum(freed)).toBe(freed.bytes);
  expect(sum(held)).toBe(held.bytes);
  await worked(keeper, [25n, 30n]);
  await keeper.close();

  async function bytesOf(): Promise<Uint8Array> {
    if (!file) throw new Error("the cut has a segment");
    return await file.read(0, file.bytes, Buffer.alloc(file.bytes));
  }
});

test("a store on a full disk takes its slots back: it goes on, and the reader is told", async () => {
  const disk = await born(new SimulatedDisk());
  const keeper = await opened(disk, chain);
  await worked(keeper, [0n, 20n]);
  // It goes on with one slot more, and not with the two beside it that the cut holds.
  disk.capacityBytes = disk.usedBytes + SEGMENT_BYTES;
  const cut = keeper.cut();
  await worked(keeper, [20n, 40n]);
  const [file] = cut.files;
  if (!file) throw new Error("the cut has a segment");
  const error = await refusal(file.read(0, 4096, Buffer.alloc(4096)), "DISK_FULL");
  expect(error.file).toBeDefined();
  await cut.end();
  expect(keeper.status().stalled).toBeUndefined();
  await keeper.close();
});

function sum({
  segments,
}: ReturnType<Awaited<ReturnType<typeof opened>>["status"]>["disk"]): number {
  return Object.values(segments).reduce((all, { bytes }) => all + bytes, 0);
}

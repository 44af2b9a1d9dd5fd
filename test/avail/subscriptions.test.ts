/** Those who wait, and those who listen to what becomes durable: each is told, and each wait ends. */
import { expect, test } from "vitest";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { SEGMENT_BYTES_MIN } from "../../src/node/options.js";
import type { LaneId } from "../../src/types/lane.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import {
  anchorAt,
  fresh,
  hex,
  laneAt,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
  reopened,
  turns,
} from "../node/kit.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);

async function taken<T>(stream: AsyncGenerator<T>, count: number): Promise<T[]> {
  const all: T[] = [];
  for (let each = 0; each < count; each++) {
    const { value, done } = await stream.next();
    if (done === true) break;
    all.push(value);
  }
  return all;
}

test("a subscription begins at its call, also if it is first asked later", async () => {
  const { keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 1n });
  const offers = keeper.durableBlocks();
  await pushBlocks(keeper, chain, lane, { from: 1n, to: 3n });
  const got = await taken(offers, 2);
  expect(got.map(({ number }) => number)).toEqual([1n, 2n]);
  await keeper.close();
});

test("from: everything durable is offered from there on, also what an earlier life wrote", async () => {
  const { disk, keeper } = await fresh(chain);
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 3n });
  const again = await reopened(keeper, disk, chain);
  const from = new Map<LaneId, bigint>([[lane, 1n]]);
  const offers = again.durableBlocks({ from });
  await pushBlocks(again, chain, lane, { from: 3n, to: 4n });
  const got = await taken(offers, 3);
  expect(got).toEqual(
    [1n, 2n, 3n].map((number) => {
      return { lane, number, headerHash: Uint8Array.from(chain.block(lane, number).hash) };
    }),
  );
  await again.close();
});

test("commit QCs are offered as they become durable, from the call or from an index on", async () => {
  const { keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 2n });
  const late = keeper.durableCommitQCs();
  const all = keeper.durableCommitQCs({ from: 0n });
  await pushQCs(keeper, chain, { from: 2n, to: 3n });
  const got = await taken(all, 3);
  expect(got.map(({ roadIndex, bytes }) => [roadIndex, hex(bytes)])).toEqual(
    [0n, 1n, 2n].map((index) => [index, hex(chain.qc(index).bytes)]),
  );
  expect((await taken(late, 1))[0]?.roadIndex).toBe(2n);
  await keeper.close();
});

test("subscriptions end with a store that closes well, and by their signal with an AbortError", async () => {
  const { keeper } = await fresh(chain);
  const ends = [keeper.durableBlocks().next(), keeper.durableCommitQCs().next()];
  const stop = new AbortController();
  const aborted = refusal(keeper.durableBlocks({ signal: stop.signal }).next(), "ABORTED");
  stop.abort();
  expect((await aborted).name).toBe("AbortError");
  await keeper.close();
  for (const { done } of await Promise.all(ends)) expect(done).toBe(true);
});

test("a wait tells a durable block from one that an anchor has gone past", async () => {
  const { keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 2n });
  const waiting = keeper.waitForBlock(other, 1n);
  expect(await keeper.waitForBlock(lane, 1n)).toBe("durable");
  await pushAnchor(keeper, anchorAt(chain, 3n, [3n, 3n]));
  expect(await waiting).toBe("pruned");
  expect(await keeper.waitForBlock(lane, 1n)).toBe("pruned");
  expect(await keeper.waitForCommitQC(2n)).toBe("pruned");
  await keeper.close();
});

test("who waits for a block that was dropped for its parent is told, before the push and after it", async () => {
  const { keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 2n });
  const before = refusal(keeper.waitForBlock(lane, 2n), "INVALID");
  expect((await keeper.pushBlock(chain.orphan(lane, 2n).bytes)).status).toBe("dropped");
  expect(await before).toMatchObject({ lane, blockNumber: 2n });
  await refusal(keeper.waitForBlock(lane, 2n), "INVALID");
  await pushBlocks(keeper, chain, lane, { from: 2n, to: 3n });
  await keeper.close();
});

test("D9 one lane more than the heads list stops alone, with a code of its own", async () => {
  const many = new TestChain(64, 10);
  const choices = { chainId: CHAIN_ID, epochOf: many.epochOf, segmentBytes: SEGMENT_BYTES_MIN };
  const keeper = await Lanekeeper.openMemory({ ...choices, retainBytes: 0 });
  const refused: LaneId[] = [];
  for (const each of many.lanes) {
    await keeper.pushBlock(many.block(each, 0n).bytes);
    await keeper.waitForBlock(each, 0n).catch((cause: unknown) => {
      expect(cause).toMatchObject({ code: "TOO_MANY_LANES", lane: each });
      refused.push(each);
    });
  }
  expect(refused.length).toBeGreaterThan(0);
  expect(keeper.status().stalled).toBeUndefined();
  for (const each of many.lanes.filter((one) => !refused.includes(one))) {
    await keeper.pushBlock(many.block(each, 1n).bytes);
    expect(await keeper.waitForBlock(each, 1n)).toBe("durable");
  }
  // Once there is room the block that waited is written.
  await keeper.dropLanesExcept(new Set([...refused, ...many.lanes.slice(0, 3)]));
  for (const each of refused) expect(await keeper.waitForBlock(each, 0n)).toBe("durable");
  await keeper.close();
});

test("bytes that are read are plain and the caller's own, from memory and from disk", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 1n });
  await pushQCs(keeper, chain, { to: 1n });
  const again = await reopened(keeper, disk, chain);
  const reads = [
    await again.readBlock(lane, 0n),
    await again.readBlock(lane, 0n),
    await again.readCommitQC(0n),
  ];
  for (const bytes of reads) {
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
    bytes.fill(0);
  }
  expect(hex(await again.readBlock(lane, 0n))).toBe(hex(chain.block(lane, 0n).bytes));
  await again.close();
  await turns(1);
});

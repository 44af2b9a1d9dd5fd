/** D9: what waits for the disk and what is kept of the durable is bounded in bytes. */
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../src/disk/simulated.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { laneAt, refusal, turns, watched } from "../node/kit.js";
import { DIRECTORY, simulatedSurroundings } from "../node/surroundings.js";

const MIB = 1024 * 1024;
/** Blocks of nearly the largest size. */
const chain = new TestChain(3, 1_900_000);
const blockBytes = chain.block(laneAt(chain, 0), 0n).bytes.length;

async function openWith(cacheBytes: number): Promise<{ disk: SimulatedDisk; keeper: Lanekeeper }> {
  const disk = new SimulatedDisk();
  const choices = { chainId: CHAIN_ID, segmentBytes: 4 * MIB };
  await Lanekeeper.initOn(simulatedSurroundings(disk, 1), DIRECTORY, choices);
  const { epochOf } = chain;
  const surroundings = simulatedSurroundings(disk, 2);
  const keeper = await Lanekeeper.openOn(surroundings, DIRECTORY, {
    ...choices,
    epochOf,
    cacheBytes,
  });
  return { disk, keeper };
}

test("64 MiB wait for the disk at most; who pushes more waits, or gives up by a signal", async () => {
  const { disk, keeper } = await openWith(0);
  disk.hold();
  const places = chain.lanes.flatMap((lane) =>
    [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 10n, 11n].map((number) => ({ lane, number })),
  );
  const room = Math.floor((64 * MIB) / blockBytes);
  expect(room).toBeLessThan(places.length);
  for (const { lane, number } of places.slice(0, room)) {
    await keeper.pushBlock(chain.block(lane, number).bytes);
  }
  const [over] = places.slice(room);
  if (!over) throw new Error("there are more blocks than room");
  const { bytes } = chain.block(over.lane, over.number);
  const stop = new AbortController();
  const givingUp = refusal(keeper.pushBlock(bytes, { signal: stop.signal }), "ABORTED");
  const waiting = keeper.pushBlock(bytes);
  const watch = watched(waiting);
  await turns();
  expect(watch.settled).toBe(false);
  stop.abort();
  await givingUp;
  disk.release();
  expect(await waiting).toEqual({ status: "admitted" });
  await keeper.waitForBlock(over.lane, over.number);
  await keeper.close();
});

test("durable payloads stay in memory up to cacheBytes, and are read from disk beyond", async () => {
  const { keeper } = await openWith(3 * blockBytes);
  const lane = laneAt(chain, 0);
  for (let number = 0n; number < 6n; number++)
    await keeper.pushBlock(chain.block(lane, number).bytes);
  await keeper.waitForBlock(lane, 5n);
  expect(keeper.status().cachedBytes).toBeGreaterThan(blockBytes);
  expect(keeper.status().cachedBytes).toBeLessThanOrEqual(3 * blockBytes);
  for (let number = 0n; number < 6n; number++) {
    const read = await keeper.readBlock(lane, number);
    expect(Buffer.compare(read, chain.block(lane, number).bytes)).toBe(0);
    // The caller's to keep: what it does to it is its own.
    read.fill(0);
    expect(
      Buffer.compare(await keeper.readBlock(lane, number), chain.block(lane, number).bytes),
    ).toBe(0);
  }
  await keeper.pushAnchor(chain.qc(5n).anchor);
  await keeper.waitForAnchor(5n);
  expect(keeper.status().cachedBytes).toBeLessThanOrEqual(blockBytes + 1);
  await refusal(keeper.readBlock(lane, 4n), "OUT_OF_SEQUENCE");
  await keeper.close();
});

/** D9: what waits for the disk and what is kept of the durable is bounded in bytes. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { AvailabilityState } from "../../src/avail/availability-state.js";
import { eventually } from "../harness/eventually.js";
import { runPersist } from "../../src/avail/run-persist.js";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { LaneTurn } from "../../src/persist/block-persister.js";
import type { Persisters } from "../../src/persist/persisters.js";
import type { LaneId } from "../../src/types/lane.js";
import { Verifier } from "../../src/wire/verifier.js";
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
  expect(keeper.status().cachedBytes).toBeLessThan(2 * blockBytes);
  await refusal(keeper.readBlock(lane, 4n), "OUT_OF_SEQUENCE");
  await keeper.close();
});

test("a small block counts with what the cache itself takes for it", async () => {
  const small = new TestChain(1, 100);
  const lane = laneAt(small, 0);
  const { epochOf } = small;
  const cacheBytes = 4 * 1024;
  const keeper = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf, cacheBytes });
  const { bytes } = small.block(lane, 0n);
  await keeper.pushBlock(bytes);
  await keeper.waitForBlock(lane, 0n);
  expect(keeper.status().cachedBytes).toBeGreaterThanOrEqual(bytes.length + 512);
  for (let number = 1n; number < 20n; number++) {
    await keeper.pushBlock(small.block(lane, number).bytes);
  }
  await keeper.waitForBlock(lane, 19n);
  expect(keeper.status().cachedBytes).toBeLessThanOrEqual(cacheBytes);
  await keeper.close();
});

test("what was made durable is not kept by the loop that did it, however many turns it takes", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const lane = laneAt(chain, 0);
  const state = new AvailabilityState({
    lanes: new Map(),
    heldLane: () => undefined,
    road: { first: 0n, next: 0n, qcs: new Map() },
    anchor: undefined,
    epochOf: chain.epochOf,
    verifier: new Verifier(),
    pinOf: () => undefined,
    readBlock: () => Promise.resolve(new Uint8Array(1)),
    readCommitQC: () => Promise.resolve(new Uint8Array(1)),
    blockBytesMax: MIB,
    cacheBytes: 0,
  });
  const write = async (_lane: LaneId, { blocks = [], onDurable }: LaneTurn): Promise<void> => {
    for (const { number } of blocks) onDurable?.(number + 1n);
  };
  const append = (): Promise<void> => Promise.resolve();
  const log = { first: 0n, appendNext: 0n };
  const parts = { blocks: { lanes: new Map(), write }, road: { log, append } };
  const running = runPersist(state, parts as unknown as Persisters);
  const payloads: WeakRef<Uint8Array>[] = [];
  for (let number = 0n; number < 25n; number++) {
    const bytes = new Uint8Array(1024);
    payloads.push(new WeakRef(bytes));
    const hash = new Uint8Array(32);
    await state.admitBlock(lane, { number, payload: bytes, hash, parentHash: hash });
    await state.waitForBlock(lane, number);
  }
  await eventually(async () => {
    await nextTurn();
    collectGarbage();
    // The last one may still be in somebody's hands.
    expect(payloads.filter((each) => each.deref() !== undefined).length).toBeLessThanOrEqual(1);
  });
  state.inner.close();
  await running;
});

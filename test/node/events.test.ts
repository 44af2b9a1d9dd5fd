/** Events: each tells its facts once, in a step of its own; a listener that fails changes nothing. */
import { describe, expect, test } from "vitest";
import { type LogMap, memoryLogMap } from "../../src/log/map/log-map.js";
import type { KeeperEvents, LogEntry } from "../../src/node/events.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { SEGMENT_BYTES_MIN } from "../../src/node/options.js";
import { eventually } from "../harness/eventually.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { born, fresh, hex, laneAt, pushAnchor, pushBlocks, refusal, turns } from "./kit.js";
import { pinnedStore } from "./pruning/pinned.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "./surroundings.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);

/** The facts that a listener of `kind` is told, in their order. */
function heard<Kind extends keyof KeeperEvents>(
  keeper: Lanekeeper,
  kind: Kind,
): readonly KeeperEvents[Kind][] {
  const told: KeeperEvents[Kind][] = [];
  keeper.on(kind, (facts) => told.push(facts));
  return told;
}

test("an anchor, a dropped block and a close are told to listeners and to the log", async () => {
  const disk = await born();
  const log: LogEntry[] = [];
  const { epochOf } = chain;
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf };
  const keeper = await Lanekeeper.openOn(simulatedSurroundings(disk, 77), DIRECTORY, {
    ...choices,
    log: (entry) => void log.push(entry),
  });
  const seen: unknown[] = [];
  keeper.on("anchor", (facts) => seen.push(facts));
  const off = keeper.on("blockDropped", ({ number }) => seen.push(number));
  await pushBlocks(keeper, chain, lane, { to: 2n });
  await keeper.pushBlock(chain.orphan(lane, 2n).bytes);
  off();
  await keeper.pushBlock(chain.orphan(lane, 2n).bytes);
  await pushAnchor(keeper, chain.qc(1n).anchor);
  await keeper.close();
  await turns(2);
  expect(seen).toEqual([2n, { roadIndex: 1n }]);
  expect(log.map(({ level, event }) => `${level} ${event}`)).toEqual([
    "warn blockDropped",
    "warn blockDropped",
    "info anchor",
    "info closed",
  ]);
});

test("a poisoned store is told, with the poison", async () => {
  const { disk, keeper } = await fresh(chain);
  const told: unknown[] = [];
  keeper.on("poisoned", ({ error }) => told.push(error));
  disk.fail({ operation: "write", path: ".seg", effect: "nothing" });
  await keeper.pushBlock(chain.block(lane, 0n).bytes);
  await refusal(keeper.waitForBlock(lane, 0n), "POISONED");
  await turns(2);
  expect(told).toEqual([keeper.status().poison]);
  const closed: unknown[] = [];
  keeper.on("closed", ({ error }) => closed.push(error));
  await refusal(keeper.close(), "POISONED");
  await turns(2);
  expect(closed).toEqual(told);
});

test("a full disk is told once for each time that it stops the queues, with the error of who waits", async () => {
  const large = new TestChain(1, 15_000);
  const only = laneAt(large, 0);
  const { disk, keeper } = await fresh(large);
  const told = heard(keeper, "stalled");
  disk.capacityBytes = disk.usedBytes;
  await expect(pushBlocks(keeper, large, only, { to: 30n })).rejects.toThrow(/no room/);
  await turns(2);
  expect(told).toEqual([{ error: keeper.status().stalled }]);
  expect(told[0]?.error.code).toBe("DISK_FULL");
  await refusal(keeper.sync(), "DISK_FULL");
  await turns(2);
  expect(told.map(({ error }) => error.code)).toEqual(["DISK_FULL", "DISK_FULL"]);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  await keeper.close();
  expect(told).toHaveLength(2);
});

test("a lane that goes no further is told, with its lane and why", async () => {
  const many = new TestChain(64, 10);
  const choices = { chainId: CHAIN_ID, epochOf: many.epochOf, segmentBytes: SEGMENT_BYTES_MIN };
  const keeper = await Lanekeeper.openMemory({ ...choices, retainBytes: 0 });
  const told = heard(keeper, "laneRefused");
  const refused: unknown[] = [];
  for (const each of many.lanes) {
    await keeper.pushBlock(many.block(each, 0n).bytes);
    await keeper.waitForBlock(each, 0n).catch((error: unknown) => {
      refused.push({ lane: each, error });
    });
  }
  await turns(2);
  expect(refused.length).toBeGreaterThan(0);
  expect(told).toEqual(refused);
  for (const { lane: each, error } of told) {
    expect(error).toMatchObject({ code: "TOO_MANY_LANES", lane: each });
    expect(keeper.status().lanes.get(each)?.refused).toBe(error);
  }
  await keeper.close().catch(() => {});
});

test("a push that meets a pin is told, with its lane and number; the lost block itself is not", async () => {
  const { keeper } = await pinnedStore(chain);
  const told = heard(keeper, "pinned");
  await refusal(keeper.pushBlock(chain.block(lane, 2n, 1).bytes), "PINNED");
  await turns(2);
  expect(told).toEqual([{ lane, number: 2n }]);
  await pushBlocks(keeper, chain, lane, { from: 2n, to: 3n });
  expect(told).toHaveLength(1);
  await keeper.close();
});

describe("the map of retained records", () => {
  const large = new TestChain(1, 15_000);
  const only = laneAt(large, 0);

  /** A store whose map is `map`. Ten blocks fill some segments; an anchor at 9 leaves them retained. */
  async function mappedBy(map: LogMap): Promise<Lanekeeper> {
    const openMap = (): Promise<LogMap> => Promise.resolve(map);
    const surroundings = { ...simulatedSurroundings(await born(), 78), openMap };
    const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: large.epochOf };
    return await Lanekeeper.openOn(surroundings, DIRECTORY, choices);
  }

  test("one that is wrong about a record is told as it is made anew, with the record", async () => {
    const map = memoryLogMap(undefined);
    let isWrong = true;
    const keeper = await mappedBy({
      ...map,
      find: async (name, number) => {
        const other = isWrong && number === 0n ? 1n : number;
        isWrong &&= other === number;
        return await map.find(name, other);
      },
    });
    const rebuilt = heard(keeper, "mapRebuilt");
    const warned = heard(keeper, "mapWarning");
    await pushBlocks(keeper, large, only, { to: 10n });
    await pushAnchor(keeper, large.qc(9n).anchor);
    await turns();
    const read = await keeper.readRetainedBlock(only, 0n);
    expect(read && hex(read)).toBe(hex(large.block(only, 0n).bytes));
    await turns(2);
    expect(rebuilt).toEqual([
      { reason: expect.stringContaining(`wrong about ${only} 0`) as string },
    ]);
    expect(warned).toEqual([{ reason: `the map is made anew, it is ${rebuilt[0]?.reason}` }]);
    expect(keeper.status().counters).toMatchObject({ mapRebuilds: 1, mapWarnings: 1 });
    await keeper.close();
  });

  test("one that cannot be written is told as a warning, and the store goes on", async () => {
    const keeper = await mappedBy({
      ...memoryLogMap(undefined),
      write: () => Promise.reject(new Error("no space for the map")),
    });
    const warned = heard(keeper, "mapWarning");
    await pushBlocks(keeper, large, only, { to: 10n });
    await pushAnchor(keeper, large.qc(9n).anchor);
    await eventually(() => expect(warned).not.toEqual([]));
    expect(warned[0]?.reason).toContain("the map is in memory from here on: it failed: no space");
    expect(keeper.status().mapWarnings).toEqual(warned.map(({ reason }) => reason));
    await keeper.close();
  });
});

test("a listener that throws, or whose promise is rejected, is counted and told; the store goes on", async () => {
  const { keeper } = await fresh(chain);
  const failures: string[] = [];
  keeper.on("listenerFailed", ({ error }) => {
    failures.push(error.code);
    throw new Error("so does this one");
  });
  keeper.on("anchor", () => {
    throw new Error("thrown");
  });
  keeper.on("anchor", () => Promise.reject(new Error("rejected")));
  await pushBlocks(keeper, chain, lane, { to: 2n });
  await pushAnchor(keeper, chain.qc(1n).anchor);
  await turns(2);
  expect(failures).toEqual(["CALLBACK_FAILED", "CALLBACK_FAILED"]);
  expect(keeper.status().counters.listenerFailures).toBe(4);
  await pushBlocks(keeper, chain, lane, { from: 2n, to: 3n });
  await keeper.close();
});

test("a listener may call the store", async () => {
  const { keeper } = await fresh(chain);
  const closing: Promise<void>[] = [];
  keeper.on("anchor", () => void closing.push(keeper.close()));
  await pushBlocks(keeper, chain, lane, { to: 2n });
  await pushAnchor(keeper, chain.qc(1n).anchor);
  await turns(2);
  expect(closing).toHaveLength(1);
  await closing[0];
});

test("status and recovery become JSON, and can be cloned", async () => {
  const { keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 2n });
  const status = keeper.status();
  const read = JSON.parse(JSON.stringify(status)) as Record<string, Record<string, unknown>>;
  expect(read["lanes"]?.[lane]).toMatchObject({ first: "0", next: "2", durable: "2" });
  expect(status).toMatchObject({ chainId: CHAIN_ID, directory: DIRECTORY, epochIndex: 0n });
  expect(structuredClone(status).lanes).toEqual(status.lanes);
  expect(JSON.parse(JSON.stringify(keeper.recovery))).toMatchObject({ generation: "1" });
  await keeper.close();
});

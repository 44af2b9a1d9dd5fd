/** Events: each tells its facts once, in a step of its own; a listener that fails changes nothing. */
import { expect, test } from "vitest";
import type { LogEntry } from "../../src/node/events.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { born, fresh, laneAt, pushAnchor, pushBlocks, refusal, turns } from "./kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "./surroundings.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);

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
  await refusal(keeper.close(), "POISONED");
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

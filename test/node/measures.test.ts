/** Measures: each of a store's own works is measured once, and a function that fails changes nothing. */
import { expect, test } from "vitest";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { Measure, Observe } from "../../src/types/measures.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { born, laneAt, pushAnchor, pushBlocks, turns } from "./kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "./surroundings.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);
const { epochOf } = chain;

async function observed(observe: Observe): Promise<Lanekeeper> {
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf, observe };
  return await Lanekeeper.openOn(simulatedSurroundings(await born(), 78), DIRECTORY, choices);
}

test("blocks, a vote, a commit QC and an anchor are measured from admission to acknowledgement", async () => {
  const taken = new Map<Measure, number[]>();
  const keeper = await observed((measure, value) => {
    taken.set(measure, [...(taken.get(measure) ?? []), value]);
  });
  await pushBlocks(keeper, chain, lane, { to: 3n });
  await keeper.writeVoteState(new Uint8Array(), 0n);
  await keeper.pushCommitQC(chain.qc(0n).bytes);
  await keeper.waitForCommitQC(0n);
  await pushAnchor(keeper, chain.qc(1n).anchor);
  const { groups, records, bytes } = keeper.status().counters;
  const countOf = (measure: Measure): number => taken.get(measure)?.length ?? 0;
  const sumOf = (measure: Measure): number => {
    return (taken.get(measure) ?? []).reduce((sum, value) => sum + value, 0);
  };
  expect(countOf("groupMs")).toBe(groups);
  expect(sumOf("groupRecords")).toBe(records);
  expect(sumOf("groupBytes")).toBe(bytes);
  expect(countOf("blockAckMs")).toBe(3);
  expect(countOf("blockVerifyMs")).toBe(3);
  expect(countOf("commitQCAckMs")).toBeGreaterThanOrEqual(1);
  expect(countOf("commitQCVerifyMs")).toBe(1);
  expect(countOf("voteAckMs")).toBe(1);
  expect(countOf("voteSlotMs")).toBe(1);
  expect(countOf("anchorAckMs")).toBe(1);
  expect(countOf("anchorSlotMs")).toBe(1);
  expect(countOf("anchorVerifyMs")).toBe(1);
  expect(countOf("markMs")).toBeGreaterThanOrEqual(2);
  for (const values of taken.values()) for (const value of values) expect(value >= 0).toBe(true);
  await keeper.close();
});

test("a function that throws is counted and told, and every block becomes durable", async () => {
  const told: string[] = [];
  const keeper = await observed(() => {
    throw new Error("thrown");
  });
  keeper.on("listenerFailed", ({ error }) => told.push(error.code));
  await pushBlocks(keeper, chain, lane, { to: 2n });
  await turns(2);
  expect(keeper.status()).toMatchObject({ poison: undefined });
  expect(keeper.status().counters.listenerFailures).toBeGreaterThan(0);
  expect(new Set(told)).toEqual(new Set(["CALLBACK_FAILED"]));
  await keeper.close();
});

test("a status says how long the oldest block has waited, and how old the anchor is", async () => {
  const keeper = await observed(() => {});
  await keeper.pushBlock(chain.block(lane, 0n).bytes);
  const waiting = keeper.status();
  expect(waiting.lanes.get(lane)?.oldestWaitingMs).toBeGreaterThanOrEqual(0);
  await keeper.waitForBlock(lane, 0n);
  const { lanes, disk, anchorAgeMs, storeId } = keeper.status();
  expect(lanes.get(lane)?.oldestWaitingMs).toBe(0);
  expect(anchorAgeMs).toBeGreaterThan(0);
  expect(storeId).toMatch(/^[0-9a-f]{32}$/);
  const { current, sealed, retained, free } = disk.segments;
  expect(current.slots + sealed.slots + retained.slots + free.slots).toBe(disk.slots);
  expect(current.bytes + sealed.bytes + retained.bytes + free.bytes).toBe(disk.bytes);
  await keeper.close();
});

test("reads of blocks that memory answers are told from those that go to the disk", async () => {
  const keeper = await observed(() => {});
  await pushBlocks(keeper, chain, lane, { to: 1n });
  await keeper.readBlock(lane, 0n);
  expect(keeper.status().counters).toMatchObject({ cacheHits: 1, cacheMisses: 0 });
  await keeper.close();
});

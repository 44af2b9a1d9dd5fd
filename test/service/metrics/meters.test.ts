/** The scrape: the table and nothing else, of one moment, with few labels and no secrets. */
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { Meters } from "../../../src/service/metrics/meters.js";
import { metrics } from "../../../src/service/metrics/table.js";
import { PersisterError } from "../../../src/types/errors.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { fresh, laneAt, pushAnchor, pushBlocks, pushQCs, refusal } from "../../node/kit.js";
import { SEGMENT_BYTES } from "../../node/surroundings.js";
import { measuredStore, observedOf } from "../kit.js";
import { running, temporaryFolder } from "../running.js";
import { readScrape, type Scrape, valueOf } from "./scrape.js";
import { eventually } from "../../harness/eventually.js";

const chain = new TestChain(4);
const lane = laneAt(chain, 0);

test("every metric has help, a unit that its name tells, and a suffix of its type", () => {
  for (const [name, { type, unit, help, labels }] of Object.entries(metrics)) {
    expect(name).toMatch(/^(lanekeeper|grpc_server)_[a-z]+(_[a-z]+)*$/);
    expect(help).toMatch(/^(\S.{9,}\.|1; .*\.)$/);
    expect(name.endsWith("_total")).toBe(type === "counter");
    const base = name.replace(/_total$/, "");
    expect(base.endsWith("_seconds")).toBe(unit === "seconds");
    expect(base.endsWith("_bytes")).toBe(unit === "bytes");
    expect(labels.filter((label) => !/^[a-z_]+$/.test(label))).toEqual([]);
  }
});

test("a scrape has every family of the table, and no sample outside of it", async () => {
  await using store = await measuredStore(chain);
  await pushBlocks(store.keeper, chain, lane, { to: 2n });
  store.meters.rpc.started(persist);
  store.meters.rpc.handled(persist, "OK", 3);
  const scrape = readScrape(await store.meters.text(store.observed));
  expect([...scrape.types.keys()]).toEqual(Object.keys(metrics));
  for (const [name, { type, help }] of Object.entries(metrics)) {
    expect(scrape.types.get(name)).toBe(type);
    expect(scrape.help.get(name)).toBe(help);
  }
  for (const { name, labels } of scrape.samples) {
    const family = familyOf(scrape, name);
    const known = new Set([...metrics[family as keyof typeof metrics].labels, "le"]);
    expect(Object.keys(labels).filter((label) => !known.has(label))).toEqual([]);
  }
});

const persist = {
  service: "lanekeeper.v1.KeeperService",
  method: "Persist",
  type: "bidi_stream",
} as const;

function familyOf({ types }: Scrape, name: string): string {
  const part = name.replace(/_(bucket|sum|count)$/, "");
  return types.get(part) === "histogram" ? part : name;
}

test("a scrape says of a lane what its status says, and of the store's work how much there was", async () => {
  await using store = await measuredStore(chain);
  const { keeper, meters, observed } = store;
  await pushBlocks(keeper, chain, lane, { to: 3n });
  await pushAnchor(keeper, chain.qc(1n).anchor);
  const scrape = readScrape(await meters.text(observed));
  const zero = { lane: "0" };
  expect(valueOf(scrape, "lanekeeper_lane_info", { ...zero, id: lane })).toBe(1);
  expect(valueOf(scrape, "lanekeeper_lane_first_block", zero)).toBe(1);
  expect(valueOf(scrape, "lanekeeper_lane_durable_next_block", zero)).toBe(3);
  expect(valueOf(scrape, "lanekeeper_lane_capacity_blocks", zero)).toBe(28);
  expect(valueOf(scrape, "lanekeeper_anchor_road_index")).toBe(1);
  expect(valueOf(scrape, "lanekeeper_store_ready")).toBe(1);
  expect(valueOf(scrape, "lanekeeper_store_info", { mode: "memory" })).toBe(1);
  expect(valueOf(scrape, "lanekeeper_ack_duration_seconds_count", { kind: "block" })).toBe(3);
  expect(valueOf(scrape, "lanekeeper_slot_write_duration_seconds_count", { slot: "anchor" })).toBe(
    1,
  );
  // The truncation below the anchor is a group that may end between a scrape and a status.
  await eventually(async () => {
    const now = readScrape(await meters.text(observed));
    const { groups } = keeper.status().counters;
    expect(valueOf(now, "lanekeeper_journal_flush_duration_seconds_count")).toBe(groups);
  });
});

test("what is pruned and kept has its bytes, and so has the map on disk; a store in memory has no map there", async () => {
  const folder = await temporaryFolder();
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES };
  await Lanekeeper.init(folder, choices);
  const { epochOf } = chain;
  await using keeper = await Lanekeeper.open(folder, { ...choices, epochOf });
  const meters = new Meters();
  const observed = observedOf(chain, { kind: "open", keeper }, { directory: folder });
  const scrape = async () => readScrape(await meters.text(observed));
  expect(valueOf(await scrape(), "lanekeeper_retained_bytes")).toBe(0);
  for (let at = 0n; keeper.status().disk.retainedBytes === 0; at++) {
    await pushBlocks(keeper, chain, lane, { from: at, to: at + 1n });
    await pushQCs(keeper, chain, { from: at, to: at + 1n });
    await pushAnchor(keeper, chain.qc(at).anchor);
  }
  const found = await scrape();
  expect(valueOf(found, "lanekeeper_retained_bytes")).toBeGreaterThan(0);
  expect(valueOf(found, "lanekeeper_retained_bytes")).toBe(keeper.status().disk.retainedBytes);
  const files = readdirSync(join(folder, "index")).map(
    (name) => statSync(join(folder, "index", name)).size,
  );
  expect(valueOf(found, "lanekeeper_map_bytes")).toBe(files.reduce((sum, size) => sum + size, 0));

  await using memory = await measuredStore(chain);
  const { samples } = readScrape(await memory.meters.text(memory.observed));
  expect(samples.filter(({ name }) => name === "lanekeeper_map_bytes")).toEqual([]);
});

test("a lane that was dropped is gone from the next scrape; one outside of the committee has no key for a label", async () => {
  await using store = await measuredStore(chain);
  const { keeper, meters, observed } = store;
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 1n });
  const outside = { ...observed, laneIndex: () => undefined };
  const labels = lanesOf(readScrape(await meters.text(outside)));
  expect(labels).toEqual(["left-0", "left-1", "left-2", "left-3"]);
  await keeper.dropLanesExcept(new Set([lane]));
  expect(lanesOf(readScrape(await meters.text(observed)))).toEqual(["0"]);
});

function lanesOf({ samples }: Scrape): readonly string[] {
  const lags = samples.filter(({ name }) => name === "lanekeeper_lane_lag_blocks");
  return lags.map(({ labels }) => labels["lane"]!);
}

test("lane ids are the label of one metric alone, and the labels of all others are words of tables", async () => {
  await using store = await measuredStore(chain);
  for (const each of chain.lanes) await pushBlocks(store.keeper, chain, each, { to: 1n });
  const { samples } = readScrape(await store.meters.text(store.observed));
  for (const { name, labels } of samples) {
    const isInfo = name.endsWith("_info");
    for (const [label, value] of Object.entries(labels)) {
      if (label === "le" || isInfo) continue;
      expect(`${name} ${label} ${value}`.length).toBeLessThan(120);
      expect(value).not.toMatch(/[0-9a-f]{16}/);
    }
  }
});

test("what is refused is counted by code and kind", async () => {
  const meters = new Meters();
  for (let count = 0; count < 30; count++) {
    meters.refusals.note({ code: "PINNED", kind: "block", message: "x".repeat(1000) });
  }
  meters.refusals.note({ code: "UNAUTHENTICATED", kind: "login", message: "no token" });
  const scrape = readScrape(await meters.text(observedOf(chain, { kind: "opening" })));
  expect(valueOf(scrape, "lanekeeper_refused_total", { code: "PINNED", kind: "block" })).toBe(30);
  expect(meters.refusals.recent).toHaveLength(20);
  expect(meters.refusals.recent[0]).toMatchObject({ code: "UNAUTHENTICATED" });
  expect(meters.refusals.recent[1]?.message).toHaveLength(240);
});

test("a store that is being recovered, one that is refused and one that is poisoned are not ready", async () => {
  const meters = new Meters();
  const opening = readScrape(await meters.text(observedOf(chain, { kind: "opening" })));
  expect(valueOf(opening, "lanekeeper_store_ready")).toBe(0);
  const error = new PersisterError("JOURNAL_CORRUPT", "a segment is damaged");
  const refused = readScrape(await meters.text(observedOf(chain, { kind: "refused", error })));
  expect(valueOf(refused, "lanekeeper_store_refused", { code: "JOURNAL_CORRUPT" })).toBe(1);
  const { disk, keeper } = await fresh(chain);
  disk.fail({ operation: "write", path: ".seg", effect: "nothing" });
  await keeper.pushBlock(chain.block(lane, 0n).bytes);
  await refusal(keeper.waitForBlock(lane, 0n), "POISONED");
  const poisoned = readScrape(await meters.text(observedOf(chain, { kind: "open", keeper })));
  expect(valueOf(poisoned, "lanekeeper_store_ready")).toBe(0);
  expect(valueOf(poisoned, "lanekeeper_store_poisoned", { code: "POISONED" })).toBe(1);
  await refusal(keeper.close(), "POISONED");
});

test("a scrape of a hundred lanes has a line for each of them", async () => {
  const many = new TestChain(100);
  await using store = await measuredStore(many);
  for (const each of many.lanes) await store.keeper.pushBlock(many.block(each, 0n).bytes);
  for (const each of many.lanes) await store.keeper.waitForBlock(each, 0n);
  const scrape = await store.meters.text(store.observed);
  for (let at = 0; at < 100; at++) {
    expect(scrape).toContain(`lanekeeper_lane_durable_next_block{lane="${at}"} 1\n`);
  }
});

test("a scrape looks at the store a few times, however many lanes there are", async () => {
  const many = new TestChain(40);
  const { epochOf } = many;
  const keeper = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf });
  const looks = vi.spyOn(keeper, "status");
  const { service } = await running(many, { open: () => Promise.resolve(keeper) });
  for (const each of many.lanes) await pushBlocks(keeper, many, each, { to: 1n });
  looks.mockClear();
  const scrape = readScrape(await service.meters.text(service));
  expect(valueOf(scrape, "lanekeeper_lane_durable_next_block", { lane: "39" })).toBe(1);
  expect(looks.mock.calls.length).toBeLessThan(8);
});

test("scrapes at once come after each other, and each is whole", async () => {
  await using store = await measuredStore(chain);
  await pushBlocks(store.keeper, chain, lane, { to: 1n });
  const { meters, observed } = store;
  const texts = await Promise.all([1, 2, 3].map(() => meters.text(observed)));
  for (const text of texts) expect(readScrape(text).samples.length).toBeGreaterThan(50);
  expect(new Set(texts.map((text) => readScrape(text).samples.length)).size).toBe(1);
});

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

test("Prometheus' own linter finds nothing", async () => {
  if (!hasPromtool) {
    console.log("did not run: there is no promtool here (Debian: apt-get install prometheus)");
    return;
  }
  await using store = await measuredStore(chain);
  await pushBlocks(store.keeper, chain, lane, { to: 2n });
  store.meters.rpc.started(persist);
  store.meters.rpc.handled(persist, "OK", 3);
  store.meters.addProcess();
  const input = await store.meters.text(store.observed);
  const { stdout, stderr, status } = spawnSync("promtool", ["check", "metrics"], {
    input,
    encoding: "utf8",
  });
  expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: "" });
});

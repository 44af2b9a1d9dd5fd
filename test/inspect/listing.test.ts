/** A listing of a journal: every record once, in the order of LSNs, as far as it can be read. */
import { expect, test } from "vitest";
import type { ListedRecord, LostRecord } from "../../src/inspect/listing/listed.js";
import { StoreListing } from "../../src/inspect/listing/listing.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { ROAD } from "../../src/persist/kinds.js";
import { newestSegment } from "../journal/kit.js";
import { TestChain } from "../model/chain.js";
import {
  fingerprints,
  fresh,
  laneAt,
  opened,
  pushAnchor,
  pushBlocks,
  pushQCs,
} from "../node/kit.js";
import { DIRECTORY } from "../node/surroundings.js";
import { FULL_PAYLOAD, liveSegments, smallStore } from "./kit.js";

const chain = new TestChain(3, FULL_PAYLOAD);

async function listed(disk: SimulatedDisk, range = {}): Promise<(ListedRecord | LostRecord)[]> {
  const listing = await StoreListing.open(disk, DIRECTORY);
  try {
    const records: (ListedRecord | LostRecord)[] = [];
    for await (const record of listing.records(range)) records.push(record);
    return records;
  } finally {
    await listing.close();
  }
}

/** The payloads of live records by log and number. */
function liveIn(records: readonly (ListedRecord | LostRecord)[]): Map<string, Uint8Array> {
  const live = new Map<string, Uint8Array>();
  for (const record of records) {
    if (record.kind === "lost" || record.isLive !== true) continue;
    if (record.payload.status !== "readable") continue;
    live.set(`${record.log} ${record.number}`, Uint8Array.from(record.payload.payload));
  }
  return live;
}

test("the live records are those that open returns, byte for byte, and no byte changes", async () => {
  const disk = await smallStore(chain);
  const before = fingerprints(disk);
  const live = liveIn(await listed(disk));
  expect(fingerprints(disk)).toEqual(before);
  const keeper = await opened(disk.kill(), chain);
  const expected = new Map<string, Uint8Array>();
  for (const [lane, { first, next }] of keeper.recovery.lanes) {
    for (let number = first; number < next; number++) {
      expected.set(`${lane} ${number}`, await keeper.readBlock(lane, number));
    }
  }
  const { road } = keeper.recovery;
  for (let index = road.first; index < road.next; index++) {
    expected.set(`${ROAD} ${index}`, await keeper.readCommitQC(index));
  }
  expect(live.size).toBeGreaterThan(20);
  expect(live).toEqual(expected);
  await keeper.close();
});

test("LSNs rise, a range of them is a part of the whole, and each record lies where it is said to", async () => {
  const disk = await smallStore(chain);
  const all = await listed(disk);
  const lsns = all.map(({ lsn }) => lsn);
  expect(lsns).toEqual([...new Set(lsns)].toSorted((one, other) => (one < other ? -1 : 1)));
  const [from, next] = [lsns[5] ?? 0n, lsns[12] ?? 0n];
  expect((await listed(disk, { from, next })).map(({ lsn }) => lsn)).toEqual(lsns.slice(5, 12));
  for (const { file, offset, lsn } of all) {
    expect(Buffer.from(disk.readNow(file)).readBigUInt64LE(offset + 16)).toBe(lsn);
  }
});

test("segments have the states that the running store gives them", async () => {
  const { disk, keeper } = await fresh(chain, { retainBytes: 1_000_000 });
  const lane = laneAt(chain, 0);
  for (let round = 0n; round < 24n; round++) {
    await pushBlocks(keeper, chain, lane, { from: round, to: round + 1n });
    await pushQCs(keeper, chain, { from: round, to: round + 1n });
    if (round % 6n === 5n) await pushAnchor(keeper, chain.qc(round).anchor);
  }
  const { segments } = keeper.status().disk;
  const listing = await StoreListing.open(disk, DIRECTORY);
  for (const state of ["current", "sealed", "retained", "free"] as const) {
    const found = listing.segments.filter((each) => each.state === state);
    expect({ state, slots: found.length }).toEqual({ state, slots: segments[state].slots });
  }
  expect(segments.retained.slots).toBeGreaterThan(0);
  await listing.close();
  await keeper.close();
});

test("a damaged record is listed as lost, and the listing goes on behind it", async () => {
  const disk = await smallStore(chain);
  const all = await listed(disk);
  const { path } = newestSegment(disk);
  const inNewest = all.filter((each) => path.endsWith(each.file) && each.kind === "append");
  const hurt = inNewest[0];
  if (!hurt) throw new Error("the newest segment has a record");
  disk.damage(path, hurt.offset + 60, Buffer.from([1, 2, 3]));
  const after = await listed(disk);
  expect(after.filter(({ kind }) => kind === "lost")).toMatchObject([
    { lsn: hurt.lsn, file: hurt.file, offset: hurt.offset },
  ]);
  expect(after.length).toBe(all.length);
});

test("a segment that cannot be read is unread: its records are not lost, and all others are listed", async () => {
  const whole = await smallStore(chain);
  const all = await listed(whole);
  const segments = liveSegments(whole);
  expect(segments.length).toBeGreaterThan(2);
  for (const file of segments) {
    const disk = whole.kill();
    disk.fail({ operation: "openToRead", path: file, error: "EACCES", mode: "from-then-on" });
    const listing = await StoreListing.open(disk, DIRECTORY);
    expect(listing.unread, file).toMatchObject([{ class: "READ_ONLY", file }]);
    const states = listing.segments.filter((each) => each.state === "unread");
    expect(states, file).toMatchObject([{ file, bytes: undefined, sequence: undefined }]);
    expect(listing.segments.length).toBe(
      whole.files().filter(({ path }) => path.endsWith(".seg")).length,
    );
    const isCurrent = file === segments.at(-1);
    expect(listing.segments.some(({ state }) => state === "current")).toBe(!isCurrent);
    await listing.close();
    const found = (await listed(disk)).map(({ lsn, kind }) => (kind === "lost" ? "lost" : lsn));
    const lsns = all.filter((each) => each.file !== file).map(({ lsn }) => lsn);
    // The head before the current one lists what the current one has set free.
    if (isCurrent) expect(found, file).toEqual(expect.arrayContaining(lsns));
    else expect(found, file).toEqual(lsns);
    expect(found, file).not.toContain("lost");
  }
});

test("a mark that cannot be read is unread: nobody knows what was acknowledged", async () => {
  const disk = await smallStore(chain);
  const all = await listed(disk);
  const file = `${DIRECTORY}/mark`;
  disk.fail({ operation: "openToRead", path: file, error: "EACCES", mode: "from-then-on" });
  const listing = await StoreListing.open(disk, DIRECTORY);
  expect(listing.unread).toMatchObject([{ class: "READ_ONLY", file }]);
  await listing.close();
  expect((await listed(disk)).length).toBe(all.length);
});

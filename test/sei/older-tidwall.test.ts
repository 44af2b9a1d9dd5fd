/** Logs of the older revision: what is found in a directory, and that looking leaves no trace. */
import { beforeEach, describe, expect, it } from "vitest";
import { MemoryDisk } from "../../src/disk/memory.js";
import { encodeCommitQC, encodeSignedBlock } from "../../src/sei/older/encode.js";
import { loadLane, loadRoad } from "../../src/sei/older/log.js";
import { OlderRefusal } from "../../src/sei/older/refusal.js";
import { layoutOf } from "../../src/sei/older/segments.js";
import { openTidwall } from "../../src/sei/older/tidwall.js";
import { chainOf, commitQCAt, keys } from "./older-chain.js";
import { entry, lookOnly, makeDirectories, segmentName, writeFile } from "./older-files.js";

const DIRECTORY = "/blocks/lane";
const entries = chainOf(keys[0]!, 0, 12).map((block) => entry(encodeSignedBlock(block)));

/** The entries of blocks `[first, next)`, one after the other. */
const blocks = (first: number, next: number): Uint8Array =>
  Buffer.concat(entries.slice(first, next));

let disk: MemoryDisk;

beforeEach(async () => {
  disk = new MemoryDisk();
  await makeDirectories(disk, DIRECTORY);
});

/** Adds files by name; a number is the index of a segment. */
async function add(files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = /^\d+$/.test(name) && name.length < 20 ? segmentName(Number(name)) : name;
    await writeFile(disk, `${DIRECTORY}/${file}`, content);
  }
}

/** The block numbers that a load gives, or the reason why it is refused. */
async function loaded(): Promise<readonly number[] | string> {
  try {
    const log = await loadLane(lookOnly(disk), DIRECTORY);
    return log.records.map(({ msg }) => Number(msg.header.blockNumber));
  } catch (error) {
    if (error instanceof OlderRefusal) return error.reason;
    throw error;
  }
}

async function namesAfterwards(): Promise<readonly string[]> {
  return layoutOf((await disk.list(DIRECTORY)) ?? []).names;
}

describe("a sound log", () => {
  it("is empty where there is no directory, and where there is no file", async () => {
    const log = await loadLane(lookOnly(disk), "/nowhere");
    expect([log.records, log.next]).toEqual([[], 0n]);
    expect(await loaded()).toEqual([]);
    expect(await namesAfterwards()).toEqual([segmentName(1)]);
  });

  it("spans segments, the last of which may be empty", async () => {
    await add({ 1: blocks(0, 3), 4: blocks(3, 4), 5: blocks(4, 9), 10: blocks(0, 0) });
    expect(await loaded()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("counts appends: its indices say nothing about block numbers", async () => {
    await add({ 40: blocks(7, 9), 42: blocks(9, 12) });
    expect(await loaded()).toEqual([7, 8, 9, 10, 11]);
    const { first, next } = await openTidwall(lookOnly(disk), DIRECTORY);
    expect([first, next]).toEqual([40n, 45n]);
  });

  it("that was emptied keeps its place and has no next number", async () => {
    await add({ 6: blocks(0, 0) });
    expect(await loaded()).toEqual([]);
    const { first, next } = await openTidwall(lookOnly(disk), DIRECTORY);
    expect([first, next]).toEqual([6n, 6n]);
  });

  it("passes over names that are no segment's, and over directories", async () => {
    await add({ 1: blocks(0, 2), README: new Uint8Array(3), "1.START": blocks(4, 5) });
    await add({ "00000000000000000000": blocks(4, 5), "99999999999999999999": blocks(4, 5) });
    await add({ "00000000000000000002.START.TEMP": new Uint8Array(1) });
    await disk.makeDirectory(`${DIRECTORY}/${segmentName(2)}`);
    expect(await loaded()).toEqual([0, 1]);
  });

  it("of the road gives the commit QCs and the next road index", async () => {
    const qcs = [6, 7, 8].map((road) => entry(encodeCommitQC(commitQCAt(road))));
    await writeFile(disk, `/commitqcs/${segmentName(3)}`, Buffer.concat(qcs));
    const road = await loadRoad(lookOnly(disk), "/commitqcs");
    expect(road.records.map(({ vote }) => vote.view.index)).toEqual([6n, 7n, 8n]);
    expect(road.next).toBe(9n);
  });
});

describe("a truncation that was begun is taken as done", () => {
  it("START: what sorts before it is gone, and it is a segment", async () => {
    await add({ 1: blocks(0, 3), 4: blocks(3, 6), [`${segmentName(5)}.START`]: blocks(4, 6) });
    await add({ 7: blocks(6, 8) });
    expect(await loaded()).toEqual([4, 5, 6, 7]);
    expect(await namesAfterwards()).toEqual([segmentName(5), segmentName(7)]);
  });

  it("START of a whole segment takes the place of that segment", async () => {
    await add({ 1: blocks(0, 3), 4: blocks(3, 6), [`${segmentName(4)}.START`]: blocks(3, 6) });
    expect(await loaded()).toEqual([3, 4, 5]);
    expect(await namesAfterwards()).toEqual([segmentName(4)]);
  });

  it("of two STARTs the later one holds", async () => {
    await add({ [`${segmentName(2)}.START`]: blocks(1, 3), 4: blocks(3, 6) });
    await add({ [`${segmentName(5)}.START`]: blocks(4, 6) });
    expect(await loaded()).toEqual([4, 5]);
  });

  it("END: what sorts after it is gone, and it takes the place of its segment", async () => {
    await add({ 1: blocks(0, 3), 4: blocks(3, 6), [`${segmentName(4)}.END`]: blocks(3, 4) });
    await add({ 7: blocks(6, 8) });
    expect(await loaded()).toEqual([0, 1, 2, 3]);
    expect(await namesAfterwards()).toEqual([segmentName(1), segmentName(4)]);
  });

  it("START and END contradict each other: corrupt, and nothing would be done", async () => {
    await add({ 1: blocks(0, 3), [`${segmentName(2)}.START`]: blocks(1, 3) });
    await add({ [`${segmentName(3)}.END`]: blocks(2, 3) });
    const before = (await disk.list(DIRECTORY))?.map(({ name }) => name);
    expect(await loaded()).toBe("corrupt");
    expect(await namesAfterwards()).toEqual(before);
  });
});

describe("a torn tail", () => {
  const whole = blocks(0, 3);
  const torn = whole.subarray(0, whole.length - 1);

  it("loses its last entry, and the log says where it would be cut", async () => {
    await add({ 1: torn });
    expect(await loaded()).toEqual([0, 1]);
    const { torn: cut } = await openTidwall(lookOnly(disk), DIRECTORY);
    expect(cut).toEqual({ file: segmentName(1), length: blocks(0, 2).length });
  });

  it("may be all of the log", async () => {
    await add({ 1: blocks(0, 1).subarray(0, 1) });
    expect(await loaded()).toEqual([]);
  });

  it("may end in a length that is none", async () => {
    await add({ 1: Buffer.concat([blocks(0, 1), new Uint8Array(11).fill(0xff)]) });
    expect(await loaded()).toEqual([0]);
  });

  it("is not cut where what is good is as long as what is not: corrupt", async () => {
    const good = blocks(0, 1);
    const rest = new Uint8Array(good.length).fill(0xff);
    await add({ 1: Buffer.concat([good, rest]) });
    expect(await loaded()).toBe("corrupt");
  });

  it("is not cut where another file with a long name sorts last: corrupt", async () => {
    await add({ 1: torn, "00000000000000000002.START.TEMP": new Uint8Array(0) });
    expect(await loaded()).toBe("corrupt");
  });

  it("is cut beside a file whose name is short", async () => {
    await add({ 1: torn, "z-short-name": new Uint8Array(0) });
    expect(await loaded()).toEqual([0, 1]);
  });

  it("is found in the file that a leftover becomes", async () => {
    await add({ 1: whole, [`${segmentName(1)}.END`]: torn });
    expect(await loaded()).toEqual([0, 1]);
  });
});

describe("an older segment is trusted to reach the next one", () => {
  it("torn: corrupt, as only tails are cut", async () => {
    await add({ 1: blocks(0, 3).subarray(0, -1), 4: blocks(3, 4) });
    expect(await loaded()).toBe("corrupt");
  });

  it("an entry short, empty or missing: the original panics", async () => {
    await add({ 1: blocks(0, 2), 4: blocks(3, 4) });
    expect(await loaded()).toBe("panic");
    disk = new MemoryDisk();
    await add({ 1: blocks(0, 3), 4: blocks(0, 0), 5: blocks(4, 5) });
    expect(await loaded()).toBe("panic");
  });

  it("the first may be missing: the log begins later", async () => {
    await add({ 4: blocks(3, 6), 7: blocks(6, 7) });
    expect(await loaded()).toEqual([3, 4, 5, 6]);
  });

  it("an entry too long: it is read on to its end, before the next one", async () => {
    await add({ 1: blocks(0, 4), 3: blocks(8, 11), 6: blocks(5, 6) });
    expect(await loaded()).toBe("gap");
    disk = new MemoryDisk();
    // Indices 3 and 4 come from the first segment, 5 from the second one, whose third entry it is.
    await add({ 1: blocks(0, 4), 3: blocks(2, 5), 6: blocks(5, 6) });
    expect(await loaded()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("an entry too long, before the tail: the tail's first index ends it", async () => {
    await add({ 1: blocks(0, 4), 4: blocks(3, 5) });
    expect(await loaded()).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("records", () => {
  it("that are not consecutive are a gap, up or down", async () => {
    await add({ 1: Buffer.concat([blocks(0, 1), blocks(2, 3)]) });
    expect(await loaded()).toBe("gap");
    disk = new MemoryDisk();
    await add({ 1: Buffer.concat([blocks(0, 2), blocks(1, 2)]) });
    expect(await loaded()).toBe("gap");
  });

  it("of zero bytes, which a zero-filled tail parses as, make the original panic", async () => {
    await add({ 1: Buffer.concat([blocks(0, 2), new Uint8Array(64)]) });
    expect(await loaded()).toBe("panic");
  });

  it("are looked at one by one: of a million zeros in a tail only the first one", async () => {
    await add({ 1: Buffer.concat([blocks(0, 2), new Uint8Array(1_000_000)]) });
    const { next } = await openTidwall(lookOnly(disk), DIRECTORY);
    expect(next).toBe(1_000_003n);
    expect(await loaded()).toBe("panic");
  });

  it("that are no messages do not decode", async () => {
    await add({ 1: Buffer.concat([blocks(0, 1), Uint8Array.of(1, 0xff)]) });
    expect(await loaded()).toBe("decode");
  });

  it("before what cannot be read are looked at first: the first fault decides", async () => {
    await add({ 1: Buffer.concat([blocks(0, 1), Uint8Array.of(1, 0xff)]), 9: blocks(3, 4) });
    expect(await loaded()).toBe("decode");
  });
});

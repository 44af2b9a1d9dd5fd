/** Each kind of damage is found where it is, beside any other; nothing stops at the first. */
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { crc32c } from "../../src/codec/crc32c.js";
import { encodeSlot, SLOT_BYTES_DEFAULT } from "../../src/disk/slots/form.js";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { RECORD_HEADER_BYTES, recordType, slotName } from "../../src/journal/form/records.js";
import { claimedHeadBytes } from "../../src/journal/form/head.js";
import { MARK_SLOT_BYTES } from "../../src/journal/form/mark.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { ErrorCode } from "../../src/types/errors.js";
import { encodePruneAnchor } from "../../src/wire/codec/encode.js";
import { forge, forgeHead, newestSegment } from "../journal/kit.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { born, laneAt, pushAnchor, pushBlocks, pushQCs } from "../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../node/surroundings.js";
import {
  flip,
  FULL_PAYLOAD,
  type Inspected,
  inspected,
  liveSegments,
  type Placed,
  recordsIn,
  smallStore,
} from "./kit.js";
import { property } from "../harness/property.js";

const chain = new TestChain(2, FULL_PAYLOAD);
/** The same validators; more blocks of theirs fit a segment. */
const small = new TestChain(2, 60);
const lane = laneAt(chain, 0);
const ANCHOR_A = "store/prune_anchor_a.pb";
let whole: SimulatedDisk;
let segments: readonly string[];

beforeAll(async () => {
  whole = await smallStore(chain);
  segments = liveSegments(whole);
});

/** A copy of the store with something done to it. */
function harmed(harm: (disk: SimulatedDisk) => void): SimulatedDisk {
  const disk = whole.kill();
  harm(disk);
  return disk;
}

/** Class and file of each error, sorted. */
function errorsOf({ errors }: Inspected): string[] {
  return errors.map((each) => `${each.class} ${each.file}`).sort();
}

function refusedWith({ summary }: Inspected): ErrorCode | undefined {
  return summary.verdict.opens ? undefined : summary.verdict.class;
}

describe("a directory", () => {
  test("that is not there, and one that is empty: no store", async () => {
    const disk = new SimulatedDisk();
    for (const round of ["missing", "empty"]) {
      const found = await inspected(disk);
      expect(errorsOf(found), round).toEqual(["NOT_A_STORE store/STORE"]);
      expect(refusedWith(found)).toBe("NOT_A_STORE");
      expect(found.summary).toMatchObject({ identity: undefined, mark: undefined, logs: [] });
      if (round === "missing") await disk.makeDirectory("store");
    }
  });

  test("that holds something else: no store, and nothing more is said of it", async () => {
    const disk = new SimulatedDisk();
    await disk.makeDirectory("store");
    await put(disk, "store/notes.txt", Buffer.from("hello"));
    await put(disk, "store/STORE", Buffer.alloc(400, "garbage "));
    expect(errorsOf(await inspected(disk))).toEqual(["NOT_A_STORE store/STORE"]);
  });

  test("in which every file of a store is garbage: each is named", async () => {
    const disk = harmed((each) => {
      for (const { path, size } of each.files())
        each.damage(path, 0, Buffer.alloc(size, "rubbish"));
    });
    const found = await inspected(disk, { kind: "signatures" });
    const files = new Set(found.errors.map(({ file }) => file));
    for (const { path } of whole.files()) expect(files).toContain(path.slice(1));
    expect(errorsOf(found)).toContain("JOURNAL_CORRUPT store/journal");
    expect(refusedWith(found)).toBe("NOT_A_STORE");
  });

  test("whose STORE is of a newer format: that is all that can be said", async () => {
    const disk = harmed((each) => {
      const bytes = Buffer.from(each.readNow("store/STORE"));
      bytes.writeUInt32LE(9, 8);
      bytes.writeUInt32LE(crcOf(bytes), bytes.length - 4);
      each.damage("store/STORE", 0, bytes);
    });
    expect(errorsOf(await inspected(disk))).toEqual(["FORMAT_TOO_NEW store/STORE"]);
  });

  test("with names that are not ours, and what an init left: told, and no error", async () => {
    const disk = whole.kill();
    await put(disk, "store/core", Buffer.from("dump"));
    await put(disk, "store/journal/notes", Buffer.from("dump"));
    await put(disk, "store/INIT", new Uint8Array(0));
    const { findings, errors, summary } = await inspected(disk);
    expect(errors).toEqual([]);
    expect(findings.map(({ file }) => file).sort()).toEqual([
      "store/INIT",
      "store/core",
      "store/journal/notes",
    ]);
    expect(summary.verdict).toEqual({ opens: true });
  });
});

describe("a store without its identity is looked at all the same", () => {
  test.each(["missing", "damaged"])("STORE is %s, and a record too", async (how) => {
    const [{ file, record }] = recordsIn(whole, segments[0]!).slice(-1) as [Placed];
    const disk = whole.kill();
    if (how === "missing") await disk.remove("store/STORE");
    else flip(disk, "store/STORE", 20);
    flip(disk, file, record.offset + RECORD_HEADER_BYTES);
    const found = await inspected(disk);
    expect(errorsOf(found)).toEqual([`JOURNAL_CORRUPT ${file}`, "NOT_A_STORE store/STORE"]);
    expect(refusedWith(found)).toBe("NOT_A_STORE");
    expect(found.summary.logs.map(({ next }) => next)).toEqual([9n, 9n, 9n]);
  });
});

describe("the mark", () => {
  const slots = [0, MARK_SLOT_BYTES];

  test("missing", async () => {
    const disk = whole.kill();
    await disk.remove("store/mark");
    const found = await inspected(disk);
    expect(errorsOf(found)).toEqual(["MARK_CORRUPT store/mark"]);
    expect(refusedWith(found)).toBe("MARK_CORRUPT");
  });

  test("with two bad slots: each is named", async () => {
    const found = await inspected(
      harmed((disk) => {
        for (const slot of slots) flip(disk, "store/mark", slot + 30);
      }),
    );
    expect(found.errors.map(({ offset }) => offset)).toEqual(slots);
    expect(refusedWith(found)).toBe("MARK_CORRUPT");
  });

  test.each(slots)("with a bad slot at %i: a warning", async (slot) => {
    const found = await inspected(harmed((disk) => flip(disk, "store/mark", slot + 30)));
    expect(found.findings).toMatchObject([
      { class: "MARK_CORRUPT", severity: "warning", file: "store/mark", offset: slot },
    ]);
    expect(found.summary.verdict).toEqual({ opens: true });
  });

  test("of another store", async () => {
    const other = await born();
    const found = await inspected(
      harmed((disk) => disk.damage("store/mark", 0, other.readNow("store/mark"))),
    );
    expect(errorsOf(found)).toEqual(["MARK_CORRUPT store/mark"]);
  });
});

describe("a segment that must be there", () => {
  test.each(["missing", "emptied", "zeroed", "cut"])("%s: named", async (how) => {
    for (const [index, file] of segments.entries()) {
      const disk = whole.kill();
      if (how === "missing") await disk.remove(file);
      else if (how === "emptied") disk.shorten(file, 0);
      else if (how === "zeroed") disk.damage(file, 0, new Uint8Array(disk.readNow(file).length));
      else disk.shorten(file, recordsIn(whole, file).at(-1)!.record.offset + 100);
      const found = await inspected(disk);
      const isNewest = index === segments.length - 1;
      const code = isNewest && how === "cut" ? "ACKNOWLEDGED_LOST" : "JOURNAL_CORRUPT";
      expect(refusedWith(found)).toBe(code);
      // A newest head that left no trace is missed by the mark alone: nothing says where it was.
      if (!isNewest || how === "cut") expect(errorsOf(found)).toContain(`${code} ${file}`);
      else expect(errorsOf(found).length).toBeGreaterThan(0);
    }
  });

  test("under another name, or swapped with another, or there twice", async () => {
    const [first, second] = segments as [string, string];
    const swapped = harmed((disk) => {
      disk.damage(first, 0, whole.readNow(second));
      disk.damage(second, 0, whole.readNow(first));
    });
    const told = errorsOf(await inspected(swapped));
    expect(told).toEqual(
      expect.arrayContaining([first, second].map((f) => `JOURNAL_CORRUPT ${f}`)),
    );
    const twice = whole.kill();
    await put(twice, "store/journal/0009.seg", whole.readNow(segments.at(-1)!));
    expect(errorsOf(await inspected(twice))).toEqual(["JOURNAL_CORRUPT store/journal/0009.seg"]);
  });

  test("whose head is damaged: what only it held is listed", async () => {
    const [file] = segments as [string];
    const found = await inspected(harmed((disk) => flip(disk, file, 40)));
    expect(found.errors[0]).toMatchObject({ class: "JOURNAL_CORRUPT", file, offset: 0 });
    const missing = found.errors.slice(1).map(({ lane: name, number }) => `${name} ${number}`);
    // One finding for each run of numbers that no other segment holds.
    const held = (path: string): Set<string> =>
      new Set(
        recordsIn(whole, path)
          .filter(isOfLog)
          .map(({ record }) => `${record.log} ${record.number}`),
      );
    const elsewhere = new Set(segments.slice(1).flatMap((path) => [...held(path)]));
    const alone = new Set([...held(file)].filter((record) => !elsewhere.has(record)));
    const runs = [...alone].filter((record) => {
      const [log, number] = record.split(" ");
      return !alone.has(`${log} ${BigInt(number ?? 0) - 1n}`);
    });
    expect(missing).toHaveLength(runs.length);
    for (const name of [...chain.lanes, "road"]) expect(missing).toContain(`${name} 0`);
  });

  test("of a newer format, wherever it lies", async () => {
    const spare = harmed((disk) => {
      const bytes = Buffer.from(whole.readNow(segments[0]!));
      const head = bytes.subarray(0, claimedHeadBytes(bytes));
      head.writeUInt32LE(9, 8);
      head.writeUInt32LE(crcOf(head), head.length - 4);
      disk.damage("store/journal/0004.seg", 0, bytes);
    });
    expect(errorsOf(await inspected(spare))).toEqual(["FORMAT_TOO_NEW store/journal/0004.seg"]);
  });

  test("whose list of logs does not fit its records", async () => {
    const disk = await born();
    forge(disk, [{ name: lane, number: 0n, payload: chain.block(lane, 0n).bytes }]);
    forgeHead(disk, (head) => ({ ...head, nextLog: 7 }));
    const found = await inspected(disk);
    expect(found.errors[0]).toMatchObject({ class: "JOURNAL_CORRUPT", offset: 4096 });
    expect(refusedWith(found)).toBe("JOURNAL_CORRUPT");
  });
});

test("a retained segment: what is damaged in it is a warning, since nothing in it is promised", async () => {
  const disk = await retaining();
  const { head } = newestSegment(disk);
  const files = head.retainedSlots.map((slot) => `store/journal/${slotName(slot)}`);
  const [harmedFile, gone] = files.slice(-2) as [string, string];
  const { record } = recordsIn(disk, harmedFile).find(isAppend)!;
  flip(disk, harmedFile, record.offset + RECORD_HEADER_BYTES);
  await disk.remove(gone);
  const { findings, summary } = await inspected(disk);
  expect(findings).toMatchObject([
    { class: "JOURNAL_CORRUPT", severity: "warning", file: harmedFile, offset: record.offset },
    { class: "JOURNAL_CORRUPT", severity: "warning", file: gone, offset: 0 },
  ]);
  expect(summary.verdict).toEqual({ opens: true });
  expect(summary.journal.retained).toBe(files.length);
});

describe("the A/B pairs", () => {
  test.each(["prune_anchor_a", "consensus_b"])("%s is missing", async (name) => {
    const disk = whole.kill();
    await disk.remove(`store/${name}.pb`);
    const found = await inspected(disk);
    expect(errorsOf(found)).toContain(`ANCHOR_CORRUPT store/${name}.pb`);
    expect(refusedWith(found)).toBe("ANCHOR_CORRUPT");
  });

  test("the slot that was acknowledged is damaged", async () => {
    const found = await inspected(harmed((disk) => flip(disk, ANCHOR_A, 100)));
    expect(found.errors[0]).toMatchObject({ class: "ANCHOR_CORRUPT", file: ANCHOR_A, offset: 0 });
    expect(refusedWith(found)).toBe("ANCHOR_CORRUPT");
  });

  test("the other slot is damaged: a warning", async () => {
    const file = "store/prune_anchor_b.pb";
    const found = await inspected(harmed((disk) => flip(disk, file, 100)));
    expect(found.findings).toMatchObject([{ class: "ANCHOR_CORRUPT", severity: "warning", file }]);
    expect(found.summary.anchor).toMatchObject({ file: ANCHOR_A, roadIndex: 0n });
  });

  test("an anchor that does not decode, or whose halves are of different roads", async () => {
    const { appQC } = chain.qc(1n).anchor;
    const mixed = encodePruneAnchor({ appQC, commitQC: chain.qc(2n).qc });
    for (const message of [Buffer.from("not a message at all"), mixed]) {
      const disk = await born();
      disk.damage(ANCHOR_A, 0, encodeSlot(1n, message, SLOT_BYTES_DEFAULT));
      expect(errorsOf(await inspected(disk))).toEqual([`ANCHOR_CORRUPT ${ANCHOR_A}`]);
    }
  });
});

describe("records that contradict each other, each of them named", () => {
  test("two in the wrong lane, one without its parent, one QC at the wrong index", async () => {
    const disk = await born();
    const other = laneAt(chain, 1);
    forge(disk, [
      { name: lane, number: 0n, payload: chain.block(lane, 0n).bytes },
      { name: lane, number: 1n, payload: chain.orphan(lane, 1n).bytes },
      { name: lane, number: 2n, payload: chain.block(other, 2n).bytes },
      { name: lane, number: 3n, payload: Buffer.from("no block at all") },
      { name: "road", number: 0n, payload: chain.qc(1n).bytes },
      { name: "nobody", number: 0n },
    ]);
    const found = await inspected(disk);
    const told = found.errors.map((each) => [each.class, each.lane, each.number]);
    expect(told).toEqual([
      ["RECOVERY_MISMATCH", lane, 2n],
      ["RECOVERY_MISMATCH", lane, 3n],
      ["RECOVERY_MISMATCH", "road", 0n],
      ["RECOVERY_MISMATCH", "nobody", 0n],
      ["RECOVERY_MISMATCH", lane, 1n],
    ]);
    const { path } = newestSegment(disk);
    const offsets = recordsIn(disk, path).map(({ record }) => record.offset);
    for (const { file, offset } of found.errors) {
      expect(`/${file}`).toBe(path);
      expect(offsets).toContain(offset);
    }
  });

  test("a hole in a lane and one in the road", async () => {
    const disk = await born();
    forge(disk, [
      { name: lane, number: 0n, payload: chain.block(lane, 0n).bytes },
      { name: lane, number: 2n, payload: chain.block(lane, 2n).bytes },
      { name: "road", number: 0n, payload: chain.qc(0n).bytes },
      { name: "road", number: 3n, payload: chain.qc(3n).bytes },
    ]);
    const found = await inspected(disk);
    expect(found.errors.map((each) => [each.lane, each.number])).toEqual([
      [lane, 2n],
      ["road", 3n],
    ]);
    expect(refusedWith(found)).toBe("JOURNAL_CORRUPT");
  });

  test("two lanes that no anchor lets start where they do, and one above capacity", async () => {
    const disk = await born();
    const [one, other] = chain.lanes as [typeof lane, typeof lane];
    const many = Array.from({ length: 31 }, (_, number) => BigInt(number));
    forge(disk, [
      { name: one, number: 3n, first: 3n, payload: chain.block(one, 3n).bytes },
      ...many.map((number) => ({ name: other, number, payload: small.block(other, number).bytes })),
      { name: other, number: 0n, type: recordType.truncate },
    ]);
    const labels = (await inspected(disk)).errors.map(({ message }) => message);
    expect(labels.filter((text) => text.includes("[first-without-anchor]"))).toHaveLength(1);
    expect(labels.filter((text) => text.includes("[over-capacity]"))).toHaveLength(1);
  });
});

test("damage in many files at once: all of it is found", async () => {
  const { file, record } = recordsIn(whole, segments[1]!)[2]!;
  const disk = whole.kill();
  flip(disk, "store/STORE", 30);
  for (const slot of [0, MARK_SLOT_BYTES]) flip(disk, "store/mark", slot + 30);
  flip(disk, ANCHOR_A, 100);
  flip(disk, segments[0]!, 40);
  flip(disk, file, record.offset + RECORD_HEADER_BYTES);
  await disk.remove("store/consensus_a.pb");
  const told = new Set(errorsOf(await inspected(disk)));
  for (const expected of [
    "NOT_A_STORE store/STORE",
    "MARK_CORRUPT store/mark",
    `ANCHOR_CORRUPT ${ANCHOR_A}`,
    `JOURNAL_CORRUPT ${segments[0]}`,
    `JOURNAL_CORRUPT ${file}`,
    "ANCHOR_CORRUPT store/consensus_a.pb",
  ]) {
    expect(told).toContain(expected);
  }
});

property([fc.uniqueArray(fc.nat(1_000), { minLength: 1, maxLength: 6 })], {
  numRuns: 60,
})("payloads damaged in any records: exactly those are found", async (draws) => {
  const records = segments.flatMap((file) => recordsIn(whole, file)).filter(isAppend);
  const chosen = new Set(draws.map((draw) => records[draw % records.length]!));
  const disk = whole.kill();
  for (const { file, record } of chosen) {
    flip(disk, file, record.offset + RECORD_HEADER_BYTES + (draws[0]! % record.payloadLength));
  }
  const { errors } = await inspected(disk);
  const places = errors.map(({ file, offset, number }) => `${file} ${offset} ${number}`).sort();
  expect(places).toEqual(
    [...chosen].map(({ file, record }) => `${file} ${record.offset} ${record.number}`).sort(),
  );
});

test("damage to a block below its lane's first is a warning; to one above it, an error that names it", async () => {
  const disk = new SimulatedDisk();
  const init = { chainId: CHAIN_ID, segmentBytes: 8 * SEGMENT_BYTES };
  await Lanekeeper.initOn(simulatedSurroundings(disk, 2), DIRECTORY, init);
  const choices = { ...init, epochOf: small.epochOf };
  const keeper = await Lanekeeper.openOn(simulatedSurroundings(disk, 3), DIRECTORY, choices);
  await pushBlocks(keeper, small, laneAt(small, 0), { to: 6n });
  await pushQCs(keeper, small, { to: 6n });
  await pushAnchor(keeper, small.qc(3n).anchor);
  await keeper.close();
  const own = newestSegment(disk).path.slice(1);
  const found = recordsIn(disk, own).filter(isAppend);
  const blocks = found.filter(
    ({ record }) => record.payloadLength === found[0]?.record.payloadLength,
  );
  expect(blocks.length).toBeGreaterThan(4);
  for (const { record } of blocks) {
    const left = disk.kill();
    flip(left, own, record.offset + RECORD_HEADER_BYTES + 20);
    const { findings } = await inspected(left);
    const here = findings.find(({ offset }) => offset === record.offset);
    expect(here).toMatchObject({ lane: laneAt(small, 0), number: record.number });
    expect(here?.severity).toBe(record.number < 3n ? "warning" : "error");
  }
});

/** A closed store that has pruned some segments, and keeps them. */
async function retaining(): Promise<SimulatedDisk> {
  const disk = await born();
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: chain.epochOf };
  const keeper = await Lanekeeper.openOn(simulatedSurroundings(disk, 2), DIRECTORY, {
    ...choices,
    retainBytes: 8 * SEGMENT_BYTES,
  });
  for (let round = 0n; round < 12n; round++) {
    for (const each of chain.lanes) {
      await pushBlocks(keeper, chain, each, { from: round, to: round + 1n });
    }
    await pushQCs(keeper, chain, { from: round, to: round + 1n });
    await pushAnchor(keeper, chain.qc(round).anchor);
  }
  await keeper.close();
  return disk;
}

async function put(disk: SimulatedDisk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.create(path);
  await file.writeDurable(0, [bytes]);
  await file.close();
}

/** The checksum that STORE and heads end with. */
function crcOf(bytes: Uint8Array): number {
  return crc32c(bytes.subarray(0, -4));
}

function isOfLog({ record }: Placed): boolean {
  return record.type === recordType.append || record.type === recordType.copy;
}

function isAppend({ record }: Placed): boolean {
  return record.type === recordType.append;
}

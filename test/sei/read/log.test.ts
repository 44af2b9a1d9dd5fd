import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../../../src/disk/memory.js";
import { liveRunOf } from "../../../src/sei/read/live-run.js";
import { parseLogName, sealedName } from "../../../src/sei/format/log-name.js";
import { nextLiveName, openLog, planOpening } from "../../../src/sei/read/log-opening.js";
import { readLog } from "../../../src/sei/read/log-reading.js";
import {
  frameRecord,
  HEADER_BYTES,
  logHeader,
  recordsOf,
} from "../../../src/sei/format/log-record.js";
import type { ReadableDisk } from "../../../src/disk/readable.js";
import { type RecordToWrite, writeLog } from "../../../src/sei/write/write-log.js";
import { U64_MAX } from "../../../src/types/numbers.js";
import { lookingOnly, putFile } from "../../golden/kit/directories.js";
import { u64 } from "../../wire/arbitraries.js";

const LOG = "/log";
const refusal = (errorClass: string) => expect.objectContaining({ name: "StateError", errorClass });
const raw = (payload: Uint8Array): Uint8Array => payload;

/** Records with rising indices. */
const rising = fc
  .uniqueArray(fc.tuple(u64, fc.uint8Array({ maxLength: 300 })), {
    selector: ([index]) => index,
    maxLength: 30,
  })
  .map((records) =>
    records
      .map(([index, payload]): RecordToWrite => ({ index, payload }))
      .toSorted((a, b) => (a.index < b.index ? -1 : 1)),
  );

async function logOf(files: Readonly<Record<string, Uint8Array>>): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory(LOG);
  for (const [name, bytes] of Object.entries(files)) await putFile(disk, `${LOG}/${name}`, bytes);
  return disk;
}

async function recordsIn(disk: ReadableDisk, directory = LOG): Promise<RecordToWrite[]> {
  const records: RecordToWrite[] = [];
  const looking = lookingOnly(disk);
  for await (const { index, payload } of readLog(looking, await openLog(looking, directory))) {
    records.push({ index, payload: Uint8Array.from(payload) });
  }
  return records;
}

const file = (...records: readonly (readonly [bigint, string])[]): Uint8Array =>
  Buffer.concat([
    logHeader(),
    ...records.map(([index, text]) => frameRecord(index, Buffer.from(text))),
  ]);

describe("records", () => {
  test("what is framed is read back, at any index and length", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(u64, fc.uint8Array({ maxLength: 500 }))), (records) => {
        const frames = records.map(([index, payload]) => frameRecord(index, payload));
        const bytes = Buffer.concat([logHeader(), ...frames]);
        const found = [...recordsOf(bytes, "f")];
        expect(found.map(({ index }) => index)).toEqual(records.map(([index]) => index));
        for (const [at, { payload, offset, end }] of found.entries()) {
          expect(Buffer.from(payload)).toEqual(Buffer.from(records[at]?.[1] ?? []));
          expect(bytes.subarray(offset, end)).toEqual(Buffer.from(frames[at] ?? []));
        }
      }),
    );
  });

  test("a file cut anywhere gives the records before the cut, and says where it ends", () => {
    const bytes = file([0n, "a"], [1n, ""], [200n, "long enough for two bytes of length"]);
    const whole = [...recordsOf(bytes, "f")];
    for (let length = 0; length < bytes.length; length++) {
      const records = recordsOf(bytes.subarray(0, length), "f");
      const found = [];
      let step = records.next();
      for (; step.done !== true; step = records.next()) found.push(step.value.index);
      const intact = whole.filter(({ end }) => end <= length);
      expect(found).toEqual(intact.map(({ index }) => index));
      const end = intact.at(-1)?.end ?? HEADER_BYTES;
      expect(step.value?.offset).toBe(length > end ? end : undefined);
    }
  });

  test("every flipped bit in a record ends the file there", () => {
    const bytes = file([5n, "first"], [6n, "second"]);
    const [first] = recordsOf(bytes, "f");
    for (let at = first?.end ?? 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Uint8Array.from(bytes);
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        expect([...recordsOf(flipped, "f")].map(({ index }) => index)).toEqual([5n]);
      }
    }
  });

  test("bytes that are no log file are refused by name, unless they are too few to tell", () => {
    expect(() => [...recordsOf(Buffer.from("SEIWAL"), "f")]).toThrow(refusal("magic"));
    expect(() => [...recordsOf(Uint8Array.of(...Buffer.from("SEIWL"), 2), "f")]).toThrow(
      refusal("version"),
    );
    expect([...recordsOf(Buffer.from("OTHER"), "f")]).toEqual([]);
  });
});

describe("names", () => {
  test("a name that is built is read", () => {
    fc.assert(
      fc.property(u64, u64, u64, (sequence, first, last) => {
        const parsed = parseLogName(sealedName(sequence, first, last));
        expect(parsed).toEqual({ kind: "sealed", sequence, first, last });
      }),
    );
  });

  test.each(["0.wal", "0-1.wal", "-1-0-1.wal", "0-0-1.wal.swap", "0.wal.u ", "x.wal.u"])(
    "%s is no log file's",
    (name) => {
      expect(parseLogName(name)).toBeUndefined();
    },
  );

  test("numbers beyond 64 bits are no log file's", () => {
    expect(parseLogName(`${U64_MAX}.wal.u`)).toBeDefined();
    expect(parseLogName(`${U64_MAX + 1n}.wal.u`)).toBeUndefined();
    expect(parseLogName(`0-0-${U64_MAX + 1n}.wal`)).toBeUndefined();
  });
});

describe("opening, which changes nothing", () => {
  test("a directory that is not there is an empty log", async () => {
    const disk = new MemoryDisk();
    const opening = await openLog(disk, "/nowhere");
    expect(opening.files).toEqual([]);
    expect(nextLiveName(opening)).toBe("0.wal.u");
    expect(await disk.kind("/nowhere")).toBeUndefined();
  });

  test("a live file is cut at its last intact record, and the cut is told", async () => {
    const bytes = file([7n, "whole"], [8n, "torn"]);
    const disk = await logOf({ "3.wal.u": bytes.subarray(0, bytes.length - 1) });
    const opening = await openLog(disk, LOG);
    expect(opening.files).toMatchObject([{ sequence: 3n, first: 7n, last: 7n }]);
    expect(opening.cuts).toMatchObject([{ path: `${LOG}/3.wal.u`, offset: 17 }]);
    expect(nextLiveName(opening)).toBe("4.wal.u");
    expect(await recordsIn(disk)).toHaveLength(1);
  });

  test("a live file that no record is left of would be removed", async () => {
    const disk = await logOf({ "0.wal.u": file([0n, "torn"]).subarray(0, 9) });
    const opening = await openLog(disk, LOG);
    expect([...opening.entries.keys()]).toEqual(["wal.lock"]);
    expect(opening.cuts).toMatchObject([{ offset: HEADER_BYTES, bytes: 3 }]);
  });

  test("sealing a live file replaces a sealed one of the same name", async () => {
    const live = file([0n, "new"], [1n, "new"]);
    const disk = await logOf({ "0.wal.u": live, "0-0-1.wal": file([0n, "old"], [1n, "old"]) });
    const texts = (await recordsIn(disk)).map(({ payload }) => Buffer.from(payload).toString());
    expect(texts).toEqual(["new", "new"]);
  });

  test("a second opening starts from what the first one left", async () => {
    const disk = await logOf({
      "0-0-0.wal": file([0n, "kept"]),
      "0.wal.u": file([0n, "a"], [1n, "b"]),
    });
    const first = await planOpening(disk, LOG);
    expect(first.refusal).toEqual(refusal("sequence_gap"));
    const second = await planOpening(disk, LOG, first.entries);
    expect(second.refusal).toBeUndefined();
    expect(second.files).toMatchObject([{ first: 0n, last: 0n }]);
  });

  test.each(["0-0-0.wal", "1.wal.u", "wal.lock"])(
    "a directory where opening would make the file %s is in the way",
    async (name) => {
      const disk = await logOf({ "0.wal.u": file([0n, "a"]) });
      await disk.makeDirectory(`${LOG}/${name}`);
      await expect(openLog(disk, LOG)).rejects.toEqual(refusal("other"));
    },
  );

  test("a file that is gone between opening and reading is told as missing", async () => {
    const disk = await logOf({ "0-0-0.wal": file([0n, "a"]) });
    const opening = await openLog(disk, LOG);
    await disk.remove(`${LOG}/0-0-0.wal`);
    await expect(readLog(disk, opening).next()).rejects.toEqual(refusal("file_missing"));
  });

  test("a sealed file is refused before its first record, the files before it are not", async () => {
    const damaged = file([2n, "a"], [3n, "b"]);
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    const disk = await logOf({ "0-0-1.wal": file([0n, "a"], [1n, "b"]), "1-2-3.wal": damaged });
    const found: bigint[] = [];
    const read = async (): Promise<void> => {
      for await (const { index } of readLog(disk, await openLog(disk, LOG))) found.push(index);
    };
    await expect(read()).rejects.toMatchObject({ errorClass: "sealed_corrupt", offset: 13 });
    expect(found).toEqual([0n, 1n]);
  });
});

describe("the live run", () => {
  const runOf = async (indices: readonly bigint[], fileBytes = 40) => {
    const disk = new MemoryDisk();
    const records = indices.map((index) => ({ index, payload: Buffer.from(`record ${index}`) }));
    await writeLog(disk, LOG, records, { fileBytes });
    const run = await liveRunOf(lookingOnly(disk), LOG, raw);
    const found: bigint[] = [];
    for await (const { index } of run.records()) found.push(index);
    return { run, found };
  };

  test("it begins above the last gap, and says what lies below", async () => {
    const { run, found } = await runOf([0n, 1n, 5n, 6n, 9n, 10n, 11n]);
    expect(found).toEqual([9n, 10n, 11n]);
    expect([run.discarded, run.count]).toEqual([4, 3]);
  });

  test("it is the longest one that ends at the last record, whatever the indices", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.bigInt(0n, 20n)), async (drawn) => {
        const indices = drawn.toSorted((a, b) => (a < b ? -1 : 1));
        const { run, found } = await runOf(indices);
        expect(found).toEqual(indices.slice(run.discarded));
        for (const [at, index] of found.entries())
          expect(index - (found[0] ?? 0n)).toBe(BigInt(at));
        const before = indices[run.discarded - 1];
        if (before !== undefined) expect((found[0] ?? 0n) - before).toBeGreaterThan(1n);
        expect(found.length > 0).toBe(indices.length > 0);
      }),
    );
  });
});

describe("writing", () => {
  test("what is written is read back, whatever the size of files", async () => {
    await fc.assert(
      fc.asyncProperty(
        rising,
        fc.integer({ min: 1, max: 2000 }),
        fc.constantFrom("sealed" as const, "live" as const),
        async (records, fileBytes, lastFile) => {
          const disk = new MemoryDisk();
          await writeLog(disk, LOG, records, { fileBytes, lastFile });
          expect(await recordsIn(disk)).toEqual(
            records.map(({ index, payload }) => ({ index, payload: Uint8Array.from(payload) })),
          );
          expect((await openLog(disk, LOG)).cuts).toEqual([]);
        },
      ),
    );
  });

  test("a file is sealed by the record that brings it to its size", async () => {
    const disk = new MemoryDisk();
    const payload = new Uint8Array(100);
    const records = [0n, 1n, 2n, 3n, 4n].map((index) => ({ index, payload }));
    await writeLog(disk, LOG, records, { fileBytes: HEADER_BYTES + 2 * 106 });
    const names = (await disk.list(LOG))?.map(({ name }) => name);
    expect(names).toEqual(["0-0-1.wal", "1-2-3.wal", "2-4-4.wal", "wal.lock"]);
  });

  test("indices that do not rise are refused", async () => {
    const payload = new Uint8Array(1);
    const records = [1n, 1n].map((index) => ({ index, payload }));
    const error = expect.objectContaining({ code: "OUT_OF_SEQUENCE" });
    await expect(writeLog(new MemoryDisk(), LOG, records)).rejects.toEqual(error);
  });

  test("a directory that holds anything is refused, and left as it is", async () => {
    const disk = await logOf({ note: Buffer.from("mine") });
    const error = expect.objectContaining({ code: "STORE_EXISTS" });
    await expect(writeLog(disk, LOG, [])).rejects.toEqual(error);
    expect((await disk.list(LOG))?.map(({ name }) => name)).toEqual(["note"]);
  });
});

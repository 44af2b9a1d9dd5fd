/** A log of WalManager as it is read: one unbroken history, or a refusal that says why. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../../src/disk/memory.js";
import { walTypes } from "../../src/walmanager/record-types.js";
import { type WalChoices, WalLog } from "../../src/walmanager/wal-log.js";
import type { WalErrorClass } from "../../src/walmanager/wal-error.js";
import { putFile } from "../golden/kit/directories.js";
import { LOG, logOf, payloadOf, readLog, record, records, segmentName, sidecar } from "./kit.js";

/** A refusal of this class, with these facts. */
function refusal(errorClass: WalErrorClass, facts: object = {}) {
  return expect.objectContaining({ name: "WalError", errorClass, ...facts }) as Error;
}

function file(firstLsn: bigint): string {
  return `${LOG}/${segmentName(firstLsn)}`;
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at]! ^= 1;
  return copy;
}

/** The offset of record `lsn` in records that begin with LSN `first`. */
function offsetOf(lsn: bigint, first = 1n): number {
  return records(first, lsn).length;
}

describe("a sound log", () => {
  test("records of both versions, with their labels and payloads, over three segments", async () => {
    const named = { tenantId: 0xffff_fffe, vshard: 0xffff, type: walTypes.LogBatch };
    const disk = await logOf([
      [1n, Buffer.concat([record({ lsn: 1n, version: 1 }), record({ lsn: 2n, version: 1 })])],
      [3n, record({ lsn: 3n, ...named })],
      [4n, Buffer.concat([record({ lsn: 4n, payload: new Uint8Array(0) }), record({ lsn: 5n })])],
    ]);
    const { records: found, lsns, summary } = await readLog(disk);
    expect(lsns).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect(found[2]).toEqual({ lsn: 3n, ...named, payload: Uint8Array.from(payloadOf(3n)) });
    expect(found[3]?.payload).toHaveLength(0);
    expect(summary).toMatchObject({
      segments: 3,
      records: 5,
      given: 5,
      firstLsn: 1n,
      lastLsn: 5n,
      nextLsn: 6n,
      gapCount: 0,
      tail: undefined,
      passedOver: [],
    });
  });

  test("the largest payload is told, with the first record that has it", async () => {
    const sizes = [5, 9, 2, 9];
    const bytes = sizes.map((size, at) =>
      record({ lsn: BigInt(at + 1), payload: new Uint8Array(size) }),
    );
    const { summary } = await readLog(await logOf([[1n, Buffer.concat(bytes)]]));
    expect(summary.largestPayload).toEqual({ bytes: 9, lsn: 2n });
  });

  test("a choice that is undefined is the default, and a wrong one is told", async () => {
    const disk = await logOf([[1n, record({ lsn: 1n, type: walTypes.Put | 0x4000 })]]);
    await expect(readLog(disk, { encrypted: undefined })).rejects.toThrow(refusal("encrypted", {}));
    for (const wrong of [
      { encrypted: "ignore" },
      { types: 5 },
      { types: [0x1_0000] },
      { typs: [] },
    ]) {
      const opened = WalLog.openOn(disk, LOG, wrong as unknown as WalChoices);
      await expect(opened).rejects.toMatchObject({ code: "USAGE" });
    }
  });

  test("the highest LSN of all is refused: no LSN can follow it; the one before is not", async () => {
    const most = 2n ** 64n - 1n;
    const below = await readLog(await logOf([[most - 1n, record({ lsn: most - 1n })]]));
    expect(below.summary.nextLsn).toBe(most);
    const disk = await logOf([[most, record({ lsn: most })]]);
    await expect(readLog(disk)).rejects.toThrow(refusal("lsn_order", { lsn: most }));
  });

  test("one that was truncated begins later, and lacks nothing", async () => {
    const disk = await logOf([
      [7n, records(7n, 9n)],
      [9n, records(9n, 10n)],
    ]);
    const { lsns, summary } = await readLog(disk);
    expect(lsns).toEqual([7n, 8n, 9n]);
    expect(summary).toMatchObject({ gapCount: 0, firstLsn: 7n });
  });

  test("an empty directory is an empty log, whose next LSN is 1", async () => {
    const { lsns, summary } = await readLog(await logOf([]));
    expect([lsns, summary.nextLsn, summary.segments]).toEqual([[], 1n, 0]);
  });

  test("an empty newest segment: its name says which LSN is next", async () => {
    const after = await readLog(
      await logOf([
        [1n, records(1n, 3n)],
        [3n, new Uint8Array(0)],
      ]),
    );
    expect([after.lsns, after.summary.nextLsn]).toEqual([[1n, 2n], 3n]);
    const alone = await readLog(await logOf([[9n, new Uint8Array(0)]]));
    expect([alone.lsns, alone.summary.nextLsn]).toEqual([[], 9n]);
  });

  test("other files are passed over, and told", async () => {
    const disk = await logOf([
      [1n, records(1n, 2n)],
      ["note", new Uint8Array(1)],
    ]);
    await disk.makeDirectory(`${LOG}/audit.wal`);
    expect((await readLog(disk)).summary.passedOver).toEqual(["audit.wal", "note"]);
  });

  test("the same on the real disk; records larger than what is read at once", async () => {
    const folder = mkdtempSync(join(tmpdir(), "walmanager-"));
    try {
      const payload = Buffer.alloc(3 * 1024 * 1024, "large");
      const parts = [record({ lsn: 1n }), record({ lsn: 2n, payload }), records(3n, 2000n)];
      writeFileSync(join(folder, segmentName(1n)), Buffer.concat(parts));
      const log = await WalLog.open(folder);
      let count = 0;
      for await (const { lsn, payload: read } of log.records()) {
        count += 1;
        const wanted = lsn === 2n ? payload : payloadOf(lsn);
        if (Buffer.compare(read, wanted) !== 0) throw new Error(`another payload at ${lsn}`);
      }
      expect(count).toBe(1999);
      expect(log.segments).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("blocks that direct I/O filled up with zeros", async () => {
    const padded = (bytes: Uint8Array): Uint8Array => {
      return Buffer.concat([bytes, new Uint8Array(4096 - (bytes.length % 4096))]);
    };
    const flushes = [records(1n, 4n), records(4n, 5n), records(5n, 9n)].map(padded);
    const disk = await logOf([
      [1n, Buffer.concat(flushes)],
      [9n, padded(records(9n, 10n))],
    ]);
    const { lsns, summary } = await readLog(disk);
    expect(lsns).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n]);
    expect(summary.paddingBytes).toBe(4 * 4096 - records(1n, 10n).length);
    expect(summary.tail).toBe(undefined);
  });
});

describe("the end of the newest segment", () => {
  const whole = records(1n, 4n);

  test("cut anywhere in its last record, it is a torn tail", async () => {
    for (let length = offsetOf(3n) + 1; length < whole.length; length++) {
      const disk = await logOf([[1n, whole.subarray(0, length)]]);
      const { lsns, summary } = await readLog(disk);
      expect(lsns).toEqual([1n, 2n]);
      const offset = offsetOf(3n);
      expect(summary.tail).toEqual({
        file: file(1n),
        offset,
        bytes: length - offset,
        reason: expect.stringContaining("cut short") as string,
        hasRecordsBehind: false,
      });
      expect(summary.nextLsn).toBe(3n);
    }
  });

  test.each<readonly [string, () => Uint8Array]>([
    ["a checksum that does not match", () => flipped(whole, whole.length - 1)],
    [
      "bytes that are none of a record",
      () => Buffer.concat([records(1n, 3n), Buffer.alloc(99, 7)]),
    ],
    ["zeros that go on over blocks", () => Buffer.concat([records(1n, 3n), Buffer.alloc(9000)])],
  ])("%s: a torn tail too", async (_, bytes) => {
    const { lsns, summary } = await readLog(await logOf([[1n, bytes()]]));
    expect(lsns).toEqual([1n, 2n]);
    expect(summary.tail).toMatchObject({ file: file(1n), hasRecordsBehind: false });
  });

  test("a record behind it that verifies: no tail, unless the caller says so", async () => {
    const disk = await logOf([[1n, flipped(records(1n, 6n), offsetOf(3n) + 29)]]);
    const place = { file: file(1n), offset: offsetOf(3n), lsn: 3n };
    await expect(readLog(disk)).rejects.toEqual(refusal("damaged_record", place));
    const { lsns, summary } = await readLog(disk, { damagedTail: "cut" });
    expect(lsns).toEqual([1n, 2n]);
    expect(summary.tail).toMatchObject({ hasRecordsBehind: true });
    expect(summary.nextLsn).toBe(3n);
  });

  test("a first record that is torn right after a roll", async () => {
    const torn = records(4n, 5n).subarray(0, 17);
    const { lsns, summary } = await readLog(
      await logOf([
        [1n, whole],
        [4n, torn],
      ]),
    );
    expect([lsns, summary.nextLsn]).toEqual([[1n, 2n, 3n], 4n]);
    expect(summary.tail).toMatchObject({ offset: 0, bytes: 17 });
  });
});

describe("damage is no silence", () => {
  const three = (middle: Uint8Array) =>
    logOf([
      [1n, records(1n, 4n)],
      [4n, middle],
      [7n, records(7n, 9n)],
    ]);

  test.each<readonly [string, Uint8Array, number]>([
    ["a flipped bit", flipped(records(4n, 7n), 40), offsetOf(5n, 4n)],
    ["a record that is cut short", records(4n, 7n).subarray(0, -1), offsetOf(6n, 4n)],
    [
      "bytes behind its last record",
      Buffer.concat([records(4n, 7n), Buffer.alloc(9, 1)]),
      offsetOf(7n, 4n),
    ],
  ])("in a sealed segment: %s", async (_, middle, offset) => {
    const place = { file: file(4n), offset };
    await expect(readLog(await three(middle))).rejects.toEqual(refusal("damaged_record", place));
  });

  test("a missing segment, told by the LSNs that are in none", async () => {
    const disk = await logOf([
      [1n, records(1n, 4n)],
      [7n, records(7n, 9n)],
    ]);
    const place = { file: file(7n), lsn: 4n };
    await expect(readLog(disk)).rejects.toEqual(refusal("missing_records", place));
    const { lsns, summary } = await readLog(disk, { missing: "report" });
    expect(lsns).toEqual([1n, 2n, 3n, 7n, 8n]);
    expect(summary).toMatchObject({ gapCount: 1, gaps: [{ first: 4n, next: 7n }] });
  });

  test("a sealed segment that ends early, at the end of a record", async () => {
    const error = refusal("missing_records", { lsn: 6n });
    await expect(readLog(await three(records(4n, 6n)))).rejects.toEqual(error);
  });

  test("an LSN that was burned between two neighbours is told, and no damage", async () => {
    const burned = Buffer.concat([records(1n, 2n), records(3n, 5n)]);
    const { lsns, summary } = await readLog(await logOf([[1n, burned]]));
    expect(lsns).toEqual([1n, 3n, 4n]);
    expect(summary).toMatchObject({ gapCount: 1, gaps: [{ first: 2n, next: 3n }] });
  });

  test("of many gaps the first ones are spelled out", async () => {
    const lsns = Array.from({ length: 50 }, (_, at) => BigInt(2 * at + 1));
    const bytes = Buffer.concat(lsns.map((lsn) => record({ lsn })));
    const { summary } = await readLog(await logOf([[1n, bytes]]));
    expect([summary.gapCount, summary.gaps.length]).toEqual([49, 16]);
  });

  test.each<readonly [string, readonly (readonly [bigint, Uint8Array])[]]>([
    ["in one segment", [[1n, Buffer.concat([records(1n, 4n), records(2n, 3n)])]]],
    [
      "in a segment of a higher name",
      [
        [1n, records(1n, 3n)],
        [3n, records(1n, 2n)],
      ],
    ],
    [
      "in two segments",
      [
        [1n, records(1n, 4n)],
        [2n, records(2n, 3n)],
      ],
    ],
    ["as 0", [[0n, records(0n, 2n)]]],
  ])("an LSN that is given twice, %s", async (_, segments) => {
    await expect(readLog(await logOf(segments))).rejects.toEqual(refusal("lsn_order"));
  });

  test("a version that is too new, wherever it is", async () => {
    const newer = Buffer.concat([records(1n, 3n), record({ lsn: 3n, version: 3 })]);
    const place = { file: file(1n), offset: offsetOf(3n) };
    await expect(readLog(await logOf([[1n, newer]]))).rejects.toEqual(refusal("too_new", place));
  });

  test("records before the damage are given", async () => {
    const log = await WalLog.openOn(await three(flipped(records(4n, 7n), 40)), LOG);
    const given: bigint[] = [];
    const reading = (async () => {
      for await (const { lsn } of log.records()) given.push(lsn);
    })();
    await expect(reading).rejects.toEqual(refusal("damaged_record"));
    expect(given).toEqual([1n, 2n, 3n, 4n]);
    expect(log.summary).toBe(undefined);
  });

  test("a file that becomes shorter while it is read", async () => {
    const bytes = records(1n, 9n);
    const short = { path: "", size: () => Promise.resolve(bytes.length + 1), close: () => none };
    const none = Promise.resolve();
    const read = (at: number, length: number) => Promise.resolve(bytes.subarray(at, at + length));
    const whole = await logOf([[1n, bytes]]);
    const disk = {
      kind: (path: string) => whole.kind(path),
      list: (path: string) => whole.list(path),
      openToRead: () => Promise.resolve({ ...short, read } as never),
    };
    const log = await WalLog.openOn(disk, LOG);
    await expect(log.records().next()).rejects.toEqual(refusal("changed"));
  });
});

describe("types and ciphertext", () => {
  const among = (type: number) =>
    logOf([[1n, Buffer.concat([records(1n, 2n), record({ lsn: 2n, type }), records(3n, 4n)])]]);

  test.each([0x8001 + 0x100, 0x8000 | 255, 0xbfff])(
    "an unknown type that is required (%i): refused",
    async (type) => {
      const place = { file: file(1n), offset: offsetOf(2n), lsn: 2n, type };
      const disk = await among(type);
      await expect(readLog(disk)).rejects.toEqual(refusal("unknown_type", place));
      const { lsns } = await readLog(disk, { types: [type] });
      expect(lsns).toEqual([1n, 2n, 3n]);
    },
  );

  test("an unknown type that is optional: left out and counted, or kept", async () => {
    const disk = await among(0x0100);
    const skipping = await readLog(disk);
    expect(skipping.lsns).toEqual([1n, 3n]);
    expect(skipping.summary).toMatchObject({
      unknownOptional: 1,
      records: 3,
      given: 2,
      gapCount: 0,
    });
    const keeping = await readLog(disk, { unknownOptional: "keep" });
    expect(keeping.records[1]).toMatchObject({ lsn: 2n, type: 0x0100 });
    expect(keeping.summary.unknownOptional).toBe(1);
  });

  test("50,000 optional records in a row are skipped", async () => {
    const lsns = Array.from({ length: 50_000 }, (_, at) => BigInt(at + 1));
    const bytes = Buffer.concat(lsns.map((lsn) => record({ lsn, type: 0x0200 })));
    const { records: given, summary } = await readLog(await logOf([[1n, bytes]]));
    expect([given.length, summary.unknownOptional]).toEqual([0, 50_000]);
  });

  test("a Noop is a record like any other", async () => {
    expect((await readLog(await among(walTypes.Noop))).lsns).toEqual([1n, 2n, 3n]);
  });

  test("an encrypted record: refused with its LSN and type, or left out and counted", async () => {
    const disk = await among(walTypes.Put | 0x4000);
    const place = { file: file(1n), offset: offsetOf(2n), lsn: 2n, type: walTypes.Put };
    await expect(readLog(disk)).rejects.toEqual(refusal("encrypted", place));
    const { lsns, summary } = await readLog(disk, { encrypted: "skip" });
    expect(lsns).toEqual([1n, 3n]);
    expect(summary).toMatchObject({ encrypted: 1, records: 3, given: 2, gapCount: 0 });
  });

  test("encryption hides no type that is required and not known", async () => {
    const disk = await among(0x8100 | 0x4000);
    const error = refusal("unknown_type", { type: 0x8100 });
    await expect(readLog(disk, { encrypted: "skip" })).rejects.toEqual(error);
  });
});

describe("a sidecar", () => {
  const copies = [2n, 3n, 4n].map((lsn) => record({ lsn }));
  const torn = flipped(records(1n, 5n), offsetOf(3n) + 32);

  test.each(["older", "newer"] as const)("of the %s form heals a torn payload", async (form) => {
    const last = records(5n, 6n);
    const disk = await logOf([
      [1n, torn],
      [segmentName(1n, "dwb"), sidecar(copies, form)],
      [5n, last],
    ]);
    const { records: found, lsns, summary } = await readLog(disk);
    expect(lsns).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect(found[2]?.payload).toEqual(Uint8Array.from(payloadOf(3n)));
    expect(summary).toMatchObject({ healed: 1, tail: undefined });
  });

  test("heals a last record of which the header is there and the payload is not", async () => {
    const disk = await logOf([
      [1n, records(1n, 5n).subarray(0, offsetOf(4n) + 31)],
      [segmentName(1n, "dwb"), sidecar(copies, "newer")],
    ]);
    const { lsns, summary } = await readLog(disk);
    expect(lsns).toEqual([1n, 2n, 3n, 4n]);
    expect(summary).toMatchObject({ healed: 1, tail: undefined, nextLsn: 5n });
  });

  test("never gives a record of the same LSN from an earlier life of the log", async () => {
    const other = record({ lsn: 3n, payload: Buffer.alloc(payloadOf(3n).length, "other") });
    const disk = await logOf([
      [1n, torn],
      [segmentName(1n, "dwb"), sidecar([other], "newer")],
      [5n, records(5n, 6n)],
    ]);
    await expect(readLog(disk)).rejects.toEqual(refusal("damaged_record", { lsn: 3n }));
  });

  test("adds no record behind a log that ends whole", async () => {
    const disk = await logOf([
      [1n, records(1n, 3n)],
      [segmentName(1n, "dwb"), sidecar(copies, "newer")],
    ]);
    expect((await readLog(disk)).lsns).toEqual([1n, 2n]);
  });

  test("does not heal a torn header; a sidecar of any bytes is no harm", async () => {
    for (const bytes of [sidecar(copies, "newer"), Buffer.alloc(200_000, 0x57), Buffer.alloc(3)]) {
      const disk = await logOf([
        [1n, flipped(records(1n, 5n), offsetOf(3n) + 9)],
        [segmentName(1n, "dwb"), bytes],
        [5n, records(5n, 6n)],
      ]);
      await expect(readLog(disk)).rejects.toEqual(refusal("damaged_record"));
    }
  });
});

describe("where the log is", () => {
  test.each(["wal-5.seg", "wal-+7.seg", `wal-${"9".repeat(20)}.seg`, "wal-.seg"])(
    "%s is no segment's name, and is not passed over",
    async (name) => {
      const disk = await logOf([
        [1n, records(1n, 2n)],
        [name, records(2n, 3n)],
      ]);
      const error = refusal("segment_name", { file: `${LOG}/${name}` });
      await expect(readLog(disk)).rejects.toEqual(error);
    },
  );

  test("a single file of older days, with its sidecar", async () => {
    const disk = new MemoryDisk();
    await putFile(disk, "/old.wal", flipped(records(4n, 7n), offsetOf(5n, 4n) + 33));
    await putFile(disk, "/old.dwb", sidecar([record({ lsn: 5n })], "older"));
    const { lsns, summary } = await readLog(disk, {}, "/old.wal");
    expect([lsns, summary.healed, summary.nextLsn]).toEqual([[4n, 5n, 6n], 1, 7n]);
  });

  test("a file in which there is no record is no log; an empty one is an empty log", async () => {
    const disk = new MemoryDisk();
    await putFile(disk, "/text", Buffer.from("this is no log"));
    await putFile(disk, "/empty", new Uint8Array(0));
    await expect(readLog(disk, {}, "/text")).rejects.toEqual(refusal("not_a_log"));
    expect((await readLog(disk, {}, "/empty")).summary.nextLsn).toBe(1n);
  });

  test("nothing at all", async () => {
    await expect(readLog(new MemoryDisk())).rejects.toEqual(refusal("not_a_log", { file: LOG }));
  });

  test("what the second start after a migration did not find is found", async () => {
    const disk = await logOf([[1n, records(1n, 3n)]], new MemoryDisk(), "/old.d");
    const gone = await WalLog.openOn(disk, "/old.wal");
    expect(gone.path).toBe("/old.d");
    // The second start begins a new log, which has no segment before its first record.
    await disk.makeDirectory("/old.wal");
    expect((await readLog(disk, {}, "/old.wal")).lsns).toEqual([1n, 2n]);
  });

  test("two logs, the old one and one that was begun in its place, are not mixed up", async () => {
    const disk = await logOf([[1n, records(1n, 3n)]], new MemoryDisk(), "/old.d");
    await logOf([[1n, records(1n, 2n)]], disk, "/old");
    await expect(readLog(disk, {}, "/old")).rejects.toEqual(refusal("two_logs", { file: "/old" }));
    expect((await readLog(disk, {}, "/old.d")).lsns).toEqual([1n, 2n]);
  });
});

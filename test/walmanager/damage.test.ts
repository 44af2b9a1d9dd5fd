/**
 * Logs that were changed in any way: what is given was written so, nothing is lost without a word, and
 * no bytes make the reader throw anything but its own error, or read more than there is.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MemoryDisk } from "../../src/disk/memory.js";
import { WalError, walErrorClasses } from "../../src/walmanager/wal-error.js";
import { type WalChoices, WalLog, type WalRecord } from "../../src/walmanager/wal-log.js";
import { recordBehind } from "../../src/walmanager/tail-search.js";
import { FileWindow } from "../../src/walmanager/window.js";
import { toHex } from "../wire/bytes.js";
import { LOG, logOf, payloadOf, record, records, segmentName, sidecar } from "./kit.js";
import { campaignSize } from "../scale.js";
import { property } from "../harness/property.js";

const NEXT = 16n;
/** Segments of a sound log with the LSNs [1, 16), by first LSN. */
const sound: readonly (readonly [bigint, Uint8Array])[] = [
  [1n, records(1n, 6n)],
  [6n, records(6n, 11n)],
  [11n, records(11n, NEXT)],
];

/** One change of a file: bytes at a place are taken away and others put there. */
interface Change {
  readonly file: number;
  readonly at: number;
  readonly removed: number;
  readonly put: Uint8Array;
}

const change: fc.Arbitrary<Change> = fc.record({
  file: fc.nat({ max: sound.length - 1 }),
  at: fc.nat({ max: 220 }),
  removed: fc.oneof(fc.constant(0), fc.constant(1), fc.nat({ max: 80 })),
  put: fc.oneof(
    fc.constant(new Uint8Array(0)),
    fc.uint8Array({ maxLength: 4 }),
    fc.constant(record({ lsn: 12n })),
    fc.constant(new Uint8Array(4200)),
  ),
});

function applied(bytes: Uint8Array, { at, removed, put }: Change): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + removed)]);
}

interface Outcome {
  readonly given: readonly WalRecord[];
  readonly error: unknown;
  readonly log: WalLog;
}

async function outcomeOf(disk: MemoryDisk, choices: WalChoices): Promise<Outcome> {
  const log = await WalLog.openOn(disk, LOG, choices);
  const given: WalRecord[] = [];
  try {
    for await (const each of log.records()) given.push(each);
    return { given, error: undefined, log };
  } catch (error) {
    return { given, error, log };
  }
}

/** Every record that is given was written so, once, in order. */
function expectTrue({ given, error, log }: Outcome): void {
  let last = 0n;
  for (const { lsn, payload } of given) {
    expect(lsn).toBeGreaterThan(last);
    last = lsn;
    expect(toHex(payload)).toBe(toHex(payloadOf(lsn)));
  }
  if (error === undefined) {
    expect(log.summary?.given).toBe(given.length);
    return;
  }
  expect(error).toBeInstanceOf(WalError);
  expect(walErrorClasses).toContain((error as WalError).errorClass);
}

const runs = {
  numRuns: campaignSize(1000, "LANEKEEPER_RUNS"),
  seed: Number(process.env["LANEKEEPER_SEED"] ?? 20_266),
};

describe("any change of the files", () => {
  property([fc.array(change, { minLength: 1, maxLength: 3 }), fc.boolean()], runs)(
    "gives records that were written, or a refusal; of what is lost it tells",
    async (changes, isLenient) => {
      const files = sound.map(([first, bytes], file) => {
        const own = changes.filter((each) => each.file === file);
        return [first, own.reduce(applied, bytes)] as const;
      });
      const choices = isLenient
        ? ({ missing: "report", damagedTail: "cut" } as const)
        : ({} as const);
      const outcome = await outcomeOf(await logOf(files), choices);
      expectTrue(outcome);
      const { given, error, log } = outcome;
      if (error !== undefined || !log.summary) return;
      // Lost without a refusal: behind the last one given, or in a gap that is told.
      const { gaps, nextLsn } = log.summary;
      const missing = lsnsIn(1n, NEXT).filter((lsn) => !given.some((each) => each.lsn === lsn));
      for (const lsn of missing) {
        const isTold = gaps.some(({ first, next }) => lsn >= first && lsn < next);
        expect(isTold || lsn >= nextLsn).toBe(true);
      }
    },
  );

  property([fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ maxLength: 400 })], runs)(
    "any bytes as a segment and as its sidecar: the reader's own error, or nothing given",
    async (bytes, beside) => {
      const disk = await logOf([
        [1n, bytes],
        [segmentName(1n, "dwb"), beside],
      ]);
      const outcome = await outcomeOf(disk, {});
      expectTrue(outcome);
      expect(outcome.given).toEqual([]);
    },
  );

  test("every cut of the newest segment gives the records before it", async () => {
    const [, , [, newest] = [0n, new Uint8Array(0)]] = sound;
    for (let length = 0; length <= newest.length; length++) {
      const files = [...sound.slice(0, 2), [11n, newest.subarray(0, length)] as const];
      const outcome = await outcomeOf(await logOf(files), {});
      expectTrue(outcome);
      expect(outcome.error).toBe(undefined);
      const next = outcome.log.summary?.nextLsn ?? 0n;
      expect(outcome.given).toHaveLength(Number(next - 1n));
      expect(records(11n, next).length).toBeLessThanOrEqual(length);
      expect(records(11n, next + 1n).length).toBeGreaterThan(length);
    }
  });
});

describe("bounds", () => {
  test("no length in a header makes it read more than a chunk of what is there", async () => {
    const lengths: number[] = [];
    const huge = record({ lsn: 1n });
    Buffer.from(huge.buffer).writeUInt32LE(64 * 1024 * 1024, huge.byteOffset + 22);
    const files = await logOf([
      [1n, Buffer.concat([huge, new Uint8Array(3_000_000)])],
      [segmentName(1n, "dwb"), sidecar([huge], "newer")],
    ]);
    const disk = {
      kind: (path: string) => files.kind(path),
      list: (path: string) => files.list(path),
      openToRead: async (path: string) => {
        const file = await files.openToRead(path);
        if (!file) return undefined;
        const read = file.read.bind(file);
        file.read = (position, length) => {
          lengths.push(length);
          return read(position, length);
        };
        return file;
      },
    };
    const log = await WalLog.openOn(disk, LOG);
    for await (const _ of log.records()) throw new Error("there is no record");
    expect(log.summary?.tail).toMatchObject({ offset: 0, hasRecordsBehind: false });
    // The record that the header announces is as long as the file at most.
    expect(Math.max(...lengths)).toBeLessThanOrEqual(3_100_000);
  });

  test("bytes full of headers of large records: the search ends, and says that it does not know", async () => {
    const size = 8 * 1024 * 1024;
    const bytes = Buffer.alloc(size);
    for (let at = 1; at + 4096 < size; at += 4096) {
      const header = record({ lsn: 9n, payload: new Uint8Array(0) });
      bytes.set(header, at);
      bytes.writeUInt32LE(size - at - 64, at + 22);
    }
    let read = 0;
    const file = {
      read: (at: number, length: number) => {
        read += length;
        return Promise.resolve(bytes.subarray(at, at + length));
      },
    };
    expect(await recordBehind(new FileWindow("", file, size), 0, 1n)).toBe("unknown");
    expect(read).toBeLessThan(20 * size);
  });

  test.each(["WNYS", "\0"])(
    "behind any number of %j a record is found, also over the borders of what is read",
    async (fill) => {
      const sought = record({ lsn: 9n });
      for (const at of [1, 64, 65_534, 65_535, 65_536, 65_537, 1_048_575, 1_048_577]) {
        const bytes = Buffer.alloc(at + sought.length, fill);
        bytes.set(sought, at);
        const read = (from: number, count: number) =>
          Promise.resolve(bytes.subarray(from, from + count));
        const window = new FileWindow("", { read }, bytes.length);
        expect(await recordBehind(window, 0, 9n)).toEqual({ lsn: 9n, offset: at });
        // One of an LSN that was given before is an older one.
        expect(await recordBehind(window, 0, 10n)).toBe(undefined);
      }
    },
  );
});

function lsnsIn(first: bigint, next: bigint): bigint[] {
  return Array.from({ length: Number(next - first) }, (_, at) => first + BigInt(at));
}

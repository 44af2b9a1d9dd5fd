import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { importWalManager } from "../../src/records/import.js";
import { Journal } from "../../src/records/journal.js";
import { PersisterError } from "../../src/types/errors.js";
import { walTypes } from "../../src/walmanager/record-types.js";
import { WalLog, type WalRecord } from "../../src/walmanager/wal-log.js";
import {
  LOG,
  logOf as directoryOf,
  payloadOf,
  record as recordBytes,
  records,
} from "../walmanager/kit.js";
import {
  appendTexts,
  fresh,
  NOTE,
  opened,
  PUT,
  refusal,
  reopened,
  SEGMENT_BYTES,
  textOf,
} from "./kit.js";

const RUNS = Number(process.env["LANEKEEPER_RUNS"] ?? 150);

/** A record of a log whose LSNs may have gaps. */
function record(lsn: number, more: Partial<WalRecord> = {}): WalRecord {
  const payload = Buffer.from(`payload ${lsn}`);
  return { lsn: BigInt(lsn), type: PUT, tenantId: lsn % 3, vshard: lsn % 5, payload, ...more };
}

async function* logOf(log: readonly WalRecord[]): AsyncGenerator<WalRecord> {
  for (const each of log) {
    await Promise.resolve();
    yield each;
  }
}

const lsns = [1, 3, 4, 5, 9, 10];
const all = lsns.map((lsn) => record(lsn, lsn === 4 ? { type: NOTE } : {}));

async function held(journal: Journal): Promise<string[]> {
  const found: string[] = [];
  for await (const each of journal.replay()) {
    const { lsn, origin, type, tenant, shard } = each;
    found.push(`${lsn} from ${origin}: ${type} ${tenant} ${shard} ${textOf(each)}`);
  }
  return found;
}

const expected = all.map(
  ({ lsn, type, tenantId, vshard, payload }, index) =>
    `${index + 1} from ${lsn}: ${type} ${tenantId} ${vshard} ${textOf({ payload })}`,
);

describe("importing a WalManager log", () => {
  test("every record is there, in order, with its labels and the LSN that it had", async () => {
    const { disk, journal } = await fresh();
    const summary = await importWalManager(logOf(all), journal);
    expect(summary).toEqual({ imported: 6, skipped: 0, lastOrigin: 10n });
    expect(await held(await reopened(journal, disk))).toEqual(expected);
  });

  test("once more brings nothing twice, and what the log has gained meanwhile", async () => {
    const { disk, journal } = await fresh();
    await importWalManager(logOf(all.slice(0, 4)), journal);
    const again = await reopened(journal, disk);
    await again.checkpoint(2n);
    expect(await importWalManager(logOf(all.slice(0, 4)), again)).toEqual({
      imported: 0,
      skipped: 4,
      lastOrigin: 5n,
    });
    expect(await importWalManager(logOf(all), again)).toEqual({
      imported: 2,
      skipped: 4,
      lastOrigin: 10n,
    });
    expect((await held(again)).map((each) => each.replace(/^\d+ /, ""))).toEqual(
      expected.map((each) => each.replace(/^\d+ /, "")),
    );
  });

  test("stopped at any step, the next import makes it whole", async () => {
    const disks: SimulatedDisk[] = [];
    const { disk, journal } = await fresh();
    await journal.close();
    const watched: SimulatedDisk = disk.kill({ onStep: () => disks.push(watched.kill()) });
    await importWalManager(logOf(all), await opened(watched));
    for (const stopped of disks) {
      for (const left of stopped.powerCuts(1, 4)) {
        const again = await opened(left);
        await importWalManager(logOf(all), again);
        expect(await held(again)).toEqual(expected);
      }
    }
    expect(disks.length).toBeGreaterThan(5);
  });

  test("many and large records go through in bounded steps", async () => {
    const { journal } = await fresh({ queueBytes: 4096 });
    const many = Array.from({ length: 900 }, (_, index) =>
      record(index + 1, { payload: Buffer.alloc(index % 100 === 0 ? 9000 : 10, index) }),
    );
    expect(await importWalManager(logOf(many), journal)).toMatchObject({ imported: 900 });
    expect(journal.durableLsn).toBe(900n);
    expect((await journal.read(901n - 1n)).payload).toEqual(new Uint8Array(10).fill(899 % 256));
  });
});

test("from the files of a log: what its segments hold is what the journal holds", async () => {
  const disk = await directoryOf([
    [1n, Buffer.concat([records(1n, 4n), recordBytes({ lsn: 5n, type: walTypes.Noop })])],
    [6n, records(6n, 9n)],
    [9n, recordBytes({ lsn: 9n, type: walTypes.Checkpoint, tenantId: 7, vshard: 1023 })],
  ]);
  const journal = await Journal.openMemory({ types: Object.values(walTypes) });
  const log = await WalLog.openOn(disk, LOG);
  expect(await importWalManager(log.records(), journal)).toMatchObject({ lastOrigin: 9n });
  const origins = [...journal.headers()].map(({ lsn, origin }) => [lsn, origin]);
  expect(origins).toEqual([1n, 2n, 3n, 5n, 6n, 7n, 8n, 9n].map((lsn, at) => [BigInt(at + 1), lsn]));
  expect((await journal.read(5n)).payload).toEqual(Uint8Array.from(payloadOf(6n)));
  // A checkpoint of the log allows no truncation of the journal.
  const last = { lsn: 8n, type: walTypes.Checkpoint, tenant: 7, shard: 1023, origin: 9n };
  expect(await journal.read(8n)).toMatchObject(last);
  expect(journal.checkpointLsn).toBeUndefined();
});

describe("an import that is stopped at a record", () => {
  /** Six records, the third of which is `third`. */
  function six(third: Partial<WalRecord>): readonly WalRecord[] {
    return [1, 2, 3, 4, 5, 6].map((lsn) => record(lsn, lsn === 3 ? third : {}));
  }

  async function origins(journal: Journal): Promise<(bigint | undefined)[]> {
    await journal.sync().catch(() => {});
    return [...journal.headers()].map(({ origin }) => origin);
  }

  test.each([
    ["of a type that the journal was not opened with", { type: 0x8032 }, "USAGE"],
    ["too large for a segment", { payload: Buffer.alloc(SEGMENT_BYTES) }, "INVALID"],
    ["with a label that is none", { vshard: 70_000 }, "USAGE"],
  ] as const)("holds the records in front of it and none behind it: %s", async (_, third, code) => {
    const { journal } = await fresh();
    const log = six(third);
    const error = await refusal(importWalManager(logOf(log), journal), code);
    expect(error.message).toContain("record 3 of the log");
    expect(await origins(journal)).toEqual([1n, 2n]);
    // Never skipped: the next import stops at it, too, and one that can take it is whole.
    await refusal(importWalManager(logOf(log), journal), code);
    expect(await origins(journal)).toEqual([1n, 2n]);
    expect(await importWalManager(logOf(six({})), journal)).toEqual({
      imported: 4,
      skipped: 2,
      lastOrigin: 6n,
    });
  });

  test("the refusal of a payload names the option that helps", async () => {
    const { journal } = await fresh();
    const log = six({ payload: Buffer.alloc(SEGMENT_BYTES) });
    const error = await refusal(importWalManager(logOf(log), journal), "INVALID");
    expect(error.message).toMatch(/bytes.*\(\d+\).*segmentBytes/);
  });

  test("with the summary of the log, a payload that is too large stops it before it begins", async () => {
    const payload = Buffer.alloc(SEGMENT_BYTES);
    const bytes = six({ payload }).map((each) => recordBytes(each));
    const disk = await directoryOf([[1n, Buffer.concat(bytes)]]);
    const log = await WalLog.openOn(disk, LOG);
    for await (const each of log.records()) expect(each.lsn).toBeGreaterThan(0n);
    const { journal } = await fresh();
    const { summary } = log;
    const error = await refusal(importWalManager(log.records(), journal, { summary }), "INVALID");
    expect(error.message).toMatch(/record 3 of the log.*nothing was imported/);
    expect(journal.nextLsn).toBe(1n);
  });

  test("by a full disk: a contiguous first part, and all of it once there is room", async () => {
    const { disk, journal } = await fresh();
    const many = Array.from({ length: 200 }, (_, at) =>
      record(at + 1, { payload: Buffer.alloc(1000, at) }),
    );
    disk.capacityBytes = disk.usedBytes + 2 * SEGMENT_BYTES;
    const error = await refusal(importWalManager(logOf(many), journal), "DISK_FULL");
    const held = await origins(journal);
    expect(held).toEqual(many.slice(0, held.length).map(({ lsn }) => lsn));
    expect(error.message).toContain(`record ${held.length + 1} of the log`);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    const summary = await importWalManager(logOf(many), journal);
    expect(summary).toEqual({
      imported: 200 - held.length,
      skipped: held.length,
      lastOrigin: 200n,
    });
    expect(await origins(journal)).toEqual(many.map(({ lsn }) => lsn));
  });

  test("by an abort at any record: a contiguous first part, and the rest the next time", async () => {
    for (const at of [1, 150, 299, 600]) {
      const { journal } = await fresh();
      const stop = new AbortController();
      const many = Array.from({ length: 600 }, (_, index) => record(index + 1));
      async function* source(): AsyncGenerator<WalRecord> {
        for await (const each of logOf(many)) {
          if (each.lsn === BigInt(at)) stop.abort(new Error("enough"));
          yield each;
        }
      }
      const { signal } = stop;
      await refusal(importWalManager(source(), journal, { signal }), "ABORTED");
      const held = await origins(journal);
      expect(held).toEqual(many.slice(0, held.length).map(({ lsn }) => lsn));
      expect(held.length).toBeLessThan(600);
      await importWalManager(logOf(many), journal);
      expect(await origins(journal)).toEqual(many.map(({ lsn }) => lsn));
    }
  });
});

test("whatever stops imports, the journal holds the first records of the log, each once", async () => {
  const fate = fc.record({
    /** The record at which the source fails, or that cannot be imported. */
    at: fc.integer({ min: 1, max: 40 }),
    why: fc.constantFrom("source", "type", "size", "label", "abort", "full disk"),
    room: fc.nat({ max: 60_000 }),
  });
  const lsnsOf = fc.uniqueArray(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(lsnsOf, fc.array(fate, { maxLength: 5 }), async (drawn, fates) => {
      const log = drawn
        .toSorted((a, b) => a - b)
        .map((lsn) => record(lsn, { payload: Buffer.alloc((lsn * 97) % 2500, lsn) }));
      const { disk, journal } = await fresh();
      const hold = (): (bigint | undefined)[] => [...journal.headers()].map(({ origin }) => origin);
      for (const { at, why, room } of fates) {
        disk.capacityBytes = why === "full disk" ? disk.usedBytes + room : Number.POSITIVE_INFINITY;
        const stop = new AbortController();
        const outcome = await importWalManager(spoiled(log, at, why, stop), journal, {
          signal: stop.signal,
        }).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(["source", "stop"]).toContain(kindOf(outcome));
        const held = hold();
        expect(held).toEqual(log.slice(0, held.length).map(({ lsn }) => lsn));
      }
      disk.capacityBytes = Number.POSITIVE_INFINITY;
      await importWalManager(logOf(log), journal);
      expect(hold()).toEqual(log.map(({ lsn }) => lsn));
    }),
    { numRuns: RUNS },
  );
});

/** The log, spoiled at its `at`th record. */
async function* spoiled(
  log: readonly WalRecord[],
  at: number,
  why: string,
  stop: AbortController,
): AsyncGenerator<WalRecord> {
  for (const [index, each] of log.entries()) {
    await Promise.resolve();
    const isSpoiled = index + 1 === at;
    if (isSpoiled && why === "source") throw new Error("the source failed");
    if (isSpoiled && why === "abort") stop.abort();
    const spoilt = {
      type: { type: 0x8032 },
      size: { payload: Buffer.alloc(SEGMENT_BYTES) },
      label: { tenantId: -1 },
    };
    yield isSpoiled && why in spoilt ? { ...each, ...spoilt[why as keyof typeof spoilt] } : each;
  }
}

function kindOf(error: Error): string {
  if (error.message === "the source failed") return "source";
  return error instanceof PersisterError ? "stop" : error.message;
}

test("a second import into a journal is refused while the first one is under way", async () => {
  const { journal } = await fresh();
  const first = importWalManager(logOf(all), journal);
  await refusal(importWalManager(logOf(all), journal), "USAGE");
  await first;
  expect(await held(journal)).toEqual(expected);
  expect(await importWalManager(logOf(all), journal)).toMatchObject({ skipped: 6 });
});

describe("what cannot be imported", () => {
  test("into a journal with records of its own", async () => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 2);
    await refusal(importWalManager(logOf(all), journal), "OUT_OF_SEQUENCE");
  });

  test("behind another log's records", async () => {
    const { journal } = await fresh();
    await importWalManager(logOf(all.slice(0, 3)), journal);
    const other = [record(1), record(3), record(4, { payload: Buffer.from("other") }), record(5)];
    await refusal(importWalManager(logOf(other), journal), "CONFLICT");
    await refusal(importWalManager(logOf([record(1), record(5)]), journal), "CONFLICT");
    await refusal(importWalManager(logOf([record(1)]), journal), "CONFLICT");
    expect(journal.durableLsn).toBe(3n);
  });

  test.each([
    ["LSNs that do not rise", [record(2), record(2)], "INVALID"],
    ["an encrypted record", [record(1), record(2, { type: 0xc001 })], "INVALID"],
    ["a type that the journal does not know", [record(1), record(2, { type: 0x8032 })], "USAGE"],
  ] as const)("%s", async (_, log, code) => {
    const { journal } = await fresh();
    await refusal(importWalManager(logOf(log), journal), code);
    expect(journal.durableLsn).toBeLessThan(2n);
  });

  test("a log that fails on the way: what came before stays", async () => {
    const { journal } = await fresh();
    const failing = async function* (): AsyncGenerator<WalRecord> {
      yield* logOf(all.slice(0, 2));
      throw new Error("the log is damaged");
    };
    await expect(importWalManager(failing(), journal)).rejects.toThrow(/damaged/);
    expect(await held(journal)).toEqual(expected.slice(0, 2));
    expect(await importWalManager(logOf(all), journal)).toMatchObject({ imported: 4 });
  });
});

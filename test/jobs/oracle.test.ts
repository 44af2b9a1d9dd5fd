/**
 * Random commands on a job, against plain sorted arrays: in memory and on disk, through closes and reopens
 * of the job and of the store.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Job, type JobOperation, type JobStore, prefixRange } from "../../src/jobs/index.js";
import { campaignSize } from "../scale.js";
import { folder, memoryStore, openStore, shown } from "./kit.js";

const CATEGORIES = ["", "a", "b!"];

/** The rows of a job, as an array that is sorted anew after each change. */
class Oracle {
  readonly #rows = new Map<string, { readonly key: Uint8Array; readonly value: Uint8Array }[]>();

  apply(operation: JobOperation): void {
    const bytes = (
      operation.kind === "deletePrefix" ? operation.prefix : operation.key
    ) as Uint8Array;
    const isHit = (key: Uint8Array): boolean =>
      operation.kind === "deletePrefix"
        ? Buffer.compare(key.subarray(0, bytes.length), bytes) === 0 && key.length >= bytes.length
        : Buffer.compare(key, bytes) === 0;
    const rows = this.rows(operation.category).filter(({ key }) => !isHit(key));
    if (operation.kind === "put") rows.push({ key: bytes, value: operation.value });
    rows.sort((a, b) => Buffer.compare(a.key, b.key));
    this.#rows.set(operation.category, rows);
  }

  rows(category: string) {
    return [...(this.#rows.get(category) ?? [])];
  }
}

const category = fc.constantFrom(...CATEGORIES);
/** Few bytes, so that keys and prefixes meet. */
const bytes = fc
  .array(fc.constantFrom(0, 1, 0x61, 0xff), { maxLength: 3 })
  .map((of) => Uint8Array.from(of));
const value = fc.uint8Array({ maxLength: 5 });
const operation: fc.Arbitrary<JobOperation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("put"), category, key: bytes, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete"), category, key: bytes }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("deletePrefix"), category, prefix: bytes }),
  },
);
const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("batch"),
      operations: fc.array(operation, { maxLength: 4 }),
      durable: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("deleteAcked"), category, key: bytes }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("scan"),
      category,
      start: fc.option(bytes, { nil: undefined }),
      stop: fc.option(bytes, { nil: undefined }),
      reverse: fc.boolean(),
      limit: fc.option(fc.nat(4), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("prefix"), category, prefix: bytes }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopenJob") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopenStore") }) },
);
type Command = typeof command extends fc.Arbitrary<infer One> ? One : never;

async function check(job: Job, oracle: Oracle): Promise<void> {
  for (const each of CATEGORIES) {
    expect(shown(await job.scan(each).all())).toEqual(shown(oracle.rows(each)));
  }
}

async function run(commands: readonly Command[], open: () => Promise<JobStore>, survives: boolean) {
  const oracle = new Oracle();
  let store = await open();
  let job = await store.openJob("job");
  for (const each of commands) {
    switch (each.kind) {
      case "batch":
        await job.batch(each.operations, { durable: each.durable });
        for (const one of each.operations) oracle.apply(one);
        break;
      case "deleteAcked": {
        const { category: of, key } = each;
        const had = oracle.rows(of).some((row) => Buffer.compare(row.key, key) === 0);
        expect(await job.deleteAcked(of, key)).toBe(had);
        oracle.apply({ kind: "delete", category: of, key });
        break;
      }
      case "scan": {
        const { start, stop, reverse, limit } = each;
        const inRange = oracle
          .rows(each.category)
          .filter(
            ({ key }) =>
              (start === undefined || Buffer.compare(key, start) >= 0) &&
              (stop === undefined || Buffer.compare(key, stop) < 0),
          );
        const ordered = reverse ? inRange.toReversed() : inRange;
        const range = { start, stop };
        const rows = await job.scan(each.category, range, { reverse, limit }).all();
        expect(shown(rows)).toEqual(shown(ordered.slice(0, limit)));
        expect(await job.count(each.category, range)).toBe(inRange.length);
        break;
      }
      case "prefix": {
        const expected = oracle
          .rows(each.category)
          .filter(
            ({ key }) => Buffer.compare(key.subarray(0, each.prefix.length), each.prefix) === 0,
          )
          .filter(({ key }) => key.length >= each.prefix.length);
        expect(shown(await job.scanPrefix(each.category, each.prefix).all())).toEqual(
          shown(expected),
        );
        expect(await job.count(each.category, prefixRange(each.prefix))).toBe(expected.length);
        break;
      }
      case "reopenJob":
        await store.closeJob("job");
        job = await store.openJob("job");
        break;
      case "reopenStore":
        if (!survives) break;
        await store.close();
        store = await open();
        job = await store.openJob("job");
    }
  }
  await check(job, oracle);
  await store.close();
}

describe("a job holds what plain arrays hold", () => {
  test("in memory", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        await run(commands, () => memoryStore(), false);
      }),
      { numRuns: campaignSize(200, "LANEKEEPER_RUNS") },
    );
  });

  test("on disk", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const root = folder();
        await run(commands, () => openStore(root), true);
      }),
      { numRuns: campaignSize(30) },
    );
  });

  test("E17 sealed, on disk, with another key at each open", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const root = folder();
        const read: Uint8Array[] = [];
        const open = (): Promise<JobStore> => {
          const write = new Uint8Array(32).fill(read.length + 1);
          read.unshift(write);
          return openStore(root, { keys: { write, read } });
        };
        await run(commands, open, true);
      }),
      { numRuns: campaignSize(30) },
    );
  });
});

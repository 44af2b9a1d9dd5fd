/** Every edge of 64 bits at a journal's door: a number is refused, or means the same after a reopen. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Journal } from "../../../src/records/journal.js";
import { U64_MAX } from "../../../src/types/numbers.js";
import { edge } from "../../types/edges.js";
import {
  appendTexts,
  born,
  fresh,
  opened,
  PUT,
  put,
  refusal,
  replayed,
  reopened,
  SEGMENT_BYTES,
  texts,
} from "../kit.js";

const RUNS = { numRuns: 60, seed: 1 };

/** Labels as they stand in a record. A label of 16 or 32 bits is a number, as JavaScript has it. */
interface Labels {
  readonly tenant: number;
  readonly shard: number;
  readonly origin: bigint;
}

const labels: fc.Arbitrary<Labels> = fc.record({
  tenant: edge.map(Number),
  shard: edge.map(Number),
  origin: edge,
});

const fits = ({ tenant, shard, origin }: Labels): boolean => {
  const isLabel = tenant >= 0 && tenant < 2 ** 32 && shard >= 0 && shard < 2 ** 16;
  return isLabel && origin > 0n && origin <= U64_MAX;
};

async function allOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("labels", () => {
  test("those in range are there after a reopen, by every way to read; others are refused", async () => {
    const property = fc.asyncProperty(
      fc.array(labels, { minLength: 8, maxLength: 8 }),
      async (all) => {
        const { disk, journal } = await fresh();
        const kept: Labels[] = [];
        for (const each of all) {
          const appended = journal.append(put("", each));
          if (!fits(each)) await refusal(appended, "USAGE");
          else expect(await appended).toBe(BigInt(kept.push(each)));
        }
        const again = await reopened(journal, disk);
        const records = await allOf(again.replay());
        expect(records).toMatchObject(kept);
        expect([...again.headers()]).toMatchObject(kept);
        for (const [at, label] of kept.entries()) {
          expect(await again.read(BigInt(at + 1))).toMatchObject(label);
          const select = ({ origin }: { readonly origin?: bigint | undefined }) =>
            origin === label.origin;
          const page = await again.page({ limit: all.length, select });
          expect(page.records).toMatchObject(kept.filter(({ origin }) => origin === label.origin));
        }
        await again.close();
      },
    );
    await fc.assert(property, RUNS);
  });

  test("a label inside its type's range is taken alone: one field at a time, at each end", async () => {
    const { disk, journal } = await fresh();
    const ends: Partial<Labels>[] = [
      { tenant: 0 },
      { tenant: 2 ** 31 },
      { tenant: 2 ** 32 - 1 },
      { shard: 0 },
      { shard: 2 ** 15 },
      { shard: 2 ** 16 - 1 },
      { origin: 1n },
      { origin: 2n ** 53n + 1n },
      { origin: 2n ** 63n },
      { origin: U64_MAX },
    ];
    for (const each of ends) await journal.append(put("", each));
    for (const each of [
      { tenant: 2 ** 32 },
      { shard: 2 ** 16 },
      { origin: 0n },
      { origin: 2n ** 64n },
    ]) {
      await refusal(journal.append(put("", each)), "USAGE");
    }
    const again = await reopened(journal, disk);
    expect([...again.headers()]).toMatchObject(ends);
    await again.close();
  });
});

describe("LSNs", () => {
  /** The calls that take an LSN. */
  const calls: Readonly<Record<string, (journal: Journal, lsn: bigint) => Promise<unknown>>> = {
    read: async (journal, lsn) => await journal.read(lsn),
    replay: async (journal, from) => await allOf(journal.replay({ from })),
    page: async (journal, from) => await journal.page({ from, limit: 1 }),
    headers: async (journal, from) => await Promise.resolve([...journal.headers({ from })]),
    checkpoint: async (journal, lsn) => await journal.checkpoint(lsn),
    truncateBefore: async (journal, lsn) => await journal.truncateBefore(lsn),
    forgetBefore: async (journal, lsn) => await journal.forgetBefore(lsn),
  };

  test.each(Object.entries(calls))(
    "%s refuses what is beyond the end, and nothing has changed",
    async (_, call) => {
      const disk = await born();
      let journal = await opened(disk);
      await appendTexts(journal, 1, 11);
      const last = journal.nextLsn;
      const property = fc.asyncProperty(edge, async (lsn) => {
        fc.pre(lsn < 0n || lsn > last);
        const code = lsn < 0n || lsn > U64_MAX ? "USAGE" : "OUT_OF_SEQUENCE";
        await refusal(call(journal, lsn), code);
        expect(journal).toMatchObject({ firstLsn: 1n, nextLsn: last, checkpointLsn: undefined });
      });
      await fc.assert(property, RUNS);
      journal = await reopened(journal, disk);
      expect(await replayed(journal)).toEqual(texts(1, 11));
      expect(journal).toMatchObject({ firstLsn: 1n, checkpointLsn: undefined, poison: undefined });
      await journal.close();
    },
  );

  test.each(["truncateBefore", "forgetBefore"] as const)(
    "%s up to any LSN that is held is exact after a reopen",
    async (name) => {
      const property = fc.asyncProperty(fc.bigInt({ min: 0n, max: 11n }), async (lsn) => {
        const { disk, journal } = await fresh();
        await appendTexts(journal, 1, 11);
        if (name === "truncateBefore" && lsn > 0n) await journal.checkpoint(lsn);
        const { records } = await journal[name](lsn);
        const first = lsn === 0n ? 1n : lsn;
        expect(records).toBe(first - 1n);
        const again = await reopened(journal, disk);
        expect(again.firstLsn).toBe(first);
        expect(await replayed(again)).toEqual(texts(1, 11).slice(Number(first) - 1));
        await again.close();
      });
      await fc.assert(property, { numRuns: 12, seed: 1 });
    },
  );
});

test("a limit of records, or of bytes on their way, is any number that is exact, and no other", async () => {
  const property = fc.asyncProperty(edge.map(Number), async (limit) => {
    const isExact = limit >= 1 && Number.isSafeInteger(limit);
    const opening = Journal.openMemory({
      types: [PUT],
      segmentBytes: SEGMENT_BYTES,
      queueBytes: limit,
    });
    if (!isExact) {
      await refusal(opening, "USAGE");
      return;
    }
    const journal = await opening;
    await appendTexts(journal, 1, 3);
    const { records, hasMore } = await journal.page({ limit });
    expect({ count: records.length, hasMore }).toEqual({
      count: Math.min(limit, 2),
      hasMore: limit < 2,
    });
    await journal.close();
  });
  await fc.assert(property, RUNS);
});

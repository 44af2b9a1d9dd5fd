/**
 * No call costs more because more records are held. The same calls are timed beside few and beside many
 * records, in turns in one process; a walk over all records would make a hundred times the difference.
 */
import { expect, test } from "vitest";
import { Journal } from "../../src/records/journal.js";
import { PUT } from "./kit.js";

const FEW = 1000;
const MANY = 100 * FEW;
const TURNS = 40;
const RATIO_MAX = 15;

async function holding(count: number): Promise<Journal> {
  const journal = await Journal.openMemory({ types: [PUT], segmentBytes: 1024 * 1024 });
  const record = { type: PUT, payload: Buffer.alloc(20) };
  for (let left = count; left > 0; left -= 500) {
    await journal.appendBatch(Array.from({ length: 500 }, () => record));
  }
  await journal.checkpoint(journal.durableLsn);
  return journal;
}

const calls: Readonly<Record<string, (journal: Journal) => unknown>> = {
  "truncateBefore, one record": (journal) => journal.truncateBefore(journal.firstLsn + 1n),
  segments: (journal) => journal.segments(),
  sizes: (journal) => journal.sizes,
  checkpoint: (journal) => journal.checkpoint(journal.durableLsn),
  "page of one": (journal) => journal.page({ limit: 1 }),
  read: (journal) => journal.read(journal.firstLsn),
};

test("truncations, checkpoints, reads and sizes cost the same with a hundred times the records", async () => {
  const journals = [await holding(FEW), await holding(MANY)];
  for (const [name, call] of Object.entries(calls)) {
    const times: [number[], number[]] = [[], []];
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [index, journal] of journals.entries()) {
        const began = performance.now();
        await call(journal);
        times[index === 0 ? 0 : 1].push(performance.now() - began);
      }
    }
    const [few, many] = times.map((each) => each.toSorted((a, b) => a - b)[TURNS >> 1] ?? 0);
    // A clock that is too coarse to see the call has nothing to compare.
    expect.soft((many ?? 0) / Math.max(few ?? 0, 0.05), name).toBeLessThan(RATIO_MAX);
  }
  for (const journal of journals) await journal.close();
});

/**
 * The cost of single calls of a `Journal` beside few and beside many records. A call whose work is not about
 * all records must not cost more because more are held. There is no disk: the calls alone are seen.
 */
import { Journal } from "../../dist/records/journal.js";

const HELD = [10_000, 1_000_000];
const TURNS = 50;
const BATCH = 500;
const TYPE = 1;
/** Records that one truncation forgets. */
const FORGOTTEN = 10n;

const calls = {
  append: (journal) => journal.append({ type: TYPE, payload: new Uint8Array(20) }),
  checkpoint: (journal) => journal.checkpoint(journal.durableLsn),
  "truncateBefore, 10 records": (journal) => journal.truncateBefore(journal.firstLsn + FORGOTTEN),
  "forgetBefore, 10 records": (journal) => journal.forgetBefore(journal.firstLsn + FORGOTTEN),
  read: (journal) => journal.read(journal.firstLsn),
  "page of 10": (journal) => journal.page({ limit: 10 }),
  "first header": (journal) => journal.headers().next(),
  segments: (journal) => journal.segments(),
  sizes: (journal) => journal.sizes,
  sync: (journal) => journal.sync(),
};

/** Times each call with 10,000 and with 1,000,000 records held, in turns. */
export async function benchCalls(print) {
  const journals = [];
  for (const held of HELD) journals.push(await holding(held));
  const rows = [];
  for (const [name, call] of Object.entries(calls)) {
    const times = journals.map(() => []);
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [index, journal] of journals.entries()) {
        const began = performance.now();
        await call(journal);
        times[index].push(performance.now() - began);
      }
    }
    const [few, many] = times.map(median);
    const row = { name, held: HELD, fewMs: few, manyMs: many, ratio: many / few };
    rows.push(row);
    print(lineOf(row));
  }
  for (const journal of journals) await journal.close();
  return rows;
}

function lineOf({ name, fewMs, manyMs, ratio }) {
  const times = `${fewMs.toFixed(3)} ms beside 10,000, ${manyMs.toFixed(3)} ms beside 1,000,000`;
  return `${name.padEnd(28)} ${times}  ${ratio.toFixed(1)}x`;
}

async function holding(count) {
  const journal = await Journal.openMemory({ types: [TYPE] });
  const record = { type: TYPE, payload: new Uint8Array(20) };
  const batch = Array.from({ length: BATCH }, () => record);
  for (let left = count; left > 0; left -= BATCH) await journal.appendBatch(batch);
  await journal.checkpoint(journal.durableLsn);
  return journal;
}

function median(times) {
  return times.toSorted((a, b) => a - b)[times.length >> 1];
}

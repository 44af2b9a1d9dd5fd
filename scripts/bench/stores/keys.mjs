/**
 * Encryption at rest against the same store without it: two journals, one plain and one with a key, take turns
 * round by round. A round is 16 appends, all durable; every tenth round forgets old records, so that slots are
 * recycled. Then both are opened again and again in turns: a recovery reads, checks and opens every record.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal } from "../../../dist/records/journal.js";

const APPENDERS = 16;
const KEPT_ROUNDS = 30n;
const TYPE = 1;
const RECOVERIES = 7;
const RECOVERED_BYTES = 48 * 1024 * 1024;

/** The medians of a round and of a recovery in ms, plain and sealed, for one record size. */
export async function benchKeys({ recordBytes, rounds }) {
  const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-"));
  const keys = { write: randomBytes(32) };
  try {
    const stores = [{ name: "plain" }, { name: "sealed", keys }].map(({ name, ...more }) => ({
      name,
      path: join(directory, name),
      options: { types: [TYPE], ...more },
      roundMs: [],
      recoveryMs: [],
    }));
    await writeRounds(stores, { recordBytes, rounds });
    await fill(stores, recordBytes);
    for (let turn = 0; turn < RECOVERIES; turn++) {
      for (const store of stores) await recover(store);
    }
    const [plain, sealed] = stores.map(({ roundMs, recoveryMs }) => ({
      roundMs: median(roundMs),
      recoveryMs: median(recoveryMs),
    }));
    return {
      recordBytes,
      rounds,
      plain,
      sealed,
      roundRatio: sealed.roundMs / plain.roundMs,
      recoveryRatio: sealed.recoveryMs / plain.recoveryMs,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function writeRounds(stores, { recordBytes, rounds }) {
  const payloads = Array.from({ length: APPENDERS }, () => randomBytes(recordBytes));
  for (const store of stores) {
    await Journal.init(store.path);
    store.journal = await Journal.open(store.path, store.options);
  }
  for (let round = 0; round < rounds; round++) {
    for (const { journal, roundMs } of stores) {
      const began = performance.now();
      await Promise.all(payloads.map((payload) => journal.append({ type: TYPE, payload })));
      roundMs.push(performance.now() - began);
      const behind = journal.durableLsn - KEPT_ROUNDS * BigInt(APPENDERS);
      if (round % 10 === 9 && behind > 0n) await journal.forgetBefore(behind);
    }
  }
  for (const { journal } of stores) await journal.close();
}

/** Both hold as many records, for the recoveries. */
async function fill(stores, recordBytes) {
  const payload = randomBytes(recordBytes);
  const count = Math.min(20_000, Math.ceil(RECOVERED_BYTES / recordBytes));
  for (const { path, options } of stores) {
    const journal = await Journal.open(path, options);
    for (let done = 0; done < count; done += 64) {
      const some = Array.from({ length: Math.min(64, count - done) });
      await Promise.all(some.map(() => journal.append({ type: TYPE, payload })));
    }
    await journal.close();
  }
}

async function recover({ path, options, recoveryMs }) {
  const began = performance.now();
  const journal = await Journal.open(path, options);
  recoveryMs.push(performance.now() - began);
  await journal.close();
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

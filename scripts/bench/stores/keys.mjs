/**
 * Encryption at rest against the same store without it: two journals, one plain and one with a key, take turns
 * round by round. A round is 16 appends, all durable; every tenth round forgets old records, so that slots are
 * recycled. Then both are opened again and again in turns: a recovery reads, checks and opens every record.
 *
 * Beside them stands the time that node:crypto alone takes for the same records, in the same process: no sealed
 * round or recovery can be closer to the plain one than that.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal } from "../../../dist/records/journal.js";

const APPENDERS = 16;
const KEPT_ROUNDS = 30n;
const TYPE = 1;
const RECOVERIES = 7;
const RECOVERED_BYTES = 48 * 1024 * 1024;
const BARE_TURNS = 200;
/** An envelope is ahead of each payload, and so many bytes are bound to it. */
const ENVELOPE_BYTES = 12;
const BOUND_BYTES = 48;

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
    const bare = bareMs(recordBytes + ENVELOPE_BYTES);
    const [plain, sealed] = stores.map(({ roundMs, recoveryMs }) => ({
      roundMs: median(roundMs),
      recoveryMs: median(recoveryMs),
    }));
    return {
      recordBytes,
      rounds,
      plain,
      sealed,
      bareRoundMs: bare.sealMs * APPENDERS,
      bareRecoveryMs: bare.openMs * recoveredOf(recordBytes),
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
  const count = recoveredOf(recordBytes);
  for (const { path, options } of stores) {
    const journal = await Journal.open(path, options);
    for (let done = 0; done < count; done += 64) {
      const some = Array.from({ length: Math.min(64, count - done) });
      await Promise.all(some.map(() => journal.append({ type: TYPE, payload })));
    }
    await journal.close();
  }
}

function recoveredOf(recordBytes) {
  return Math.min(20_000, Math.ceil(RECOVERED_BYTES / recordBytes));
}

/** The medians of sealing and of opening one text of so many bytes by node:crypto, in ms. */
function bareMs(bytes) {
  const [key, text, bound] = [randomBytes(32), randomBytes(bytes), randomBytes(BOUND_BYTES)];
  const nonce = Buffer.alloc(12);
  const how = { authTagLength: 16 };
  const [sealMs, openMs] = [[], []];
  for (let turn = 0; turn < BARE_TURNS; turn++) {
    nonce.writeUInt32LE(turn);
    const began = performance.now();
    const cipher = createCipheriv("aes-256-gcm", key, nonce, how).setAAD(bound);
    const sealed = cipher.update(text);
    cipher.final();
    const tag = cipher.getAuthTag();
    const middle = performance.now();
    const decipher = createDecipheriv("aes-256-gcm", key, nonce, how).setAAD(bound);
    decipher.update(sealed);
    decipher.setAuthTag(tag).final();
    openMs.push(performance.now() - middle);
    sealMs.push(middle - began);
  }
  return { sealMs: median(sealMs), openMs: median(openMs) };
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

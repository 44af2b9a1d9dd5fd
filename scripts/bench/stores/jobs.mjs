/**
 * Jobs beside a bare `Journal` and a bare classic-level, in turns, in the same run:
 *
 * - a durable put of 100 bytes, one after the other, against an append of as many bytes;
 * - a hundred durable puts at once, against a hundred synced puts of classic-level;
 * - `get` and `scan` of many rows, against those of classic-level with the same rows;
 * - opening a job of many rows after a clean close, and the memory of a process that scans all of them,
 *   for a tenth of the rows and for all (`--rounds N` sets their number).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ClassicLevel } from "classic-level";
import { int, JobStore, key } from "../../../dist/jobs/index.js";
import { Journal } from "../../../dist/records/index.js";

const self = fileURLToPath(import.meta.url);
const ROWS = 100_000;
const MANY_ROWS = 1_000_000;
/** A tenth of the rows, and all of them: a cost that grows with them shows. */
const PARTS = [0.1, 1];
const TYPE = 1;
const VALUE = new Uint8Array(100).fill(7);
const AT_ONCE = 100;
const WRITES = 400;
const READS = 2000;
const TURNS = 5;

/** One row for each comparison: `ratio` is ours over the baseline's, in time. */
export async function benchJobs({ rows = ROWS } = {}, print = () => undefined) {
  const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-jobs-"));
  try {
    return await compared(directory, rows, print);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function compared(directory, rows, print) {
  const root = join(directory, "jobs");
  const store = await JobStore.open(root);
  const job = await store.openJob("job");
  await Journal.init(join(directory, "journal"));
  const journal = await Journal.open(join(directory, "journal"), { types: [TYPE] });
  const level = new ClassicLevel(join(directory, "level"), {
    keyEncoding: "view",
    valueEncoding: "view",
  });
  await level.open();
  const results = [];
  const tell = (result) => {
    results.push(result);
    print(lineOf(result));
  };

  tell(
    await inTurns("durable put, one by one", "append to Journal", {
      ours: () => times(WRITES, (at) => job.put("w", key(int(at)), VALUE, { durable: true })),
      theirs: () => times(WRITES, () => journal.append({ type: TYPE, payload: VALUE })),
    }),
  );
  tell(
    await inTurns("100 durable puts at once", "synced puts of classic-level", {
      ours: () => atOnce((at) => job.put("w", key(int(at)), VALUE, { durable: true })),
      theirs: () => atOnce((at) => level.put(key(int(at)).bytes, VALUE, { sync: true })),
    }),
  );

  const sub = level.sublevel("r", { keyEncoding: "view", valueEncoding: "view" });
  for (let at = 0; at < rows; at += 1000) {
    const batch = Array.from({ length: Math.min(1000, rows - at) }, (_, more) => at + more);
    await job.batch(
      batch.map((n) => ({ kind: "put", category: "r", key: numbered(n), value: VALUE })),
    );
    await sub.batch(batch.map((n) => ({ type: "put", key: numbered(n).bytes, value: VALUE })));
  }
  await job.flush();
  tell(
    await inTurns(`get, one by one, of ${rows} rows`, "get of classic-level", {
      ours: () => times(READS, (at) => job.get("r", numbered((at * 7919) % rows))),
      theirs: () => times(READS, (at) => sub.get(numbered((at * 7919) % rows).bytes)),
    }),
  );
  tell(
    await inTurns(`scan of ${rows} rows`, "iterator of classic-level", {
      ours: async () => (await job.scan("r").all()).length,
      theirs: async () => (await sub.iterator().all()).length,
    }),
  );

  await store.close();
  await journal.close();
  await level.close();
  const many = rows === ROWS ? MANY_ROWS : rows;
  for (const part of PARTS) tell(await ofRows(join(directory, `rows-${part}`), many * part));
  return results;
}

/** Opening a job of so many rows, and scanning it, in a process of its own. */
async function ofRows(root, rows) {
  const store = await JobStore.open(root);
  const job = await store.openJob("job");
  for (let at = 0; at < rows; at += 1000) {
    const numbers = Array.from({ length: 1000 }, (_, more) => at + more);
    await job.batch(
      numbers.map((n) => ({ kind: "put", category: "r", key: numbered(n), value: VALUE })),
    );
  }
  await store.close();
  const runs = Array.from({ length: 3 }, () => {
    const { stdout } = spawnSync(process.execPath, [self, root], { encoding: "utf8" });
    return JSON.parse(stdout);
  });
  const oursMs = median(runs.map(({ openMs }) => openMs));
  const { beforeMib, peakMib, mappedMib } = runs[0];
  return {
    name: `open of ${rows} rows after a clean close`,
    oursMs,
    beforeMib,
    peakMib,
    mappedMib,
  };
}

/** Run as a program: opens the job below `root`, scans it, and prints its time and memory. */
async function opened(root) {
  const began = performance.now();
  const store = await JobStore.open(root);
  const job = await store.openJob("job");
  const openMs = performance.now() - began;
  const beforeMib = mibOf("RssAnon");
  let rows = 0;
  let peakMib = 0;
  for await (const _ of job.scan("r")) {
    rows += 1;
    if (rows % 10_000 === 0) peakMib = Math.max(peakMib, mibOf("RssAnon"));
  }
  console.log(JSON.stringify({ openMs, rows, beforeMib, peakMib, mappedMib: mibOf("RssFile") }));
  await store.close();
}

/**
 * A part of this process's memory, in MiB: what it has allocated (`RssAnon`), or pages of files that the
 * kernel keeps for it while it has room (`RssFile`).
 */
function mibOf(part) {
  const status = readFileSync("/proc/self/status", "utf8");
  return Math.round(Number(new RegExp(`^${part}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024);
}

const numbered = (at) => key(int(at));

async function times(count, call) {
  for (let at = 0; at < count; at++) await call(at);
}

async function atOnce(call) {
  for (let turn = 0; turn < 10; turn++) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => call(at)));
  }
}

/** Both sides by turns, since the machine's speed changes; the medians are compared. */
async function inTurns(name, baseline, { ours, theirs }) {
  const ms = { ours: [], theirs: [] };
  for (let turn = 0; turn < TURNS; turn++) {
    ms.theirs.push(await timed(theirs));
    ms.ours.push(await timed(ours));
  }
  const [oursMs, baselineMs] = [median(ms.ours), median(ms.theirs)];
  return { name, baseline, oursMs, baselineMs, ratio: oursMs / baselineMs };
}

async function timed(call) {
  const began = performance.now();
  await call();
  return performance.now() - began;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function lineOf({ name, baseline, oursMs, baselineMs, ratio, beforeMib, peakMib, mappedMib }) {
  if (peakMib !== undefined) {
    const memory = `${beforeMib} MiB, at most ${peakMib} MiB while all are scanned`;
    return `${name.padEnd(48)} ${oursMs.toFixed(1)} ms  ${memory}; ${mappedMib} MiB of files mapped`;
  }
  const against =
    baseline === undefined
      ? ""
      : `  ${baseline} ${baselineMs.toFixed(1)} ms  ${ratio.toFixed(2)}x the time, ` +
        `${(1 / ratio).toFixed(2)}x the speed`;
  return `${name.padEnd(44)} ${oursMs.toFixed(1)} ms${against}`;
}

if (process.argv[1] === self) await opened(process.argv[2]);

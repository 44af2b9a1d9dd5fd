/**
 * The journal against its floors. Each case runs in a process of its own, in which floor and journal
 * take turns round by round: a noisy machine disturbs both alike.
 *
 * - rounds: 16 appends to a public `Journal`, all durable; every tenth round forgets old records, so that
 *   slots are recycled. The floor is one blocking write of as many bytes (`floor.mjs`).
 * - truncating: the same, and every round forgets, beside its appends.
 * - appenders: 100 that append 300 B each, again and again, against classic-level's best synced batch.
 * - flushes: truncating rounds on a disk whose every write takes a millisecond longer.
 * - replay: 200 MB from the page cache, against reading the same files with a CRC-32C and no more.
 * - stalls (with `--long`): 60 seconds flat out.
 *
 * As a program of its own (`node journal.mjs '{"case":"rounds",...}'`) it runs one case and
 * prints its figures as JSON.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { release, tmpdir, type } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ClassicLevel } from "classic-level";
import { crc32c } from "../../dist/codec/crc32c.js";
import { RealDisk } from "../../dist/disk/real/real.js";
import { realSurroundings } from "../../dist/disk/surroundings.js";
import { Journal } from "../../dist/records/journal.js";
import { deviceBytes, openBare, openFloor } from "./floor.mjs";
import { atLeast, atMost } from "./targets.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;
const APPENDERS = 16;
/** Rounds that stay live: records of older ones are forgotten. */
const KEPT_ROUNDS = 30;
/** Rounds before the clock runs: the segments have grown to their size by then, and their slots are reused. */
const WARM_UP_ROUNDS = 4 * KEPT_ROUNDS;
const BLOCK_BYTES = 4096;
/** Rounds without a floor beside them, for the sectors of the device. */
const ROUNDS_ALONE = 100;
const STALL_SECONDS = 60;
const REPLAYS = 5;
const FORGOTTEN_AT_ONCE = 20_000n;
const TYPE = 1;
const self = fileURLToPath(import.meta.url);

/** The targets of a round, as multiples of the floor's: forgetting every tenth round, and every round. */
const targets = [
  { recordBytes: 300, rounds: 1.3, truncating: 1.45 },
  { recordBytes: 4 * KIB, rounds: 1.35, truncating: 1.5 },
  { recordBytes: 64 * KIB, rounds: 1.25, truncating: 1.35 },
  { recordBytes: 512 * KIB, rounds: 0.9, truncating: 1.0 },
];
/** Of every case: see the lines that print them. */
const TAIL_MOST = 5;
const APPENDERS_LEAST = 1.8;
const FLUSHES_MOST = 1.15;
const RSS_MIB_MOST = 90;
const STALLS_BEYOND_FLOOR_MOST = 10;
const SPEED_SHARE_LEAST = 0.65;
const CPU_SECONDS_PER_GB_MOST = 1;
/** Sectors of the device, as a multiple of the records' bytes. Small records share their blocks with nothing. */
const amplificationMost = (recordBytes) =>
  recordBytes >= 64 * KIB ? 1.05 : recordBytes >= 4 * KIB ? 1.15 : undefined;
/** Rounds between two that forget. */
const forgetEvery = { rounds: 10, truncating: 1 };
const roundsFor = (recordBytes) =>
  recordBytes >= 512 * KIB ? 150 : recordBytes >= 64 * KIB ? 600 : 3000;

/** The cases in their order. `only` picks by name or by size: rounds, truncating, appenders, flushes, replay, stalls. */
function casesOf({ only, rounds, long }) {
  const shapes = ["rounds", "truncating"].flatMap((name) =>
    targets.map(({ recordBytes, ...target }) => ({
      case: name,
      recordBytes,
      target: target[name],
      rounds: rounds ?? roundsFor(recordBytes),
    })),
  );
  const cases = [
    ...shapes,
    { case: "appenders", recordBytes: 300, appenders: 100, seconds: 2, turns: 4 },
    { case: "flushes", recordBytes: 300, rounds: rounds ?? 300, extraMs: 1 },
    { case: "replay", recordBytes: 4 * KIB, megabytes: 200 },
    ...(long ? [{ case: "stalls", recordBytes: 64 * KIB, seconds: STALL_SECONDS }] : []),
  ];
  const wanted = only?.split(",");
  return cases.filter(
    (each) => !wanted || wanted.includes(each.case) || wanted.includes(String(each.recordBytes)),
  );
}

/** Runs the cases, printing each as it ends, and returns all. */
export async function benchJournal(options, print) {
  const rows = [];
  for (const each of casesOf(options)) {
    const row = await runCase(each);
    rows.push(row);
    print(lineOf(row));
  }
  return rows;
}

/** Runs one case in a process of its own. */
async function runCase(shape) {
  const child = promisify(execFile);
  const { stdout } = await child(process.execPath, [self, JSON.stringify(shape)]);
  return JSON.parse(stdout);
}

/** The machine of this run: a table without it says nothing. */
export function placeOf({ cpu, cores, node }) {
  const { fileSystem, device } = fileSystemOf(realpathSync(tmpdir()));
  const at = new Date().toISOString().slice(0, 16);
  return `${cpu}, ${cores} cores, ${type()} ${release()}, ${fileSystem} on ${device}, Node ${node}, ${at}`;
}

/** The file system and device of the innermost mount that holds `path`, if the system tells. */
function fileSystemOf(path) {
  let found = { fileSystem: "file system unknown", device: "unknown" };
  if (!existsSync("/proc/mounts")) return found;
  let longest = -1;
  for (const line of readFileSync("/proc/mounts", "utf8").split("\n")) {
    const [device, mount, fileSystem] = line.split(" ");
    const holds = mount && (path === mount || path.startsWith(mount === "/" ? "/" : `${mount}/`));
    if (!holds || mount.length < longest) continue;
    longest = mount.length;
    found = { fileSystem, device };
  }
  return found;
}

/** One row of the table. */
function lineOf(row) {
  const ms = ({ p50, p99, max }) => `${p50.toFixed(3)} / ${p99.toFixed(3)} / ${max.toFixed(1)}`;
  const size = `${String(row.recordBytes).padStart(7)} B`;
  const rssMost = RSS_MIB_MOST + (APPENDERS * row.recordBytes) / MIB;
  const rss = `RSS ${atMost(row.rssMiB, rssMost, " MiB")}`;
  switch (row.case) {
    case "rounds":
    case "truncating":
      return (
        `${size} x ${APPENDERS}  ${row.case.padEnd(10)}  floor ${ms(row.floorMs)}  durable ${ms(row.durableMs)}  ` +
        `${atMost(row.ratio, row.target, "x")}  p99 / p50 ${atMost(row.tail, TAIL_MOST, "x")}  ` +
        `bare form ${row.bareRatio.toFixed(2)}x  ${sectorsOf(row)}` +
        `written ${row.amplification.toFixed(2)}x (blocks ${row.blockAmplification.toFixed(2)}x)  ` +
        `writes ${row.writesPerRound.toFixed(2)}  blocking ${row.blockingPerRound.toFixed(2)}  ${rss}`
      );
    case "appenders":
      return (
        `${size} x ${row.appenders}  ${row.perSecond.toFixed(0)} appends/s  classic-level ` +
        `${row.levelPerSecond.toFixed(0)} (${row.levelForm})  ${atLeast(row.ratio, APPENDERS_LEAST, "x")}  ` +
        `${row.rssMiB.toFixed(0)} MiB with classic-level`
      );
    case "flushes":
      return (
        `${size} x ${APPENDERS}  each write ${row.extraMs} ms longer: round ${ms(row.durableMs)}, ` +
        `${row.writesPerRound.toFixed(2)} writes, one after the other ${atMost(row.flushesPerRound, FLUSHES_MOST)}`
      );
    case "replay":
      return (
        `${size} x ${row.records}  read ${row.readMs.toFixed(0)} ms  open ` +
        `${row.openMs.toFixed(0)} ms  ${row.ratio.toFixed(2)}x  replay ` +
        `${row.replayMs.toFixed(0)} ms  ${row.replayRatio.toFixed(2)}x  ${row.rssMiB.toFixed(0)} MiB at most`
      );
    case "stalls":
      return (
        `${size} x ${APPENDERS}  ${row.seconds} s flat out: ${row.rounds} rounds, durable ${ms(row.durableMs)}, ` +
        `floor ${ms(row.floorMs)}; above 20 ms beyond the floor's ${row.floorAbove20Ms}: ` +
        `${atMost(row.above20Ms - row.floorAbove20Ms, STALLS_BEYOND_FLOOR_MOST)}; above 50 ms ${row.above50Ms}; ` +
        `share of the floor's MB/s ${atLeast(row.speedShare, SPEED_SHARE_LEAST)}; ` +
        `CPU ${atMost(row.cpuSecondsPerGB, CPU_SECONDS_PER_GB_MOST, " s/GB")}  ${rss}`
      );
    default:
      throw new Error(`no such case: ${row.case}`);
  }
}

/** The write amplification, as the device counts it: what others write meanwhile is in it. */
function sectorsOf({ deviceAmplification, recordBytes }) {
  if (deviceAmplification === undefined) return "";
  const most = amplificationMost(recordBytes);
  const told =
    most === undefined ? deviceAmplification.toFixed(2) : atMost(deviceAmplification, most);
  return `device sectors ${told}  `;
}

/** A disk that counts its durable writes, and makes each take `extraMs` longer. */
class MeasuredDisk {
  writes = 0;
  bytes = 0;
  /** Bytes of the 4 KiB blocks that were touched: what the device had to write at least. */
  blockBytes = 0;
  extraMs = 0;
  /** When each write began and ended, where `extraMs` is set: to find those that waited for each other. */
  spans = [];
  /** @readonly */
  #disk = new RealDisk();

  async openToRead(path) {
    return this.#disk.openToRead(path);
  }

  async openToWrite(path) {
    return this.#measured(await this.#disk.openToWrite(path));
  }

  async create(path) {
    return this.#measured(await this.#disk.create(path));
  }

  kind = (path) => this.#disk.kind(path);
  identity = (path) => this.#disk.identity(path);
  list = (path) => this.#disk.list(path);
  makeDirectory = (path) => this.#disk.makeDirectory(path);
  remove = (path) => this.#disk.remove(path);
  syncDirectory = (path) => this.#disk.syncDirectory(path);

  reset() {
    this.writes = 0;
    this.bytes = 0;
    this.blockBytes = 0;
  }

  async #slow(write) {
    const began = performance.now();
    await write();
    await later(this.extraMs);
    this.spans.push({ began, ended: performance.now() });
  }

  /** The file with its one way to write measured. */
  #measured(file) {
    if (!file) return undefined;
    const write = file.writeDurable.bind(file);
    file.writeDurable = (position, buffers, way) => {
      const bytes = buffers.reduce((sum, each) => sum + each.length, 0);
      const blocks =
        Math.ceil((position + bytes) / BLOCK_BYTES) - Math.floor(position / BLOCK_BYTES);
      this.writes += 1;
      this.bytes += bytes;
      this.blockBytes += blocks * BLOCK_BYTES;
      const begin = () => write(position, buffers, way);
      return this.extraMs > 0 ? this.#slow(begin) : begin();
    };
    return file;
  }
}

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How many of the writes from `sinceMs` on followed each other: each began when the one before it had ended. */
function inSeries(spans, sinceMs) {
  let count = 0;
  let end = sinceMs;
  for (const { began, ended } of spans.splice(0).toSorted((a, b) => a.ended - b.ended)) {
    if (began < end) continue;
    count += 1;
    end = ended;
  }
  return count;
}

/** One record of each appender, all durable; records that are older than those kept are forgotten. */
async function durableRound(journal, payloads, forgets) {
  const began = performance.now();
  const oldest = journal.durableLsn + 1n - BigInt(KEPT_ROUNDS * APPENDERS);
  const work = payloads.map((payload) => journal.append({ type: TYPE, payload }));
  if (forgets && oldest > journal.firstLsn) work.push(journal.forgetBefore(oldest));
  await Promise.all(work);
  return performance.now() - began;
}

/** A directory, taken away afterwards. */
async function withDirectory(use) {
  const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-"));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A store, with room for a floor beside it. */
function withStore(use) {
  return withDirectory(async (directory) => {
    const disk = new MeasuredDisk();
    const store = join(directory, "store");
    await Journal.initOn({ ...realSurroundings(), disk }, store, {});
    return await use({ disk, directory, store });
  });
}

const payloadsOf = (count, bytes) => Array.from({ length: count }, () => randomBytes(bytes));

/** Rounds in turns with the floor, until `isOver`; the first ones warm up. */
async function turns({ disk, directory, store }, { recordBytes, isOver, warmUp, forgetEach }) {
  const journal = await Journal.openOn({ ...realSurroundings(), disk }, store, { types: [TYPE] });
  const floor = openFloor(directory);
  const bare = openBare(directory);
  const payloads = payloadsOf(APPENDERS, recordBytes);
  const times = { floor: [], durable: [], bare: [] };
  const flushes = [];
  let round = 0;
  let rssMiB = 0;
  let blockingBefore = 0;
  let cpuMs = 0;
  for (; !isOver(round); round++) {
    if (round === warmUp) {
      times.floor.length = 0;
      times.durable.length = 0;
      times.bare.length = 0;
      flushes.length = 0;
      cpuMs = 0;
      disk.reset();
      blockingBefore = journal.flush.blockingGroups;
    }
    times.floor.push(floor.round(payloads));
    times.bare.push(await bare.round(payloads));
    const roundMs = performance.now();
    const cpuBefore = process.cpuUsage();
    times.durable.push(await durableRound(journal, payloads, round % forgetEach === 0));
    const { user, system } = process.cpuUsage(cpuBefore);
    cpuMs += (user + system) / 1000;
    flushes.push(inSeries(disk.spans, roundMs));
    if (round % 16 === 0) rssMiB = Math.max(rssMiB, residentMiB());
  }
  const measured = times.durable.length;
  const recordBytesInAll = measured * APPENDERS * recordBytes;
  const figures = {
    recordBytes,
    rounds: measured,
    floorMs: percentiles(times.floor),
    durableMs: percentiles(times.durable),
    amplification: disk.bytes / recordBytesInAll,
    blockAmplification: disk.blockBytes / recordBytesInAll,
    writesPerRound: disk.writes / measured,
    blockingPerRound: (journal.flush.blockingGroups - blockingBefore) / measured,
    cpuSecondsPerGB: cpuMs / 1000 / (recordBytesInAll / 1e9),
    bareMs: percentiles(times.bare),
    flushesPerRound: sumOf(flushes) / measured,
    rssMiB,
  };
  bare.close();
  floor.close();
  figures.deviceAmplification = await sectorsAlone(journal, { directory, payloads, forgetEach });
  await journal.close();
  return { figures, times };
}

/** Bytes that the device writes for rounds of the journal alone, as a multiple of the records' bytes. */
async function sectorsAlone(journal, { directory, payloads, forgetEach }) {
  const { device } = fileSystemOf(realpathSync(directory));
  const before = deviceBytes(device);
  for (let round = 0; round < ROUNDS_ALONE; round++) {
    await durableRound(journal, payloads, round % forgetEach === 0);
  }
  const written = deviceBytes(device) - before;
  return before === undefined ? undefined : written / (ROUNDS_ALONE * sizeOf(payloads));
}

const sizeOf = (payloads) => payloads.reduce((sum, { length }) => sum + length, 0);

/** Runs `rounds` rounds, every `forgetEach`th of which forgets. */
function roundsOf({ recordBytes, rounds, target }, forgetEach) {
  return withStore(async (ground) => {
    const isOver = (round) => round === WARM_UP_ROUNDS + rounds;
    const warmUp = WARM_UP_ROUNDS;
    const { figures } = await turns(ground, { recordBytes, isOver, warmUp, forgetEach });
    const { durableMs, floorMs, bareMs } = figures;
    const ratio = durableMs.p50 / floorMs.p50;
    const bareRatio = bareMs.p50 / floorMs.p50;
    return { ...figures, target, ratio, bareRatio, tail: durableMs.p99 / durableMs.p50 };
  });
}

const cases = {
  rounds: (shape) => roundsOf(shape, forgetEvery.rounds),

  truncating: (shape) => roundsOf(shape, forgetEvery.truncating),

  flushes: ({ recordBytes, rounds, extraMs }) =>
    withStore(async (ground) => {
      ground.disk.extraMs = extraMs;
      const isOver = (round) => round === WARM_UP_ROUNDS + rounds;
      const shape = { recordBytes, isOver, warmUp: WARM_UP_ROUNDS, forgetEach: 1 };
      const { figures } = await turns(ground, shape);
      return { ...figures, extraMs };
    }),

  stalls: ({ recordBytes, seconds }) =>
    withStore(async (ground) => {
      const end = performance.now() + seconds * 1000;
      const isOver = () => performance.now() > end;
      const shape = { recordBytes, isOver, warmUp: WARM_UP_ROUNDS, forgetEach: 10 };
      const { figures, times } = await turns(ground, shape);
      const above = (list, ms) => list.filter((each) => each > ms).length;
      return {
        ...figures,
        seconds,
        above20Ms: above(times.durable, 20),
        above50Ms: above(times.durable, 50),
        floorAbove20Ms: above(times.floor, 20),
        speedShare: sumOf(times.floor) / sumOf(times.durable),
      };
    }),

  appenders: (shape) =>
    withDirectory(async (directory) => {
      const store = join(directory, "store");
      await Journal.init(store);
      const journal = await Journal.open(store, { types: [TYPE] });
      const level = new ClassicLevel(join(directory, "level"), {
        keyEncoding: "view",
        valueEncoding: "view",
        compression: false,
      });
      await level.open();
      const counter = { next: 0n };
      const rates = { ours: [], one: [], two: [] };
      let rssMiB = 0;
      for (let turn = 0; turn < shape.turns; turn++) {
        rates.ours.push(await appendFor(journal, shape));
        rssMiB = Math.max(rssMiB, residentMiB());
        rates.one.push(await batchFor(level, counter, shape, 1));
        rates.two.push(await batchFor(level, counter, shape, 2));
      }
      await level.close();
      await journal.close();
      const [perSecond, one, two] = [rates.ours, rates.one, rates.two].map(median);
      const levelPerSecond = Math.max(one, two);
      return {
        ...shape,
        perSecond,
        levelPerSecond,
        levelForm: one >= two ? "batches of 100" : "two batches of 50 in flight",
        ratio: perSecond / levelPerSecond,
        rssMiB,
      };
    }),

  replay: ({ recordBytes, megabytes }) =>
    withDirectory(async (directory) => {
      const store = join(directory, "store");
      const records = await fill(store, recordBytes, megabytes * 1_000_000);
      const runs = [];
      for (let run = 0; run < REPLAYS; run++) runs.push(await runCase({ case: "reading", store }));
      const of = (key) => median(runs.map((each) => each[key]));
      const [readMs, openMs, replayMs] = ["readMs", "openMs", "replayMs"].map(of);
      const ratios = { ratio: openMs / readMs, replayRatio: replayMs / readMs };
      const rssMiB = Math.max(...runs.map((each) => each.rssMiB));
      return { recordBytes, records, readMs, openMs, replayMs, ...ratios, rssMiB };
    }),

  /** One replay, in a process of its own: its peak of memory is that of the replay alone. */
  async reading({ store }) {
    const readMs = timeOfReading(store);
    const began = performance.now();
    const journal = await Journal.open(store, { types: [TYPE] });
    const opened = performance.now();
    let records = 0;
    for await (const { payload } of journal.replay()) records += payload.length > 0 ? 1 : 0;
    const replayed = performance.now();
    if (BigInt(records) !== journal.durableLsn) throw new Error(`${records} records came back`);
    await journal.close();
    const [openMs, replayMs] = [opened - began, replayed - opened];
    return { readMs, openMs, replayMs, rssMiB: peakMiB() };
  },
};

/**
 * Appends per second: every appender appends the next record when its last one is durable. Old records are
 * forgotten.
 */
async function appendFor(journal, { appenders, recordBytes, seconds }) {
  const [payload] = payloadsOf(1, recordBytes);
  const began = performance.now();
  const end = began + seconds * 1000;
  let count = 0;
  const appender = async () => {
    while (performance.now() < end) {
      const lsn = await journal.append({ type: TYPE, payload });
      count += 1;
      if (lsn % FORGOTTEN_AT_ONCE !== 0n) continue;
      await journal.forgetBefore(lsn);
    }
  };
  await Promise.all(Array.from({ length: appenders }, appender));
  return count / ((performance.now() - began) / 1000);
}

/**
 * As many records per second through synced chained batches, `inFlight` of them at a time.
 *
 * @param {{ next: bigint }} counter
 */
async function batchFor(level, counter, { appenders, recordBytes, seconds }, inFlight) {
  const [payload] = payloadsOf(1, recordBytes);
  const began = performance.now();
  const end = began + seconds * 1000;
  const from = counter.next;
  const writer = async () => {
    while (performance.now() < end) {
      const batch = level.batch();
      for (let count = 0; count < appenders / inFlight; count++) {
        const key = Buffer.allocUnsafe(8);
        key.writeBigUInt64BE(counter.next);
        counter.next += 1n;
        batch.put(key, payload);
      }
      await batch.write({ sync: true });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, writer));
  return Number(counter.next - from) / ((performance.now() - began) / 1000);
}

/** Fills a journal, and returns how many records it holds. */
async function fill(store, recordBytes, bytes) {
  await Journal.init(store);
  const journal = await Journal.open(store, { types: [TYPE] });
  const records = Math.ceil(bytes / recordBytes);
  const [payload] = payloadsOf(1, recordBytes);
  for (let left = records; left > 0; left -= 256) {
    const count = Math.min(256, left);
    const batch = Array.from({ length: count }, () => journal.append({ type: TYPE, payload }));
    await Promise.all(batch);
  }
  await journal.close();
  return records;
}

/** Reads every journal file to its end, into one buffer, with a CRC-32C over it: once to warm up. */
function timeOfReading(store) {
  const directory = join(store, "journal");
  const files = readdirSync(directory).map((name) => join(directory, name));
  const largest = Math.max(...files.map((file) => statSync(file).size));
  const buffer = Buffer.allocUnsafe(largest);
  const readAll = () => {
    for (const path of files) {
      const file = openSync(path, "r");
      const count = readSync(file, buffer, 0, buffer.length, 0);
      crc32c(buffer.subarray(0, count));
      closeSync(file);
    }
  };
  readAll();
  const began = performance.now();
  readAll();
  return performance.now() - began;
}

function percentiles(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) };
}

function sumOf(values) {
  return values.reduce((sum, each) => sum + each, 0);
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function residentMiB() {
  return process.memoryUsage.rss() / MIB;
}

/** The peak of this program alone, if the system tells. */
function peakMiB() {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / KIB;
  } catch {
    return residentMiB();
  }
}

if (process.argv[1] === self) {
  const shape = JSON.parse(process.argv[2]);
  console.log(JSON.stringify({ case: shape.case, ...(await cases[shape.case](shape)) }));
}

/* oxlint-disable typescript/no-unsafe-argument, typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access, typescript/no-unsafe-return -- plain JavaScript over dist, as scripts are */
/**
 * Wrote the frozen files in the folders beside it, once: stores of many shapes, as this format's first writer left
 * them, each with what is in it. It refuses to write a file that is there.
 *
 * Usage, after a build: node test/journal/form/frozen/write.mjs [folder]
 */
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32c } from "../../../../dist/codec/crc32c.js";
import { SimulatedDisk } from "../../../../dist/testing/simulated-disk.js";
import { beginJournal, writeAgain } from "../../../../dist/journal/begin.js";
import { initStore } from "../../../../dist/journal/init.js";
import { recoverJournal } from "../../../../dist/journal/recovery/recovery.js";
import { ownStore } from "../../../../dist/journal/form/store.js";
import { memoryLogMap } from "../../../../dist/log/map/log-map.js";
import { LogSet } from "../../../../dist/log/log-set.js";
import { Journal } from "../../../../dist/records/journal.js";
import { freeze as freezeStore } from "./freeze.mjs";

const folder = process.argv[2] ?? fileURLToPath(new URL(".", import.meta.url));
const DIRECTORY = "store";
const CHAIN = "text";
const SEGMENT_BYTES = 40 * 1024;
const TEXT_BYTES_MAX = 40;
const NONE = { acked: 0n, inFlight: 0n };
const HASH = createHash("sha256").update("frozen").digest();

const kind = { noun: "record", decode: (bytes) => bytes, facts: () => ({}) };

/** A store that is written shape by shape; every draw of one shape is the same. */
class Stage {
  disk;
  journal;
  logs;
  /** The findings of the last open, before it changed anything. */
  recovered;
  /** @readonly */
  #retainBytes;
  /** @readonly */
  #open = new Map();
  #draws = 0;
  /** @readonly */
  #name;

  constructor(name, { retainBytes = 0, disk } = {}) {
    this.#name = basename(name);
    this.#retainBytes = retainBytes;
    this.disk = disk ?? new SimulatedDisk();
  }

  surroundings() {
    const draw = (count) =>
      createHash("shake256", { outputLength: count })
        .update(`frozen ${this.#name} ${++this.#draws}`)
        .digest();
    return {
      disk: this.disk,
      randomBytes: draw,
      whenIdle: (task) => queueMicrotask(task),
      later: (task) => queueMicrotask(task),
      nowMs: () => 1_790_000_000_000,
      durable: true,
    };
  }

  async init() {
    const { disk, randomBytes, nowMs } = this.surroundings();
    await initStore(
      {
        disk,
        directory: DIRECTORY,
        chainId: CHAIN,
        segmentBytes: SEGMENT_BYTES,
        nowMs: BigInt(nowMs()),
        randomBytes,
      },
      { files: [], make: () => Promise.resolve() },
    );
    return this;
  }

  async open() {
    const { disk, randomBytes, whenIdle, later, nowMs } = this.surroundings();
    const store = await ownStore(disk, DIRECTORY, CHAIN);
    const { storeId } = store.identity;
    const recovered = await recoverJournal(
      disk,
      DIRECTORY,
      { storeId, origin: undefined },
      () => undefined,
    );
    this.recovered = {
      mark: recovered.mark,
      names: [...recovered.table.states()].map(({ name }) => name),
      needed: recovered.segments.map(({ slot }) => `${String(slot).padStart(4, "0")}.seg`),
    };
    const retainBytes = this.#retainBytes;
    this.journal = await beginJournal(
      {
        disk,
        directory: DIRECTORY,
        segmentBytes: SEGMENT_BYTES,
        retainBytes,
        randomBytes,
        whenIdle,
        later,
        nowMs,
        beforeRelease: async () => this.logs?.closeMap(),
      },
      store,
      await writeAgain(disk, DIRECTORY, store, recovered),
      {
        starts: { truncate: new Map() },
        named: { anchor: NONE, vote: NONE, voteRoadIndex: 0n },
      },
    );
    this.logs = new LogSet({
      engine: this.journal,
      table: recovered.table,
      map: retainBytes > 0 ? memoryLogMap(undefined) : undefined,
    });
    await this.logs.startMap();
    this.#open.clear();
    return this;
  }

  log(name) {
    const known = this.#open.get(name) ?? this.logs.open(name, kind);
    this.#open.set(name, known);
    return known;
  }

  async append(name, count, bytes = 20) {
    for (let left = count; left > 0; left--) {
      const number = this.log(name).appendNext;
      await this.log(name).append({ number, payload: payloadOf(name, number, bytes) });
    }
  }

  async drop(name) {
    this.logs.close(name);
    this.#open.delete(name);
    await this.submit([{ type: "drop", name }]);
  }

  /** Entries in one go, all durable when resolved. */
  async submit(entries) {
    const all = entries.map(
      (entry) =>
        new Promise((resolve, reject) => {
          /** @param {Error | undefined} error */
          entry.settled = (error) => (error ? reject(error) : resolve());
        }),
    );
    this.journal.submit(entries);
    await Promise.all(all);
  }

  async close() {
    await this.journal.close();
    return this;
  }
}

/** Text that tells where it belongs, and zeros, which take no room in a frozen file. */
function payloadOf(name, number, bytes) {
  const payload = Buffer.alloc(bytes);
  payload.write(
    `${name} ${number} `.padEnd(TEXT_BYTES_MAX, `${name}${number}`).slice(0, TEXT_BYTES_MAX),
  );
  return payload;
}

function appendOf(name, number, more = {}, bytes = 60) {
  return { type: "append", name, number, payload: payloadOf(name, number, bytes), ...more };
}

/** The contents of the store on `disk`, by our own reading of it, and after closing again. */
async function holdsOf(disk, retainBytes) {
  const stage = new Stage("look", { disk: disk.kill(), retainBytes });
  await stage.open();
  const logs = {};
  for (const name of stage.logs.recoveredNames()) {
    const log = stage.log(name);
    const records = {};
    for await (const { number, bytes } of log.scan()) records[number] = text(bytes);
    const retained = {};
    for (let number = stage.logs.retainedFirst(name); number < log.first; number++) {
      const bytes = await stage.logs.readRetained(name, number);
      if (bytes) retained[number] = text(bytes);
    }
    logs[name] = { first: String(log.first), next: String(log.next), records, retained };
  }
  const pins = stage.journal.mark.pins.map(({ name, number, hash }) => ({
    name,
    number: String(number),
    hash: Buffer.from(hash).toString("hex"),
  }));
  await stage.close();
  return { holds: { chainId: CHAIN, retainBytes, logs, pins }, recovered: stage.recovered };
}

/** A payload as it stands in `holds`: its text, and how many zeros follow. */
function text(bytes) {
  const written = Buffer.from(bytes).toString("latin1").replace(/\0+$/, "");
  const zeros = bytes.length - written.length;
  return zeros === 0 ? written : `${written} and ${zeros} zeros`;
}

function freeze(name, about, disk, holds) {
  freezeStore(join(folder, name), about, disk, holds);
}

/** The first disk that a stop of `life` may leave and `isWanted` picks, by what it holds. */
async function stopped(stage, life, isWanted) {
  const moments = [];
  const watched = stage.disk.kill({ onStep: () => moments.push(watched.kill()) });
  stage.disk = watched;
  await life(stage);
  for (const disk of moments) {
    for (const left of disk.powerCuts(1, 40)) {
      const { holds, recovered } = await holdsOf(left, 0);
      if (isWanted({ disk: left, holds, recovered })) return { disk: left.kill(), holds };
    }
  }
  throw new Error("no stop leaves this");
}

/** Puts a record of an optional type that nobody knows behind the newest segment's last one. */
function withOptional(disk) {
  const { path, offset, chain, nextLsn } = endOfRecords(disk);
  const payload = Buffer.from("of a later version");
  const header = Buffer.alloc(40);
  header.writeUInt32LE(payload.length, 4);
  header.writeUInt32LE(crc32c(payload), 8);
  header.writeUInt8(0x87, 12);
  header.writeBigUInt64LE(nextLsn, 16);
  header.writeUInt32LE(crc32c(header.subarray(4), chain), 0);
  disk.damage(path, offset, Buffer.concat([header, payload]));
}

/** A sector that never arrived: `words` are not there. */
function zero(disk, words) {
  for (const { path } of disk.files()) {
    const at = Buffer.from(disk.readNow(path)).indexOf(words);
    if (at >= 0) disk.damage(path, at, Buffer.alloc(words.length));
  }
}

/** The end of the newest segment's records. */
function endOfRecords(disk) {
  let newest;
  for (const { path } of disk.files().filter(({ path: each }) => each.endsWith(".seg"))) {
    const bytes = Buffer.from(disk.readNow(path));
    if (bytes.toString("latin1", 0, 8) !== "LKSEGMT1") continue;
    const sequence = bytes.readBigUInt64LE(40);
    if (!newest || sequence > newest.sequence) newest = { path, bytes, sequence };
  }
  const { bytes, path } = newest;
  let offset = Math.ceil(bytes.readUInt32LE(12) / 4096) * 4096;
  let chain = crc32c(bytes.subarray(48, 80));
  let nextLsn = bytes.readBigUInt64LE(80);
  for (;;) {
    const header = bytes.subarray(offset, offset + 40);
    if (header.readUInt32LE(0) !== crc32c(header.subarray(4), chain)) break;
    chain = header.readUInt32LE(0);
    offset += 40 + header.readUInt32LE(4);
    nextLsn += 1n;
  }
  return { path, offset, chain, nextLsn };
}

async function whole(name, about, life, options = {}) {
  const stage = new Stage(name, options);
  await stage.init();
  await life(stage);
  const { holds } = await holdsOf(stage.disk, options.retainBytes ?? 0);
  freeze(name, about, stage.disk, holds);
}

async function cut(name, about, { before, life, isWanted }) {
  const stage = new Stage(name);
  await stage.init();
  await before(stage);
  const { disk, holds } = await stopped(stage, life, isWanted);
  freeze(name, about, disk, holds);
  return disk;
}

await whole("written/empty", "As init leaves it: no log, nothing ever appended.", () =>
  Promise.resolve(),
);

await whole(
  "written/opened",
  "Opened and closed twice: no log, nothing ever appended.",
  async (stage) => {
    for (let time = 0; time < 2; time++) await (await stage.open()).close();
  },
);

await whole("written/one-record", "One log with one record.", async (stage) => {
  await stage.open();
  await stage.append("only", 1);
  await stage.close();
});

await whole(
  "written/several-logs",
  "Logs side by side, one from 7 on, over three lives.",
  async (stage) => {
    for (let life = 0; life < 3; life++) {
      await stage.open();
      await Promise.all([stage.append("a", 4), stage.append("b", 2), stage.append("c", 1, 0)]);
      if (life === 0) await stage.log("late").truncateBefore(7n);
      await stage.append("late", 2);
      await stage.close();
    }
  },
);

await whole(
  "removed/truncated",
  "One log cut to its middle, one emptied, one gone on with, one that leapt ahead.",
  async (stage) => {
    await stage.open();
    for (const name of ["cut", "emptied", "on"]) await stage.append(name, 6);
    await stage.log("cut").truncateBefore(3n);
    await stage.log("emptied").truncateAll();
    await stage.log("on").truncateAll();
    await stage.close();
    await stage.open();
    await stage.append("on", 2);
    await stage.append("leapt", 2);
    await stage.log("leapt").truncateBefore(9n);
    await stage.log("cut").truncateBefore(4n);
    await stage.close();
  },
);

await whole(
  "removed/dropped",
  "One log dropped for good, one dropped and made anew under its name.",
  async (stage) => {
    await stage.open();
    for (const name of ["stays", "gone", "again"]) await stage.append(name, 3);
    await stage.drop("gone");
    await stage.drop("again");
    await stage.append("again", 2, 30);
    await stage.close();
    await stage.open();
    await stage.append("stays", 1);
    await stage.close();
  },
);

await whole("written/segments", "Records over many segments, all of them live.", async (stage) => {
  await stage.open();
  for (let round = 0; round < 6; round++) {
    await stage.append("long", 4, 1500);
    await stage.append("short", 3, 10);
  }
  await stage.close();
});

await whole(
  "removed/recycled",
  "Slots written over many times: stale records lie behind the live ones.",
  async (stage) => {
    await stage.open();
    for (let round = 0; round < 40; round++) {
      await stage.append("moving", 3, 1000);
      await stage.log("moving").truncateBefore(stage.log("moving").next - 2n);
    }
    await stage.close();
  },
);

await whole(
  "removed/relocated",
  "A log that stood still while others moved: its records were copied.",
  async (stage) => {
    await stage.open();
    await stage.append("still", 3, 200);
    for (let round = 0; round < 60; round++) {
      await stage.append("moving", 4, 2000);
      await stage.log("moving").truncateBefore(stage.log("moving").next - 1n);
      if (round % 20 === 7) await stage.append("still", 1, 200);
    }
    if (stage.journal.counters.relocated === 0) throw new Error("nothing was relocated");
    await stage.close();
  },
);

await cut(
  "crashed/relocating",
  "Stopped as records were copied: they are there twice, and count once.",
  {
    before: async (stage) => {
      await stage.open();
      await stage.append("still", 3, 200);
      await stage.close();
    },
    life: async (stage) => {
      await stage.open();
      for (let round = 0; round < 20; round++) {
        await stage.append("moving", 4, 2000);
        await stage.log("moving").truncateBefore(stage.log("moving").next - 1n);
      }
    },
    isWanted: ({ disk, recovered }) => {
      const needed = recovered.needed.map((name) =>
        Buffer.from(disk.readNow(`${DIRECTORY}/journal/${name}`)),
      );
      return needed.filter((bytes) => bytes.includes("still 1 ")).length > 1;
    },
  },
);

await whole(
  "removed/retained",
  "Pruned records that are kept, over several segments.",
  async (stage) => {
    await stage.open();
    for (let round = 0; round < 8; round++) {
      await stage.append("kept", 5, 700);
      await stage.append("other", 1, 300);
      await stage.log("kept").truncateBefore(stage.log("kept").next - 2n);
    }
    await stage.close();
    await (await stage.open()).close();
  },
  { retainBytes: 4 * 1024 * 1024 },
);

await whole("written/batches", "Batches of two logs, and records beside them.", async (stage) => {
  await stage.open();
  await stage.append("a", 1);
  await stage.submit([
    appendOf("a", 1n, { more: true }),
    appendOf("a", 2n, { more: true }),
    appendOf("a", 3n),
    appendOf("b", 0n),
    appendOf("a", 4n),
    appendOf("b", 1n, { more: true }),
    appendOf("b", 2n),
  ]);
  await stage.close();
});

const batchStage = await new Stage("torn-batch").init();
await batchStage.open();
// Enough records that a segment with few live ones is not emptied at once.
await batchStage.append("much", 24, 2500);
await batchStage.append("a", 2);
await batchStage.close();
await batchStage.open();
batchStage.disk.hold();
batchStage.journal.submit(
  [
    appendOf("a", 2n),
    appendOf("a", 3n, { more: true }),
    appendOf("a", 4n, { more: true }),
    appendOf("a", 5n, { more: true }),
    appendOf("a", 6n),
  ].map((entry) => ({ ...entry, settled: () => undefined })),
);
for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
const tornBatch = batchStage.disk.kill();
zero(tornBatch, "a 5 ");
freeze(
  "crashed/torn-batch",
  "Stopped in a batch of four: the first two of it are there, and do not count.",
  tornBatch,
  (await holdsOf(tornBatch, 0)).holds,
);

const torn = (await holdsOf(tornBatch, 0)).recovered.needed.at(-1);
await cut(
  "crashed/sealed-torn-batch",
  "The same, once more opened: the segment is sealed, and ends before the batch.",
  {
    before: (stage) => {
      stage.disk = tornBatch.kill();
    },
    life: (stage) => stage.open(),
    isWanted: ({ recovered: { needed } }) => needed.at(-1) !== torn && needed.includes(torn),
  },
);

await cut(
  "crashed/torn-tail",
  "Stopped in a group: its first records are there, and count; the rest is torn.",
  {
    before: async (stage) => {
      await stage.open();
      await stage.append("a", 2);
      await stage.close();
    },
    life: async (stage) => {
      await stage.open();
      await stage.append("a", 1);
      await stage.submit([3n, 4n, 5n, 6n].map((number) => appendOf("a", number, {}, 600)));
    },
    isWanted: ({ holds }) => holds.logs.a?.next === "5",
  },
);

/** Stopped with a group on its way, of which the first block never arrived: its footer did. */
async function footerAlone(name, about, { before, life }) {
  const stage = await new Stage(name).init();
  await stage.open();
  await before(stage);
  await stage.close();
  await stage.open();
  const { path, offset } = endOfRecords(stage.disk);
  stage.disk.hold();
  life(stage).catch(() => {});
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  const left = stage.disk.kill();
  left.damage(path, offset, Buffer.alloc(4096));
  freeze(name, about, left, (await holdsOf(left, 0)).holds);
}

await footerAlone(
  "crashed/pinned",
  "Stopped with records with hashes on their way, and lost: their numbers are pinned.",
  {
    before: (stage) => stage.append("lane", 2),
    life: (stage) =>
      stage.submit([
        appendOf("lane", 2n, { hash: HASH }),
        appendOf("lane", 3n, { hash: HASH }),
        appendOf("new", 0n, { hash: HASH }),
      ]),
  },
);

await footerAlone(
  "crashed/dropping",
  "Stopped with a drop on its way, named by its group's footer alone: it is done again.",
  {
    before: async (stage) => {
      await stage.append("stays", 2);
      await stage.append("going", 2);
    },
    life: (stage) => stage.drop("going"),
  },
);

await whole(
  "crashed/one-mark-slot",
  "The older slot of the mark is damaged: the newer one counts.",
  async (stage) => {
    await stage.open();
    await stage.append("a", 3);
    await stage.close();
    const mark = Buffer.from(stage.disk.readNow(`${DIRECTORY}/mark`));
    const sequenceAt = (slot) => mark.readBigUInt64LE(slot * 262_144 + 8 + 8 + 16);
    const older = sequenceAt(0) < sequenceAt(1) ? 0 : 1;
    stage.disk.damage(`${DIRECTORY}/mark`, older * 262_144 + 40, Buffer.from("damage"));
  },
);

await whole(
  "written/optional-type",
  "The last record is of a type that nobody knows, and optional.",
  async (stage) => {
    await stage.open();
    await stage.append("a", 3);
    await stage.close();
    withOptional(stage.disk);
  },
);

const records = new Stage("records");
const types = [0x8001, 2];
await Journal.initOn(records.surroundings(), DIRECTORY, { segmentBytes: SEGMENT_BYTES });
const choices = { types, segmentBytes: SEGMENT_BYTES };
const journal = await Journal.openOn(records.surroundings(), DIRECTORY, choices);
for (let lsn = 1; lsn <= 8; lsn++) {
  const payload = payloadOf("record", lsn, 15 + lsn);
  const labels = { type: types[lsn % 2], tenant: lsn * 1000, shard: lsn };
  await journal.append({ ...labels, payload, ...(lsn < 4 ? { origin: BigInt(lsn * 7) } : {}) });
}
await journal.appendBatch(
  [9, 10].map((lsn) => ({ type: 2, payload: payloadOf("batch", lsn, 12) })),
);
await journal.checkpoint(3n);
await journal.truncateBefore(2n);
await journal.append({ type: 2, payload: new Uint8Array(0) });
await journal.close();
const again = await Journal.openOn(
  { ...records.surroundings(), disk: records.disk.kill() },
  DIRECTORY,
  choices,
);
const held = [];
for (const { lsn } of again.headers()) {
  const { type, tenant, shard, origin, payload } = await again.read(lsn);
  const labels = { lsn: String(lsn), type, tenant, shard, origin: origin && String(origin) };
  held.push({ ...labels, payload: text(payload) });
}
freeze(
  "written/records",
  "A journal of records: labels, origins, a batch, a checkpoint.",
  records.disk,
  {
    types,
    firstLsn: String(again.firstLsn),
    checkpointLsn: String(again.checkpointLsn),
    records: held,
  },
);
await again.close();

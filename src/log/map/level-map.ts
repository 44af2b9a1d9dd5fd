/**
 * The map in LevelDB. One sublevel per log: keys are numbers, 8 bytes big-endian; values are pointers,
 * 20 bytes little-endian: u32 slot, u64 offset of the payload, u32 length, u32 CRC. Ranges of retained
 * records are read by iterating the sublevel of their log. One more sublevel lists the segments that the
 * map holds: keys are sequences, values are runs of numbers, 20 bytes little-endian each: u32 log, u64 from, u64 next.
 *
 * Writes are not flushed one by one. The map is trusted behind a seal alone (`seal.ts`), which only a clean
 * close writes; after a crash it is made anew whatever had reached the disk.
 */
import { mkdir, rm } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ClassicLevel } from "classic-level";
import { Level } from "level";
import { ByteReader, ByteWriter } from "../../codec/binary.js";
import type { Disk } from "../../disk/disk.js";
import type { Pointer } from "../../journal/segment/segment.js";
import type { SealedSegment } from "../../journal/form/head.js";
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import {
  type LogMap,
  type LogRun,
  type MapChange,
  type MapEntry,
  type MappedSegment,
  memoryLogMap,
} from "./log-map.js";
import { breakSeal, type JournalEnd, sealMap } from "./seal.js";

const VALUE_BYTES = 20;
const RUN_BYTES = 20;
/** Entries that go into a batch without a break: less than a millisecond of work. */
const ENTRIES_PER_TURN = 256;
/** Entries that an iterator takes from LevelDB at once. */
const ENTRIES_PER_READ = 128;
/** Segments that an iterator takes from the list at once: a few milliseconds of work. */
const SEGMENTS_PER_READ = 512;
/** LevelDB gives some of its entries at once otherwise. `highWaterMarkBytes` is classic-level's own. */
const WHOLE_LIST = { limit: -1, highWaterMarkBytes: 1024 * 1024 };
/** The sublevel that lists segments. No log is called so. */
const SEGMENTS = "segments";
/** LevelDB's memory: the map is small, and a validator's memory is for other things (D9). */
const CACHE_BYTES = 1024 * 1024;

type Database = Level<Uint8Array, Uint8Array>;
type Sublevel = ReturnType<typeof sublevelOf>;
/** The methods of an iterator that are used here. */
interface LevelIterator {
  nextv(size: number): Promise<[Uint8Array, Uint8Array][]>;
  close(): Promise<void>;
}

/**
 * Opens the map in `directory`. If its files are those that the close at `at` has sealed, it holds what it
 * held then; if not, it is empty, and whoever opens it writes what the journal holds. If LevelDB cannot
 * be used there (a full disk, say), the map is in memory, and its warning says why.
 */
export async function openLogMap(disk: Disk, directory: string, at: JournalEnd): Promise<LogMap> {
  try {
    if (!(await breakSeal(disk, directory, at))) await removeAll(directory);
    // LevelDB would make a folder, and files in it, that everybody may read.
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new LevelMap(await openDatabase(directory), { disk, directory, storeId: at.storeId });
  } catch (cause) {
    return memoryLogMap(`the map is in memory only: ${reasonOf(cause)}`);
  }
}

/** Removes every file, unless somebody has LevelDB open there. */
async function removeAll(directory: string): Promise<void> {
  try {
    await ClassicLevel.destroy(directory);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "LEVEL_LOCKED") throw cause;
  }
  await rm(directory, { recursive: true, force: true });
}

async function openDatabase(directory: string): Promise<Database> {
  const database: Database = new Level(directory, {
    keyEncoding: "view",
    valueEncoding: "view",
    compression: false,
    cacheSize: CACHE_BYTES,
    writeBufferSize: CACHE_BYTES,
  });
  await database.open();
  return database;
}

class LevelMap implements LogMap {
  readonly warning = undefined;
  readonly #database: Database;
  readonly #home: { readonly disk: Disk; readonly directory: string; readonly storeId: Uint8Array };
  readonly #logs = new Map<string, Sublevel>();
  readonly #segments: Sublevel;

  constructor(
    database: Database,
    home: { readonly disk: Disk; readonly directory: string; readonly storeId: Uint8Array },
  ) {
    this.#database = database;
    this.#home = home;
    this.#segments = sublevelOf(database, SEGMENTS);
  }

  async mapped(): Promise<readonly MappedSegment[]> {
    const found: MappedSegment[] = [];
    const iterator = this.#segments.iterator(WHOLE_LIST);
    try {
      for (;;) {
        const entries = await iterator.nextv(SEGMENTS_PER_READ);
        if (entries.length === 0) return found;
        for (const [key, value] of entries) {
          found.push({ sequence: numberOf(key), runs: decodeRuns(value) });
        }
      }
    } finally {
      await iterator.close();
    }
  }

  async write({ entries = [], mapped, forgotten = [], released }: MapChange): Promise<void> {
    for (const { name, from, next } of forgotten) {
      await this.#log(name).clear({ gte: keyOf(from), lt: keyOf(next) });
    }
    // The chained form: options given to an array batch are copied into each of its operations.
    const batch = this.#database.batch();
    let puts = 0;
    for (const { name, number, pointer } of entries) {
      puts += 1;
      // A segment of small records has a hundred thousand of them: groups in flight must not wait for all.
      if (puts % ENTRIES_PER_TURN === 0) await nextTurn();
      batch.put(this.#log(name).prefixKey(keyOf(number), "view"), encodePointer(pointer));
    }
    const listed = (sequence: bigint) => this.#segments.prefixKey(keyOf(sequence), "view");
    if (mapped) batch.put(listed(mapped.sequence), encodeRuns(mapped.runs));
    if (released !== undefined) batch.del(listed(released));
    await batch.write();
  }

  async find(name: string, number: bigint): Promise<Pointer | undefined> {
    return pointerIn(await this.#log(name).get(keyOf(number)));
  }

  async *range(name: string, from: bigint, next: bigint): AsyncGenerator<MapEntry> {
    const iterator = this.#log(name).iterator({ gte: keyOf(from), lt: keyOf(next) });
    for await (const [key, value] of entriesOf(iterator)) {
      const pointer = pointerIn(value);
      if (pointer) yield { name, number: numberOf(key), pointer };
    }
  }

  async close(end: SealedSegment | undefined): Promise<void> {
    await this.#database.close();
    if (!end) return;
    const { disk, directory, storeId } = this.#home;
    try {
      await sealMap(disk, directory, { ...end, storeId });
    } catch (cause) {
      // A map without a seal is made anew at the next open: that costs time alone.
      if (!(cause instanceof PersisterError)) throw cause;
    }
  }

  #log(name: string): Sublevel {
    const known = this.#logs.get(name);
    if (known) return known;
    assert(name !== SEGMENTS, "no log has the name of the list of segments");
    const made = sublevelOf(this.#database, name);
    this.#logs.set(name, made);
    return made;
  }
}

/** The entries of an iterator, a few in each turn of the event loop. Closes it. */
async function* entriesOf(
  iterator: LevelIterator,
): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
  try {
    for (;;) {
      const found = await iterator.nextv(ENTRIES_PER_READ);
      if (found.length === 0) return;
      yield* found;
    }
  } finally {
    await iterator.close();
  }
}

function sublevelOf(database: Database, name: string) {
  return database.sublevel<Uint8Array, Uint8Array>(name, {
    keyEncoding: "view",
    valueEncoding: "view",
  });
}

function keyOf(number: bigint): Uint8Array {
  const key = Buffer.allocUnsafe(8);
  key.writeBigUInt64BE(number);
  return key;
}

function numberOf(key: Uint8Array): bigint {
  return Buffer.from(key.buffer, key.byteOffset, key.length).readBigUInt64BE();
}

function encodePointer(pointer: Pointer): Uint8Array {
  const value = Buffer.allocUnsafe(VALUE_BYTES);
  value.writeUInt32LE(pointer.slot, 0);
  value.writeBigUInt64LE(BigInt(pointer.offset), 4);
  value.writeUInt32LE(pointer.length, 12);
  value.writeUInt32LE(pointer.crc, 16);
  return value;
}

function pointerIn(bytes: Uint8Array | undefined): Pointer | undefined {
  if (bytes?.length !== VALUE_BYTES) return undefined;
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    slot: value.readUInt32LE(0),
    offset: Number(value.readBigUInt64LE(4)),
    length: value.readUInt32LE(12),
    crc: value.readUInt32LE(16),
  };
}

function encodeRuns(runs: readonly LogRun[]): Uint8Array {
  const writer = new ByteWriter(RUN_BYTES * runs.length);
  for (const { log, from, next } of runs) writer.u32(log).u64(from).u64(next);
  return writer.result();
}

/** The seal has proven that these bytes are our own. */
function decodeRuns(bytes: Uint8Array): LogRun[] {
  const reader = new ByteReader(bytes);
  const runs: LogRun[] = [];
  for (let left = bytes.length / RUN_BYTES; left > 0; left--) {
    runs.push({ log: reader.u32(), from: reader.u64(), next: reader.u64() });
  }
  reader.end();
  return runs;
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}

/**
 * The map: where every record on disk lies, by log and number, in LevelDB. One sublevel per log,
 * keys 8 bytes big-endian, values 20 bytes little-endian: u32 slot, u64 offset of the payload, u32
 * length, u32 CRC.
 *
 * It is written once per sealed segment, as one synced batch, off the acknowledgement path, and is
 * never trusted: every pointer is checked against the record it names. The journal is the truth, so
 * a map that is lost, refused or wrong costs time, never data. It is made anew at each open, since
 * LevelDB can end the process over a damaged table: what it left is never read again.
 */
import { rm } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ClassicLevel } from "classic-level";
import { Level } from "level";
import type { Pointer } from "../journal/segment/segment.js";

export const INDEX_DIRECTORY = "index";

const VALUE_BYTES = 20;
/** Entries that go into a batch without a break: less than a millisecond of work. */
const ENTRIES_PER_TURN = 256;

export interface MapEntry {
  readonly name: string;
  readonly number: bigint;
  readonly pointer: Pointer;
}

/** The numbers [from, next) of a log, each of which the map held and need not hold any longer. */
export interface Forgotten {
  readonly name: string;
  readonly from: bigint;
  readonly next: bigint;
}

export interface LogMap {
  /** Why the map is not LevelDB's on disk, where it is not. */
  readonly warning: string | undefined;
  /** Adds and forgets in one synced batch; durable when resolved. */
  write(entries: readonly MapEntry[], forgotten: readonly Forgotten[]): Promise<void>;
  /** What the map says of a record, unchecked. */
  find(name: string, number: bigint): Promise<Pointer | undefined>;
  close(): Promise<void>;
}

type Database = Level<Uint8Array, Uint8Array>;
/** What the map uses of a sublevel: every write goes through one batch of the root. */
interface Sublevel {
  prefixKey(key: Uint8Array, format: "view"): Uint8Array;
}

/**
 * Opens the map in `directory` empty: whoever opens it writes what the journal holds. Where that
 * fails (a full disk), the map is in memory and says so.
 */
export async function openLogMap(directory: string): Promise<LogMap> {
  try {
    await destroyUnlessOpen(directory);
    await rm(directory, { recursive: true, force: true });
    return new LevelMap(await openDatabase(directory));
  } catch (cause) {
    return memoryLogMap(`the map is in memory only: ${reasonOf(cause)}`);
  }
}

/** LevelDB takes its own files away, unless somebody has them open. What it leaves goes with the rest. */
async function destroyUnlessOpen(directory: string): Promise<void> {
  try {
    await ClassicLevel.destroy(directory);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "LEVEL_LOCKED") throw cause;
  }
}

async function openDatabase(directory: string): Promise<Database> {
  const database: Database = new Level(directory, {
    keyEncoding: "view",
    valueEncoding: "view",
    compression: false,
  });
  await database.open();
  return database;
}

class LevelMap implements LogMap {
  readonly warning = undefined;
  readonly #database: Database;
  readonly #sublevels = new Map<string, Sublevel>();

  constructor(database: Database) {
    this.#database = database;
  }

  async write(entries: readonly MapEntry[], forgotten: readonly Forgotten[]): Promise<void> {
    if (entries.length + forgotten.length === 0) return;
    // The chained form: options given to an array batch are copied into each of its operations.
    const batch = this.#database.batch();
    const pace = new Pace();
    for (const { name, number, pointer } of entries) {
      if (pace.isBreakDue()) await nextTurn();
      batch.put(this.#keyOf(name, number), encodePointer(pointer));
    }
    for (const { name, from, next } of forgotten) {
      for (let number = from; number < next; number++) {
        if (pace.isBreakDue()) await nextTurn();
        batch.del(this.#keyOf(name, number));
      }
    }
    await batch.write({ sync: true });
  }

  #keyOf(name: string, number: bigint): Uint8Array {
    return this.#sublevel(name).prefixKey(keyOf(number), "view");
  }

  async find(name: string, number: bigint): Promise<Pointer | undefined> {
    const value: Uint8Array | undefined = await this.#database.get(this.#keyOf(name, number));
    return value?.length === VALUE_BYTES ? decodePointer(value) : undefined;
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  #sublevel(name: string): Sublevel {
    const known = this.#sublevels.get(name);
    if (known) return known;
    const made = this.#database.sublevel<Uint8Array, Uint8Array>(name, {
      keyEncoding: "view",
      valueEncoding: "view",
    });
    this.#sublevels.set(name, made);
    return made;
  }
}

/**
 * Counts what is done without a break: a segment of small records has a hundred thousand of them, and
 * whoever waits for a group in flight must not wait for all of these.
 */
class Pace {
  #done = 0;

  isBreakDue(): boolean {
    this.#done += 1;
    return this.#done % ENTRIES_PER_TURN === 0;
  }
}

/** A map that lives as long as the process, with the reason why it is not on disk. */
export function memoryLogMap(warning: string | undefined): LogMap {
  const pointers = new Map<string, Pointer>();
  const keyed = (name: string, number: bigint): string => `${name} ${number}`;
  return {
    warning,
    write(entries, forgotten) {
      for (const { name, number, pointer } of entries) pointers.set(keyed(name, number), pointer);
      for (const { name, from, next } of forgotten) {
        for (let number = from; number < next; number++) pointers.delete(keyed(name, number));
      }
      return Promise.resolve();
    },
    find: (name, number) => Promise.resolve(pointers.get(keyed(name, number))),
    close: () => Promise.resolve(),
  };
}

function keyOf(number: bigint): Uint8Array {
  const key = Buffer.allocUnsafe(8);
  key.writeBigUInt64BE(number);
  return key;
}

function encodePointer(pointer: Pointer): Uint8Array {
  const value = Buffer.allocUnsafe(VALUE_BYTES);
  value.writeUInt32LE(pointer.slot, 0);
  value.writeBigUInt64LE(BigInt(pointer.offset), 4);
  value.writeUInt32LE(pointer.length, 12);
  value.writeUInt32LE(pointer.crc, 16);
  return value;
}

function decodePointer(bytes: Uint8Array): Pointer {
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    slot: value.readUInt32LE(0),
    offset: Number(value.readBigUInt64LE(4)),
    length: value.readUInt32LE(12),
    crc: value.readUInt32LE(16),
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

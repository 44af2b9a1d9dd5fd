/** A LevelDB database: its type, its sublevels, and the bounds of reads in it. */
import type { AbstractLevel } from "abstract-level";
import { type KeyRange, keyBytes } from "../keys/key.js";

/** A LevelDB database, or one in memory. */
export type Database = AbstractLevel<string | Buffer | Uint8Array, Uint8Array, Uint8Array> & {
  /** LevelDB's own; a database in memory has no tables to write. */
  compactRange?(start: Uint8Array, end: Uint8Array): Promise<void>;
};
export type Sublevel = ReturnType<typeof openSublevel>;
export type Snapshot = ReturnType<Database["snapshot"]>;

/** Rows, and bytes of rows, that one call into LevelDB brings; one row may be larger. */
export const ROWS_PER_READ = 1000;
const BYTES_PER_READ = 256 * 1024;
/** Below and above every key: a sublevel's keys begin with `!`. */
export const START_OF_KEYS = Uint8Array.of(0);
export const END_OF_KEYS = Uint8Array.of(0xff);
const NO_BYTES = new Uint8Array(0);
/** An option of LevelDB's own iterators, which a database in memory passes over. */
export const bytesPerRead = { highWaterMarkBytes: BYTES_PER_READ } as object;

export function openSublevel(database: Database, name: string) {
  return database.sublevel<Uint8Array, Uint8Array>(name, {
    keyEncoding: "view",
    valueEncoding: "view",
  });
}

interface Bounds {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
}

/** A range of keys of a category, as bounds of the whole database. */
export function boundsIn(sublevel: Sublevel, { start, stop }: KeyRange): Bounds {
  const first = sublevel.prefixKey(start === undefined ? NO_BYTES : keyBytes(start), "view");
  if (stop !== undefined) return { gte: first, lt: sublevel.prefixKey(keyBytes(stop), "view") };
  // A prefix ends with `!`, and nothing of another category lies below `"`.
  const end = Buffer.from(sublevel.prefix, "latin1");
  end[end.length - 1] = 0x22;
  return { gte: first, lt: end };
}

/**
 * The values of one job, in LevelDB: a sublevel for each category, every value behind a CRC-32C over
 * category, key and value, which each read checks.
 *
 * Nothing here is a promise of durability: the journal in front of it makes that (D1). A batch goes to
 * LevelDB without a sync; `settle` makes all of them durable at once, and proves it.
 */
import type { AbstractLevel } from "abstract-level";
import { throwIfAborted } from "../../async/signal.js";
import { PersisterError } from "../../types/errors.js";
import type { Operation } from "../journal/write.js";
import { type KeyRange, keyBytes } from "../keys/key.js";
import { levelError } from "./errors.js";
import { CategoryForm, escapeCategory, unescapeCategory } from "./stored.js";
import { beginsWith, WrittenKeys } from "./written-keys.js";

/** A LevelDB database, or one in memory. */
export type Database = AbstractLevel<string | Buffer | Uint8Array, Uint8Array, Uint8Array> & {
  /** LevelDB's own; a database in memory has no tables to write. */
  compactRange?(start: Uint8Array, end: Uint8Array): Promise<void>;
};
type Sublevel = ReturnType<typeof openSublevel>;
/** A category: its place in LevelDB, and the form of its values. */
interface Category {
  readonly sublevel: Sublevel;
  readonly form: CategoryForm;
}
type Snapshot = ReturnType<Database["snapshot"]>;

interface Bounds {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
}

/** A row of a scan. The bytes are the caller's. */
export interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** The choice of rows in a range, and their order. */
export interface RowOptions {
  readonly reverse?: boolean | undefined;
  /** Rows at most. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly snapshot?: Snapshot | undefined;
}

/** Rows, and bytes of rows, that one call into LevelDB brings; one row may be larger. */
const ROWS_PER_READ = 1000;
const BYTES_PER_READ = 256 * 1024;
const READ = "the read";
/** Above every key: a sublevel's keys begin with `!`. */
const END_OF_KEYS = Uint8Array.of(0xff);
const NO_BYTES = new Uint8Array(0);
/** An option of LevelDB's own iterators, which a database in memory passes over. */
const bytesPerRead = { highWaterMarkBytes: BYTES_PER_READ } as object;
/** A sublevel that no category has: escaped names have no `#`. */
const OWN_SUBLEVEL = "#lanekeeper";
const SETTLED_KEY = Buffer.from("settled");

export class JobValues {
  readonly #id: string;
  readonly #database: Database;
  /** Whether the bytes that it returns are those that it holds. */
  readonly #lends: boolean;
  readonly #categories = new Map<string, Category>();

  /** `database` is open; the values of job `id` are in it. */
  constructor(id: string, database: Database) {
    this.#id = id;
    this.#database = database;
    this.#lends = database.compactRange === undefined;
  }

  /**
   * The value of a key; `undefined` where there is none.
   *
   * @throws {PersisterError} JOB_CORRUPT where the value is not the one that was written; IO.
   */
  async get(category: string, key: Uint8Array): Promise<Uint8Array | undefined> {
    const { sublevel, form } = this.#category(category);
    const bytes = await this.#told(() => sublevel.get(key));
    if (bytes === undefined) return undefined;
    return form.valueIn(key, this.#owned(bytes)) ?? this.#refuseValue(category, key);
  }

  /** Whether there is a value at a key. Throws as `get`. */
  async has(category: string, key: Uint8Array): Promise<boolean> {
    return (await this.get(category, key)) !== undefined;
  }

  /** The rows of a range, by key, a page at a time. Throws as `get`, and ABORTED by the signal. */
  async *pages(
    category: string,
    range: KeyRange,
    options: RowOptions,
  ): AsyncGenerator<readonly Row[]> {
    const { reverse = false, limit, signal, snapshot } = options;
    const { sublevel, form } = this.#category(category);
    // Of the whole database: a sublevel's own makes two objects more of each row.
    const prefixBytes = sublevel.prefix.length;
    const iterator = this.#database.iterator({
      ...boundsIn(sublevel, range),
      ...bytesPerRead,
      reverse,
      ...(limit === undefined ? {} : { limit }),
      ...(snapshot === undefined ? {} : { snapshot }),
    });
    try {
      for (;;) {
        throwIfAborted(signal, READ);
        const entries = await this.#told(() => iterator.nextv(ROWS_PER_READ));
        if (entries.length === 0) return;
        yield entries.map(([bytes, stored]) => {
          const key = this.#owned(bytes, prefixBytes);
          const value = form.valueIn(key, this.#owned(stored));
          return { key, value: value ?? this.#refuseValue(category, key) };
        });
      }
    } finally {
      await iterator.close();
    }
  }

  /** How many rows a range has. Takes time with their number; reads no values. */
  async count(category: string, range: KeyRange, signal?: AbortSignal): Promise<number> {
    const { sublevel } = this.#category(category);
    const keys = this.#database.keys({ ...boundsIn(sublevel, range), ...bytesPerRead });
    let count = 0;
    try {
      for (;;) {
        throwIfAborted(signal, READ);
        const found = await this.#told(() => keys.nextv(ROWS_PER_READ));
        if (found.length === 0) return count;
        count += found.length;
      }
    } finally {
      await keys.close();
    }
  }

  /** The categories that have a row, sorted by their bytes. */
  async categories(): Promise<readonly string[]> {
    const found: string[] = [];
    // One seek for each: the next category begins behind the last key of this one.
    let after: Uint8Array = Buffer.from("!");
    for (;;) {
      const [key] = await this.#told(() => this.#database.keys({ gt: after, limit: 1 }).all());
      if (key === undefined) return found;
      const name = Buffer.from(key.subarray(1, key.indexOf(0x21, 1))).toString("latin1");
      if (name !== OWN_SUBLEVEL) found.push(unescapeCategory(name));
      after = Buffer.concat([Buffer.from(`!${name}`, "latin1"), Uint8Array.of(0x22)]);
    }
  }

  /**
   * Applies operations in order, all or none, without a sync.
   *
   * @throws {PersisterError} IO, DISK_FULL: nothing may be written through this object any more.
   */
  async apply(operations: readonly Operation[]): Promise<void> {
    const batch = this.#database.batch();
    // Keys of this batch that a later prefix of it may take away again.
    const hasPrefix = operations.some(({ kind }) => kind === "deletePrefix");
    const written = new WrittenKeys();
    for (const operation of operations) {
      const { category, key } = operation;
      const { sublevel, form } = this.#category(category);
      if (operation.kind === "deletePrefix") {
        const held = await this.#keysUnder(category, key);
        for (const each of [...held, ...written.under(category, key)]) {
          batch.del(sublevel.prefixKey(each, "view"));
        }
        continue;
      }
      const prefixed = sublevel.prefixKey(key, "view");
      if (operation.kind === "put") batch.put(prefixed, form.stored(key, operation.value));
      else batch.del(prefixed);
      if (hasPrefix) written.add(category, key);
    }
    await this.#told(() => batch.write());
  }

  /**
   * Makes everything that was applied durable, in tables.
   *
   * A synced write alone would not prove it: LevelDB flushes its newest log only, and what is in an
   * older one may be lost. A compaction of an empty range of keys writes the memory table out and waits
   * for it, but tells of no error; LevelDB remembers the error, and refuses the next write for it. So
   * the synced write behind the compaction is the proof.
   *
   * @throws {PersisterError} as `apply`.
   */
  async settle(): Promise<void> {
    const database = this.#database;
    await this.#told(async () => {
      await database.compactRange?.(END_OF_KEYS, END_OF_KEYS);
      const batch = database.batch();
      const own = openSublevel(database, OWN_SUBLEVEL);
      batch.put(own.prefixKey(SETTLED_KEY, "view"), new Uint8Array(0));
      await batch.write({ sync: true } as object);
    });
  }

  /** The database as it is now: reads through it do not see later writes. Close it. */
  snapshot(): Snapshot {
    return this.#database.snapshot();
  }

  async close(): Promise<void> {
    await this.#told(() => this.#database.close());
  }

  /** Keys of the database that begin with `prefix`. */
  async #keysUnder(category: string, prefix: Uint8Array): Promise<readonly Uint8Array[]> {
    const found: Uint8Array[] = [];
    const keys = this.#category(category).sublevel.keys({ gte: prefix });
    try {
      for (let isUnder = true; isUnder; ) {
        const some = await this.#told(() => keys.nextv(ROWS_PER_READ));
        const under = some.filter((key) => beginsWith(key, prefix));
        found.push(...under);
        isUnder = some.length > 0 && under.length === some.length;
      }
    } finally {
      await keys.close();
    }
    return found;
  }

  /**
   * Plain bytes, from an offset on, that are the caller's: LevelDB copies what it returns, a database in
   * memory lends it.
   */
  #owned(bytes: Uint8Array, from = 0): Uint8Array {
    const view = new Uint8Array(bytes.buffer, bytes.byteOffset + from, bytes.length - from);
    return this.#lends ? Uint8Array.from(view) : view;
  }

  #refuseValue(category: string, key: Uint8Array): never {
    throw new PersisterError(
      "JOB_CORRUPT",
      `job ${this.#id}: the value at key ${Buffer.from(key).toString("hex")} of category ` +
        `"${category}" is not the one that was written; keep a copy of its folder, and drop the job or ` +
        "bring it back from its source",
    );
  }

  /** Turns an error of LevelDB into one of ours. */
  async #told<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (cause) {
      if (cause instanceof PersisterError) throw cause;
      throw levelError(this.#id, cause);
    }
  }

  #category(category: string): Category {
    let known = this.#categories.get(category);
    if (!known) {
      const sublevel = openSublevel(this.#database, escapeCategory(category));
      known = { sublevel, form: new CategoryForm(category) };
      this.#categories.set(category, known);
    }
    return known;
  }
}

function openSublevel(database: Database, name: string) {
  return database.sublevel<Uint8Array, Uint8Array>(name, {
    keyEncoding: "view",
    valueEncoding: "view",
  });
}

/** A range of keys of a category, as bounds of the whole database. */
function boundsIn(sublevel: Sublevel, { start, stop }: KeyRange): Bounds {
  const first = sublevel.prefixKey(start === undefined ? NO_BYTES : keyBytes(start), "view");
  if (stop !== undefined) return { gte: first, lt: sublevel.prefixKey(keyBytes(stop), "view") };
  // A prefix ends with `!`, and nothing of another category lies below `"`.
  const end = Buffer.from(sublevel.prefix, "latin1");
  end[end.length - 1] = 0x22;
  return { gte: first, lt: end };
}

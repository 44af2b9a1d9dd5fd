/**
 * The values of one job, in LevelDB: a sublevel for each category, every value behind a CRC-32C over
 * category, key and value, which each read checks.
 *
 * Nothing here is a promise of durability: the journal in front of it makes that (D1). A batch goes to
 * LevelDB without a sync; `settle` makes all of them durable at once, and proves it.
 */
import type { AbstractLevel } from "abstract-level";
import { PersisterError } from "../../types/errors.js";
import type { KeyRange } from "../keys/key.js";
import { keyBytes } from "../keys/key.js";
import { levelError } from "./errors.js";
import { escapeCategory, storedValue, unescapeCategory, valueIn } from "./stored.js";
import type { Operation } from "../write.js";

/** A LevelDB database, or one in memory. */
export type Database = AbstractLevel<string | Buffer | Uint8Array, Uint8Array, Uint8Array> & {
  /** LevelDB's own; a database in memory has no tables to write. */
  compactRange?(start: Uint8Array, end: Uint8Array): Promise<void>;
};
type Sublevel = ReturnType<typeof openSublevel>;
type Snapshot = ReturnType<Database["snapshot"]>;

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

/** Rows that one call into LevelDB brings. */
const ROWS_PER_READ = 256;
/** Above every key: a sublevel's keys begin with `!`. */
const END_OF_KEYS = Uint8Array.of(0xff);
/** A sublevel that no category has: escaped names have no `#`. */
const OWN_SUBLEVEL = "#lanekeeper";
const SETTLED_KEY = Buffer.from("settled");

export class JobValues {
  readonly #id: string;
  readonly #database: Database;
  readonly #sublevels = new Map<string, Sublevel>();

  /** `database` is open; the values of job `id` are in it. */
  constructor(id: string, database: Database) {
    this.#id = id;
    this.#database = database;
  }

  /**
   * The value of a key; `undefined` where there is none.
   *
   * @throws {PersisterError} JOB_CORRUPT where the value is not the one that was written; IO.
   */
  async get(
    category: string,
    key: Uint8Array,
    snapshot?: Snapshot,
  ): Promise<Uint8Array | undefined> {
    const sublevel = this.#sublevel(category);
    const bytes = await this.#told(() =>
      snapshot ? sublevel.get(key, { snapshot }) : sublevel.get(key),
    );
    return bytes && this.#checked(category, key, bytes);
  }

  /** Whether there is a value at a key. Throws as `get`. */
  async has(category: string, key: Uint8Array): Promise<boolean> {
    return (await this.get(category, key)) !== undefined;
  }

  /**
   * The rows of a range, by key. Throws as `get`, and ABORTED by the signal.
   */
  async *rows(category: string, range: KeyRange, options: RowOptions): AsyncGenerator<Row> {
    const { reverse = false, limit, signal, snapshot } = options;
    const iterator = this.#sublevel(category).iterator({
      ...boundsOf(range),
      reverse,
      ...(limit === undefined ? {} : { limit }),
      ...(snapshot === undefined ? {} : { snapshot }),
    });
    try {
      for (;;) {
        throwIfAborted(signal);
        const entries = await this.#told(() => iterator.nextv(ROWS_PER_READ));
        if (entries.length === 0) return;
        for (const [key, bytes] of entries) {
          throwIfAborted(signal);
          yield { key: Uint8Array.from(key), value: this.#checked(category, key, bytes) };
        }
      }
    } finally {
      await iterator.close();
    }
  }

  /** How many rows a range has. Takes time with their number; reads no values. */
  async count(category: string, range: KeyRange, signal?: AbortSignal): Promise<number> {
    const keys = this.#sublevel(category).keys(boundsOf(range));
    let count = 0;
    try {
      for (;;) {
        throwIfAborted(signal);
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
    const written = new Map<string, Set<string>>();
    for (const operation of operations) {
      const { category, key } = operation;
      const sublevel = this.#sublevel(category);
      if (operation.kind === "deletePrefix") {
        for (const each of await this.#keysUnder(category, key, written)) {
          batch.del(sublevel.prefixKey(each, "view"));
        }
        continue;
      }
      const prefixed = sublevel.prefixKey(key, "view");
      if (operation.kind === "put")
        batch.put(prefixed, storedValue(category, operation.key, operation.value));
      else batch.del(prefixed);
      noteKey(written, category, key);
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
      const own = this.#ownSublevel();
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

  /** Keys that begin with `prefix`, in the database and in this batch. */
  async #keysUnder(
    category: string,
    prefix: Uint8Array,
    written: ReadonlyMap<string, ReadonlySet<string>>,
  ): Promise<readonly Uint8Array[]> {
    const found: Uint8Array[] = [];
    const keys = this.#sublevel(category).keys({ gte: prefix });
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
    for (const key of written.get(category) ?? []) {
      const bytes = Buffer.from(key, "latin1");
      if (beginsWith(bytes, prefix)) found.push(bytes);
    }
    return found;
  }

  #checked(category: string, key: Uint8Array, bytes: Uint8Array): Uint8Array {
    const value = valueIn(category, key, bytes);
    if (value) return value;
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

  #sublevel(category: string): Sublevel {
    return this.#named(escapeCategory(category));
  }

  #ownSublevel(): Sublevel {
    return this.#named(OWN_SUBLEVEL);
  }

  #named(name: string): Sublevel {
    let sublevel = this.#sublevels.get(name);
    if (!sublevel) {
      sublevel = openSublevel(this.#database, name);
      this.#sublevels.set(name, sublevel);
    }
    return sublevel;
  }
}

function openSublevel(database: Database, name: string) {
  return database.sublevel<Uint8Array, Uint8Array>(name, {
    keyEncoding: "view",
    valueEncoding: "view",
  });
}

function noteKey(written: Map<string, Set<string>>, category: string, key: Uint8Array): void {
  const keys = written.get(category) ?? new Set();
  keys.add(Buffer.from(key).toString("latin1"));
  written.set(category, keys);
}

function boundsOf({ start, stop }: KeyRange): { gte?: Uint8Array; lt?: Uint8Array } {
  // LevelDB takes an empty bound for a key of no bytes; an open end is a bound that is left out.
  return {
    ...(start === undefined ? {} : { gte: keyBytes(start) }),
    ...(stop === undefined ? {} : { lt: keyBytes(stop) }),
  };
}

function beginsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return (
    key.length >= prefix.length && Buffer.compare(key.subarray(0, prefix.length), prefix) === 0
  );
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new PersisterError("ABORTED", "the read was aborted", { cause: signal.reason });
}

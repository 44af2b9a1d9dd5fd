/**
 * The values of one job, in LevelDB: a sublevel for each category, every value behind a CRC-32C over
 * category, key and value, which each read checks.
 *
 * Nothing here is a promise of durability: the journal in front of it makes that (D1). A batch goes to
 * LevelDB without a sync; `settle` makes all of them durable at once, and proves it.
 */
import { throwIfAborted } from "../../async/signal.js";
import { assert } from "../../types/assert.js";
import type { Operation } from "../journal/write.js";
import type { KeyRange } from "../keys/key.js";
import { JobSeals, type JobSealsParts } from "../seal/job-seals.js";
import { Categories } from "./categories.js";
import {
  boundsIn,
  bytesPerRead,
  type Database,
  END_OF_KEYS,
  ROWS_PER_READ,
  type Snapshot,
  START_OF_KEYS,
} from "./database.js";
import { levelCall } from "./errors.js";
import { OwnRows } from "./own-rows.js";
import { type ResealedPage, resealPage } from "./reseal.js";
import { beginsWith, WrittenKeys } from "../keys/written-keys.js";

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

const READ = "the read";

export class JobValues {
  readonly #id: string;
  readonly #database: Database;
  /** Whether the bytes that it returns are those that it holds. */
  readonly #lends: boolean;
  readonly #own: OwnRows;
  readonly #categories: Categories;
  readonly #snapshots = new Set<Snapshot>();
  #seals: JobSeals | undefined;

  /** `database` is open; the values of job `id` are in it. Without `useKeys` they are all plain. */
  constructor(id: string, database: Database) {
    this.#id = id;
    this.#database = database;
    this.#own = new OwnRows(database);
    this.#categories = new Categories(id, database);
    this.#lends = database.compactRange === undefined;
  }

  /**
   * Values are sealed and opened with the keys of a ring. Before the first read or write.
   *
   * @throws {PersisterError} as `JobSeals.open`; IO.
   */
  async useKeys(parts: JobSealsParts, how: { readonly isNew: boolean }): Promise<void> {
    const row = {
      load: () => this.#told(() => this.#own.seals()),
      save: (table: Uint8Array) => this.#told(() => this.#own.putSeals(table)),
    };
    this.#seals = await JobSeals.open(parts, row, how);
    this.#categories.seals = this.#seals;
  }

  /** The keys of its values. */
  get seals(): JobSeals | undefined {
    return this.#seals;
  }

  /**
   * The value of a key; `undefined` where there is none.
   *
   * @throws {PersisterError} JOB_CORRUPT where the value is not the one that was written; IO.
   */
  async get(category: string, key: Uint8Array): Promise<Uint8Array | undefined> {
    const held = this.#categories.of(category);
    const bytes = await this.#told(() => held.sublevel.get(key));
    return bytes && held.valueIn(key, this.#owned(bytes));
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
    const held = this.#categories.of(category);
    const { sublevel } = held;
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
          return { key, value: held.valueIn(key, this.#owned(stored)) };
        });
      }
    } finally {
      await iterator.close();
    }
  }

  /** How many rows a range has. Takes time with their number; reads no values. */
  async count(category: string, range: KeyRange, signal?: AbortSignal): Promise<number> {
    const { sublevel } = this.#categories.of(category);
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
    return await this.#told(() => this.#categories.names());
  }

  /**
   * Applies operations in order, all or none, without a sync.
   *
   * @throws {PersisterError} IO, DISK_FULL: nothing may be written through this object any more.
   */
  async apply(operations: readonly Operation[]): Promise<void> {
    await this.#seals?.reserve(operations.filter(({ kind }) => kind === "put").length);
    const batch = this.#database.batch();
    // Keys of this batch that a later prefix of it may take away again.
    const hasPrefix = operations.some(({ kind }) => kind === "deletePrefix");
    const written = new WrittenKeys();
    for (const operation of operations) {
      const { category, key } = operation;
      const { sublevel, form } = this.#categories.of(category);
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

  /** Makes everything that was applied durable, in tables (`OwnRows.settle`). Throws as `apply`. */
  async settle(): Promise<void> {
    await this.#told(() => this.#own.settle());
  }

  /** Seals values anew (`reseal.ts`). Throws as `resealPage` and `apply`. */
  async reseal(after: Uint8Array): Promise<ResealedPage> {
    const seals = this.#seals;
    assert(seals !== undefined, "values are sealed anew where there are keys");
    return await this.#told(() => resealPage(this.#database, this.#categories, seals, after));
  }

  /**
   * Rewrites the tables, so that none holds a value that was overwritten or deleted, but for those that a snapshot
   * sees. Everything that was applied is durable when resolved. Throws as `apply`.
   */
  async compact(): Promise<void> {
    await this.#told(async () => {
      await this.#database.compactRange?.(START_OF_KEYS, END_OF_KEYS);
      await this.#own.settle();
    });
  }

  /** The database as it is now: reads through it do not see later writes. End it. */
  snapshot(): Snapshot {
    const snapshot = this.#database.snapshot();
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  async endSnapshot(snapshot: Snapshot): Promise<void> {
    this.#snapshots.delete(snapshot);
    await snapshot.close();
  }

  /** Those that were not ended. */
  get snapshots(): ReadonlySet<Snapshot> {
    return this.#snapshots;
  }

  async close(): Promise<void> {
    await this.#told(() => this.#database.close());
    this.#seals?.close();
  }

  /** Keys of the database that begin with `prefix`. */
  async #keysUnder(category: string, prefix: Uint8Array): Promise<readonly Uint8Array[]> {
    const found: Uint8Array[] = [];
    const keys = this.#categories.of(category).sublevel.keys({ gte: prefix });
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

  #told<T>(call: () => Promise<T>): Promise<T> {
    return levelCall(this.#id, call);
  }
}

/**
 * LevelDB as a crash leaves it, for jobs on a simulated disk: what was settled is there, and of the batches
 * behind that any, in their order. Real LevelDB may lose more than a tail: its log is read past a bad
 * block. It may never lose what is in a table.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { MemoryLevel } from "memory-level";
import type { JobHome, JobHomes } from "../../../src/jobs/level/home.js";
import type { FileMark } from "../../../src/jobs/journal/job-record.js";
import type { Database } from "../../../src/jobs/level/database.js";
import { PersisterError } from "../../../src/types/errors.js";

type Rows = ReadonlyMap<string, string>;
/** Keys and values in hex; `undefined` deletes. */
type Change = readonly (readonly [string, string | undefined])[];

/** The state of one life of a job on disk. */
interface Left {
  readonly settled: Rows;
  readonly settles: number;
  readonly later: readonly Change[];
}

interface EncodedOperation {
  readonly type: "put" | "del";
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

type ApplyBatch = (
  this: void,
  operations: readonly EncodedOperation[],
  options: unknown,
) => Promise<void>;
/** The types of abstract-level leave out the methods that a database implements. */
const inherited = MemoryLevel.prototype as unknown as Record<"_batch", ApplyBatch>;

class WatchedLevel extends MemoryLevel<Uint8Array, Uint8Array> {
  left: Left = { settled: new Map(), settles: 0, later: [] };
  /** Once set, every batch is refused. */
  failure: Error | undefined;
  /** Batches wait for the first, tables for the second. */
  stuck = { batches: Promise.resolve(), tables: Promise.resolve() };
  readonly #onBatch: () => void;

  /** Calls `onBatch` behind each change of what a crash would leave. */
  constructor(onBatch: () => void) {
    super({ keyEncoding: "view", valueEncoding: "view", storeEncoding: "view" });
    this.#onBatch = onBatch;
  }

  /** Called by abstract-level for each batch, a chained one too. */
  async _batch(operations: readonly EncodedOperation[], options: unknown): Promise<void> {
    await this.stuck.batches;
    if (this.failure) throw this.failure;
    const change = operations.map(
      ({ type, key, value }) =>
        [hex(key), type === "put" && value ? hex(value) : undefined] as const,
    );
    this.left = { ...this.left, later: [...this.left.later, change] };
    await inherited["_batch"].call(this as never, operations, options);
    this.#onBatch();
  }

  /** Takes a while, as LevelDB's does: batches that come meanwhile are not in the table. */
  async compactRange(): Promise<void> {
    await this.stuck.tables;
    if (this.failure) return;
    const { later } = this.left;
    for (let turn = 0; turn < 4; turn++) await nextTurn();
    const { settles, settled } = this.left;
    this.left = {
      settled: applied(settled, later),
      settles: settles + 1,
      later: this.left.later.slice(later.length),
    };
    this.#onBatch();
  }
}

function applied(rows: Rows, changes: readonly Change[]): Rows {
  const after = new Map(rows);
  for (const [key, value] of changes.flat()) {
    if (value === undefined) after.delete(key);
    else after.set(key, value);
  }
  return after;
}

export class LossyHomes implements JobHomes {
  readonly #databases = new Map<string, WatchedLevel>();
  readonly #left: Map<string, Left>;
  /** Called behind each batch and each table. */
  onBatch: () => void = () => {};

  constructor(left: ReadonlyMap<string, Left> = new Map()) {
    this.#left = new Map(left);
  }

  /** The state that a crash leaves now; `keeps` draws which of the unsettled batches are kept. */
  crashed(keeps: () => boolean): LossyHomes {
    const left = new Map<string, Left>();
    for (const [home, { settled, settles, later }] of this.#all()) {
      const kept = later.filter(() => keeps());
      left.set(home, { settled: applied(settled, kept), settles, later: [] });
    }
    return new LossyHomes(left);
  }

  /** A copy of what is there, to be crashed later. */
  copy(): LossyHomes {
    return new LossyHomes(this.#all());
  }

  /** Every batch of this job is refused from now on. */
  fail(id: string, failure: Error): void {
    for (const [home, database] of this.#databases) {
      if (home.startsWith(`${id}/`)) database.failure = failure;
    }
  }

  /**
   * Nothing goes into the tables of this job's database until the function that it returns is called; with
   * `all` nothing goes into it at all.
   */
  stop(id: string, { all }: { readonly all: boolean }): () => void {
    let goOn: () => void = () => {};
    const tables = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    for (const [home, database] of this.#databases) {
      if (!home.startsWith(`${id}/`)) continue;
      database.stuck = { tables, batches: all ? tables : Promise.resolve() };
    }
    return goOn;
  }

  of(id: string, life: bigint): JobHome {
    const home = `${id}/${life}`;
    return {
      make: async () => {
        this.#removeAll(id);
        return await this.#opened(home, { settled: new Map(), settles: 0, later: [] });
      },
      checkClosed: async ([mark]) => {
        if (mark && (await this.#markOf(home)).crc === mark.crc) return;
        throw new PersisterError("JOB_CORRUPT", `${home} is not as it was closed`);
      },
      mend: async ({ bytes }) => {
        if ((this.#leftOf(home)?.settles ?? -1) >= bytes) return;
        throw new PersisterError("JOB_CORRUPT", `${home} lacks what was settled`);
      },
      open: async () => {
        const left = this.#leftOf(home);
        if (!left) throw new PersisterError("JOB_CORRUPT", `${home} is not there`);
        return await this.#opened(home, left);
      },
      manifest: async () => await this.#markOf(home),
      files: async () => [await this.#markOf(home)],
      remove: () => Promise.resolve(this.#removeAll(id)),
      bytes: () => Promise.resolve(0),
      hasOldFiles: () => Promise.resolve(false),
    };
  }

  found(): Promise<readonly string[]> {
    const ids = [...this.#all().keys()].map((home) => home.slice(0, home.indexOf("/")));
    return Promise.resolve([...new Set(ids)]);
  }

  async isTaken(id: string): Promise<boolean> {
    return (await this.found()).includes(id);
  }

  async #opened(home: string, left: Left): Promise<Database> {
    if (this.#databases.get(home)?.status === "open") {
      throw new PersisterError("STORE_LOCKED", `${home} is open already`);
    }
    const database = new WatchedLevel(() => this.onBatch());
    await database.open();
    const rows = applied(left.settled, left.later);
    for (const [key, value] of rows) await database.put(unhex(key), unhex(value));
    database.left = left;
    this.#databases.set(home, database);
    // oxlint-disable-next-line typescript/no-unnecessary-type-assertion
    return database as unknown as Database;
  }

  /** Its `bytes` are the number of times that it was settled, its `crc` stands for all that it holds. */
  #markOf(home: string): Promise<FileMark> {
    const left = this.#leftOf(home);
    const held = JSON.stringify([...(left ? left.settled : new Map())].sort());
    let crc = 7;
    for (const character of held) crc = (crc * 31 + character.charCodeAt(0)) >>> 0;
    return Promise.resolve({ name: "database", bytes: left?.settles ?? 0, crc });
  }

  #leftOf(home: string): Left | undefined {
    return this.#databases.get(home)?.left ?? this.#left.get(home);
  }

  #all(): Map<string, Left> {
    const all = new Map(this.#left);
    for (const [home, { left }] of this.#databases) all.set(home, left);
    return all;
  }

  #removeAll(id: string): void {
    for (const homes of [this.#databases, this.#left]) {
      for (const home of homes.keys()) if (home.startsWith(`${id}/`)) homes.delete(home);
    }
  }
}

/**
 * The rows of a job's database that no category has: the table of its seals, and one that is written only to
 * prove that all before it is in tables.
 */
import { type Database, END_OF_KEYS, openSublevel, type Sublevel } from "./database.js";

/** A sublevel that no category has: escaped names have no `#`. */
export const OWN_SUBLEVEL = "#lanekeeper";
const SETTLED_KEY = Buffer.from("settled");
const SEALS_KEY = Buffer.from("seals");

export class OwnRows {
  readonly #database: Database;
  readonly #sublevel: Sublevel;

  constructor(database: Database) {
    this.#database = database;
    this.#sublevel = openSublevel(database, OWN_SUBLEVEL);
  }

  /** The table of seals. */
  async seals(): Promise<Uint8Array | undefined> {
    return await this.#sublevel.get(SEALS_KEY);
  }

  /** Puts the table of seals; durable when resolved. */
  async putSeals(table: Uint8Array): Promise<void> {
    await this.#put(SEALS_KEY, Uint8Array.from(table), { sync: false });
    await this.settle();
  }

  /**
   * Makes everything that was written durable, in tables.
   *
   * A synced write alone would not prove it: LevelDB flushes its newest log only, and what is in an
   * older one may be lost. A compaction of an empty range of keys writes the memory table out and waits
   * for it, but tells of no error; LevelDB remembers the error, and refuses the next write for it. So
   * the synced write behind the compaction is the proof.
   */
  async settle(): Promise<void> {
    await this.#database.compactRange?.(END_OF_KEYS, END_OF_KEYS);
    await this.#put(SETTLED_KEY, new Uint8Array(0), { sync: true });
  }

  async #put(key: Uint8Array, value: Uint8Array, how: { readonly sync: boolean }): Promise<void> {
    const batch = this.#database.batch();
    batch.put(this.#sublevel.prefixKey(key, "view"), value);
    await batch.write(how as object);
  }
}

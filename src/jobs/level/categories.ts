/** The categories of a job: a sublevel of its database for each, and the form of the values in it. */
import { PersisterError } from "../../types/errors.js";
import type { JobSeals } from "../seal/job-seals.js";
import { type Database, openSublevel, type Sublevel } from "./database.js";
import { OWN_SUBLEVEL } from "./own-rows.js";
import { CategoryForm, escapeCategory, unescapeCategory } from "./stored.js";

/** A category: its place in LevelDB, and the form of its values. */
export class Category {
  readonly sublevel: Sublevel;
  readonly form: CategoryForm;
  readonly #job: string;
  readonly #name: string;

  constructor(name: string, sublevel: Sublevel, job: string, seals: JobSeals | undefined) {
    this.#name = name;
    this.#job = job;
    this.sublevel = sublevel;
    this.form = new CategoryForm(name, seals && { job, seals });
  }

  /**
   * The value that is stored at a key.
   *
   * @throws {PersisterError} JOB_CORRUPT where it is not the one that was written.
   */
  valueIn(key: Uint8Array, stored: Uint8Array): Uint8Array {
    const value = this.form.valueIn(key, stored);
    if (value) return value;
    throw new PersisterError(
      "JOB_CORRUPT",
      `job ${this.#job}: the value at key ${Buffer.from(key).toString("hex")} of category ` +
        `"${this.#name}" is not the one that was written; keep a copy of its folder, and drop the job or ` +
        "bring it back from its source",
    );
  }
}

export class Categories {
  readonly #id: string;
  readonly #database: Database;
  readonly #known = new Map<string, Category>();
  #seals: JobSeals | undefined;

  /** Of job `id`, whose database is open. */
  constructor(id: string, database: Database) {
    this.#id = id;
    this.#database = database;
  }

  /** How values are sealed; without seals they are plain. Set before the first category is asked for. */
  set seals(seals: JobSeals) {
    this.#seals = seals;
  }

  of(name: string): Category {
    let known = this.#known.get(name);
    if (!known) {
      const sublevel = openSublevel(this.#database, escapeCategory(name));
      known = new Category(name, sublevel, this.#id, this.#seals);
      this.#known.set(name, known);
    }
    return known;
  }

  /** The categories that have a row, sorted by their bytes. */
  async names(): Promise<readonly string[]> {
    const found: string[] = [];
    // One seek for each: the next category begins behind the last key of this one.
    let after: Uint8Array = Buffer.from("!");
    for (;;) {
      const [key] = await this.#database.keys({ gt: after, limit: 1 }).all();
      if (key === undefined) return found;
      const { name } = partsOf(key);
      if (name !== OWN_SUBLEVEL) found.push(unescapeCategory(name));
      after = Buffer.concat([Buffer.from(`!${name}`, "latin1"), Uint8Array.of(0x22)]);
    }
  }

  /** The category and the key of a row of the whole database; `undefined` for a row of our own. */
  placeOf(raw: Uint8Array): { readonly category: Category; readonly key: Uint8Array } | undefined {
    const { name, key } = partsOf(raw);
    return name === OWN_SUBLEVEL ? undefined : { category: this.of(unescapeCategory(name)), key };
  }
}

/** A key of the whole database is `!`, the name of its sublevel, `!`, and its key there. */
function partsOf(raw: Uint8Array): { readonly name: string; readonly key: Uint8Array } {
  const end = raw.indexOf(0x21, 1);
  return { name: Buffer.from(raw.subarray(1, end)).toString("latin1"), key: raw.subarray(end + 1) };
}

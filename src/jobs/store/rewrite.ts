/**
 * Moves the values of one open job to the key that writes: each one that is plain, or under another key, is sealed
 * anew in its place.
 *
 * # Crash safety
 *
 * The steps, and the finding of an open behind a crash at each of them:
 *
 * 1. The seal of the key that writes comes into use (`seal/job-seals.ts`).
 * 2. Values are sealed anew, a page at a time, between two batches of writes. LevelDB keeps some of them: each
 *    value is there once, under the one key or the other, and the table names both.
 * 3. LevelDB rewrites its tables, and so drops what was overwritten or deleted. A scan that began before step 2 was
 *    at its end keeps such values: the job waits for it.
 * 4. The files that held them are gone. LevelDB keeps a file that a scan reads: the job waits for that, too.
 *    Their blocks are the file system's then: they are not overwritten, as those of the journal are.
 * 5. The table gives up the other keys. If it is not durable, open needs them, and begins with step 2.
 * 6. The JOB record gives them up.
 */
import type { KeyId } from "../../keys/key.js";
import { assert } from "../../types/assert.js";
import { type Snapshot, START_OF_KEYS } from "../level/database.js";
import type { JobSeals } from "../seal/job-seals.js";
import type { OpenJob } from "./opening.js";

/** How a step ended: with so many bytes that were read or written, with nothing to do yet, or with the last one. */
export type RewriteStep =
  | { readonly kind: "moved"; readonly bytes: number }
  | { readonly kind: "waiting" }
  | { readonly kind: "done" };

/** From the start of the rows on; behind them, with the snapshots that may see what was there. */
type Place =
  | { readonly kind: "begin" }
  | { readonly kind: "rows"; readonly after: Uint8Array }
  | { readonly kind: "tables"; readonly seen: readonly Snapshot[] }
  | { readonly kind: "files" };

export class JobRewrite {
  readonly open: OpenJob;
  readonly #seals: JobSeals;
  #place: Place = { kind: "begin" };
  /** The key that values are moved to. With another one all begins anew. */
  #key: KeyId | undefined;

  constructor(open: OpenJob) {
    const { seals } = open.values;
    assert(seals !== undefined, "a job that is open has seals");
    this.open = open;
    this.#seals = seals;
  }

  /**
   * The next step. One at a time, and not while the job is settled or closed.
   *
   * @throws {PersisterError} JOB_CORRUPT where a value is not the one that was written; JOB_FAILED, POISONED.
   */
  async step(): Promise<RewriteStep> {
    const place: Place = this.#seals.writing === this.#key ? this.#place : { kind: "begin" };
    switch (place.kind) {
      case "begin":
        return await this.#begin();
      case "rows":
        return await this.#reseal(place.after);
      case "tables":
        return await this.#compact(place.seen);
      case "files":
        return await this.#end();
    }
  }

  async #begin(): Promise<RewriteStep> {
    await this.#seals.announce();
    await this.open.writer.between(() => this.#seals.useWriting());
    this.#key = this.#seals.writing;
    if (!this.#seals.hasForeign) return { kind: "done" };
    this.#place = { kind: "rows", after: START_OF_KEYS };
    return { kind: "moved", bytes: 0 };
  }

  async #reseal(after: Uint8Array): Promise<RewriteStep> {
    const { writer, values } = this.open;
    const { last, bytes } = await writer.between(() => values.reseal(after));
    this.#place = last
      ? { kind: "rows", after: last }
      : { kind: "tables", seen: [...values.snapshots] };
    return { kind: "moved", bytes };
  }

  async #compact(seen: readonly Snapshot[]): Promise<RewriteStep> {
    const { values, home } = this.open;
    if (seen.some((snapshot) => values.snapshots.has(snapshot))) return { kind: "waiting" };
    await values.compact();
    this.#place = { kind: "files" };
    return { kind: "moved", bytes: await home.bytes() };
  }

  async #end(): Promise<RewriteStep> {
    const { writer, values, home } = this.open;
    if (await home.hasOldFiles()) {
      await values.settle();
      if (await home.hasOldFiles()) return { kind: "waiting" };
    }
    await writer.between(async () => {
      if (this.#seals.writing === this.#key) await this.#seals.dropForeign();
    });
    await this.#seals.announce();
    this.#place = { kind: "begin" };
    return { kind: "done" };
  }
}

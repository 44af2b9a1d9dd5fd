/**
 * Compares a job with the journal: after an open, every write that the journal held must be in LevelDB,
 * and every value must be the one that was written.
 */
import { PersisterError } from "../../types/errors.js";
import { inTurn } from "../../async/all-ended.js";
import { assert } from "../../types/assert.js";
import type { Job } from "../job.js";
import type { JobJournal } from "../journal/job-journal.js";
import type { Operation } from "../journal/write.js";
import { closeJobIn, type OpenJob } from "./opening.js";

/** The result of a verification. */
export interface JobVerification {
  readonly id: string;
  readonly categories: number;
  /** Rows whose value was read and whose checksum is right. */
  readonly rows: number;
  /** Bytes of their keys and values. */
  readonly bytes: number;
  /** Writes that the journal held when the job was opened, all found in the job. */
  readonly journalWrites: number;
}

/** The effect of the writes that the journal holds, key by key. */
class HeldWrites {
  #count = 0;
  /** Keys in hex that a write touched last, by category; `undefined`: it was deleted. */
  readonly #values = new Map<string, Map<string, Uint8Array | undefined>>();
  readonly #cleared: { readonly category: string; readonly prefix: Uint8Array }[] = [];

  get count(): number {
    return this.#count;
  }

  add(operations: readonly Operation[]): void {
    this.#count += 1;
    for (const operation of operations) this.#add(operation);
  }

  /** @throws {PersisterError} JOB_CORRUPT naming the first key that is not as the journal says. */
  async compareWith(job: Job): Promise<void> {
    for (const [category, values] of this.#values) {
      for (const [key, value] of values) {
        const found = await job.get(category, Buffer.from(key, "hex"));
        if (!isSame(found, value)) throw differs(job.id, category, key);
      }
    }
    for (const { category, prefix } of this.#cleared) {
      for await (const row of job.scanPrefix(category, prefix)) {
        const key = Buffer.from(row.key).toString("hex");
        if (this.#values.get(category)?.get(key) === undefined) {
          throw differs(job.id, category, key);
        }
      }
    }
  }

  #add(operation: Operation): void {
    const { category } = operation;
    const values = this.#values.get(category) ?? new Map<string, Uint8Array | undefined>();
    this.#values.set(category, values);
    const key = Buffer.from(operation.key).toString("hex");
    if (operation.kind !== "deletePrefix") {
      values.set(key, operation.kind === "put" ? operation.value : undefined);
      return;
    }
    this.#cleared.push({ category, prefix: operation.key });
    for (const each of values.keys()) if (each.startsWith(key)) values.set(each, undefined);
  }
}

/**
 * Compares job `id`, which `open` opens, with the journal, reads it, and closes it again.
 *
 * @throws {PersisterError} JOB_CORRUPT naming the first key that is wrong; ABORTED; what `open` throws.
 */
export async function verifyJob(
  journal: JobJournal,
  id: string,
  open: () => Promise<OpenJob>,
  signal: AbortSignal | undefined,
): Promise<JobVerification> {
  const held = new HeldWrites();
  for await (const operations of journal.unsettled(id)) held.add(operations);
  const opened = await open();
  let verification: Omit<JobVerification, "id" | "journalWrites"> | undefined;
  await inTurn([
    async () => {
      await held.compareWith(opened.job);
      verification = await readWhole(opened.job, signal);
    },
    async () => await closeJobIn(journal, opened),
  ]);
  assert(verification !== undefined, "a job that was read without an error has a verification");
  return { id, ...verification, journalWrites: held.count };
}

/** Reads every row of a job. @throws {PersisterError} JOB_CORRUPT, ABORTED */
async function readWhole(
  job: Job,
  signal: AbortSignal | undefined,
): Promise<Omit<JobVerification, "id" | "journalWrites">> {
  const categories = await job.categories();
  let rows = 0;
  let bytes = 0;
  for (const category of categories) {
    for await (const { key, value } of job.scan(category, {}, { signal })) {
      rows += 1;
      bytes += key.length + value.length;
    }
  }
  return { categories: categories.length, rows, bytes };
}

function isSame(found: Uint8Array | undefined, held: Uint8Array | undefined): boolean {
  if (found === undefined || held === undefined) return found === held;
  return Buffer.compare(found, held) === 0;
}

function differs(id: string, category: string, key: string): PersisterError {
  return new PersisterError(
    "JOB_CORRUPT",
    `job ${id}: key ${key} of category "${category}" is not as its journal says; keep a copy of its ` +
      "folder, and drop the job or bring it back from its source",
  );
}

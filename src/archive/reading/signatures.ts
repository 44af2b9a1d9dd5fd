/**
 * The signatures of an object's blocks, verified behind the rest of their checks: by a second thread, while this one
 * reads and hashes the next object. Objects are told in their order.
 */
import { ahead } from "../../async/ahead.js";
import { PersisterError } from "../../types/errors.js";
import { Batch } from "../../wire/signatures/batch.js";
import { badSignature, type Check } from "../../wire/signatures/claim.js";
import { Threads } from "../../wire/signatures/threads.js";
import type { VerifyError } from "../../wire/verify-error.js";

/** An object of 8 MiB has a hundred blocks or so: they are worth the messages to the thread. */
const CHECKS_MIN = 64;

/** The signatures of one object, by the number of the record that each belongs to. */
export type SignedRecords = Map<Check, bigint>;

export class Signatures {
  /** This thread hashes meanwhile. */
  readonly #threads = new Threads(undefined, { checksMin: CHECKS_MIN, part: "all" });
  #verifying: Promise<void> | undefined;

  /**
   * Begins to verify these. Waits for those that were added before: one object's are on their way at a time.
   *
   * @throws what `bad` made of a signature of those before.
   */
  async add(
    records: SignedRecords,
    told: {
      readonly bad: (number: bigint, error: VerifyError) => PersisterError;
      readonly done: () => void;
    },
  ): Promise<void> {
    await this.end();
    this.#verifying = ahead(this.#verify(records, told));
  }

  /** Resolves when all that were added are verified. Throws as `add`. */
  async end(): Promise<void> {
    await this.#verifying;
  }

  async close(): Promise<void> {
    await this.#threads.close(new PersisterError("CLOSED", "the proof has ended"));
  }

  async #verify(records: SignedRecords, told: Parameters<Signatures["add"]>[1]): Promise<void> {
    const check = await this.#threads.firstBad(new Batch([...records.keys()]));
    if (check) throw told.bad(records.get(check) ?? 0n, badSignature(check));
    told.done();
  }
}

/**
 * The writes of one open job that the journal has answered, on their way into LevelDB: in the order of
 * their calls, several in one batch, one batch at a time. A batch costs a call into a thread, as much as all else
 * of a small write. So writes that nobody waits for are gathered for `APPLY_LAG_MS`, up to `GATHERED_BYTES`. A read
 * of the job, a task between two batches, and a writer that waits for room have them go at once.
 *
 * # Invariants
 *
 * - LevelDB never holds a write that the journal does not hold: what a crash leaves is a prefix.
 * - After the first batch that LevelDB refuses, nothing goes through this handle any more: LevelDB may
 *   acknowledge what it then loses. The journal holds what is missing; the next open brings it.
 */
import { assert } from "../../types/assert.js";
import { hasCode, PersisterError, reasonOf } from "../../types/errors.js";
import type { Held } from "../journal/known-job.js";
import type { Operation } from "../journal/write.js";
import type { JobValues } from "../level/values.js";

/** Bytes of records that go to LevelDB in one batch. */
const BATCH_BYTES = 1024 * 1024;
/** Some tens of writes that follow each other; memory and the next open hardly notice them. */
export const APPLY_LAG_MS = 5;
/** A batch of so many bytes does not get cheaper by growing. */
const GATHERED_BYTES = 64 * 1024;

/** A write that the journal has taken or refused, in its place of the queue. */
export interface Arrived {
  /** None where the journal refused it. */
  readonly operations: readonly Operation[];
  readonly bytes: number;
  /** The place of its record; `undefined`: the journal refused it. */
  readonly held: Held | undefined;
  /** Is told whether the key of its one operation had a value, once that is applied. */
  readonly seen: ((present: boolean) => void) | undefined;
}

interface Reader {
  readonly target: number;
  readonly resolve: () => void;
  readonly reject: (error: PersisterError) => void;
}

export interface LevelQueueParts {
  readonly id: string;
  readonly values: JobValues;
  /** Calls `task` when `APPLY_LAG_MS` are over. */
  readonly later: (task: () => void) => void;
  /** Whether somebody waits for what is in the queue to leave it. */
  readonly isAwaited: () => boolean;
  /** Is told of the bytes of each write that has left the queue, applied or not. */
  readonly onLeft: (bytes: number) => void;
  /** Is told that nothing goes to LevelDB any more. */
  readonly onFailed: () => void;
}

export class LevelQueue {
  readonly #parts: LevelQueueParts;
  /** Writes that will arrive, or have, and of these, those that LevelDB has. */
  #expected = 0;
  #applied = 0;
  #lastHeld: Held | undefined;
  #arrived: Arrived[] = [];
  #arrivedBytes = 0;
  /** The first of these go now, and all that has arrived with them. */
  #hurried = 0;
  #isApplying = false;
  /** All that has arrived goes a little later. */
  #isDue = false;
  /** Tasks that wait for the end of the batch under way. */
  readonly #between: (() => Promise<void>)[] = [];
  #readers: Reader[] = [];
  #failure: PersisterError | undefined;

  constructor(parts: LevelQueueParts) {
    this.#parts = parts;
  }

  /** Why nothing goes to LevelDB any more. */
  get failure(): PersisterError | undefined {
    return this.#failure;
  }

  get expected(): number {
    return this.#expected;
  }

  /** The last write that LevelDB has. */
  get lastHeld(): Held | undefined {
    return this.#lastHeld;
  }

  /** A write was submitted to the journal. */
  expect(): void {
    this.#expected += 1;
  }

  /** The journal has answered: writes arrive in the order in which they were submitted. */
  arrive(write: Arrived): void {
    if (this.#failure) {
      this.#parts.onLeft(write.bytes);
      return;
    }
    this.#arrived.push(write);
    this.#arrivedBytes += write.bytes;
    const isAwaited = write.seen || this.#readers.length > 0 || this.#parts.isAwaited();
    if (isAwaited || this.#arrivedBytes >= GATHERED_BYTES) this.hurry();
    else this.#goOnLater();
  }

  /** Has everything that has arrived go now. */
  hurry(): void {
    this.#hurried = this.#arrived.length;
    if (this.#isApplying) return;
    this.#applyAll().catch((cause: unknown) => this.fail(cause));
  }

  /**
   * Does `task` between two batches.
   *
   * @throws {PersisterError} JOB_CORRUPT, which the task found and which stops nothing; JOB_FAILED.
   */
  async between<T>(task: () => Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const done = async (): Promise<void> => {
        try {
          if (this.#failure) throw this.#failure;
          resolve(await task());
        } catch (cause) {
          if (hasCode(cause, "JOB_CORRUPT", "JOB_FAILED")) reject(cause);
          else reject(this.fail(cause));
        }
      };
      this.#between.push(done);
      this.hurry();
    });
  }

  /** Resolves when every write that was expected is in LevelDB. @throws {PersisterError} JOB_FAILED */
  async applied(): Promise<void> {
    if (this.#failure) throw this.#failure;
    const target = this.#expected;
    if (this.#applied >= target) return;
    await new Promise<void>((resolve, reject) => {
      this.#readers.push({ target, resolve, reject });
      this.hurry();
    });
  }

  /** Nothing goes to LevelDB from now on. Returns the first error. */
  fail(cause: unknown): PersisterError {
    const reason = reasonOf(cause);
    this.#failure ??= new PersisterError(
      "JOB_FAILED",
      `job ${this.#parts.id} takes no calls any more since this failed: ${reason} (close the job and ` +
        "open it again: the journal holds every write that LevelDB lacks)",
      { cause },
    );
    const [arrived, readers] = [this.#arrived, this.#readers];
    this.#arrived = [];
    this.#arrivedBytes = 0;
    this.#hurried = 0;
    this.#readers = [];
    for (const { bytes } of arrived) this.#parts.onLeft(bytes);
    for (const reader of readers) reader.reject(this.#failure);
    this.#parts.onFailed();
    return this.#failure;
  }

  #goOnLater(): void {
    if (this.#isDue || this.#isApplying) return;
    this.#isDue = true;
    this.#parts.later(() => {
      this.#isDue = false;
      this.hurry();
    });
  }

  async #applyAll(): Promise<void> {
    this.#isApplying = true;
    try {
      for (;;) {
        const task = this.#between.shift();
        if (task) await task();
        if (this.#hurried > 0) await this.#apply(this.#nextBatch());
        else if (this.#between.length === 0) return;
      }
    } finally {
      // In the same step as the last look at what arrived: else a write could come between.
      this.#isApplying = false;
      if (this.#arrived.length > 0) this.#goOnLater();
    }
  }

  async #apply(writes: readonly Arrived[]): Promise<void> {
    const { values, onLeft } = this.#parts;
    const [first] = writes;
    assert(first !== undefined, "a batch has a write");
    const operations = writes.flatMap((write) => write.operations);
    const [operation] = operations;
    let isPresent = false;
    try {
      if (first.seen && operation) isPresent = await values.has(operation.category, operation.key);
      if (operations.length > 0) await values.apply(operations);
    } finally {
      for (const { bytes } of writes) onLeft(bytes);
    }
    this.#lastHeld = writes.findLast(({ held }) => held !== undefined)?.held ?? this.#lastHeld;
    this.#applied += writes.length;
    if (first.held) first.seen?.(isPresent);
    this.#wakeReaders();
  }

  /** The next writes that go together; one that looks at its key goes alone. */
  #nextBatch(): readonly Arrived[] {
    let count = 0;
    for (let bytes = 0; count < this.#arrived.length; count++) {
      const write = this.#arrived[count] as Arrived;
      if (write.seen) {
        if (count === 0) count = 1;
        break;
      }
      bytes += write.bytes;
      if (count > 0 && bytes > BATCH_BYTES) break;
    }
    const writes = this.#arrived.splice(0, count);
    this.#hurried = Math.max(0, this.#hurried - count);
    for (const { bytes } of writes) this.#arrivedBytes -= bytes;
    return writes;
  }

  #wakeReaders(): void {
    const isDue = ({ target }: Reader): boolean => target <= this.#applied;
    const due = this.#readers.filter(isDue);
    if (due.length === 0) return;
    this.#readers = this.#readers.filter((reader) => !isDue(reader));
    for (const reader of due) reader.resolve();
  }
}

/**
 * The writes of one open job, on their way into the journal: one queue, in the order of calls. A write is
 * durable when the journal has it; LevelDB gets it behind that (`level-queue.ts`).
 *
 * # Bounds (D9)
 *
 * - `queueBytes` of writes may be taken and not in LevelDB yet.
 * - Beyond `heldBytesMax` of writes that are not in tables of LevelDB, their bytes count as queued until
 *   they are. So a job whose LevelDB is slow holds at most the sum of both in the journal.
 *
 * A call that finds no room waits, first come, first served, until its signal ends the wait, or
 * `stallMs`: JOB_BUSY. Then nothing was written.
 */
import { clearTimeout, setTimeout } from "node:timers";
import { ByteBudget } from "../../async/byte-budget.js";
import { aborted, throwIfAborted, whenAborted } from "../../async/signal.js";
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import type { JobJournal } from "../journal/job-journal.js";
import { encodeWrite, type Operation } from "../journal/write.js";
import type { JobValues } from "../level/values.js";
import { BATCH_BYTES_MAX } from "../options.js";
import { APPLY_LAG_MS, type Arrived, LevelQueue } from "./level-queue.js";

const WAIT = "the wait for room in the queue of a job";

/** A write that wants to be taken. */
interface NewWrite {
  readonly operations: readonly Operation[];
  readonly record: Uint8Array;
  readonly seen: Arrived["seen"];
}

/** A write that the journal was given. An object, since a promise of a promise is that promise. */
interface Submitted {
  readonly durable: Promise<void>;
}

/** How far a write is to come before its caller goes on. */
export type WriteEnd = "queued" | "durable";

/** The bounds of a job's writes. */
export interface WriteBounds {
  readonly queueBytes: number;
  readonly heldBytesMax: number;
  readonly stallMs: number;
}

export interface WriterParts {
  readonly id: string;
  readonly journal: JobJournal;
  readonly values: JobValues;
  readonly bounds: WriteBounds;
  /** Calls `task` when `APPLY_LAG_MS` are over; a timer, where it is left out. */
  readonly later?: ((task: () => void) => void) | undefined;
  /** Is told of each write that the journal has. */
  readonly onDurable: () => void;
  /** Is told of a plain write that the journal refused. */
  readonly onLost: (error: PersisterError) => void;
}

export class JobWriter {
  readonly #parts: WriterParts;
  readonly #level: LevelQueue;
  readonly #budget: ByteBudget;
  readonly #bytesMax: number;
  /** Calls that wait for the budget: a later one may not pass them. */
  #entering = 0;
  /** All of them have entered, or were ended. */
  #lastEntry: Promise<void> = Promise.resolve();
  #firstLost: PersisterError | undefined;
  #queuedWrites = 0;
  #queuedBytes = 0;
  /** Bytes that are in LevelDB, and are given back when they are in its tables. */
  #withheldBytes = 0;
  /** Whether checkpoints settle the job: nothing is withheld that nobody would give back. */
  #isSettled = false;

  constructor(parts: WriterParts) {
    const { id, journal, values, bounds } = parts;
    this.#parts = parts;
    this.#budget = new ByteBudget(bounds.queueBytes);
    this.#bytesMax = Math.min(BATCH_BYTES_MAX, journal.writeBytesMax);
    this.#level = new LevelQueue({
      id,
      values,
      later: parts.later ?? ((task) => void setTimeout(task, APPLY_LAG_MS)),
      isAwaited: () => this.#entering > 0,
      onLeft: (bytes) => this.#leave(bytes),
      // Those that wait for room hear of it.
      onFailed: () => this.#giveBackWithheld(),
    });
  }

  /** Why nothing goes to LevelDB any more. */
  get failure(): PersisterError | undefined {
    return this.#level.failure;
  }

  get taken(): number {
    return this.#level.expected;
  }

  get queuedWrites(): number {
    return this.#queuedWrites;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Takes a write. Resolves when it is in the queue, or durable.
   *
   * @throws {PersisterError} USAGE where it is too large; ABORTED, JOB_BUSY before it was taken;
   * JOB_FAILED; where `end` is "durable" also DISK_FULL, POISONED, CLOSED: it may be durable or not.
   */
  async write(
    operations: readonly Operation[],
    end: WriteEnd,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#write(operations, end, signal, undefined);
  }

  /** Takes one operation; durable, and in LevelDB, when resolved: to whether its key had a value. */
  async writeSeen(operation: Operation, signal: AbortSignal | undefined): Promise<boolean> {
    let isPresent: boolean | undefined;
    await this.#write([operation], "durable", signal, (present) => {
      isPresent = present;
    });
    if (isPresent === undefined) await this.applied();
    assert(isPresent !== undefined, "a write that is durable was seen before it is applied");
    return isPresent;
  }

  async #write(
    operations: readonly Operation[],
    end: WriteEnd,
    signal: AbortSignal | undefined,
    seen: Arrived["seen"],
  ): Promise<void> {
    if (this.failure) throw this.failure;
    const record = encodeWrite(this.#parts.id, operations, this.#bytesMax);
    const write = { operations, record, seen };
    const isFree = this.#entering === 0 && !signal?.aborted;
    // At once where there is room: a read that is called next sees it.
    const { durable } =
      isFree && this.#budget.tryTake(record.length)
        ? this.#submit(write)
        : await this.#enter(write, signal);
    if (end === "durable") return await durable;
    durable.catch((cause: unknown) => this.#lose(cause));
  }

  /** Resolves when every write that was called before is in LevelDB. @throws {PersisterError} JOB_FAILED */
  async applied(): Promise<void> {
    if (this.#entering > 0) await this.#lastEntry;
    await this.#level.applied();
  }

  /** The same of the writes that have found room. @throws {PersisterError} JOB_FAILED */
  async takenApplied(): Promise<void> {
    await this.#level.applied();
  }

  /**
   * Resolves when every write that was taken before is durable.
   *
   * @throws {PersisterError} why a plain write before it was lost; each is told once.
   */
  async flushed(): Promise<void> {
    await this.applied();
    const lost = this.#firstLost;
    this.#firstLost = undefined;
    if (lost) throw lost;
  }

  /**
   * Makes what LevelDB has durable there, so that the journal need not hold it.
   *
   * @throws {PersisterError} JOB_FAILED
   */
  async settle(): Promise<void> {
    if (this.failure) throw this.failure;
    const { journal, id, values } = this.#parts;
    const last = this.#level.lastHeld;
    try {
      await values.settle();
    } catch (cause) {
      throw this.#level.fail(cause);
    }
    if (last) journal.settled(id, last);
    this.#giveBackWithheld();
  }

  /** Does `task` between two batches of writes to LevelDB. Throws as `LevelQueue.between`. */
  async between<T>(task: () => Promise<T>): Promise<T> {
    return await this.#level.between(task);
  }

  /** Checkpoints settle the job from now on, or, while it is made ready or closed, do not. */
  settledByCheckpoints(isSettled: boolean): void {
    this.#isSettled = isSettled;
    if (!isSettled) this.#giveBackWithheld();
  }

  /** Submits a write in its turn, as soon as there is room. */
  async #enter(write: NewWrite, signal: AbortSignal | undefined): Promise<Submitted> {
    this.#entering += 1;
    this.#level.hurry();
    const entry = this.#room(write.record.length, signal).then(
      () => {
        this.#entering -= 1;
        return this.#submit(write);
      },
      (cause: unknown) => {
        this.#entering -= 1;
        throw cause;
      },
    );
    // Its caller hears whether it entered.
    const ended = Promise.allSettled([this.#lastEntry, entry]);
    this.#lastEntry = ended.then(() => undefined);
    return await entry;
  }

  /** @throws {PersisterError} ABORTED, JOB_BUSY, and nothing was taken. */
  async #room(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    const { id, bounds } = this.#parts;
    throwIfAborted(signal, WAIT);
    const ends = new AbortController();
    const timer = setTimeout(() => ends.abort(), bounds.stallMs);
    const takeBack = signal && whenAborted(signal, () => ends.abort());
    try {
      await this.#budget.take(bytes, ends.signal);
    } catch (cause) {
      if (signal?.aborted) throw aborted(signal, WAIT);
      throw new PersisterError(
        "JOB_BUSY",
        `job ${id}: its LevelDB did not make room for a write within ${bounds.stallMs} ms; ` +
          `${this.#queuedBytes} bytes are queued before it, and it was not written`,
        { cause },
      );
    } finally {
      clearTimeout(timer);
      takeBack?.();
    }
  }

  #submit({ operations, record, seen }: NewWrite): Submitted {
    const bytes = record.length;
    this.#queuedWrites += 1;
    this.#queuedBytes += bytes;
    // It may have waited for a queue that LevelDB then failed.
    if (this.failure) {
      this.#leave(bytes);
      throw this.failure;
    }
    const { journal, id, onDurable } = this.#parts;
    this.#level.expect();
    const durable = journal.write(id, record).then(
      (held) => {
        this.#level.arrive({ operations, bytes, held, seen });
        onDurable();
      },
      (cause: unknown) => {
        this.#level.arrive({ operations: [], bytes, held: undefined, seen });
        throw cause;
      },
    );
    return { durable };
  }

  /** A write has left the queue to LevelDB. */
  #leave(bytes: number): void {
    const { journal, id, bounds } = this.#parts;
    this.#queuedWrites -= 1;
    this.#queuedBytes -= bytes;
    const isFull = this.#isSettled && journal.heldBytes(id) > bounds.heldBytesMax;
    if (isFull) this.#withheldBytes += bytes;
    else this.#budget.giveBack(bytes);
  }

  #giveBackWithheld(): void {
    const withheld = this.#withheldBytes;
    this.#withheldBytes = 0;
    this.#budget.giveBack(withheld);
  }

  #lose(cause: unknown): void {
    const { onLost, id } = this.#parts;
    const lost =
      cause instanceof PersisterError
        ? cause
        : new PersisterError("IO", `job ${id}: a write was lost`, { cause });
    this.#firstLost ??= lost;
    onLost(lost);
  }
}

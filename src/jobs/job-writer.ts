/**
 * The writes of one open job, on their way into the journal and from there into LevelDB: one queue, in
 * the order of calls. A write is durable when the journal has it; LevelDB gets it behind that, several
 * writes in one batch, one batch at a time.
 *
 * # Invariants
 *
 * - LevelDB never holds a write that the journal does not hold: what a crash leaves is a prefix.
 * - Writes reach LevelDB in the order of their calls.
 * - `queueBytes` bounds what was taken and is not in LevelDB yet (D9); beyond it the caller waits.
 * - After the first batch that LevelDB refuses, nothing goes through this handle any more: LevelDB may
 *   acknowledge what it then loses. The journal holds what is missing; the next open brings it.
 */
import { ByteBudget } from "../async/byte-budget.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import type { JobJournal } from "./job-journal.js";
import type { JobValues } from "./level/values.js";
import { encodeWrite, type Operation, type WriteOwner } from "./write.js";

/** Bytes of records that go to LevelDB in one batch. */
const BATCH_BYTES = 1024 * 1024;

/** A write that the journal has taken or refused, in its place of the queue. */
interface Arrived {
  readonly operations: readonly Operation[];
  readonly bytes: number;
  /** `undefined`: the journal refused it. */
  readonly lsn: bigint | undefined;
  /** Is told whether the key of its one operation had a value, once that is applied. */
  readonly seen: ((present: boolean) => void) | undefined;
}

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

interface Reader {
  readonly target: number;
  readonly resolve: () => void;
  readonly reject: (error: PersisterError) => void;
}

export interface WriterParts {
  readonly owner: WriteOwner;
  readonly journal: JobJournal;
  readonly values: JobValues;
  readonly queueBytes: number;
  /** Is told of each write that the journal has. */
  readonly onDurable: () => void;
  /** Is told of a plain write that the journal refused. */
  readonly onLost: (error: PersisterError) => void;
}

export class JobWriter {
  readonly #parts: WriterParts;
  readonly #budget: ByteBudget;
  /** Calls that wait for the budget: a later one may not pass them. */
  #entering = 0;
  /** The last of them has entered, or was aborted. */
  #lastEntry: Promise<unknown> = Promise.resolve();
  /** Writes that were taken, and of these, those that LevelDB has. */
  #taken = 0;
  #applied = 0;
  #appliedLsn = 0n;
  #arrived: Arrived[] = [];
  #isApplying = false;
  #readers: Reader[] = [];
  #failure: PersisterError | undefined;
  #firstLost: PersisterError | undefined;
  #queuedBytes = 0;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#budget = new ByteBudget(parts.queueBytes);
  }

  /** Why nothing goes to LevelDB any more. */
  get failure(): PersisterError | undefined {
    return this.#failure;
  }

  get taken(): number {
    return this.#taken;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Takes a write. Resolves when it is in the queue, or durable.
   *
   * @throws {PersisterError} USAGE where it is too large; ABORTED before it was taken; JOB_FAILED;
   * where `end` is "durable" also DISK_FULL, POISONED, CLOSED: it may be durable or not.
   */
  async write(
    operations: readonly Operation[],
    end: WriteEnd,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#write(operations, end, signal, undefined);
  }

  async #write(
    operations: readonly Operation[],
    end: WriteEnd,
    signal: AbortSignal | undefined,
    seen: Arrived["seen"],
  ): Promise<void> {
    if (this.#failure) throw this.#failure;
    const record = encodeWrite(this.#parts.owner, operations);
    const write = { operations, record, seen };
    const isFree = this.#entering === 0 && !signal?.aborted;
    // At once where there is room: whoever reads next sees it.
    const { durable } =
      isFree && this.#budget.tryTake(record.length)
        ? this.#submit(write)
        : await this.#enter(write, signal);
    if (end === "durable") return await durable;
    durable.catch((cause: unknown) => this.#lose(cause));
  }

  /** Takes one operation; durable, and in LevelDB, when resolved: to whether its key had a value. */
  async writeSeen(operation: Operation, signal: AbortSignal | undefined): Promise<boolean> {
    return await new Promise<boolean>((resolve, reject) => {
      this.#write([operation], "durable", signal, resolve)
        .then(() => this.applied())
        .catch(reject);
    });
  }

  /** Resolves when every write that was taken before is in LevelDB. @throws {PersisterError} JOB_FAILED */
  async applied(): Promise<void> {
    if (this.#entering > 0) await this.#lastEntry;
    if (this.#failure) throw this.#failure;
    const target = this.#taken;
    if (this.#applied >= target) return;
    await new Promise<void>((resolve, reject) => this.#readers.push({ target, resolve, reject }));
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
    if (this.#failure) throw this.#failure;
    const { journal, owner, values } = this.#parts;
    const lsn = this.#appliedLsn;
    try {
      await values.settle();
    } catch (cause) {
      throw this.#fail(cause);
    }
    journal.settled(owner.id, lsn);
  }

  /** Submits a write in its turn, as soon as there is room. */
  async #enter(write: NewWrite, signal: AbortSignal | undefined): Promise<Submitted> {
    this.#entering += 1;
    const entry = this.#budget.take(write.record.length, signal).then(
      () => {
        this.#entering -= 1;
        return this.#submit(write);
      },
      (cause: unknown) => {
        this.#entering -= 1;
        throw cause;
      },
    );
    // Whether it entered is for its caller to hear.
    this.#lastEntry = Promise.allSettled([entry]);
    return await entry;
  }

  #submit({ operations, record, seen }: NewWrite): Submitted {
    const bytes = record.length;
    this.#queuedBytes += bytes;
    // It may have waited for a queue that LevelDB then failed.
    if (this.#failure) {
      this.#giveBack(bytes);
      throw this.#failure;
    }
    const { journal, owner, onDurable } = this.#parts;
    this.#taken += 1;
    const durable = journal.write(owner.id, record).then(
      (lsn) => {
        this.#arrive({ operations, bytes, lsn, seen });
        onDurable();
      },
      (cause: unknown) => {
        this.#arrive({ operations: [], bytes, lsn: undefined, seen });
        throw cause;
      },
    );
    return { durable };
  }

  /** The journal has answered: writes arrive in the order in which they were taken. */
  #arrive(write: Arrived): void {
    if (this.#failure) {
      this.#giveBack(write.bytes);
      return;
    }
    this.#arrived.push(write);
    if (this.#isApplying) return;
    this.#isApplying = true;
    this.#applyAll()
      .catch((cause: unknown) => this.#fail(cause))
      .finally(() => {
        this.#isApplying = false;
      });
  }

  async #applyAll(): Promise<void> {
    while (this.#arrived.length > 0) await this.#apply(this.#nextBatch());
  }

  async #apply(writes: readonly Arrived[]): Promise<void> {
    const { values } = this.#parts;
    const [first] = writes;
    assert(first !== undefined, "a batch has a write");
    const operations = writes.flatMap((write) => write.operations);
    const [operation] = operations;
    let isPresent = false;
    try {
      if (first.seen && operation) isPresent = await values.has(operation.category, operation.key);
      if (operations.length > 0) await values.apply(operations);
    } finally {
      for (const { bytes } of writes) this.#giveBack(bytes);
    }
    for (const { lsn } of writes) {
      if (lsn === undefined) continue;
      assert(lsn > this.#appliedLsn, "writes reach LevelDB in the order of the journal");
      this.#appliedLsn = lsn;
    }
    this.#applied += writes.length;
    first.seen?.(isPresent);
    this.#wakeReaders();
  }

  #giveBack(bytes: number): void {
    this.#queuedBytes -= bytes;
    this.#budget.giveBack(bytes);
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
    return this.#arrived.splice(0, count);
  }

  #wakeReaders(): void {
    const isDue = ({ target }: Reader): boolean => target <= this.#applied;
    const due = this.#readers.filter(isDue);
    if (due.length === 0) return;
    this.#readers = this.#readers.filter((reader) => !isDue(reader));
    for (const reader of due) reader.resolve();
  }

  #lose(cause: unknown): void {
    const { onLost, owner } = this.#parts;
    const lost =
      cause instanceof PersisterError
        ? cause
        : new PersisterError("IO", `job ${owner.id}: a write was lost`, { cause });
    this.#firstLost ??= lost;
    onLost(lost);
  }

  #fail(cause: unknown): PersisterError {
    const { owner } = this.#parts;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#failure ??= new PersisterError(
      "JOB_FAILED",
      `job ${owner.id} takes no calls any more since this failed: ${reason} (close the job and open it ` +
        "again: the journal holds every write that LevelDB lacks)",
      { cause },
    );
    for (const { bytes } of this.#arrived) this.#giveBack(bytes);
    this.#arrived = [];
    for (const reader of this.#readers) reader.reject(this.#failure);
    this.#readers = [];
    return this.#failure;
  }
}

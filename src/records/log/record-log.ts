/**
 * The records of a journal as the engine holds them: gives out LSNs, in the order in which appends enter
 * the queue, and knows which records are durable.
 *
 * LSNs are safe integers here, and bigints at the door: no journal lives long enough for 2^53 records.
 *
 * # Invariants
 *
 * - first <= next <= queuedNext. Records of [first, next) are durable; records of [next, queuedNext) are
 *   on their way.
 * - LSNs are contiguous. One that the engine refused (a full disk) is given again, to the next record.
 */
import type { Settled } from "../../journal/group/group.js";
import type { LogEngine } from "../../journal/log-engine.js";
import { ByteBudget } from "../../async/byte-budget.js";
import { assert } from "../../types/assert.js";
import { PersisterError, hasCode } from "../../types/errors.js";
import { decodeEnvelope, envelopeBytes, type Labels } from "./envelope.js";
import type { LabelIndex, LabelledLength } from "./label-index.js";
import type { RecordAppend } from "./new-record.js";
import { RECORDS_LOG } from "./record-check.js";

/** A record read back. */
export interface ReadRecord {
  readonly labels: Labels;
  /** A view of what was read. */
  readonly payload: Uint8Array;
}

/** The log as it was opened. */
export interface OpenedLog {
  readonly engine: LogEngine;
  readonly labels: LabelIndex;
  /** The records that are held: [first, next). */
  readonly first: number;
  readonly next: number;
}

interface Barrier {
  /** Settled once every LSN below is. */
  readonly next: number;
  readonly settled: Settled;
}

export class RecordLog {
  readonly #engine: LogEngine;
  readonly #labels: LabelIndex;
  readonly #budget: ByteBudget;
  #first: number;
  #next: number;
  /** Next once all that is queued is durable. */
  #queuedNext: number;
  #barriers: Barrier[] = [];

  constructor(opened: OpenedLog, queueBytes: number) {
    this.#engine = opened.engine;
    this.#labels = opened.labels;
    this.#budget = new ByteBudget(queueBytes);
    this.#first = opened.first;
    this.#next = opened.next;
    this.#queuedNext = opened.next;
  }

  /** The first LSN that is held; equal to `next` if none is. */
  get first(): number {
    return this.#first;
  }

  /** The first LSN that is not durable yet. */
  get next(): number {
    return this.#next;
  }

  /** The LSN that the next append gets. */
  get queuedNext(): number {
    return this.#queuedNext;
  }

  /** Labels of a durable record. */
  labelsAt(lsn: number): LabelledLength {
    return this.#labels.at(lsn);
  }

  /**
   * Appends records with LSNs that follow each other, and returns the first. Durable when resolved. Of
   * several all are there after a crash, or none. Waits while the queue's bytes are used up.
   *
   * @throws {PersisterError} ABORTED before it entered the queue; DISK_FULL, POISONED, CLOSED.
   */
  append(records: readonly RecordAppend[], signal?: AbortSignal): Promise<bigint> {
    let bytes = 0;
    for (const { byteLength } of records) bytes += byteLength;
    // Without a wait if there is room: the order of calls is the order of LSNs.
    if (!signal?.aborted && this.#budget.tryTake(bytes)) return this.#submit(records, bytes);
    return this.#budget.take(bytes, signal).then(() => this.#submit(records, bytes));
  }

  /** Resolves when every append that was called before is durable; rejects if one is not. */
  async barrier(): Promise<void> {
    await this.#budget.take(0);
    await this.#settledBelow(this.#queuedNext);
  }

  /** Resolves when every record that is queued now is durable; rejects with the names of those that are not. */
  async queueSettled(): Promise<void> {
    const next = this.#queuedNext;
    try {
      await this.#settledBelow(next);
    } catch (cause) {
      if (!(cause instanceof PersisterError) || cause === this.#engine.poison) throw cause;
      const records = `records [${this.#next}, ${next}) could not be written`;
      throw new PersisterError(cause.code, `${records}: ${cause.message}`, { cause });
    }
  }

  async #settledBelow(next: number): Promise<void> {
    if (this.#engine.poison) throw this.#engine.poison;
    if (next <= this.#next) return;
    await new Promise<void>((resolve, reject) => {
      const settled: Settled = (error) => (error ? reject(error) : resolve());
      this.#barriers.push({ next, settled });
    });
  }

  /**
   * The record at a live LSN, from disk, checked.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE if it was truncated meanwhile; JOURNAL_CORRUPT, IO.
   */
  async read(lsn: number): Promise<ReadRecord> {
    const isLive = lsn >= this.#first && lsn < this.#next;
    const bytes = isLive ? await this.#engine.read(RECORDS_LOG, BigInt(lsn)) : undefined;
    if (!bytes) {
      throw new PersisterError(
        "OUT_OF_SEQUENCE",
        `record ${lsn} is not held: [${this.#first}, ${this.#next}) are`,
      );
    }
    const found = decodeEnvelope(bytes);
    assert(found.kind === "record", "a record was checked when it was written or opened");
    return found;
  }

  /**
   * D4: reads the beginning of the record at `lsn` back, as it lies on disk, and compares it with its
   * labels in memory. Waits for the record while it is on its way. If nothing is held from `lsn` on, there
   * is nothing to compare.
   *
   * @throws {PersisterError} VERIFY_MISMATCH, JOURNAL_CORRUPT; IO, POISONED, CLOSED.
   */
  async verify(lsn: number): Promise<void> {
    while (lsn === this.#next && lsn < this.#queuedNext) await this.#outcomeAt(lsn);
    if (lsn === this.#next) return;
    const bytes = await this.#engine.readBeginning(RECORDS_LOG, BigInt(lsn));
    const length = this.#engine.payloadBytesOf(RECORDS_LOG, BigInt(lsn));
    const found = bytes && decodeEnvelope(bytes);
    const held = this.#labels.at(lsn);
    const same =
      found?.kind === "record" &&
      found.labels.type === held.type &&
      found.labels.tenant === held.tenant &&
      found.labels.shard === held.shard &&
      found.labels.origin === held.origin &&
      length === envelopeBytes(held.origin) + held.byteLength;
    if (same) return;
    throw new PersisterError(
      "VERIFY_MISMATCH",
      `record ${lsn}, which would become the first, is not the one that was written; nothing went`,
    );
  }

  /** Resolves when the record that is on its way at `lsn` is durable, or was refused for want of room. */
  async #outcomeAt(lsn: number): Promise<void> {
    try {
      await this.#settledBelow(lsn + 1);
    } catch (cause) {
      if (!hasCode(cause, "DISK_FULL")) throw cause;
    }
  }

  /** Forgets every record below `first`; durable when resolved. */
  truncate(first: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settled: Settled = (error) => {
        if (error) {
          reject(error);
          return;
        }
        this.#first = first;
        this.#labels.truncateBefore(first);
        resolve();
      };
      const order = { type: "truncate", name: RECORDS_LOG, first: BigInt(first) } as const;
      this.#engine.submit([{ ...order, lazily: false, settled }]);
    });
  }

  #submit(records: readonly RecordAppend[], bytes: number): Promise<bigint> {
    return new Promise((resolve, reject) => {
      const first = this.#queuedNext;
      let left = records.length;
      let failure: PersisterError | undefined;
      const recordSettled = (record: RecordAppend, error: PersisterError | undefined): void => {
        this.#settle(record, error);
        failure ??= error;
        left -= 1;
        if (left > 0) return;
        this.#budget.giveBack(bytes);
        if (failure) reject(failure);
        else resolve(BigInt(first));
      };
      const call = { recordSettled };
      for (const record of records) {
        this.#queuedNext += 1;
        const more = this.#queuedNext < first + records.length;
        record.begin(call, this.#queuedNext - 1, more);
      }
      this.#engine.submit(records);
    });
  }

  #settle({ lsn, labels }: RecordAppend, error: PersisterError | undefined): void {
    if (error) {
      // The engine refuses what is queued behind a refused record with it: its LSN is free again. A
      // poison refuses records that may be on disk all the same.
      if (lsn < this.#queuedNext && !this.#engine.poison) this.#queuedNext = lsn;
    } else {
      assert(lsn === this.#next, "records become durable in order (D2)");
      this.#labels.set(lsn, labels, labels.byteLength);
      this.#next = lsn + 1;
    }
    if (this.#barriers.length > 0) this.#settleBarriers(lsn, error);
  }

  #settleBarriers(lsn: number, error: PersisterError | undefined): void {
    const isSettled = ({ next }: Barrier): boolean => (error ? next > lsn : next <= this.#next);
    const settled = this.#barriers.filter(isSettled);
    this.#barriers = this.#barriers.filter((each) => !isSettled(each));
    for (const barrier of settled) barrier.settled(error);
  }
}

/**
 * The records of a journal as the engine holds them: gives out LSNs, in the order in which appends
 * enter the queue, and knows what is durable. LSNs are contiguous: one that the engine refused (a
 * full disk) is given again, to the next record.
 */
import type { Entry, Settled } from "../journal/group/group.js";
import type { LogEngine } from "../journal/log-engine.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { ByteBudget } from "../async/byte-budget.js";
import { decodeEnvelope, type Labels } from "./envelope.js";
import type { LabelIndex, LabelledLength } from "./label-index.js";
import type { OpenedRecords } from "./open.js";
import { RECORDS_LOG } from "./recovery.js";

/** A record as it goes to the engine. */
export interface EncodedRecord {
  readonly labels: LabelledLength;
  readonly bytes: Uint8Array;
}

/** A record read back. */
export interface ReadRecord {
  readonly labels: Labels;
  readonly payload: Uint8Array;
}

interface Barrier {
  /** Settled once every LSN below is. */
  readonly next: bigint;
  readonly settled: Settled;
}

export class RecordLog {
  readonly #engine: LogEngine;
  readonly #labels: LabelIndex;
  readonly #budget: ByteBudget;
  #first: bigint;
  #next: bigint;
  /** Next once all that is queued is durable. */
  #queuedNext: bigint;
  #barriers: Barrier[] = [];

  constructor(opened: OpenedRecords, queueBytes: number) {
    this.#engine = opened.engine;
    this.#labels = opened.labels;
    this.#budget = new ByteBudget(queueBytes);
    this.#first = opened.first;
    this.#next = opened.next;
    this.#queuedNext = opened.next;
  }

  /** The first LSN that is held; equal to `next` where none is. */
  get first(): bigint {
    return this.#first;
  }

  /** The first LSN that is not durable yet. */
  get next(): bigint {
    return this.#next;
  }

  /** The LSN that the next append gets. */
  get queuedNext(): bigint {
    return this.#queuedNext;
  }

  /** Labels of a durable record. */
  labelsAt(lsn: bigint): LabelledLength {
    return this.#labels.at(lsn);
  }

  /**
   * Appends records with LSNs that follow each other, and returns the first; durable when resolved.
   * Of several all are there after a crash, or none. Waits while the queue's bytes are used up.
   *
   * @throws {PersisterError} ABORTED before it entered the queue; DISK_FULL, POISONED, CLOSED.
   */
  append(records: readonly EncodedRecord[], signal?: AbortSignal): Promise<bigint> {
    const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0);
    // At once, where there is room: the order of calls is the order of LSNs.
    if (!signal?.aborted && this.#budget.tryTake(bytes)) return this.#submit(records, bytes);
    return this.#budget.take(bytes, signal).then(() => this.#submit(records, bytes));
  }

  /** Resolves when every append that was called before is durable; rejects where one is not. */
  async barrier(): Promise<void> {
    await this.#budget.take(0);
    const next = this.#queuedNext;
    if (this.#engine.poison) throw this.#engine.poison;
    if (next === this.#next) return;
    await new Promise<void>((resolve, reject) => {
      const settled: Settled = (error) => (error ? reject(error) : resolve());
      this.#barriers.push({ next, settled });
    });
  }

  /**
   * The record at a live LSN, from disk, checked.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where it was truncated meanwhile; JOURNAL_CORRUPT, IO.
   */
  async read(lsn: bigint): Promise<ReadRecord> {
    const isLive = lsn >= this.#first && lsn < this.#next;
    const bytes = isLive ? await this.#engine.read(RECORDS_LOG, lsn) : undefined;
    if (!bytes) {
      throw new PersisterError(
        "OUT_OF_SEQUENCE",
        `record ${lsn} is not held: [${this.#first}, ${this.#next}) are`,
      );
    }
    const found = decodeEnvelope(bytes);
    assert(found.status === "record", "what was judged when it was written or opened is a record");
    return found;
  }

  /** Forgets every record below `first`; durable when resolved. */
  async truncate(first: bigint): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const settled: Settled = (error) => {
        if (error) {
          reject(error);
          return;
        }
        this.#first = first;
        this.#labels.truncateBefore(first);
        resolve();
      };
      this.#engine.submit([{ type: "truncate", name: RECORDS_LOG, first, lazily: false, settled }]);
    });
  }

  #submit(records: readonly EncodedRecord[], bytes: number): Promise<bigint> {
    return new Promise((resolve, reject) => {
      const first = this.#queuedNext;
      let left = records.length;
      let failure: PersisterError | undefined;
      const entries = records.map((record, index): Entry => {
        const lsn = this.#queuedNext++;
        const settled: Settled = (error) => {
          this.#settle(lsn, record, error);
          failure ??= error;
          left -= 1;
          if (left > 0) return;
          this.#budget.giveBack(bytes);
          if (failure) reject(failure);
          else resolve(first);
        };
        const { bytes: payload } = record;
        return {
          type: "append",
          name: RECORDS_LOG,
          number: lsn,
          payload,
          hash: undefined,
          more: index < records.length - 1,
          settled,
        };
      });
      this.#engine.submit(entries);
    });
  }

  #settle(lsn: bigint, record: EncodedRecord, error: PersisterError | undefined): void {
    if (error) {
      // What is queued behind a refused record is refused with it: its LSN is free again. A poison
      // refuses what may be on disk all the same.
      if (lsn < this.#queuedNext && !this.#engine.poison) this.#queuedNext = lsn;
    } else {
      assert(lsn === this.#next, "records become durable in order (D2)");
      this.#labels.set(lsn, record.labels);
      this.#next = lsn + 1n;
    }
    if (this.#barriers.length > 0) this.#settleBarriers(lsn, error);
  }

  #settleBarriers(lsn: bigint, error: PersisterError | undefined): void {
    const isSettled = ({ next }: Barrier): boolean => (error ? next > lsn : next <= this.#next);
    const settled = this.#barriers.filter(isSettled);
    this.#barriers = this.#barriers.filter((each) => !isSettled(each));
    for (const barrier of settled) barrier.settled(error);
  }
}

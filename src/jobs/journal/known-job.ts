/**
 * A job as the journal knows it: its newest JOB record, and the writes that must be held for it.
 *
 * # Invariants
 *
 * - `held` is in the order of the writes. A write leaves it when it is settled.
 * - While the job is halted nothing of it enters the journal but what the halt is for; all that was begun
 *   before has its answer, and what comes meanwhile follows in the order of its calls.
 */
import pLimit from "p-limit";
import { crc32c } from "../../codec/crc32c.js";
import type { JobState } from "./job-record.js";

/** A write that is held: the place of its record, which moves when it is carried. */
export interface Held {
  lsn: bigint;
  readonly bytes: number;
}

export class KnownJob {
  /** The label of its records. */
  readonly tag: number;
  #record: JobState;
  #recordLsn: bigint;
  /** The series that the newest JOB record names. */
  series: bigint;
  readonly #held: Held[] = [];
  #heldBytes = 0;
  /** Appends that wait for the end of a halt, in the order of their calls. */
  #waiting: (() => void)[] | undefined;
  /** The append that was begun last: the journal answers them in their order. */
  #lastAnswer: Promise<unknown> = Promise.resolve();
  readonly #oneHalt = pLimit(1);

  constructor(record: JobState, recordLsn: bigint, series: bigint) {
    this.tag = tagOf(record.id);
    this.#record = record;
    this.#recordLsn = recordLsn;
    this.series = series;
  }

  get record(): JobState {
    return this.#record;
  }

  get recordLsn(): bigint {
    return this.#recordLsn;
  }

  get held(): readonly Held[] {
    return this.#held;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The lowest LSN that the job still needs. */
  get neededLsn(): bigint {
    const first = this.#held[0]?.lsn ?? this.#recordLsn;
    return first < this.#recordLsn ? first : this.#recordLsn;
  }

  /** A JOB record is durable. */
  note(record: JobState, lsn: bigint): void {
    this.#record = record;
    this.#recordLsn = lsn;
  }

  /** A write is durable. */
  hold(lsn: bigint, bytes: number): Held {
    const held = { lsn, bytes };
    this.#held.push(held);
    this.#heldBytes += bytes;
    return held;
  }

  /** The writes up to `last` are settled; none where `last` was settled before. */
  settle(last: Held): void {
    const settled = this.#held.splice(0, this.#held.lastIndexOf(last) + 1);
    for (const { bytes } of settled) this.#heldBytes -= bytes;
  }

  /** Begins an append: now, or when a halt ends. `begin` runs up to the journal's queue at once. */
  append<T>(begin: () => Promise<T>): Promise<T> {
    if (!this.#waiting) return this.#begun(begin);
    const waiting = this.#waiting;
    return new Promise((resolve, reject) => {
      waiting.push(() => {
        this.#begun(begin).then(resolve, reject);
      });
    });
  }

  /** Does `task` while nothing else of the job is on its way into the journal. One at a time. */
  async whileHalted(task: () => Promise<unknown>): Promise<void> {
    await this.#oneHalt(async () => {
      this.#waiting = [];
      try {
        await Promise.allSettled([this.#lastAnswer]);
        await task();
      } finally {
        const waiting = this.#waiting;
        this.#waiting = undefined;
        for (const begin of waiting) begin();
      }
    });
  }

  #begun<T>(begin: () => Promise<T>): Promise<T> {
    const answer = begin();
    this.#lastAnswer = answer;
    return answer;
  }
}

/** Several ids may share a tag: it only saves reading most records of other jobs. */
export function tagOf(id: string): number {
  return crc32c(Buffer.from(id, "latin1"));
}

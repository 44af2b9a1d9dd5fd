/**
 * The one writer of the mark. There are never two marks in flight: what changes while one is being
 * written goes into the next. A mark names the state at the moment its write begins, so several
 * changes (a group, an anchor, a vote) may ride in one.
 */
import type { DiskFile } from "../../disk/disk.js";
import { assert } from "../../types/assert.js";
import type { Observe } from "../../types/measures.js";
import {
  claimedMarkBytes,
  decodeMark,
  encodeMark,
  MARK_SLOT_BYTES,
  type Mark,
  type MarkSlot,
  markSlotOffset,
  FIRST_MARK_SEQUENCE,
} from "../form/mark.js";

const SHORT_MARK_BYTES = 8 * 1024;

export interface MarkFound {
  readonly mark: Mark;
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Set where the other slot is bad, with the reason: legal, and reported. */
  readonly otherSlotBad: string | undefined;
  /** The highest acknowledged LSN of both slots. */
  readonly highestAcked: bigint;
  /** No mark above it was ever durable: the one behind `mark` may have stood in a slot that is bad. */
  readonly sequenceMax: bigint;
}

/** Reads the two slots, in the order of their places. */
export async function readMarkSlots(file: DiskFile): Promise<readonly [MarkSlot, MarkSlot]> {
  return [await readMarkSlot(file, 0), await readMarkSlot(file, MARK_SLOT_BYTES)];
}

/** Most marks are short: the rest of their slot is read where they are not. */
async function readMarkSlot(file: DiskFile, offset: number): Promise<MarkSlot> {
  const start = await file.read(offset, SHORT_MARK_BYTES);
  if (claimedMarkBytes(start) <= start.length) return decodeMark(start);
  return decodeMark(await file.read(offset, MARK_SLOT_BYTES));
}

/** The newest mark in the file, or why neither slot can be used. */
export async function readMarks(file: DiskFile): Promise<MarkFound | { readonly bad: string }> {
  return newestMark(await readMarkSlots(file));
}

/** The newer of two slots, or why neither can be used. */
export function newestMark(
  slots: readonly [MarkSlot, MarkSlot],
): MarkFound | { readonly bad: string } {
  const valid = slots.filter((slot) => slot.status === "valid");
  const bad = slots.filter((slot) => slot.status === "bad");
  const newest = valid.reduce<(typeof valid)[number] | undefined>(
    (best, slot) => (best && best.mark.sequence > slot.mark.sequence ? best : slot),
    undefined,
  );
  if (!newest) return { bad: bad.map((slot) => slot.reason).join("; ") };
  const { mark, bytes } = newest;
  // The first mark has no other beside it yet.
  const otherSlotBad = mark.sequence === FIRST_MARK_SEQUENCE ? undefined : bad[0]?.reason;
  const highestAcked = valid.reduce(
    (highest, slot) => (slot.mark.acked > highest ? slot.mark.acked : highest),
    0n,
  );
  const sequenceMax = mark.sequence + (bad.length > 0 ? 1n : 0n);
  const offset = markSlotOffset(mark.sequence);
  return { mark, bytes, offset, otherSlotBad, highestAcked, sequenceMax };
}

/** The part of a mark that its writer may change. */
export type MarkChange = Partial<Omit<Mark, "sequence" | "storeId">>;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

export class MarkFile {
  readonly #file: DiskFile;
  readonly #observe: Observe | undefined;
  #mark: Mark;
  #durableSequence: bigint;
  #writing = false;
  #unwritten = false;
  /** Those whose change is not in the write in flight, but will be in the next. */
  #waiting: Waiter[] = [];
  #failure: { readonly cause: Error } | undefined;
  #idle: (() => void)[] = [];
  /** Told of each durable write: its bytes, and how long it took. */
  onWritten: (bytes: number, ms: number) => void = () => {};

  /** `mark` is what the file holds, durable; the next write gets the next sequence and the other slot. */
  constructor(file: DiskFile, mark: Mark, observe?: Observe) {
    this.#file = file;
    this.#observe = observe;
    this.#mark = mark;
    this.#durableSequence = mark.sequence;
  }

  /** The state that the next write will name. */
  get current(): Mark {
    return this.#mark;
  }

  /** The sequence of the newest mark whose write returned. */
  get durableSequence(): bigint {
    return this.#durableSequence;
  }

  /** Whether the state has changed since the newest write began. */
  get isBehind(): boolean {
    return this.#unwritten;
  }

  /** Changes the state without writing it: the next mark carries it. */
  note(change: MarkChange): void {
    this.#mark = { ...this.#mark, ...change };
    this.#unwritten = true;
  }

  /**
   * Changes the state and writes it; resolves when a mark that names the change is durable. A failed
   * write is final: every later one is rejected with the first cause (D7).
   */
  write(change: MarkChange): Promise<void> {
    this.note(change);
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure.cause);
        return;
      }
      this.#waiting.push({ resolve, reject });
      if (!this.#writing) this.#begin();
    });
  }

  /** Resolves when no write is in flight, however the last one ended. */
  settled(): Promise<void> {
    if (!this.#writing) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #begin(): void {
    assert(!this.#writing, "there are never two marks in flight");
    const waiters = this.#waiting;
    this.#waiting = [];
    const mark = { ...this.#mark, sequence: this.#mark.sequence + 1n };
    const bytes = encodeMark(mark);
    this.#mark = mark;
    this.#writing = true;
    this.#unwritten = false;
    const beganMs = performance.now();
    this.#file.writeDurable(markSlotOffset(mark.sequence), [bytes]).then(
      () => {
        const ms = performance.now() - beganMs;
        this.#observe?.("markMs", ms);
        this.onWritten(bytes.length, ms);
        this.#writing = false;
        this.#durableSequence = mark.sequence;
        for (const waiter of waiters) waiter.resolve();
        if (this.#waiting.length > 0) this.#begin();
        else this.#rest();
      },
      (cause: unknown) => {
        this.#writing = false;
        const failure = cause instanceof Error ? cause : new Error(String(cause));
        this.#failure = { cause: failure };
        for (const waiter of [...waiters, ...this.#waiting]) waiter.reject(failure);
        this.#waiting = [];
        this.#rest();
      },
    );
  }

  #rest(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const wake of idle) wake();
  }
}

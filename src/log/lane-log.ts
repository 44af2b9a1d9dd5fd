/**
 * `LaneLog<T>`: a typed, contiguous log of records [first, next), one per lane and one for the road.
 *
 * Appends are refused unless they are in order (D2); a truncation reads the record that becomes the
 * first back from disk before anything below it goes (D4). Payloads stay on disk, and the journal
 * knows where.
 */
import type { LimitFunction } from "p-limit";
import type { Entry } from "../journal/group/group.js";
import type { LogEngine } from "../journal/log-engine.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { TurnEnd } from "./turn-end.js";

/** What a log needs to know of its records. */
export interface RecordKind<T> {
  /** In messages: "block" or "commit QC". */
  readonly noun: string;
  readonly decode: (bytes: Uint8Array) => T;
  /** The facts of an error about `number` in this log. */
  readonly facts: (number: bigint) => {
    readonly lane?: string;
    readonly blockNumber?: bigint;
    readonly roadIndex?: bigint;
  };
}

/** A record to be appended. `payload` is lent until the append is durable or refused. */
export interface NewRecord {
  readonly number: bigint;
  readonly payload: Uint8Array;
  readonly hash?: Uint8Array;
}

/** One turn of a log: a new start, then records. All enter the journal's queue together. */
export interface LogTurn<T> {
  /** Everything below is forgotten; above next, next rises to it. */
  readonly start?: bigint | undefined;
  /** D4: judges the record that becomes the first; its error blocks the truncation. */
  readonly verify?: ((first: T) => void) | undefined;
  readonly records?: readonly NewRecord[] | undefined;
  /** Nobody waits for it: it may ride in the next group that somebody waits for. */
  readonly lazily?: boolean | undefined;
  /** Awaited between the verifying read and the submission: the anchor that allows the truncation. */
  readonly after?: Promise<void> | undefined;
  /** Asked once all else is decided, in the same step as the submission; its error refuses the turn. */
  readonly admit?: (() => void) | undefined;
  /** Told each time that records of this turn became durable, with the new next. */
  readonly onDurable?: ((next: bigint) => void) | undefined;
}

export class LaneLog<T> {
  readonly name: string;
  readonly #journal: LogEngine;
  readonly #kind: RecordKind<T>;
  /** Bounds how many logs read the record that becomes their first at once. */
  readonly #verifying: LimitFunction;
  #isClosed = false;
  #first: bigint;
  #next: bigint;
  /** Next once all that is queued is durable. */
  #queuedNext: bigint;
  /** Those who wait for something queued to become durable, or not. */
  #whenSettled: (() => void)[] = [];
  /** Payloads on their way to disk, for telling a duplicate from a conflict. */
  readonly #inFlight = new Map<bigint, Uint8Array>();

  constructor(options: {
    readonly journal: LogEngine;
    readonly name: string;
    readonly kind: RecordKind<T>;
    readonly verifying: LimitFunction;
    readonly first: bigint;
    readonly next: bigint;
  }) {
    this.name = options.name;
    this.#journal = options.journal;
    this.#kind = options.kind;
    this.#verifying = options.verifying;
    this.#first = options.first;
    this.#next = options.next;
    this.#queuedNext = this.#next;
  }

  /** First live number; equal to `next` where the log is empty. */
  get first(): bigint {
    return this.#first;
  }

  /** The durable cursor: the first number that is not durably here yet. */
  get next(): bigint {
    return this.#next;
  }

  /** The number that the next append must have: `next` and what is on its way. */
  get appendNext(): bigint {
    return this.#queuedNext;
  }

  get count(): bigint {
    return this.#next - this.#first;
  }

  /**
   * Appends one record; durable when resolved.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE above `appendNext` or below `first`; DUPLICATE or
   * CONFLICT where the number is held, with both payloads; INVALID where no segment takes so large a
   * one; DISK_FULL, POISONED, CLOSED.
   */
  async append(record: NewRecord): Promise<void> {
    await this.write({ records: [record] });
  }

  /**
   * Forgets every record below `start`; durable when resolved. At or below `first` nothing happens;
   * above `next` the log is emptied and goes on at `start`.
   *
   * @throws {PersisterError} whatever `verify` throws, before anything changed; POISONED, CLOSED.
   */
  async truncateBefore(start: bigint, verify?: (first: T) => void): Promise<void> {
    await this.write({ start, ...(verify ? { verify } : {}) });
  }

  /** Forgets every record and keeps next; durable when resolved. */
  async truncateAll(): Promise<void> {
    await this.write({ start: this.#queuedNext });
  }

  /**
   * Does one turn; durable when resolved. The verifying read comes first; then the truncation and
   * the appends enter the journal's queue without an await between them, so that one group takes
   * them all.
   *
   * @throws {PersisterError} as `append` and `truncateBefore`. Where a record is refused, none of
   * the turn's records were taken.
   */
  async write(turn: LogTurn<T>): Promise<void> {
    // What needs no wait is not waited for: records of many logs go in one step (one group).
    const isVerified = turn.start === undefined || (await this.#verifyStart(turn.start, turn));
    if (turn.after) await turn.after;
    if (turn.start !== undefined && !isVerified) await this.#verifyStart(turn.start, turn);
    const refused = this.#refusedRecord(turn);
    if (refused) throw await this.#refusal(refused.record, refused.next);
    if (this.#isClosed) {
      const facts = this.#kind.facts(this.#queuedNext);
      throw new PersisterError("CLOSED", `the log ${this.name} was dropped`, facts);
    }
    turn.admit?.();
    await new Promise<void>((resolve, reject) => {
      this.#submit(turn, new TurnEnd(resolve, reject));
    });
  }

  /**
   * The payload of a live record, read from disk and checked.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE outside [first, next); JOURNAL_CORRUPT, IO.
   */
  async readBytes(number: bigint): Promise<Uint8Array> {
    const isLive = number >= this.#first && number < this.#next;
    const bytes = isLive ? await this.#journal.read(this.name, number) : undefined;
    if (!bytes) throw this.#error("OUT_OF_SEQUENCE", number, "is not held");
    return bytes;
  }

  /** The decoded record at `number`. */
  async read(number: bigint): Promise<T> {
    return this.#kind.decode(await this.readBytes(number));
  }

  /** Records of [gte, lt) in order, as far as they are live; `reverse` turns the order. */
  async *scan(
    range: {
      readonly gte?: bigint;
      readonly lt?: bigint;
      readonly limit?: number;
      readonly reverse?: boolean;
      readonly signal?: AbortSignal;
    } = {},
  ): AsyncGenerator<{ readonly number: bigint; readonly bytes: Uint8Array }> {
    const from = range.gte !== undefined && range.gte > this.#first ? range.gte : this.#first;
    const to = range.lt !== undefined && range.lt < this.#next ? range.lt : this.#next;
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    for (let step = 0n; step < to - from && left > 0; step++, left--) {
      if (range.signal?.aborted) {
        throw new PersisterError("ABORTED", "the scan was aborted", { cause: range.signal.reason });
      }
      const number = range.reverse ? to - 1n - step : from + step;
      yield { number, bytes: await this.readBytes(number) };
    }
  }

  /**
   * D4: reads the record that becomes the first back from disk; waits until it is there where it is
   * still on its way. False where there is none to read: the log is emptied, or stays as it is.
   */
  async #verifyStart(start: bigint, { verify }: LogTurn<T>): Promise<boolean> {
    while (start >= this.#next && start < this.#queuedNext) {
      await new Promise<void>((wake) => this.#whenSettled.push(wake));
    }
    if (start <= this.#first || start >= this.#next) return false;
    const first = await this.#verifying(() => this.read(start));
    verify?.(first);
    return true;
  }

  /** Looks and decides in one step: nothing below awaits between this and the submission. */
  #refusedRecord(turn: LogTurn<T>) {
    let next = this.#queuedNext;
    if (turn.start !== undefined && turn.start > next) next = turn.start;
    for (const record of turn.records ?? []) {
      if (record.number !== next) return { record, next };
      next += 1n;
    }
    return undefined;
  }

  /** D2: what to say of a record that is not the next one. */
  async #refusal(record: NewRecord, next: bigint): Promise<PersisterError> {
    const { number, payload } = record;
    if (number > next) return this.#error("OUT_OF_SEQUENCE", number, `where ${next} is next`);
    if (number < this.#first) {
      return this.#error("OUT_OF_SEQUENCE", number, `is below the first, ${this.#first}`);
    }
    const held = this.#inFlight.get(number) ?? (await this.readBytes(number));
    const same = Buffer.compare(held, payload) === 0;
    const { noun } = this.#kind;
    return new PersisterError(
      same ? "DUPLICATE" : "CONFLICT",
      same
        ? `${noun} ${number} of ${this.name}: out of sequence, the same bytes are held already`
        : `${noun} ${number} of ${this.name}: conflict, other bytes are held at this number`,
      { ...this.#kind.facts(number), held, offered: payload },
    );
  }

  #error(code: "OUT_OF_SEQUENCE", number: bigint, what: string): PersisterError {
    return new PersisterError(
      code,
      `${this.#kind.noun} ${number} of ${this.name} is out of sequence: it ${what}`,
      this.#kind.facts(number),
    );
  }

  /** Nothing enters any more: the log is being dropped. What is queued already goes on. */
  close(): void {
    this.#isClosed = true;
  }

  /** The drop was refused: the log goes on. */
  reopen(): void {
    this.#isClosed = false;
  }

  #submit(turn: LogTurn<T>, end: TurnEnd): void {
    const entries: Entry[] = [];
    if (turn.start !== undefined && turn.start > this.#first) {
      entries.push(this.#truncateEntry(turn.start, turn.lazily ?? false, end));
    }
    for (const record of turn.records ?? []) entries.push(this.#appendEntry(record, turn, end));
    end.expect(entries.length);
    if (entries.length > 0) this.#journal.submit(entries);
  }

  #truncateEntry(start: bigint, lazily: boolean, end: TurnEnd): Entry {
    const before = this.#queuedNext;
    if (start > before) this.#queuedNext = start;
    const settled = (error?: PersisterError): void => {
      if (error) this.#takeBack(before);
      else this.#truncated(start);
      this.#wakeSettled();
      end.settle(error);
    };
    return { type: "truncate", name: this.name, first: start, lazily, settled };
  }

  #appendEntry(record: NewRecord, { onDurable }: LogTurn<T>, end: TurnEnd): Entry {
    const { number, payload, hash } = record;
    assert(number === this.#queuedNext, "an append is the next one");
    this.#queuedNext = number + 1n;
    this.#inFlight.set(number, payload);
    const settled = (error?: PersisterError): void => {
      this.#inFlight.delete(number);
      if (error) this.#takeBack(number);
      else {
        this.#appended(number);
        onDurable?.(this.#next);
      }
      this.#wakeSettled();
      end.settle(error);
    };
    return { type: "append", name: this.name, number, payload, hash, settled };
  }

  #appended(number: bigint): void {
    assert(number === this.#next, "records become durable in order (D2)");
    this.#next = number + 1n;
  }

  #truncated(start: bigint): void {
    if (start <= this.#first) return;
    this.#first = start;
    if (start > this.#next) this.#next = start;
    if (start > this.#queuedNext) this.#queuedNext = start;
  }

  #wakeSettled(): void {
    if (this.#whenSettled.length === 0) return;
    const waiting = this.#whenSettled;
    this.#whenSettled = [];
    for (const wake of waiting) wake();
  }

  /** What was queued from `next` on did not happen. */
  #takeBack(next: bigint): void {
    if (next < this.#queuedNext) this.#queuedNext = next;
  }
}

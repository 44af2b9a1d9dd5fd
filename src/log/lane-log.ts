/**
 * `LaneLog<T>`: a typed, contiguous log of records [first, next). There is one per lane and one for
 * the road. Payloads stay on disk; the journal knows where they lie.
 *
 * # Invariants
 *
 * - Appends are refused unless they are in order (D2). The series 10, 11, 12, 13 is right. The series
 *   10, 11, 13 is not: 13 is refused as OUT_OF_SEQUENCE. A second 12 behind 10, 11, 12 is refused as
 *   DUPLICATE if its bytes are the same, and as CONFLICT if they differ.
 * - A truncation reads the record that becomes the first back from disk before anything below it is
 *   removed (D4).
 * - first <= next <= appendNext. `next` is the durable cursor: it moves when a record is durable. The
 *   records of [next, appendNext) are on their way to disk. Three other places keep a cursor of the
 *   same log: the engine's table of logs runs ahead of the disk, its `Places` end at `next`, and the
 *   queue of the lane in `avail` has `next` as its `durable`.
 */
import type { LimitFunction } from "p-limit";
import type { Entry } from "../journal/group/group.js";
import type { LogEngine } from "../journal/log-engine.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { type AppendTurn, type LogTurn, type NewRecord, type PruneTurn, TurnEnd } from "./turn.js";

/** The kind of records in a log: how they are named, decoded, and told in errors. */
export interface RecordKind<T> {
  /** The word for a record in messages: "block" or "commit QC". */
  readonly noun: string;
  readonly decode: (bytes: Uint8Array) => T;
  /** Decodes the first bytes of a record alone; `undefined` if they are not enough. */
  readonly decodeBeginning?: (bytes: Uint8Array) => T | undefined;
  /** The facts of an error about record `number` of this log. */
  readonly facts: (number: bigint) => {
    readonly lane?: string;
    readonly blockNumber?: bigint;
    readonly roadIndex?: bigint;
  };
}

/** The part of the engine that a log calls. */
export type LogStore = Pick<LogEngine, "submit" | "read" | "readBeginning">;

/** Invariant: first <= next <= the number that the next append must have. */
export class LaneLog<T> {
  readonly name: string;
  readonly #journal: LogStore;
  readonly #kind: RecordKind<T>;
  /** Bounds how many logs read the record that becomes their first at once. */
  readonly #verifying: LimitFunction;
  readonly #onTruncated: () => void;
  #isClosed = false;
  #first: bigint;
  #next: bigint;
  /** `next` as it will be once everything that is queued is durable. */
  #queuedNext: bigint;
  /** Wakes those who wait until an entry that is queued has settled, well or not. */
  #whenSettled: (() => void)[] = [];
  /** Payloads on their way to disk: a duplicate is told from a conflict by them. */
  readonly #inFlight = new Map<bigint, Uint8Array>();

  constructor(options: {
    readonly journal: LogStore;
    readonly name: string;
    readonly kind: RecordKind<T>;
    readonly verifying: LimitFunction;
    /** Told behind each truncation. */
    readonly onTruncated?: () => void;
    readonly first: bigint;
    readonly next: bigint;
  }) {
    this.name = options.name;
    this.#journal = options.journal;
    this.#kind = options.kind;
    this.#verifying = options.verifying;
    this.#onTruncated = options.onTruncated ?? (() => {});
    this.#first = options.first;
    this.#next = options.next;
    this.#queuedNext = this.#next;
  }

  /** The first live number; equal to `next` where the log is empty. */
  get first(): bigint {
    return this.#first;
  }

  /** The durable cursor: the first number that is not durably here yet. */
  get next(): bigint {
    return this.#next;
  }

  /** The number that the next append must have: `next`, plus the records on their way to disk. */
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
    await this.write({ append: { records: [record] } });
  }

  /**
   * Forgets every record below `start`; durable when resolved. At or below `first` nothing happens.
   * Above `next` the log is emptied and goes on at `start`.
   *
   * @throws {PersisterError} the error of `verify`, before anything changed; POISONED, CLOSED.
   */
  async truncateBefore(start: bigint, verify?: (first: T) => void): Promise<void> {
    await this.write({ prune: { start, verify } });
  }

  /** Forgets every record and keeps `next`; durable when resolved. */
  async truncateAll(): Promise<void> {
    await this.write({ prune: { start: this.#queuedNext } });
  }

  /**
   * Does one turn; durable when resolved. The verifying read comes first. Then the truncation and the
   * appends enter the engine's queue without an await between them, so that one group takes them all.
   *
   * @throws {PersisterError} as `append` and `truncateBefore`. If a record is refused, none of the
   * turn's records were taken.
   */
  async write({ prune, append }: LogTurn<T>): Promise<void> {
    // A turn with nothing to read back enters the queue in this very step: turns of many logs that are
    // written in one step are one group.
    if (prune && this.#mustVerify(prune)) await this.#verifyBeforeTruncate(prune);
    const refused = this.#refusedRecord(prune, append);
    if (refused) throw await this.#refusal(refused.record, refused.next);
    if (this.#isClosed) {
      const facts = this.#kind.facts(this.#queuedNext);
      throw new PersisterError("CLOSED", `the log ${this.name} was dropped`, facts);
    }
    append?.admit?.();
    await new Promise<void>((resolve, reject) => {
      this.#submit({ prune, append }, new TurnEnd(resolve, reject));
    });
  }

  /**
   * The payload of a live record, read from disk and checked.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE outside [first, next); JOURNAL_CORRUPT, IO.
   */
  async readBytes(number: bigint): Promise<Uint8Array> {
    const bytes = await this.readHeld(number);
    if (!bytes) throw this.#error("OUT_OF_SEQUENCE", number, "is not held");
    return bytes;
  }

  /** As `readBytes`; `undefined` if the record is not held, or is truncated while it is read. */
  async readHeld(number: bigint): Promise<Uint8Array | undefined> {
    const isLive = number >= this.#first && number < this.#next;
    return isLive ? await this.#journal.read(this.name, number) : undefined;
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

  /** D4: resolves when the record that becomes the first was read back, if there is one. */
  async #verifyBeforeTruncate(prune: PruneTurn<T>): Promise<void> {
    while (this.#mustVerify(prune)) {
      if (await this.#verifyStart(prune)) return;
    }
  }

  /** D4: a record becomes the first. Else the log is emptied by the turn, or its start stays. */
  #mustVerify({ start }: PruneTurn<T>): boolean {
    return start > this.#first && start < this.#queuedNext;
  }

  /**
   * D4: reads the record that becomes the first back from disk. If that record is still on its way, it
   * waits for the end of that and reads nothing: returns whether it has read.
   */
  async #verifyStart(prune: PruneTurn<T>): Promise<boolean> {
    const { start, verify } = prune;
    if (start >= this.#next) {
      await new Promise<void>((wake) => this.#whenSettled.push(wake));
      return false;
    }
    try {
      const first = await this.#verifying(() => this.#readFirst(start));
      verify?.(first);
    } catch (cause) {
      // A later truncation has gone past this record while it was read.
      if (this.#mustVerify(prune)) throw cause;
    }
    return true;
  }

  /** Reads 4 KiB at most where those are enough: of a lane they hold the header of the block. */
  async #readFirst(number: bigint): Promise<T> {
    const { decodeBeginning } = this.#kind;
    const bytes = decodeBeginning && (await this.#journal.readBeginning(this.name, number));
    return (bytes && decodeBeginning?.(bytes)) ?? (await this.read(number));
  }

  /**
   * The first record that is not in order, if there is one, and the number that was due (D2). Looks
   * and decides in one step: there is no await between this and the submission.
   */
  #refusedRecord(prune: PruneTurn<T> | undefined, append: AppendTurn | undefined) {
    let next = this.#queuedNext;
    if (prune && prune.start > next) next = prune.start;
    for (const record of append?.records ?? []) {
      if (record.number !== next) return { record, next };
      next += 1n;
    }
    return undefined;
  }

  /** D2: the error for a record that is not the next one. */
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

  /** Refuses new turns, since the log is being dropped. Entries that are queued already go on. */
  close(): void {
    this.#isClosed = true;
  }

  /** Takes turns again: the drop was refused. */
  reopen(): void {
    this.#isClosed = false;
  }

  #submit({ prune, append }: LogTurn<T>, end: TurnEnd): void {
    const entries: Entry[] = [];
    if (prune && prune.start > this.#first) entries.push(this.#truncateEntry(prune, end));
    for (const record of append?.records ?? []) {
      entries.push(this.#appendEntry(record, append?.onDurable, end));
    }
    end.expect(entries.length);
    if (entries.length > 0) this.#journal.submit(entries);
  }

  #truncateEntry({ start, lazily = waitedFor }: PruneTurn<T>, end: TurnEnd): Entry {
    const before = this.#queuedNext;
    if (start > before) this.#queuedNext = start;
    const settled = (error?: PersisterError): void => {
      if (error) this.#takeBack(before);
      else this.#truncated(start);
      this.#wakeSettled();
      end.settle(error);
    };
    return { type: "truncate", name: this.name, first: start, lazily: lazily(), settled };
  }

  #appendEntry(record: NewRecord, onDurable: AppendTurn["onDurable"], end: TurnEnd): Entry {
    const { number, payload, hash } = record;
    assert(number === this.#queuedNext, "an append is the next one");
    this.#queuedNext = number + 1n;
    this.#inFlight.set(number, payload);
    const settled = (error?: PersisterError): void => {
      this.#inFlight.delete(number);
      if (error) this.#takeBack(number);
      else {
        this.#acknowledge(number);
        onDurable?.(this.#next);
      }
      this.#wakeSettled();
      end.settle(error);
    };
    return { type: "append", name: this.name, number, payload, hash, settled };
  }

  #acknowledge(number: bigint): void {
    assert(number === this.#next, "records become durable in order (D2)");
    this.#next = number + 1n;
    if (this.#next > this.#queuedNext) this.#queuedNext = this.#next;
  }

  #truncated(start: bigint): void {
    if (start <= this.#first) return;
    this.#first = start;
    if (start > this.#next) this.#next = start;
    if (start > this.#queuedNext) this.#queuedNext = start;
    this.#onTruncated();
  }

  #wakeSettled(): void {
    if (this.#whenSettled.length === 0) return;
    const waiting = this.#whenSettled;
    this.#whenSettled = [];
    for (const wake of waiting) wake();
  }

  /**
   * The records from `refused` on were refused: the next one to be queued is `refused` again, or the durable
   * cursor if that has gone past it. Two truncations to 5 of an empty log may be queued, and a full disk
   * may refuse the one that came later.
   */
  #takeBack(refused: bigint): void {
    const due = refused > this.#next ? refused : this.#next;
    if (due < this.#queuedNext) this.#queuedNext = due;
  }
}

function waitedFor(): boolean {
  return false;
}

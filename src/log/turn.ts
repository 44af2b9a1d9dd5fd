/**
 * One turn of a log: a new start, then records to be appended, all in one step; and its end. The
 * entries of a turn may lie in several groups of the journal, so a turn may settle in parts.
 */
import type { PersisterError } from "../types/errors.js";

/** A record to be appended. `payload` is lent until the append is durable or refused. */
export interface NewRecord {
  readonly number: bigint;
  readonly payload: Uint8Array;
  readonly hash?: Uint8Array;
}

/** Records to be appended in one turn. */
export interface AppendTurn {
  readonly records: readonly NewRecord[];
  /** The last check, in the same step as the submission. Its error refuses the whole turn. */
  readonly admit?: (() => void) | undefined;
  /** Called each time that records of this turn became durable, with the new `next`. */
  readonly onDurable?: ((next: bigint) => void) | undefined;
}

/** A new start of a log: everything below it is forgotten. */
export interface PruneTurn<T> {
  /** At or below `first` nothing happens. Above `next` the log is emptied and goes on at `start`. */
  readonly start: bigint;
  /** Checks the record that becomes the first (D4). Its error refuses the whole turn. */
  readonly verify?: ((first: T) => void) | undefined;
  /**
   * Asked when the truncation is queued: whether nobody waits for it, so that it may ride in the next group
   * that somebody waits for.
   */
  readonly lazily?: (() => boolean) | undefined;
}

/** One turn of a log: first the new start, then the records. All enter the engine's queue together. */
export interface LogTurn<T> {
  readonly prune?: PruneTurn<T> | undefined;
  readonly append?: AppendTurn | undefined;
}

/** Resolves a turn when its last entry has settled, or rejects it then with the first refusal. */
export class TurnEnd {
  readonly #resolve: () => void;
  readonly #reject: (refusal: PersisterError) => void;
  #open = 0;
  #refusal: PersisterError | undefined;

  constructor(resolve: () => void, reject: (refusal: PersisterError) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Says how many entries the turn has. Called once, before any of them settles. */
  expect(entries: number): void {
    this.#open = entries;
    if (entries === 0) this.#resolve();
  }

  settle(refusal: PersisterError | undefined): void {
    this.#refusal ??= refusal;
    this.#open -= 1;
    if (this.#open > 0) return;
    if (this.#refusal) this.#reject(this.#refusal);
    else this.#resolve();
  }
}

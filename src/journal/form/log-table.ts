/**
 * The table of logs: which there are, and the live range [first, next) of each. One set of rules for
 * the running journal and for recovery, so that what is written is what is read.
 */
import { assert } from "../../types/assert.js";
import { HASH_BYTES, type LogEntry, logEntryBytes } from "./head.js";

/** A tip whose hash is not known: the log is empty, or its records carry none. */
export const NO_HASH: Uint8Array = new Uint8Array(HASH_BYTES);

/** A log as it stands. */
export interface LogState {
  readonly log: number;
  readonly name: string;
  first: bigint;
  next: bigint;
  tip: Uint8Array;
}

/** Why a change is not allowed, in words; `undefined` where it was made. */
export type EntryRefusal = string | undefined;

export class LogTable {
  readonly #byName = new Map<string, LogState>();
  readonly #byLog = new Map<number, LogState>();
  #nextLog: number;
  #headBytes = 0;

  constructor(entries: readonly LogEntry[], nextLog: number) {
    this.#nextLog = nextLog;
    for (const entry of entries) {
      const refusal = this.#add({ ...entry });
      assert(refusal === undefined, "a head lists each log once");
    }
  }

  /** Log numbers are given once and never again, so a dropped log's records stay dead for ever. */
  get nextLog(): number {
    return this.#nextLog;
  }

  /** This number was given to a log that is lost: it is not given again. */
  forgo(log: number): void {
    if (log >= this.#nextLog) this.#nextLog = log + 1;
  }

  /** Bytes that all logs together take of a head. */
  get headBytes(): number {
    return this.#headBytes;
  }

  byName(name: string): LogState | undefined {
    return this.#byName.get(name);
  }

  byLog(log: number): LogState | undefined {
    return this.#byLog.get(log);
  }

  states(): IterableIterator<LogState> {
    return this.#byLog.values();
  }

  open(log: number, name: string, first: bigint): EntryRefusal {
    if (log !== this.#nextLog) return `log number ${log} is not the next one, ${this.#nextLog}`;
    const refusal = this.#add({ log, name, first, next: first, tip: NO_HASH });
    if (refusal === undefined) this.#nextLog = log + 1;
    return refusal;
  }

  append(log: number, number: bigint, tip: Uint8Array): EntryRefusal {
    const state = this.#byLog.get(log);
    if (!state) return `log number ${log} is not open`;
    if (number !== state.next) return `${state.name}: record ${number} where ${state.next} is next`;
    state.next = number + 1n;
    state.tip = tip;
    return undefined;
  }

  /** Starts only rise: a first at or below the present one changes nothing. */
  truncate(log: number, first: bigint): EntryRefusal {
    const state = this.#byLog.get(log);
    if (!state) return `log number ${log} is not open`;
    if (first > state.first) state.first = first;
    if (first > state.next) {
      state.next = first;
      state.tip = NO_HASH;
    }
    return undefined;
  }

  /** A copy is of a record that was there: it changes no range. */
  copy(log: number, number: bigint): EntryRefusal {
    const state = this.#byLog.get(log);
    if (!state) return `log number ${log} is not open`;
    return number < state.next ? undefined : `${state.name}: a copy of ${number} before its record`;
  }

  drop(log: number): EntryRefusal {
    const state = this.#byLog.get(log);
    if (!state) return `log number ${log} is not open`;
    this.#byLog.delete(log);
    this.#byName.delete(state.name);
    this.#headBytes -= logEntryBytes(state.name);
    return undefined;
  }

  entries(): LogEntry[] {
    return [...this.#byLog.values()].map((state) => ({ ...state }));
  }

  #add(state: LogState): EntryRefusal {
    if (this.#byName.has(state.name)) return `${state.name} is open already`;
    if (this.#byLog.has(state.log)) return `log number ${state.log} is given already`;
    this.#byName.set(state.name, state);
    this.#byLog.set(state.log, state);
    this.#headBytes += logEntryBytes(state.name);
    return undefined;
  }
}

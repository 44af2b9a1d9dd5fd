/** When a log is archived next: by what waits in it, how long, and how its last step ended. */
import type { ArchivedPosition } from "../../persist/archived-note.js";
import type { PersisterError } from "../../types/errors.js";
import type { ArchivedLog } from "../form/names.js";
import { Ages } from "./ages.js";
import type { LogWriter, Step } from "./log-writer.js";
import { countFrom, type LogState } from "./source.js";

/** This many records are an object while nothing is known of their size. */
const RECORDS_OF_UNKNOWN_SIZE = 64n;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;
/** The longest wait while somebody waits for the log: a drop, or those whose blocks are refused. */
const RETRY_ASKED_MS_MAX = 5_000;

/** A moment, and whether nothing waits for an object to be full. */
export interface Asking {
  readonly nowMs: number;
  readonly isAsked: boolean;
}

export class LogTurn {
  readonly #writer: LogWriter;
  readonly #objectBytes: number;
  readonly #ageMs: number;
  #durable: ArchivedPosition | undefined;
  readonly #ages = new Ages();
  /** Bytes of a record, by the last object; unknown before it. */
  #recordBytes = 0;
  /**
   * The last step failed, or nothing could be done while the log began at `first`: another writer is ahead. The
   * next step comes later, or once the log has moved.
   */
  #pause: { readonly first?: bigint; readonly sinceMs: number; readonly ms: number } | undefined;
  #retryMs = 0;
  #refused: PersisterError | undefined;

  constructor(
    writer: LogWriter,
    of: {
      readonly objectBytes: number;
      readonly ageMs: number;
      readonly durable: ArchivedPosition | undefined;
    },
  ) {
    this.#writer = writer;
    this.#objectBytes = of.objectBytes;
    this.#ageMs = of.ageMs;
    this.#durable = of.durable;
  }

  get log(): ArchivedLog {
    return this.#writer.log;
  }

  get position(): ArchivedPosition | undefined {
    return this.#writer.position;
  }

  /** The position that is durable. */
  get durable(): ArchivedPosition | undefined {
    return this.#durable;
  }

  get refused(): PersisterError | undefined {
    return this.#refused;
  }

  pendingOf(state: LogState): bigint {
    return countFrom(state, this.position?.through ?? 0n);
  }

  /** Records that have left the live window and are not archived, as far as that is durable. */
  unprovenOf(state: LogState): bigint {
    return countFrom(state, this.#durable?.through ?? 0n);
  }

  /** How long the oldest record that waits has waited. */
  ageMs(state: LogState, nowMs: number): number {
    this.#ages.look(state.first, this.position?.through ?? 0n, nowMs);
    return this.pendingOf(state) === 0n ? 0 : this.#ages.oldestMs(nowMs);
  }

  /** Whether every record that has left the live window is archived, and that is durable. */
  isArchived(state: LogState): boolean {
    return this.#refused !== undefined || this.unprovenOf(state) === 0n;
  }

  /** How long the log can wait, if nothing else happens: 0 where it is due. */
  waitMs(state: LogState, at: Asking): number {
    const ageMs = this.ageMs(state, at.nowMs);
    const pending = this.pendingOf(state);
    if (this.#refused || pending === 0n) return Number.POSITIVE_INFINITY;
    const fillMs = at.isAsked || this.#isFull(pending) ? 0 : this.#ageMs - ageMs;
    return Math.max(0, fillMs, this.#pauseMs(state, at));
  }

  async step(
    state: LogState,
    options: {
      readonly signal: AbortSignal;
      readonly isAsked: boolean;
      readonly nowMs: () => number;
    },
  ): Promise<Step> {
    const step = await this.#writer.step(state, options);
    this.#pause = undefined;
    if (step.did === "nothing")
      this.#pause = { first: state.first, sinceMs: options.nowMs(), ms: this.#longerRetry() };
    else this.#retryMs = 0;
    if (step.did === "put") this.#recordBytes = step.bytes / step.records;
    return step;
  }

  saved(position: ArchivedPosition): void {
    this.#durable = position;
  }

  refuse(error: PersisterError): void {
    this.#refused = error;
  }

  /** The step failed: the next one waits, longer each time. */
  failed(nowMs: number, random: number): void {
    this.#pause = { sinceMs: nowMs, ms: this.#longerRetry() * (0.5 + random / 2) };
  }

  #longerRetry(): number {
    this.#retryMs = Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, 2 * this.#retryMs));
    return this.#retryMs;
  }

  #pauseMs({ first }: LogState, { nowMs, isAsked }: Asking): number {
    const pause = this.#pause;
    if (!pause || (pause.first !== undefined && pause.first !== first)) return 0;
    const ms = isAsked ? Math.min(pause.ms, RETRY_ASKED_MS_MAX) : pause.ms;
    return pause.sinceMs + ms - nowMs;
  }

  #isFull(pending: bigint): boolean {
    if (this.#recordBytes === 0) return pending >= RECORDS_OF_UNKNOWN_SIZE;
    return this.#recordBytes * Number(pending) >= this.#objectBytes;
  }
}

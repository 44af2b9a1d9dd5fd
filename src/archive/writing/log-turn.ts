/** When a log is archived next: by what waits in it, how long, and how its last step ended. */
import type { ArchivedPosition } from "../../persist/archived-note.js";
import type { PersisterError } from "../../types/errors.js";
import type { ArchivedLog } from "../form/names.js";
import type { LogWriter, Step } from "./log-writer.js";
import type { LogState } from "./source.js";

/** This many records are an object while nothing is known of their size. */
const RECORDS_OF_UNKNOWN_SIZE = 64n;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;

export class LogTurn {
  readonly #writer: LogWriter;
  readonly #objectBytes: number;
  readonly #ageMs: number;
  #durable: ArchivedPosition | undefined;
  /** When the oldest record that waits was first seen. */
  #sinceMs: number | undefined;
  /** Bytes of a record, by the last object; unknown before it. */
  #recordBytes = 0;
  /**
   * Nothing could be done while the log began here: another writer is ahead, or the segment below is being sealed
   * and its records are not known for a moment. It is looked at again once the log has moved, or later.
   */
  #idle = { first: 0n, untilMs: 0 };
  #retryMs = 0;
  #notBeforeMs = 0;
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
    const { first } = state;
    const through = this.position?.through ?? state.retainedFirst;
    return first > through ? first - through : 0n;
  }

  /** Records that have left the live window and are not archived, as far as that is durable. */
  unprovenOf(state: LogState): bigint {
    const through = this.#durable?.through ?? state.retainedFirst;
    return state.first > through ? state.first - through : 0n;
  }

  ageMs(state: LogState, nowMs: number): number {
    if (this.pendingOf(state) === 0n) this.#sinceMs = undefined;
    else this.#sinceMs ??= nowMs;
    return this.#sinceMs === undefined ? 0 : nowMs - this.#sinceMs;
  }

  /** Whether every record that has left the live window is archived, and that is durable. */
  isArchived(state: LogState): boolean {
    return this.#refused !== undefined || this.unprovenOf(state) === 0n;
  }

  /** `isAsked`: nothing waits for an object to be full. */
  isDue(state: LogState, at: { readonly nowMs: number; readonly isAsked: boolean }): boolean {
    const { nowMs, isAsked } = at;
    const ageMs = this.ageMs(state, nowMs);
    const pending = this.pendingOf(state);
    if (this.#refused || pending === 0n || nowMs < this.#notBeforeMs) return false;
    if (this.#isIdle(state, nowMs)) return false;
    return isAsked || ageMs >= this.#ageMs || this.#isFull(pending);
  }

  /** How long the log can wait, if nothing else happens. */
  waitMs(state: LogState, nowMs: number): number {
    const ageMs = this.ageMs(state, nowMs);
    if (this.#refused || this.pendingOf(state) === 0n) return Number.POSITIVE_INFINITY;
    if (this.#isIdle(state, nowMs)) return this.#idle.untilMs - nowMs;
    return nowMs < this.#notBeforeMs ? this.#notBeforeMs - nowMs : this.#ageMs - ageMs;
  }

  async step(
    state: LogState,
    options: { readonly signal: AbortSignal; readonly nowMs: () => number },
  ): Promise<Step> {
    const step = await this.#writer.step(state, { signal: options.signal });
    this.#notBeforeMs = 0;
    if (step.did === "nothing")
      this.#idle = { first: state.first, untilMs: options.nowMs() + this.#longerRetry() };
    else this.#retryMs = 0;
    if (step.did === "put") this.#recordBytes = step.bytes / step.records;
    // The records behind this object have waited less; how long is not worth knowing.
    if (step.did === "put" || step.did === "found") this.#sinceMs = options.nowMs();
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
    this.#notBeforeMs = nowMs + this.#longerRetry() * (0.5 + random / 2);
  }

  #longerRetry(): number {
    this.#retryMs = Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, 2 * this.#retryMs));
    return this.#retryMs;
  }

  #isIdle({ first }: LogState, nowMs: number): boolean {
    return first === this.#idle.first && nowMs < this.#idle.untilMs;
  }

  #isFull(pending: bigint): boolean {
    if (this.#recordBytes === 0) return pending >= RECORDS_OF_UNKNOWN_SIZE;
    return this.#recordBytes * Number(pending) >= this.#objectBytes;
  }
}

/** A loop that takes steps while there is work, one at a time, with a pause behind each that left some. */
import { isLanekeeperError, type LanekeeperError } from "../types/lanekeeper-error.js";

/** Behind a step that failed, or that waits for another machine. Each pause is twice the one before. */
const PAUSE_MS = 500;
const PAUSE_MS_MAX = 16_000;

export interface StepsPort {
  readonly hasWork: () => boolean;
  readonly step: () => Promise<void>;
  /** Returns whether the step may be made again. */
  readonly failed: (error: LanekeeperError) => boolean;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

export class Steps {
  readonly #port: StepsPort;
  readonly #ending = new AbortController();
  #turn: Promise<void> | undefined;

  constructor(port: StepsPort) {
    this.#port = port;
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Looks for work. Idempotent: a loop that runs sees what came meanwhile. */
  begin(): void {
    if (this.signal.aborted) return;
    this.#turn ??= this.#run().then((isGivenUp) => {
      this.#turn = undefined;
      // Work may have come between the last look for it and here.
      if (!isGivenUp && this.#port.hasWork()) this.begin();
    });
  }

  /** Begins no further step; resolves when the one that is under way has ended. */
  async end(): Promise<void> {
    this.#ending.abort();
    await this.#turn;
  }

  async #run(): Promise<boolean> {
    // A caller that is in the middle of a decision goes on first.
    await Promise.resolve();
    let pauseMs = PAUSE_MS;
    while (!this.signal.aborted && this.#port.hasWork()) {
      try {
        await this.#port.step();
        if (!this.#port.hasWork()) return false;
        pauseMs = PAUSE_MS;
      } catch (cause) {
        if (!isLanekeeperError(cause)) throw cause;
        if (!this.signal.aborted && !this.#port.failed(cause)) return true;
      }
      await this.#pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX);
    }
    return false;
  }

  async #pause(ms: number): Promise<void> {
    if (this.signal.aborted) return;
    try {
      await this.#port.wait(ms, this.signal);
    } catch (cause) {
      if (!this.signal.aborted) throw cause;
    }
  }
}

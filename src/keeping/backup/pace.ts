/** Keeps the reading and writing of a backup below a rate, so that the store has the disk to itself. */

export interface PaceParts {
  readonly bytesPerSecond: number;
  readonly nowMs: () => number;
  /** Calls `task` when `ms` are over. */
  readonly wait: (task: () => void, ms: number) => void;
}

/** Shorter waits are saved up: a timer is no more exact. */
const WAIT_MS_MIN = 5;

export class Pace {
  readonly #parts: PaceParts;
  /** The time at which everything that was spent is paid for. */
  #paidMs: number;

  constructor(parts: PaceParts) {
    this.#parts = parts;
    this.#paidMs = parts.nowMs();
  }

  /** Resolves when `bytes` more may be read or written. Time in which nothing was asked for is lost. */
  async spend(bytes: number): Promise<void> {
    const { bytesPerSecond, nowMs, wait } = this.#parts;
    const now = nowMs();
    this.#paidMs = Math.max(now, this.#paidMs) + (bytes * 1000) / bytesPerSecond;
    const ms = this.#paidMs - now;
    if (ms >= WAIT_MS_MIN) await new Promise<void>((resolve) => wait(resolve, ms));
  }
}

/**
 * The time between two attempts to reach a service: it doubles up to a limit, and each is drawn from its
 * upper half, so that the clients of a service that comes back do not come all at once.
 */
const FIRST_MS = 20;
const LONGEST_MS = 2_000;

export class Backoff {
  readonly #fraction: () => number;
  #nextMs = FIRST_MS;

  /** `fraction` draws from [0, 1). */
  constructor(fraction: () => number) {
    this.#fraction = fraction;
  }

  /** The service was reached: the next time begins small. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }

  /** The next time, in milliseconds. */
  next(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(LONGEST_MS, 2 * ms);
    return (ms / 2) * (1 + this.#fraction());
  }
}

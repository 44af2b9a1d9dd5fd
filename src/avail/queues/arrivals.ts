/**
 * When each message of a queue was admitted: how long the oldest has waited, and how long each took to
 * be acknowledged. In the order of the queue, which adds at its end and takes from its front.
 */
export class Arrivals {
  readonly #atMs: number[] = [];

  /** How long the first one has waited; 0 where nothing waits. */
  get oldestMs(): number {
    const [first] = this.#atMs;
    return first === undefined ? 0 : performance.now() - first;
  }

  /** A message came to the end of the queue. */
  add(): void {
    this.#atMs.push(performance.now());
  }

  /** A message came to the front of the queue. */
  addFirst(): void {
    this.#atMs.unshift(performance.now());
  }

  /** Tells how long each of the first `count` messages has waited. */
  tell(count: number, waited: (ms: number) => void): void {
    const nowMs = performance.now();
    for (let at = 0; at < count; at++) {
      const atMs = this.#atMs[at];
      if (atMs !== undefined) waited(nowMs - atMs);
    }
  }

  /** The first `count` messages left the queue. */
  leave(count: number): void {
    this.#atMs.splice(0, count);
  }
}

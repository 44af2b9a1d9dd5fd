/**
 * A map of bounded weight: when it is full, the entries that were asked for longest ago go first.
 *
 * A `Map` keeps its entries in the order in which they were set. An entry that is asked for is set again,
 * so that the first one is always the one that goes.
 */
export class LeastRecent<Value> {
  readonly #entries = new Map<string, Value>();
  readonly #weightMax: number;
  readonly #weightOf: (value: Value) => number;
  #weight = 0;

  /** Keeps entries of `weightMax` together; each weighs 1 where `weightOf` is left out. */
  constructor(weightMax: number, weightOf: (value: Value) => number = () => 1) {
    this.#weightMax = weightMax;
    this.#weightOf = weightOf;
  }

  /** Of all entries together. */
  get weight(): number {
    return this.#weight;
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** An entry that alone weighs more than all may is not kept. */
  set(key: string, value: Value): void {
    this.delete(key);
    const weight = this.#weightOf(value);
    if (weight > this.#weightMax) return;
    this.#entries.set(key, value);
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#weightMax) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#weight -= this.#weightOf(value);
  }
}

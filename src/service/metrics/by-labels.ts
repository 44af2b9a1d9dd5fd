/** One value for each combination of labels, made when it is first asked for. */
import type { Labels } from "./families.js";

export class ByLabels<Value> {
  readonly #make: () => Value;
  readonly #all = new Map<string, { readonly labels: Labels; readonly value: Value }>();

  constructor(make: () => Value) {
    this.#make = make;
  }

  /** The labels must have the same names, in the same order, at each call. */
  of(labels: Labels): Value {
    const key = Object.values(labels).join("\n");
    const known = this.#all.get(key);
    if (known) return known.value;
    const value = this.#make();
    this.#all.set(key, { labels, value });
    return value;
  }

  *[Symbol.iterator](): Generator<{ readonly labels: Labels; readonly value: Value }> {
    yield* this.#all.values();
  }
}

/** The live records that a recovery has found so far, by log and number. */
import type { LogState } from "./log-table.js";
import { Places } from "./places.js";
import type { Pointer } from "./segment.js";

export class FoundRecords {
  readonly #byName = new Map<string, Map<bigint, Pointer>>();

  countOf(name: string): number {
    return this.#byName.get(name)?.size ?? 0;
  }

  find(name: string, number: bigint): Pointer | undefined {
    return this.#byName.get(name)?.get(number);
  }

  put(name: string, number: bigint, pointer: Pointer): void {
    const found = this.#byName.get(name) ?? new Map<bigint, Pointer>();
    this.#byName.set(name, found.set(number, pointer));
  }

  /** The lowest live number of a log that was not found. */
  missingOf({ name, first, next }: LogState): bigint | undefined {
    if (BigInt(this.countOf(name)) === next - first) return undefined;
    let number = first;
    while (this.find(name, number)) number += 1n;
    return number;
  }

  /** Where all of them lie; nothing is missing. */
  places(logs: Iterable<LogState>): Places {
    const places = new Places();
    for (const { name, first, next } of logs) {
      for (let number = first; number < next; number++) {
        const pointer = this.find(name, number);
        if (pointer) places.append(name, number, pointer);
      }
    }
    return places;
  }
}

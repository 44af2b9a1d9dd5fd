/**
 * The live records that a recovery has found so far, by log and number. The live ranges of the logs
 * do not change any more.
 */
import { assert } from "../../types/assert.js";
import type { LogState } from "../form/log-table.js";
import { Places } from "../segment/places.js";
import type { Pointer } from "../segment/segment.js";

interface Found {
  /** By number, from the first. */
  readonly pointers: (Pointer | undefined)[];
  count: number;
}

export class FoundRecords {
  readonly #byLog = new Map<LogState, Found>();

  countOf(log: LogState): number {
    return this.#byLog.get(log)?.count ?? 0;
  }

  find(log: LogState, number: bigint): Pointer | undefined {
    return this.#byLog.get(log)?.pointers[Number(number - log.first)];
  }

  put(log: LogState, number: bigint, pointer: Pointer): void {
    assert(number >= log.first && number < log.next, "what is found is live");
    const found = this.#byLog.get(log) ?? { pointers: [], count: 0 };
    this.#byLog.set(log, found);
    found.pointers[Number(number - log.first)] = pointer;
    found.count += 1;
  }

  /** The lowest live number of a log that was not found. */
  missingOf(log: LogState): bigint | undefined {
    if (BigInt(this.countOf(log)) === log.next - log.first) return undefined;
    let number = log.first;
    while (this.find(log, number)) number += 1n;
    return number;
  }

  /** The places of all live records, none of which is missing. */
  places(logs: Iterable<LogState>): Places {
    const places = new Places();
    for (const log of logs) {
      let number = log.first;
      for (const pointer of this.#byLog.get(log)?.pointers ?? []) {
        if (pointer) places.append(log.name, number, pointer);
        number += 1n;
      }
    }
    return places;
  }
}

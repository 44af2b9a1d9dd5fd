/**
 * The records of the segment that is written now, by log and number: what the map does not know yet.
 * The list grows at its end; each look goes on where the last one ended.
 */
import type { PlacedRecord } from "../journal/segment/places.js";
import type { Pointer } from "../journal/segment/segment.js";
import { type Run, RunsByName } from "./retention.js";

export class UnsealedRecords {
  readonly #records: readonly PlacedRecord[];
  readonly #runs = new RunsByName();
  readonly #places = new Map<string, Map<bigint, Pointer>>();
  #count = 0;

  /** Keeps `records`, which may grow. */
  constructor(records: readonly PlacedRecord[]) {
    this.#records = records;
  }

  /** Whether it was made for this very list: another segment, or one without a dropped log, has its own. */
  isOf(records: readonly PlacedRecord[]): boolean {
    return this.#records === records;
  }

  catchUp(): void {
    for (; this.#count < this.#records.length; this.#count++) {
      const record = this.#records[this.#count];
      if (record) this.#add(record);
    }
  }

  runsOf(name: string): readonly Run[] {
    return this.#runs.of(name);
  }

  /** The newest place of a record. */
  find(name: string, number: bigint): Pointer | undefined {
    return this.#places.get(name)?.get(number);
  }

  #add(record: PlacedRecord): void {
    const { name, number, pointer } = record;
    this.#runs.add(record);
    const places = this.#places.get(name) ?? new Map<bigint, Pointer>();
    this.#places.set(name, places.set(number, pointer));
  }
}

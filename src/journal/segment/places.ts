/**
 * The place of every live record, and the live share of each slot. Changed when a group is durable, and
 * by recovery; never ahead of the disk.
 */
import { assert } from "../../types/assert.js";
import { RECORD_HEADER_BYTES } from "../form/records.js";
import { Run, type Span } from "./run.js";
import type { Pointer } from "./segment.js";

/** A live record and its place. */
export interface PlacedRecord {
  readonly name: string;
  readonly number: bigint;
  readonly pointer: Pointer;
}

/** The live records of one slot. */
export interface LiveShare {
  readonly records: number;
  /** With their record headers. */
  readonly bytes: number;
}

const NONE: LiveShare = { records: 0, bytes: 0 };

export class Places {
  readonly #runs = new Map<string, Run>();
  readonly #slots = new Map<number, { records: number; bytes: number }>();
  #liveBytes = 0;

  /** Bytes of all live records. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  liveIn(slot: number): LiveShare {
    return this.#slots.get(slot) ?? NONE;
  }

  find(name: string, number: bigint): Pointer | undefined {
    return this.#runs.get(name)?.find(number);
  }

  /** The slots in which the live records of a log lie, oldest record first. */
  *spansOf(name: string): Generator<Span> {
    const run = this.#runs.get(name);
    if (run) yield* run.spans();
  }

  /** Every live record in `slot`. Costs the records that are found, and a look at each span. */
  *recordsIn(slot: number): Generator<PlacedRecord> {
    for (const [name, run] of this.#runs) {
      for (const span of run.spans()) {
        if (span.slot !== slot) continue;
        for (let number = span.first; number < span.next; number++) {
          const pointer = run.find(number);
          assert(pointer !== undefined, "a span is of live records");
          yield { name, number, pointer };
        }
      }
    }
  }

  append(name: string, number: bigint, pointer: Pointer): void {
    let run = this.#runs.get(name);
    if (!run || run.isEmpty) {
      run = new Run(number);
      this.#runs.set(name, run);
    }
    run.append(number, pointer);
    this.#count(pointer, 1);
  }

  /** Forgets everything below `first`. Costs the records that go, not those that stay. */
  truncate(name: string, first: bigint): void {
    for (const pointer of this.#runs.get(name)?.truncate(first) ?? []) this.#count(pointer, -1);
  }

  drop(name: string): void {
    for (const pointer of this.#runs.get(name)?.pointers() ?? []) this.#count(pointer, -1);
    this.#runs.delete(name);
  }

  /**
   * A live record lies elsewhere from now on. `isSealed`: one of the two is sealed, so that their bytes on
   * disk differ.
   */
  move(name: string, number: bigint, to: Pointer, isSealed = false): void {
    const run = this.#runs.get(name);
    const from = this.find(name, number);
    assert(run !== undefined && from !== undefined, "only a live record is moved");
    const isEqual = from.length === to.length && from.crc === to.crc;
    assert(isSealed || isEqual, "a copy is equal to its record");
    run.move(number, to);
    this.#count(from, -1);
    this.#count(to, 1);
  }

  #count({ slot, length }: Pointer, sign: 1 | -1): void {
    const share = this.#slots.get(slot) ?? { records: 0, bytes: 0 };
    const bytes = sign * (RECORD_HEADER_BYTES + length);
    share.records += sign;
    share.bytes += bytes;
    this.#liveBytes += bytes;
    assert(share.records >= 0 && this.#liveBytes >= 0, "no slot has less than nothing in it");
    assert(share.records > 0 || share.bytes === 0, "a slot without live records has no live bytes");
    if (share.records === 0) this.#slots.delete(slot);
    else this.#slots.set(slot, share);
  }
}

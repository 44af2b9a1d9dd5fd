/**
 * Where every live record lies, and how much of each slot is live. Changed when a group is durable,
 * and by recovery; never ahead of the disk.
 */
import { assert } from "../../types/assert.js";
import { RECORD_HEADER_BYTES } from "../form/records.js";
import type { Pointer } from "./segment.js";

/** A live record and its place. */
export interface PlacedRecord {
  readonly name: string;
  readonly number: bigint;
  readonly pointer: Pointer;
}

/** What is live in one slot. */
export interface LiveShare {
  readonly records: number;
  /** With their record headers. */
  readonly bytes: number;
}

interface Run {
  first: bigint;
  /** Of [first, first + length). */
  pointers: Pointer[];
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
    const run = this.#runs.get(name);
    return run && number >= run.first ? run.pointers[Number(number - run.first)] : undefined;
  }

  /** Every live record in `slot`. */
  *recordsIn(slot: number): Generator<PlacedRecord> {
    for (const [name, run] of this.#runs) {
      for (const [index, pointer] of run.pointers.entries()) {
        if (pointer.slot === slot) yield { name, number: run.first + BigInt(index), pointer };
      }
    }
  }

  append(name: string, number: bigint, pointer: Pointer): void {
    const run = this.#runs.get(name);
    if (!run || run.pointers.length === 0) {
      this.#runs.set(name, { first: number, pointers: [pointer] });
    } else {
      assert(number === run.first + BigInt(run.pointers.length), "a live range has no holes");
      run.pointers.push(pointer);
    }
    this.#count(pointer, 1);
  }

  /** Forgets everything below `first`. */
  truncate(name: string, first: bigint): void {
    const run = this.#runs.get(name);
    if (!run || first <= run.first) return;
    const gone = run.pointers.splice(0, Number(first - run.first));
    for (const pointer of gone) this.#count(pointer, -1);
    run.first = first;
  }

  drop(name: string): void {
    for (const pointer of this.#runs.get(name)?.pointers ?? []) this.#count(pointer, -1);
    this.#runs.delete(name);
  }

  /** A live record lies elsewhere from now on. */
  move(name: string, number: bigint, to: Pointer): void {
    const run = this.#runs.get(name);
    const from = this.find(name, number);
    assert(run !== undefined && from !== undefined, "only a live record is moved");
    assert(from.length === to.length && from.crc === to.crc, "a copy is equal to its record");
    run.pointers[Number(number - run.first)] = to;
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

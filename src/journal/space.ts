/**
 * Which slots are free, and the rule that two spares stay free for the next open (D9): every rotation
 * leaves two or grows first, and where it cannot grow it is refused before anything is harmed.
 */
import type { Disk } from "../disk/disk.js";
import { assert } from "../types/assert.js";
import { completeSlot, makeSlot, type Slot } from "./segment.js";

/** Spares that every rotation leaves behind. */
export const SPARE_SLOTS = 2;

export class Space {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #slots = new Map<number, Slot>();
  readonly #free = new Set<number>();

  constructor(options: {
    readonly disk: Disk;
    readonly directory: string;
    readonly segmentBytes: number;
    readonly slots: readonly Slot[];
    readonly inUse: ReadonlySet<number>;
  }) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#segmentBytes = options.segmentBytes;
    for (const slot of options.slots) {
      this.#slots.set(slot.slot, slot);
      if (!options.inUse.has(slot.slot)) this.#free.add(slot.slot);
    }
  }

  get slotCount(): number {
    return this.#slots.size;
  }

  get freeCount(): number {
    return this.#free.size;
  }

  /** Bytes of all slots. */
  get byteLength(): number {
    let sum = 0;
    for (const slot of this.#slots.values()) sum += slot.bytes;
    return sum;
  }

  slot(slot: number): Slot {
    const found = this.#slots.get(slot);
    assert(found !== undefined, "a pointer names a slot that there is");
    return found;
  }

  /** Grows until `count` slots are free. DISK_FULL poisons nothing: a slot half made is free space. */
  async ensureFree(count: number): Promise<void> {
    while (this.#free.size < count) {
      const highest = Math.max(-1, ...this.#slots.keys());
      const made = await makeSlot(this.#disk, this.#directory, highest + 1, this.#segmentBytes);
      this.#slots.set(made.slot, made);
      this.#free.add(made.slot);
    }
  }

  /** Takes the lowest free slot, at its full size. */
  async take(): Promise<Slot> {
    const lowest = Math.min(...this.#free);
    const slot = await completeSlot(this.slot(lowest), this.#segmentBytes);
    this.#slots.set(lowest, slot);
    this.#free.delete(lowest);
    return slot;
  }

  /** Gives a slot back whose segment no head lists any more. */
  release(slot: number): void {
    assert(!this.#free.has(slot), "a slot is released once");
    this.#free.add(slot);
  }

  async close(): Promise<void> {
    for (const slot of this.#slots.values()) await slot.file.close();
  }
}

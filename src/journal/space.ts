/**
 * Which slots are free, and the rule that two spares stay free for the next open (D9): every rotation
 * leaves two or grows first, and where it cannot grow it is refused before anything is harmed.
 * Surplus slots are given back to the file system.
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

  /** Slots that a head could be written to now: free, and of full size. */
  get freeCount(): number {
    return this.#whole().length;
  }

  /** Size of a slot. */
  get segmentBytes(): number {
    return this.#segmentBytes;
  }

  /** Bytes of all slots. */
  get byteLength(): number {
    let sum = 0;
    for (const slot of this.#slots.values()) sum += slot.bytes;
    return sum;
  }

  slot(slot: number): Slot {
    const found = this.find(slot);
    assert(found !== undefined, "a segment lies in a slot that there is");
    return found;
  }

  /** A slot that may have been given back. */
  find(slot: number): Slot | undefined {
    return this.#slots.get(slot);
  }

  /** Grows until `count` slots are free. DISK_FULL poisons nothing: a slot half made is free space. */
  async ensureFree(count: number): Promise<void> {
    for (const slot of this.#free) {
      if (this.#whole().length >= count) return;
      this.#slots.set(slot, await completeSlot(this.slot(slot), this.#segmentBytes));
    }
    while (this.#whole().length < count) {
      const highest = Math.max(-1, ...this.#slots.keys());
      const made = await makeSlot(this.#disk, this.#directory, highest + 1, this.#segmentBytes);
      this.#slots.set(made.slot, made);
      this.#free.add(made.slot);
    }
  }

  /** Takes the lowest free slot; the caller has ensured that there is one. */
  take(): Slot {
    const [lowest] = this.#whole();
    assert(lowest !== undefined, "a slot is taken where one is free");
    this.#free.delete(lowest);
    return this.slot(lowest);
  }

  /** Gives a slot back whose segment no head lists any more. */
  release(slot: number): void {
    assert(!this.#free.has(slot), "a slot is released once");
    this.#free.add(slot);
  }

  /**
   * Gives up to `count` free slots back, the highest first. That a name is gone need not be durable: a
   * slot that comes back is free space, since no head lists it. One that is refused stays free.
   */
  async giveBack(count: number): Promise<void> {
    const free = [...this.#free].sort((a, b) => b - a);
    for (const slot of free.slice(0, count)) {
      const { file } = this.slot(slot);
      await this.#disk.remove(file.path);
      this.#free.delete(slot);
      this.#slots.delete(slot);
      await file.close();
    }
  }

  #whole(): number[] {
    const whole = [...this.#free].filter((slot) => this.slot(slot).bytes >= this.#segmentBytes);
    return whole.sort((a, b) => a - b);
  }

  async close(): Promise<void> {
    for (const slot of this.#slots.values()) await slot.file.close();
  }
}

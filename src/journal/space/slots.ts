/**
 * Which slots are free, and the rule that two spares stay free for the next open (D9): a rotation leaves
 * two or grows first, and where it cannot grow nothing is appended until there are two. Surplus slots
 * are given back to the file system.
 */
import type { Disk } from "../../disk/disk.js";
import { assert } from "../../types/assert.js";
import { isDiskFull } from "../../types/errors.js";
import { completeSlot, makeSlot, type Slot } from "../segment/segment.js";

/** Spares that every rotation leaves behind. */
export const SPARE_SLOTS = 2;

export interface FreeSlot {
  readonly slot: number;
  readonly bytes: number;
}

export class Space {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #leastBytes: number;
  readonly #slots = new Map<number, Slot>();
  readonly #free = new Set<number>();

  constructor(options: {
    readonly disk: Disk;
    readonly directory: string;
    /** Bytes of the smallest slot that a segment may begin in. */
    readonly segmentBytes: number;
    readonly slots: readonly Slot[];
    readonly inUse: ReadonlySet<number>;
  }) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#leastBytes = options.segmentBytes;
    for (const slot of options.slots) {
      this.#slots.set(slot.slot, slot);
      if (!options.inUse.has(slot.slot)) this.#free.add(slot.slot);
    }
  }

  get slotCount(): number {
    return this.#slots.size;
  }

  /** Slots that a head could be written to now: free, and not too small. */
  get freeCount(): number {
    return this.#whole().length;
  }

  /** Every free slot, also those that are too small. */
  get free(): readonly FreeSlot[] {
    return [...this.#free].map((slot) => ({ slot, bytes: this.slot(slot).bytes }));
  }

  get leastBytes(): number {
    return this.#leastBytes;
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

  /**
   * Grows until `count` slots are free; new ones are of `wantedBytes`, or as small as they may be where
   * the disk has no more. DISK_FULL poisons nothing: a slot half made is free space.
   */
  async ensureFree(count: number, wantedBytes = this.#leastBytes): Promise<void> {
    for (const slot of this.#free) {
      if (this.#whole().length >= count) return;
      this.#slots.set(slot, await completeSlot(this.slot(slot), this.#leastBytes));
    }
    while (this.#whole().length < count) await this.make(wantedBytes);
  }

  /** Makes one more slot. Throws as `ensureFree`. */
  async make(wantedBytes: number): Promise<void> {
    const slot = Math.max(-1, ...this.#slots.keys()) + 1;
    const made = await this.#makeAsLarge(slot, wantedBytes);
    this.#slots.set(slot, made);
    this.#free.add(slot);
  }

  async #makeAsLarge(slot: number, wantedBytes: number): Promise<Slot> {
    try {
      return await makeSlot(this.#disk, this.#directory, slot, wantedBytes);
    } catch (error) {
      if (!isDiskFull(error) || wantedBytes <= this.#leastBytes) throw error;
      return await makeSlot(this.#disk, this.#directory, slot, this.#leastBytes);
    }
  }

  /** The slot that `take` would take. */
  next(wantedBytes: number): Slot {
    const misfit = ({ bytes }: Slot): number => Math.abs(Math.log2(bytes / wantedBytes));
    const [best] = this.#whole().sort((a, b) => misfit(a) - misfit(b) || a.slot - b.slot);
    assert(best !== undefined, "a slot is taken where one is free");
    return best;
  }

  /** Takes the free slot that fits best; the caller has ensured that there is one. */
  take(wantedBytes: number): Slot {
    const slot = this.next(wantedBytes);
    this.#free.delete(slot.slot);
    return slot;
  }

  /** Gives a slot back whose segment no head lists any more. */
  release(slot: number): void {
    assert(!this.#free.has(slot), "a slot is released once");
    this.#free.add(slot);
  }

  /**
   * Gives these free slots back to the file system. That a name is gone need not be durable: a slot
   * that comes back is free space, since no head lists it. One that is refused stays free.
   */
  async giveBack(surplus: readonly number[]): Promise<void> {
    const left = new Set(surplus.filter((slot) => this.#free.delete(slot)));
    try {
      for (const slot of left) {
        const { file } = this.slot(slot);
        await this.#disk.remove(file.path);
        left.delete(slot);
        this.#slots.delete(slot);
        await file.close();
      }
    } catch (error) {
      for (const slot of left) this.#free.add(slot);
      throw error;
    }
  }

  async close(): Promise<void> {
    const files = [...this.#slots.values()].map(({ file }) => file);
    const closed = await Promise.allSettled(files.map((file) => file.close()));
    const failed = closed.find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
  }

  #whole(): Slot[] {
    const free = [...this.#free].map((slot) => this.slot(slot));
    return free.filter(({ bytes }) => bytes >= this.#leastBytes);
  }
}

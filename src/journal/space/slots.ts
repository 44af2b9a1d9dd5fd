/**
 * The free slots, and the rule that two spares stay free for the next open (D9). A rotation leaves two,
 * or makes slots first. If none can be made, nothing is appended until there are two again. Surplus
 * slots are given back to the file system.
 */
import { allEnded } from "../../async/all-ended.js";
import type { Disk, DiskFile } from "../../disk/disk.js";
import { hasHoles } from "../../disk/holes.js";
import { assert } from "../../types/assert.js";
import { isDiskFull } from "../../types/errors.js";
import { completeSlot, makeSlot, type Slot } from "../segment/segment.js";
import { type SlotHold, SlotHolds } from "./holds.js";

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
  readonly #holds = new SlotHolds();
  #keepsRoom = true;

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

  /**
   * Whether a slot that was filled holds its room. A file system that compresses, or that writes elsewhere
   * each time, does not keep it: a full disk is then met in the middle of a segment.
   */
  get keepsRoom(): boolean {
    return this.#keepsRoom;
  }

  /** Slots that a head could be written to now: free, not too small, and without holes. */
  get freeCount(): number {
    return this.#whole().length;
  }

  /** Every slot's file. */
  get files(): readonly DiskFile[] {
    return [...this.#slots.values()].map(({ file }) => file);
  }

  /** The files of slots to which another name led when they were opened. */
  get linked(): readonly string[] {
    return [...this.#slots.values()]
      .filter(({ isLinked }) => isLinked)
      .map(({ file }) => file.path);
  }

  /** Every free slot, also those that are too small. */
  get free(): readonly FreeSlot[] {
    return [...this.#free].map((slot) => ({ slot, bytes: this.slot(slot).bytes }));
  }

  /** Slots that came free, and are kept as they are for those who hold them. */
  get kept(): readonly FreeSlot[] {
    return [...this.#holds.freed].map((slot) => ({ slot, bytes: this.slot(slot).bytes }));
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
      await this.#complete(this.slot(slot));
    }
    while (this.#whole().length < count) await this.make(wantedBytes);
  }

  /** Keeps these slots as they are until `letGo`, though they come free; see `holds.ts`. */
  hold(slots: Iterable<number>): SlotHold {
    return this.#holds.hold(slots);
  }

  /** Ends a hold. Idempotent. */
  letGo(hold: SlotHold): void {
    for (const slot of this.#holds.end(hold)) this.#free.add(slot);
  }

  /** The store needs the room: breaks every hold; tells whether there was any. */
  breakHolds(): boolean {
    if (!this.#holds.isAny) return false;
    for (const slot of this.#holds.breakAll()) this.#free.add(slot);
    return true;
  }

  /** Somebody holds this slot: it does not come free with its segment. */
  isHeld(slot: number): boolean {
    return this.#holds.isHeld(slot);
  }

  async #complete(slot: Slot): Promise<void> {
    if (this.#isWhole(slot)) return;
    const completed = await completeSlot(slot, this.#leastBytes);
    if (slot.isHollow && (await hasHoles(slot.file))) this.#keepsRoom = false;
    this.#slots.set(slot.slot, completed);
  }

  /** Makes one more slot. Throws as `ensureFree`. */
  async make(wantedBytes: number): Promise<Slot> {
    const slot = Math.max(-1, ...this.#slots.keys()) + 1;
    const made = await this.#makeAsLarge(slot, wantedBytes);
    this.#slots.set(slot, made);
    this.#free.add(slot);
    return made;
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

  /** Gives a slot back whose segment no head lists any more. It is free unless somebody holds it. */
  release(slot: number): void {
    assert(!this.#free.has(slot), "a slot is released once");
    if (this.#holds.isFreedBy(slot)) this.#free.add(slot);
    // A file that rests is opened now, ahead of its next head. If that fails, the write of that head tells.
    this.slot(slot)
      .file.size()
      .catch(() => {});
  }

  /**
   * Gives these free slots back to the file system. That a name is gone need not be durable: a slot
   * that comes back is free space, since no head lists it.
   *
   * A removal that fails may have removed the name all the same, and a segment in a file without a name
   * would be lost. So such a slot is not used any more, until the next open finds it or does not.
   */
  async giveBack(surplus: readonly number[]): Promise<void> {
    for (const slot of surplus) {
      if (!this.#free.delete(slot)) continue;
      const { file } = this.slot(slot);
      this.#slots.delete(slot);
      await allEnded([this.#disk.remove(file.path), file.close()]);
    }
  }

  async close(): Promise<void> {
    await allEnded(this.files.map((file) => file.close()));
  }

  #whole(): Slot[] {
    return [...this.#free].map((slot) => this.slot(slot)).filter((slot) => this.#isWhole(slot));
  }

  #isWhole({ bytes, isHollow }: Slot): boolean {
    return bytes >= this.#leastBytes && !(isHollow && this.#keepsRoom);
  }
}

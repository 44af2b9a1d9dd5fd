/**
 * Reads segments a part at a time, one part ahead of whoever checks them. Two buffers serve them all,
 * so that the memory of a recovery follows neither what it reads nor how large segments are.
 */
import { ahead } from "../../async/ahead.js";
import type { DiskFile } from "../../disk/disk.js";
import { type ChainEnd, type ChainPlace, recordAt, type WalkedRecord } from "./segment.js";

/** Small enough that what was read is still in the processor's cache when it is checked. */
const PART_BYTES = 2 * 1024 * 1024;
/** Room before a part for what is left of the part before it: a record that lies in both. */
const CARRY_BYTES = 1024 * 1024;

/** Bytes [from, to) of a segment. */
export interface SegmentRange {
  readonly file: DiskFile;
  readonly from: number;
  readonly to: number;
}

/** The end of a walk. */
export interface WalkEnd extends ChainEnd {
  /** Set if this record alone is damaged: the place behind it, where the chain goes on. */
  readonly behind: ChainPlace | undefined;
}

/** A part on its way, to byte `at` of a buffer. */
interface Coming {
  readonly range: number;
  readonly from: number;
  readonly buffer: Buffer;
  readonly at: number;
  readonly bytes: Promise<Uint8Array>;
}

export class SegmentParts {
  readonly #ranges: readonly SegmentRange[];
  #spare: Buffer = Buffer.alloc(0);
  #buffer: Buffer = Buffer.alloc(0);
  #range = -1;
  /** The bytes in memory of the current range: from `#offset` of its segment on. */
  #bytes: Buffer = Buffer.alloc(0);
  #offset = 0;
  #coming: Coming | undefined;

  readonly #read: ((bytes: number) => void) | undefined;

  /** They are walked in this order, each once. `read` hears of each part; what it throws ends the walk. */
  constructor(ranges: readonly SegmentRange[], read?: (bytes: number) => void) {
    this.#ranges = ranges;
    this.#read = read;
    this.#coming = this.#ask(0);
  }

  /**
   * Walks the records of the next range from `start` on, which is where it begins. Calls `visit` for
   * each proven record, in order; what it is given is valid until it returns.
   */
  async walkNext(start: ChainPlace, visit: (record: WalkedRecord) => void): Promise<WalkEnd> {
    this.#range += 1;
    this.#bytes = this.#bytes.subarray(0, 0);
    this.#offset = start.offset;
    return await this.walkOn(start, visit);
  }

  /** Walks on in the same range, from `behind` where the last walk ended. */
  async walkOn(from: ChainPlace, visit: (record: WalkedRecord) => void): Promise<WalkEnd> {
    for (let place = from; ; ) {
      const found = recordAt(this.#bytes, place, this.#offset);
      if (found.status === "record") {
        visit(found.record);
        place = found.next;
      } else if (found.wants === undefined) return { ...found.end, behind: found.next };
      else if (!(await this.#load(place.offset, found.wants))) {
        return { ...found.end, behind: undefined };
      }
    }
  }

  /** Lets go of what is on its way. */
  async end(): Promise<void> {
    await Promise.allSettled([this.#coming?.bytes]);
    this.#coming = undefined;
  }

  /** Has `count` bytes from `offset` on in memory; false where the range has no such bytes. */
  async #load(offset: number, count: number): Promise<boolean> {
    const { to } = this.#ranges[this.#range] ?? { to: 0 };
    if (offset + count > to) return false;
    while (this.#offset + this.#bytes.length < offset + count) {
      const coming = await this.#arrived();
      if (!coming) return false;
      const part = await coming.bytes;
      this.#join(offset, coming, part);
      const read = coming.from + part.length;
      const isLast = part.length === 0 || read >= to;
      this.#coming = isLast ? this.#ask(this.#range + 1) : this.#ask(this.#range, read);
      this.#read?.(part.length);
      if (part.length === 0) return false;
    }
    return true;
  }

  /** The part of the current range that is on its way; what is left of ranges before it is dropped. */
  async #arrived(): Promise<Coming | undefined> {
    while (this.#coming && this.#coming.range < this.#range) {
      const { bytes, buffer, range } = this.#coming;
      await bytes;
      this.#spare = buffer;
      this.#coming = this.#ask(range + 1);
    }
    return this.#coming?.range === this.#range ? this.#coming : undefined;
  }

  /** Puts what is in memory from `offset` on before `part`. */
  #join(offset: number, { buffer, at }: Coming, part: Uint8Array): void {
    const left = this.#bytes.subarray(offset - this.#offset);
    if (left.length > at) this.#bytes = Buffer.concat([left, part]);
    else {
      left.copy(buffer, at - left.length);
      // A disk may give bytes of its own.
      if (part.buffer !== buffer.buffer) buffer.set(part, at);
      this.#bytes = buffer.subarray(at - left.length, at + part.length);
    }
    this.#offset = offset;
    this.#spare = this.#buffer;
    this.#buffer = buffer;
  }

  #ask(index: number, behind?: number): Coming | undefined {
    const range = this.#ranges[index];
    if (!range) return undefined;
    const from = behind ?? range.from;
    const at = behind === undefined ? 0 : CARRY_BYTES;
    const length = Math.max(0, Math.min(PART_BYTES, range.to - from));
    const fits = this.#spare.length >= at + length;
    const buffer = fits ? this.#spare : Buffer.allocUnsafeSlow(at + length);
    const bytes = ahead(range.file.read(from, length, buffer.subarray(at)));
    return { range: index, from, buffer, at, bytes };
  }
}

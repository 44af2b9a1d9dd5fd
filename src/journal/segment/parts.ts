/**
 * Reads segments a part at a time. Parts that lie in the system's memory are read by blocking calls: such a call
 * ends before a thread of the pool would have begun. A disk that has to be waited for is read through the pool,
 * two parts ahead of their check. Three buffers serve all parts, so that the memory of a recovery follows
 * neither the bytes that it reads nor the size of a segment.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { ahead } from "../../async/ahead.js";
import type { DiskFile, WriteWay } from "../../disk/disk.js";
import { ReadWay } from "./read-way.js";
import { type ChainEnd, type ChainPlace, recordAt, type WalkedRecord } from "./segment.js";

/** Small enough that what was read is still in the processor's cache when it is checked. */
const PART_BYTES = 1024 * 1024;
/** Parts that are on their way through the pool while one is checked. */
const PARTS_AHEAD = 2;
/** A part that took longer was not in memory: the next ones go through the pool for so long. */
const STALL_MS = 1;
const PAUSE_MS = 50;
/** The event loop goes on after so long, however fast the parts come. */
const TURN_MS = 4;
/** Room before a part for what is left of the part before it: a record that lies in both. */
const CARRY_BYTES = 1024 * 1024;

/** Bytes [from, to) of a segment. */
export interface SegmentRange {
  readonly file: DiskFile;
  readonly from: number;
  readonly to: number;
}

export interface PartsReading {
  /** Hears of the bytes of each part that was read. It may end the walk by throwing. */
  readonly read?: (bytes: number) => void;
  /** Buffers that hold nothing: those of one walk serve the next, since new memory is slow to touch. */
  readonly spare?: Buffer[];
}

/** The end of a walk. */
export interface WalkEnd extends ChainEnd {
  /** Set if this record alone is damaged: the place behind it, where the chain goes on. */
  readonly behind: ChainPlace | undefined;
}

/** A part on its way, to byte `CARRY_BYTES` of a buffer. */
interface Coming {
  readonly range: number;
  readonly from: number;
  readonly buffer: Buffer;
  readonly bytes: Promise<Uint8Array>;
}

export class SegmentParts {
  readonly #ranges: readonly SegmentRange[];
  readonly #spare: Buffer[];
  /** Holds the bytes in memory, unless a record is larger. */
  #buffer: Buffer | undefined;
  #range = -1;
  /** The bytes in memory of the current range: from `#offset` of its segment on. */
  #bytes: Buffer = Buffer.alloc(0);
  #offset = 0;
  /** The parts on their way, in the order in which they were asked for. */
  readonly #coming: Coming[] = [];
  readonly #way = new ReadWay(STALL_MS, PAUSE_MS);
  #turnBeganMs = performance.now();
  /** The part to ask for next: a range, and the byte in it; its begin, where that is `undefined`. */
  #next: { readonly range: number; readonly from: number | undefined } = {
    range: 0,
    from: undefined,
  };

  readonly #read: ((bytes: number) => void) | undefined;

  /** They are walked in this order, each once. Takes buffers of `spare`, and leaves all of them there at its end. */
  constructor(ranges: readonly SegmentRange[], { read, spare = [] }: PartsReading = {}) {
    this.#ranges = ranges;
    this.#read = read;
    this.#spare = spare;
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

  /** Lets go of what is on its way, and of what was read. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#coming.map(({ bytes }) => bytes));
    this.#spare.push(...this.#coming.map(({ buffer }) => buffer));
    if (this.#buffer) this.#spare.push(this.#buffer);
    this.#buffer = undefined;
    this.#coming.length = 0;
  }

  /** Has `count` bytes from `offset` on in memory; false where the range has no such bytes. */
  async #load(offset: number, count: number): Promise<boolean> {
    const { to } = this.#ranges[this.#range] ?? { to: 0 };
    if (offset + count > to) return false;
    while (this.#offset + this.#bytes.length < offset + count) {
      const coming = await this.#arrived(offset);
      if (!coming) return false;
      const part = await coming.bytes;
      this.#coming.shift();
      this.#join(offset, coming, part);
      this.#read?.(part.length);
      // The file ends before its range does.
      if (part.length === 0) return false;
      await this.#askAhead();
    }
    return true;
  }

  /** The part of the current range that comes next; what is left of ranges before it is dropped. */
  async #arrived(offset: number): Promise<Coming | undefined> {
    for (;;) {
      const [coming] = this.#coming;
      if (coming && coming.range >= this.#range) {
        return coming.range === this.#range ? coming : undefined;
      }
      if (coming) {
        await coming.bytes;
        this.#coming.shift();
        this.#spare.push(coming.buffer);
        continue;
      }
      // Nobody asks for the rest of a range that was left.
      if (this.#next.range < this.#range) this.#next = { range: this.#range, from: undefined };
      if (this.#next.range > this.#range) return undefined;
      await this.#askOne(offset);
    }
  }

  /** Puts what is in memory from `offset` on before `part`. */
  #join(offset: number, { buffer }: Coming, part: Uint8Array): void {
    const left = this.#bytes.subarray(offset - this.#offset);
    if (left.length > CARRY_BYTES) this.#bytes = Buffer.concat([left, part]);
    else {
      left.copy(buffer, CARRY_BYTES - left.length);
      // A disk may give bytes of its own.
      if (part.buffer !== buffer.buffer) buffer.set(part, CARRY_BYTES);
      this.#bytes = buffer.subarray(CARRY_BYTES - left.length, CARRY_BYTES + part.length);
    }
    this.#offset = offset;
    if (this.#buffer) this.#spare.push(this.#buffer);
    this.#buffer = buffer;
  }

  /** Asks for the next part, by a blocking call unless the disk is slow. */
  async #askOne(offset: number): Promise<void> {
    const beganMs = performance.now();
    if (this.#way.at(beganMs) === "pool") {
      this.#ask("pool");
      return;
    }
    this.#clear(offset);
    this.#ask("blocking");
    await Promise.allSettled(this.#coming.map(({ bytes }) => bytes));
    const endedMs = performance.now();
    this.#way.note(endedMs - beganMs, endedMs);
  }

  /**
   * Moves what is in memory from `offset` on out of the way of the next part: one buffer, which the processor
   * still has in its cache, then serves part after part.
   */
  #clear(offset: number): void {
    const buffer = this.#buffer;
    const left = this.#bytes.subarray(offset - this.#offset);
    if (!buffer || left.length > CARRY_BYTES) return;
    left.copy(buffer, CARRY_BYTES - left.length);
    this.#bytes = buffer.subarray(CARRY_BYTES - left.length, CARRY_BYTES);
    this.#offset = offset;
    this.#buffer = undefined;
    this.#spare.push(buffer);
  }

  /** Asks a slow disk for parts ahead. Of a fast one the parts are asked for as they are wanted, and the loop goes on. */
  async #askAhead(): Promise<void> {
    const nowMs = performance.now();
    if (this.#way.at(nowMs) === "pool") {
      while (this.#coming.length < PARTS_AHEAD && this.#ask("pool"));
    } else if (nowMs - this.#turnBeganMs > TURN_MS) {
      await nextTurn();
      this.#turnBeganMs = performance.now();
    }
  }

  /** Asks for the next part; false where there is none. */
  #ask(way: WriteWay): boolean {
    const { range: index, from: behind } = this.#next;
    const range = this.#ranges[index];
    if (!range) return false;
    const from = behind ?? range.from;
    const length = Math.max(0, Math.min(PART_BYTES, range.to - from));
    const isLast = from + length >= range.to;
    this.#next = isLast
      ? { range: index + 1, from: undefined }
      : { range: index, from: from + length };
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(CARRY_BYTES + PART_BYTES);
    const bytes = ahead(range.file.read(from, length, buffer.subarray(CARRY_BYTES), way));
    this.#coming.push({ range: index, from, buffer, bytes });
    return true;
  }
}

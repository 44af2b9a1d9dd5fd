/**
 * What waits to be written: entries in the order in which they came, bounded in bytes, and those who
 * wait until the queue takes more.
 */
import { crc32c } from "../codec/crc32c.js";
import type { PersisterError } from "../types/errors.js";
import type { Entry } from "./group.js";

/** Bytes that may wait; beyond it `whenRoom` waits (D9). */
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** From here on a payload's checksum is worth being computed ahead. */
const SUMMED_BYTES_MIN = 4096;

export class EntryQueue {
  #entries: Entry[] = [];
  /** Payloads of entries that are queued or on their way to disk. */
  #bytes = 0;
  #whenRoom: (() => void)[] = [];

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Bytes of the payloads of what is queued or on its way to disk. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** Somebody waits for one of the entries. */
  get isAwaited(): boolean {
    return this.#entries.some(isAwaited);
  }

  /** `summed`: the checksum of a large payload is computed now, rather than when its group begins. */
  push(entry: Entry, { summed }: { readonly summed: boolean }): void {
    this.#bytes += payloadBytes(entry);
    this.#entries.push(summed ? withChecksum(entry) : entry);
  }

  /** Takes `count` entries from the front; their bytes count until they are `gone`. */
  take(count: number): readonly Entry[] {
    return this.#entries.splice(0, count);
  }

  /** Has everything go with the next groups, also what nobody waits for. */
  hurry(): void {
    this.#entries = this.#entries.map((entry) =>
      isAwaited(entry) ? entry : { ...entry, lazily: false },
    );
  }

  /** Removes and settles every entry that `select` picks. */
  reject(error: PersisterError, select: (entry: Entry) => boolean): void {
    const rejected = new Set(this.#entries.filter(select));
    this.#entries = this.#entries.filter((entry) => !rejected.has(entry));
    for (const entry of rejected) {
      this.#bytes -= payloadBytes(entry);
      entry.settled(error);
    }
    this.#wake();
  }

  /** An entry that was taken is on disk. */
  gone(entry: Entry): void {
    this.#bytes -= payloadBytes(entry);
    if (this.#bytes < QUEUE_BYTES_MAX) this.#wake();
  }

  /** Resolves when the queue takes more: at once, unless it holds its bound in bytes. */
  whenRoom(): Promise<void> {
    if (this.#bytes < QUEUE_BYTES_MAX) return Promise.resolve();
    return new Promise((resolve) => this.#whenRoom.push(resolve));
  }

  #wake(): void {
    const waiting = this.#whenRoom;
    this.#whenRoom = [];
    for (const wake of waiting) wake();
  }
}

function withChecksum(entry: Entry): Entry {
  if (entry.type !== "append" || entry.payload.length < SUMMED_BYTES_MIN) return entry;
  return { ...entry, payloadCrc: crc32c(entry.payload) };
}

function isAwaited(entry: Entry): boolean {
  return entry.type !== "truncate" || !entry.lazily;
}

function payloadBytes(entry: Entry): number {
  return entry.type === "append" ? entry.payload.length : 0;
}

/**
 * The entries that wait to be written, in the order in which they came. The queue itself has no limit:
 * its callers bound the entries on their way (D9), blocks by the capacity of their lane, other records
 * by a budget of bytes.
 */
import { crc32c } from "../../codec/crc32c.js";
import type { PersisterError } from "../../types/errors.js";
import { contentBytes, type RecordEntry } from "./group.js";

/** From here on a payload's checksum is worth being computed ahead. */
const SUMMED_BYTES_MIN = 4096;

export class EntryQueue {
  #entries: RecordEntry[] = [];
  /** Payloads of entries that are queued or on their way to disk. */
  #bytes = 0;

  get entries(): readonly RecordEntry[] {
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
  push(entry: RecordEntry, { summed }: { readonly summed: boolean }): void {
    this.#bytes += payloadBytes(entry);
    if (summed) sum(entry);
    this.#entries.push(entry);
  }

  /** Takes `count` entries from the front; their bytes count until they are `gone`. */
  take(count: number): readonly RecordEntry[] {
    return this.#entries.splice(0, count);
  }

  /** Has everything go with the next groups, also what nobody waits for. */
  hurry(): void {
    this.#entries = this.#entries.map((entry) =>
      isAwaited(entry) ? entry : { ...entry, lazily: false },
    );
  }

  /** Removes and settles every entry that `select` picks. */
  reject(error: PersisterError, select: (entry: RecordEntry) => boolean): void {
    const rejected = new Set(this.#entries.filter(select));
    this.#entries = this.#entries.filter((entry) => !rejected.has(entry));
    for (const entry of rejected) {
      this.#bytes -= payloadBytes(entry);
      entry.settled(error);
    }
  }

  /** An entry that was taken is on disk. */
  gone(entry: RecordEntry): void {
    this.#bytes -= payloadBytes(entry);
  }
}

function sum(entry: RecordEntry): void {
  if (entry.type !== "append" || entry.payload.length < SUMMED_BYTES_MIN) return;
  entry.payloadCrc = crc32c(entry.payload, entry.prefix && crc32c(entry.prefix));
}

function isAwaited(entry: RecordEntry): boolean {
  return entry.type !== "truncate" || !entry.lazily;
}

function payloadBytes(entry: RecordEntry): number {
  return entry.type === "append" ? contentBytes(entry) : 0;
}

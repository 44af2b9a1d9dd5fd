/**
 * Payloads of durable blocks that were pushed or read of late, up to a bound in bytes: peers ask for
 * these next. Every one of them is on disk too. The cache says which payloads stay; the lanes' queues
 * hold them, by number.
 */
import { assert } from "../../types/assert.js";
import type { HeldBlock } from "./lane-queue.js";

/** Bytes of an entry besides its payload: object, view, place in the set. Many small blocks have them. */
const ENTRY_BYTES = 512;

export class PayloadCache {
  readonly #bytesMax: number;
  /** Oldest first. */
  readonly #kept = new Set<HeldBlock>();
  #byteLength = 0;
  /** Reads of durable blocks that it could answer, and that it could not. */
  readonly counters = { hits: 0, misses: 0 };

  /** With `bytesMax` 0 nothing is kept. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that are kept, with those of the entries themselves. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Keeps the payload of a durable block, and lets older ones go. */
  keep(block: HeldBlock, payload: Uint8Array): void {
    this.forget(block);
    const bytes = ENTRY_BYTES + payload.length;
    if (bytes > this.#bytesMax) return;
    block.payload = payload;
    this.#kept.add(block);
    this.#byteLength += bytes;
    for (const oldest of this.#kept) {
      if (this.#byteLength <= this.#bytesMax) return;
      this.forget(oldest);
    }
  }

  /** Lets the payload of `block` go. */
  forget(block: HeldBlock): void {
    if (this.#kept.delete(block)) this.#byteLength -= ENTRY_BYTES + (block.payload?.length ?? 0);
    assert(this.#byteLength >= 0, "bytes that leave the cache were counted in it");
    block.payload = undefined;
  }
}

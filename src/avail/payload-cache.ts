/**
 * Payloads of durable blocks that were pushed or read lately, up to a bound in bytes: what peers ask
 * for next. Everything in it is on disk too.
 */
import { LRUCache } from "lru-cache";
import type { LaneId } from "../types/lane.js";

/** What an entry takes besides its payload: key, view, links. Small blocks would hide it otherwise. */
const ENTRY_BYTES = 512;

export class PayloadCache {
  readonly #cache: LRUCache<string, Uint8Array> | undefined;

  /** `bytesMax` 0 keeps nothing. */
  constructor(bytesMax: number) {
    if (bytesMax === 0) return;
    const sizeCalculation = ({ length }: Uint8Array): number => ENTRY_BYTES + length;
    this.#cache = new LRUCache({ maxSize: bytesMax, sizeCalculation });
  }

  /** With what the entries themselves take. */
  get byteLength(): number {
    return this.#cache?.calculatedSize ?? 0;
  }

  /** Lends the bytes. */
  get(lane: LaneId, number: bigint): Uint8Array | undefined {
    return this.#cache?.get(keyOf(lane, number));
  }

  /** Lends `bytes`: they must not change any more. */
  put(lane: LaneId, number: bigint, bytes: Uint8Array): void {
    this.#cache?.set(keyOf(lane, number), bytes);
  }

  forget(lane: LaneId, number: bigint): void {
    this.#cache?.delete(keyOf(lane, number));
  }
}

function keyOf(lane: LaneId, number: bigint): string {
  return `${lane} ${number}`;
}

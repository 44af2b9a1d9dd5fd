/** Bytes of the blocks that wait for the disk, over all lanes, and their bound (D9). */
import { assert } from "../../types/assert.js";

/** A push beyond this many bytes waits. */
const QUEUED_BYTES_MAX = 64 * 1024 * 1024;

export class QueuedBytes {
  #count = 0;
  #lacked = false;

  get count(): number {
    return this.#count;
  }

  /** Whether `bytes` more may wait. A single block may, however large. */
  hasRoomFor(bytes: number): boolean {
    const hasRoom = this.#count === 0 || this.#count + bytes <= QUEUED_BYTES_MAX;
    if (!hasRoom) this.#lacked = true;
    return hasRoom;
  }

  add(bytes: number): void {
    this.#count += bytes;
  }

  /** Returns whether a push that found no room may look again. */
  remove(bytes: number): boolean {
    this.#count -= bytes;
    assert(this.#count >= 0, "bytes that leave the queues were counted as queued");
    const hadLacked = this.#lacked && bytes > 0;
    if (hadLacked) this.#lacked = false;
    return hadLacked;
  }
}

/**
 * Memory for objects, used again for the next one: to make it anew costs as much as to fill it, and memory that waits
 * for the collector is held as long.
 */
const STEP_BYTES = 1024 * 1024;

export class ObjectMemory {
  #spare: Buffer | undefined;
  readonly #own = new WeakSet<ArrayBufferLike>();

  /** A buffer of at least so many bytes, whatever is in it. */
  take(bytes: number): Buffer {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare && spare.length >= bytes) return spare;
    // Objects of one log are of about one size: one of them does for the next.
    const taken = Buffer.allocUnsafeSlow(Math.ceil(bytes / STEP_BYTES) * STEP_BYTES);
    this.#own.add(taken.buffer);
    return taken;
  }

  /** Nobody has views of the memory of `bytes` any more. Memory that is not of here is left alone. */
  giveBack({ buffer }: Uint8Array): void {
    if (this.#own.has(buffer)) this.#spare = Buffer.from(buffer as ArrayBuffer);
  }
}

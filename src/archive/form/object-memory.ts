/**
 * The memory of the object that is made: one buffer, used again for the next. Making it anew would cost as
 * much as filling it.
 */
export class ObjectMemory {
  #spare: Buffer | undefined;

  /** A buffer of at least so many bytes, whatever is in it. */
  take(bytes: number): Buffer {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare && spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(bytes);
  }

  /** Nobody has views of `buffer` any more. */
  giveBack(buffer: Buffer): void {
    this.#spare = buffer;
  }
}

/**
 * A seeded stream of random bytes: AES-256-CTR over zeros, under a key hashed from the seed and a
 * label. Different labels give independent streams, so that no draw of one part moves another's.
 */
import { type Cipher, createCipheriv, createHash } from "node:crypto";
import { assert } from "../types/assert.js";

/** Draws the same values for the same seed and label. */
export class SeededRandom {
  readonly #cipher: Cipher;

  constructor(seed: number, label: string) {
    const key = createHash("sha256").update(`lanekeeper run ${seed} ${label}`).digest();
    this.#cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  }

  bytes(length: number): Buffer {
    return this.#cipher.update(Buffer.alloc(length));
  }

  /** A number in `[0, 1)`. */
  fraction(): number {
    return this.bytes(4).readUInt32LE() / 2 ** 32;
  }

  /** A whole number in `[0, limit)`. */
  below(limit: number): number {
    assert(Number.isInteger(limit) && limit > 0, "a draw has at least one outcome");
    return Math.floor(this.fraction() * limit);
  }
}

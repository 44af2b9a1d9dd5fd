/**
 * The sealing of one job's values: AES-256-GCM under a key that the job has alone.
 *
 * ```
 * key of a seal   HKDF-SHA256 of a key of the ring: salt = the seal's 32 random bytes, context = id of the job
 * nonce           12 random bytes for each value, in front of it
 * AAD             u8 length of the job's id, the id, u16 length of the category, the category, the key
 * sealed value    nonce, ciphertext, 16 tag
 * ```
 *
 * # No pair of key and nonce is used twice
 *
 * A value lies in LevelDB without a number that is its own: one that is written again, moved by a rotation or done
 * again after a crash has the same place. So the nonce is random. Of 2^32 random nonces of 12 bytes two are the
 * same with a chance of 2^-33, which NIST SP 800-38D allows; `job-seals.ts` counts the values of a seal, and begins
 * another seal, with another salt, before there are more.
 *
 * A copy of the folder that is opened as well goes on under the same seal. Its nonces are drawn anew, so that it
 * is one more writer under the same bound, and no repetition.
 */
import { AEAD_KEY_BYTES, NONCE_BYTES, open, seal, TAG_BYTES } from "../../keys/aead.js";
import type { Key, KeyId } from "../../keys/key.js";
import { assert } from "../../types/assert.js";
import { utf8Of } from "../keys/parts.js";
import { SEAL_CHECK_BYTES, SEAL_SALT_BYTES } from "./seal-table.js";

const LABEL = "lanekeeper job values 1";

/** Bytes by which a sealed value is longer than the value. */
export const SEALED_BYTES = NONCE_BYTES + TAG_BYTES;

export class ValueSeal {
  readonly number: number;
  readonly keyId: KeyId;
  /** Tells a wrong key from damage. */
  readonly check: Uint8Array;
  readonly #key: Buffer;

  constructor(
    key: Key,
    job: string,
    { number, salt }: { readonly number: number; readonly salt: Uint8Array },
  ) {
    assert(salt.length === SEAL_SALT_BYTES, "the salt of a seal has 32 bytes");
    const bytes = AEAD_KEY_BYTES + SEAL_CHECK_BYTES;
    const derived = key.derive(LABEL, salt, bytes, [utf8Of(job)]);
    this.number = number;
    this.keyId = key.id;
    this.#key = derived.subarray(0, AEAD_KEY_BYTES);
    this.check = Uint8Array.from(derived.subarray(AEAD_KEY_BYTES));
  }

  /**
   * The sealed form of `value`, new bytes, of which the first `front` are the caller's to fill. `nonce` was drawn
   * for it alone.
   */
  seal(aad: Uint8Array, value: Uint8Array, nonce: Uint8Array, front: number): Buffer {
    const sealed = seal({ key: this.#key, nonce, aad }, [value], front + NONCE_BYTES);
    sealed.set(nonce, front);
    return sealed;
  }

  /** The value in a sealed form, new bytes; `undefined` where it is not the one that was sealed there. */
  open(aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < SEALED_BYTES) return undefined;
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const value = open({ key: this.#key, nonce, aad }, sealed.subarray(NONCE_BYTES));
    return value && new Uint8Array(value.buffer, value.byteOffset, value.length);
  }

  /** Zeroes the key. Idempotent. */
  close(): void {
    this.#key.fill(0);
  }
}

/** The front of the AAD of every value of a category; the key of the value follows. */
export function aadFront(job: string, category: string): Uint8Array {
  const [id, name] = [utf8Of(job), utf8Of(category)];
  const lengths = Buffer.alloc(3);
  lengths.writeUInt8(id.length);
  lengths.writeUInt16LE(name.length, 1);
  return Buffer.concat([lengths.subarray(0, 1), id, lengths.subarray(1), name]);
}

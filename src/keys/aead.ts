/**
 * AES-256-GCM, as everything that is sealed here uses it. A sealed text is the ciphertext with the tag
 * behind it. The tag always has 16 bytes, and is asked for as such: Node.js 20 otherwise takes a tag of
 * 4 bytes for one. Nothing is handed out before the tag was checked.
 *
 * The caller owes it that no key gets the same nonce twice.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { assert } from "../types/assert.js";

const CIPHER = "aes-256-gcm";
export const AEAD_KEY_BYTES = 32;
export const NONCE_BYTES = 12;
/** Bytes by which a sealed text is longer than its plain one. */
export const TAG_BYTES = 16;

/** The cipher gives new bytes for each call: so many are memory that was in use a moment ago. */
const SLICE_BYTES = 64 * 1024;

const CHECKED_TAG = { authTagLength: TAG_BYTES } as const;

/** A key with a nonce that it gets once, and bytes that are bound and not hidden. */
export interface AeadUse {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  /** Additional authenticated data. */
  readonly aad: Uint8Array;
}

/** The sealed text of `parts`, one behind the other. New bytes, of which the first `front` are the caller's to fill. */
export function seal(use: AeadUse, parts: readonly Uint8Array[], front = 0): Buffer {
  let length = front + TAG_BYTES;
  for (const part of parts) length += part.length;
  const sealed = Buffer.allocUnsafeSlow(length);
  sealInto(use, parts, front === 0 ? sealed : sealed.subarray(front));
  return sealed;
}

/** The same into `target`, which it fills. */
export function sealInto(
  { key, nonce, aad }: AeadUse,
  parts: readonly Uint8Array[],
  target: Uint8Array,
): void {
  checkSizes(key, nonce);
  const cipher = createCipheriv(CIPHER, key, nonce, CHECKED_TAG).setAAD(aad);
  let at = 0;
  for (const part of parts) {
    for (let from = 0; from < part.length; from += SLICE_BYTES) {
      const slice = part.length <= SLICE_BYTES ? part : part.subarray(from, from + SLICE_BYTES);
      target.set(cipher.update(slice), at);
      at += slice.length;
    }
  }
  const rest = cipher.final();
  assert(rest.length === 0, "a counter mode leaves nothing to its end");
  assert(at + TAG_BYTES === target.length, "a sealed text fills its place");
  target.set(cipher.getAuthTag(), at);
}

/** The plain text of `sealed`, new bytes; `undefined` where the tag is not that of text, nonce and AAD. */
export function open({ key, nonce, aad }: AeadUse, sealed: Uint8Array): Buffer | undefined {
  checkSizes(key, nonce);
  const length = sealed.length - TAG_BYTES;
  if (length < 0) return undefined;
  const decipher = createDecipheriv(CIPHER, key, nonce, CHECKED_TAG).setAAD(aad);
  const plain = decipher.update(sealed.subarray(0, length));
  decipher.setAuthTag(sealed.subarray(length));
  try {
    decipher.final();
  } catch {
    // The error of a wrong tag has no code, and `final` has no other one.
    plain.fill(0);
    return undefined;
  }
  return plain;
}

function checkSizes(key: Uint8Array, nonce: Uint8Array): void {
  assert(key.length === AEAD_KEY_BYTES, "a key has 32 bytes");
  assert(nonce.length === NONCE_BYTES, "a nonce has 12 bytes");
}

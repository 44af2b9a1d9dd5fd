/** Checks as bytes, 128 each: digest, key, signature. How they go to a worker, and into a hash. */
import type { Check } from "./claim.js";
import { verify } from "./ed25519.js";
import { HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES } from "../messages.js";

const CHECK_BYTES = HASH_BYTES + KEY_BYTES + SIGNATURE_BYTES;

/** A copy of the checks `[first, next)`. */
export function packChecks(
  checks: readonly Check[],
  first = 0,
  next = checks.length,
): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(CHECK_BYTES * (next - first));
  let at = 0;
  for (let index = first; index < next; index++) {
    const { digest, sig } = checks[index] as Check;
    packed.set(digest, at);
    packed.set(sig.key, at + HASH_BYTES);
    packed.set(sig.bytes, at + HASH_BYTES + KEY_BYTES);
    at += CHECK_BYTES;
  }
  return packed;
}

/** Verifies all at once, and returns the place of the first bad one, or undefined. */
export function firstBadOf(packed: Uint8Array): number | undefined {
  for (let at = 0; at < packed.length; at += CHECK_BYTES) {
    const digest = packed.subarray(at, at + HASH_BYTES);
    const key = packed.subarray(at + HASH_BYTES, at + HASH_BYTES + KEY_BYTES);
    const bytes = packed.subarray(at + HASH_BYTES + KEY_BYTES, at + CHECK_BYTES);
    if (!verify(digest, { key, bytes })) return at / CHECK_BYTES;
  }
  return undefined;
}

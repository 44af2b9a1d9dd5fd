/**
 * Ed25519ctx (RFC 8032) with a fixed context, over 32-byte digests, verified by the ZIP-215 rules.
 *
 * `@noble/curves` decides. libsodium answers first (`group-arithmetic.ts`), four or ten times faster, and
 * may only say yes: it computes R' = S*B - k*A. If R' has the bytes of the R received, the cofactorless
 * equation holds, and it implies the cofactored one of ZIP-215. In every other case, an error of
 * libsodium's included, noble gives the answer.
 */
import { createHash } from "node:crypto";
import { ed25519ctx } from "@noble/curves/ed25519.js";
import { assert } from "../../types/assert.js";
import { bytesOf, checkArguments, record, type Fields } from "../../types/shape.js";
import { HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES, type Signature } from "../messages.js";
import { arithmetic } from "./group-arithmetic.js";

const context = Buffer.from("sei_giga_autobahn");
const domain = Buffer.concat([
  Buffer.from("SigEd25519 no Ed25519 collisions"),
  Buffer.from([0, context.length]),
  context,
]);
/** The order of the group. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const signatureShape = record({
  key: bytesOf(KEY_BYTES),
  bytes: bytesOf(SIGNATURE_BYTES),
} satisfies Fields<Signature>);
const digestShape = bytesOf(HASH_BYTES);

/** The secret part of a key: a scalar and a prefix for nonces. */
export interface SecretKey {
  readonly scalar: bigint;
  readonly prefix: Uint8Array;
}

/** The public and the secret key that follow from a seed of 32 bytes. */
export function secretKeyOf(seed: Uint8Array): {
  readonly publicKey: Uint8Array;
  readonly secret: SecretKey;
} {
  const hash = sha512(seed);
  hash[0] = (hash[0] as number) & 0xf8;
  hash[31] = ((hash[31] as number) & 0x7f) | 0x40;
  const scalar = fromLittleEndian(hash.subarray(0, 32)) % ORDER;
  const publicKey = new Uint8Array(arithmetic().timesBase(toLittleEndian(scalar)));
  const prefix = new Uint8Array(hash.subarray(32));
  return { publicKey, secret: { scalar, prefix } };
}

/** The 64 bytes of the signature of `digest`. */
export function signWith(
  { scalar, prefix }: SecretKey,
  publicKey: Uint8Array,
  digest: Uint8Array,
): Uint8Array {
  const nonce = reduced(sha512(domain, prefix, digest));
  const point = arithmetic().timesBase(nonce);
  const challenge = fromLittleEndian(reduced(sha512(domain, point, publicKey, digest)));
  const response = (fromLittleEndian(nonce) + challenge * scalar) % ORDER;
  const bytes = new Uint8Array(SIGNATURE_BYTES);
  bytes.set(point);
  bytes.set(toLittleEndian(response), 32);
  return bytes;
}

/**
 * Tells whether `sig` is its key's signature of `digest` (32 bytes).
 *
 * @throws {PersisterError} USAGE for wrong types or lengths.
 */
export function verify(digest: Uint8Array, sig: Signature): boolean {
  checkArguments([digestShape, digest, "digest"], [signatureShape, sig, "sig"]);
  return verifyFast(digest, sig) || verifySlowly(digest, sig);
}

/** True if a fast library finds an ordinary valid signature. False decides nothing. */
export function verifyFast(
  digest: Uint8Array,
  sig: Signature,
  { difference } = arithmetic(),
): boolean {
  checkLengths(digest, sig);
  const received = view(sig.bytes.subarray(0, 32));
  const response = view(sig.bytes.subarray(32));
  if (fromLittleEndian(response) >= ORDER) return false;
  const challenge = reduced(sha512(domain, received, sig.key, digest));
  try {
    return received.equals(difference(response, challenge, view(sig.key)));
  } catch {
    // libsodium refuses some points that ZIP-215 allows: noble decides about those.
    return false;
  }
}

/** The whole ZIP-215 answer, a millisecond or more. */
export function verifySlowly(digest: Uint8Array, sig: Signature): boolean {
  checkLengths(digest, sig);
  return ed25519ctx.verify(sig.bytes, digest, sig.key, { context, zip215: true });
}

function checkLengths(digest: Uint8Array, sig: Signature): void {
  assert(digest.length === HASH_BYTES, "a digest has 32 bytes");
  assert(sig.key.length === KEY_BYTES, "a public key has 32 bytes");
  assert(sig.bytes.length === SIGNATURE_BYTES, "a signature has 64 bytes");
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function sha512(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function reduced(wide: Buffer): Buffer {
  return toLittleEndian(fromLittleEndian(wide) % ORDER);
}

function fromLittleEndian(bytes: Buffer): bigint {
  let value = 0n;
  for (let at = bytes.length - 8; at >= 0; at -= 8) {
    value = (value << 64n) | bytes.readBigUInt64LE(at);
  }
  return value;
}

function toLittleEndian(value: bigint): Buffer {
  const bytes = Buffer.alloc(32);
  for (let word = 0; word < 4; word++) {
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value >> BigInt(64 * word)), 8 * word);
  }
  return bytes;
}

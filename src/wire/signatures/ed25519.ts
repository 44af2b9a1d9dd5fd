/**
 * Ed25519ctx (RFC 8032) with a fixed context, over 32-byte digests, verified by the ZIP-215 rules.
 *
 * `@noble/curves` decides. libsodium's group arithmetic answers first, about ten times faster, and may
 * only say yes: it computes R' = S*B - k*A. If R' has the bytes of the R received, the cofactorless
 * equation holds, and it implies the cofactored one of ZIP-215. In every other case, an error of
 * libsodium's included, noble gives the answer.
 */
import { createHash } from "node:crypto";
import { ed25519ctx } from "@noble/curves/ed25519.js";
import sodium from "sodium-native";
import { assert } from "../../types/assert.js";
import { bytesOf, checkArguments, record, type Fields } from "../../types/shape.js";
import { HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES, type Signature } from "../messages.js";

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
  const publicKey = Buffer.alloc(KEY_BYTES);
  sodium.crypto_scalarmult_ed25519_base_noclamp(publicKey, toLittleEndian(scalar));
  const prefix = new Uint8Array(hash.subarray(32));
  return { publicKey: new Uint8Array(publicKey), secret: { scalar, prefix } };
}

/** The 64 bytes of the signature of `digest`. */
export function signWith(
  { scalar, prefix }: SecretKey,
  publicKey: Uint8Array,
  digest: Uint8Array,
): Uint8Array {
  const nonce = reduced(sha512(domain, prefix, digest));
  const bytes = Buffer.alloc(SIGNATURE_BYTES);
  const point = bytes.subarray(0, 32);
  sodium.crypto_scalarmult_ed25519_base_noclamp(point, nonce);
  const challenge = fromLittleEndian(reduced(sha512(domain, point, publicKey, digest)));
  const response = (fromLittleEndian(nonce) + challenge * scalar) % ORDER;
  bytes.set(toLittleEndian(response), 32);
  return new Uint8Array(bytes);
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

/** True if libsodium finds an ordinary valid signature. False decides nothing. */
export function verifyFast(digest: Uint8Array, sig: Signature): boolean {
  checkLengths(digest, sig);
  const received = view(sig.bytes.subarray(0, 32));
  const response = view(sig.bytes.subarray(32));
  if (fromLittleEndian(response) >= ORDER) return false;
  const challenge = reduced(sha512(domain, received, sig.key, digest));
  const left = Buffer.alloc(KEY_BYTES);
  const right = Buffer.alloc(KEY_BYTES);
  try {
    sodium.crypto_scalarmult_ed25519_base_noclamp(left, response);
    sodium.crypto_scalarmult_ed25519_noclamp(right, challenge, view(sig.key));
    sodium.crypto_core_ed25519_sub(left, left, right);
  } catch {
    // libsodium refuses some points that ZIP-215 allows: noble decides about those.
    return false;
  }
  return left.equals(received);
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
  const scalar = Buffer.alloc(32);
  sodium.crypto_core_ed25519_scalar_reduce(scalar, wide);
  return scalar;
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

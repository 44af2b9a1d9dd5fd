/**
 * Encrypted payloads of WalManager: AES-256-GCM under a key of 32 bytes, ciphertext with 16 bytes of tag behind
 * it. Bound are the 30 bytes of the header, without the bit for encryption, and with length and CRC as 0.
 *
 * ```
 * nonce, format version 1   u64 LSN, u32 0
 *        format version 2   4 bytes drawn when the process began, u64 LSN
 * ```
 *
 * The 4 drawn bytes are stored nowhere, so that WalManager itself cannot open these records after a restart.
 * They follow from the tag: GCM's tag is E(J0) xor GHASH(bound bytes, ciphertext), where J0 is the nonce and a
 * counter of 1, and GHASH needs the key alone. So one decryption of a block gives J0. Its last 12 bytes are
 * known, the LSN and the counter: a key that is not the one gives others.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { ghash } from "@noble/ciphers/_polyval.js";
import { NONCE_BYTES, open, TAG_BYTES } from "../keys/aead.js";
import type { Key } from "../keys/key.js";
import { HEADER_BYTES, MAGIC, type WalHeader } from "./record-form.js";

const BLOCK_BYTES = 16;
/** The last version whose nonces follow from the LSN alone. */
const VERSION_OF_PLAIN_NONCES = 1;
const EPOCH_BYTES = 4;
const COUNTER = Uint8Array.of(0, 0, 0, 1);

/** The payload of an encrypted record, by the first of `keys` that opens it; `undefined` where none does. */
export function openPayload(
  header: WalHeader,
  sealed: Uint8Array,
  keys: readonly Key[],
): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const aad = boundBytes(header);
  for (const each of keys) {
    const opened = each.lend((key) => {
      const nonce =
        header.version === VERSION_OF_PLAIN_NONCES
          ? nonceOf(new Uint8Array(0), header.lsn)
          : recoverNonce({ key, aad, sealed, lsn: header.lsn });
      return nonce && open({ key, nonce, aad }, sealed);
    });
    if (opened) return opened;
  }
  return undefined;
}

/** The header as it is bound. */
function boundBytes({ version, type, lsn, tenantId, vshard }: WalHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.set(MAGIC);
  bytes.writeUInt16LE(version, 4);
  bytes.writeUInt16LE(type, 6);
  bytes.writeBigUInt64LE(lsn, 8);
  bytes.writeUInt32LE(tenantId, 16);
  bytes.writeUInt16LE(vshard, 20);
  return bytes;
}

/** `epoch`, then the LSN, then zeros. */
function nonceOf(epoch: Uint8Array, lsn: bigint): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.set(epoch);
  nonce.writeBigUInt64LE(lsn, epoch.length);
  return nonce;
}

/** The nonce that the tag tells of; `undefined` where it is not that of this LSN: another key sealed it. */
function recoverNonce({
  key,
  aad,
  sealed,
  lsn,
}: {
  readonly key: Uint8Array;
  readonly aad: Uint8Array;
  readonly sealed: Uint8Array;
  readonly lsn: bigint;
}): Uint8Array | undefined {
  const text = sealed.subarray(0, sealed.length - TAG_BYTES);
  const hash = ghash(hashedBytes(aad, text), block(createCipheriv, key, Buffer.alloc(BLOCK_BYTES)));
  const masked = Buffer.from(sealed.subarray(text.length)).map(
    (byte, at) => byte ^ (hash[at] ?? 0),
  );
  const first = block(createDecipheriv, key, masked);
  const nonce = first.subarray(0, NONCE_BYTES);
  const isOf = nonceOf(first.subarray(0, EPOCH_BYTES), lsn).equals(nonce);
  return isOf && first.subarray(NONCE_BYTES).equals(COUNTER) ? nonce : undefined;
}

/** One block through AES-256 alone. */
function block(
  create: typeof createCipheriv | typeof createDecipheriv,
  key: Uint8Array,
  bytes: Uint8Array,
): Buffer {
  return create("aes-256-ecb", key, null).setAutoPadding(false).update(bytes);
}

/** GHASH is over bound bytes and ciphertext, each filled up to a block, and both lengths in bits. */
function hashedBytes(aad: Uint8Array, text: Uint8Array): Buffer {
  const whole = (length: number): number => Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES;
  const textAt = whole(aad.length);
  const lengthsAt = textAt + whole(text.length);
  const bytes = Buffer.alloc(lengthsAt + BLOCK_BYTES);
  bytes.set(aad);
  bytes.set(text, textAt);
  bytes.writeBigUInt64BE(BigInt(aad.length) * 8n, lengthsAt);
  bytes.writeBigUInt64BE(BigInt(text.length) * 8n, lengthsAt + 8);
  return bytes;
}

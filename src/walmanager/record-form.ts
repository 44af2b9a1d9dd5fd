/**
 * A record of WalManager's log. Records follow each other without a gap, from the first byte of a file
 * to its last. Integers are little-endian.
 *
 * ```
 *   0   u32  magic, 57 4e 59 53
 *   4   u16  format version, 1 or 2: the same layout
 *   6   u16  type; bit 15: required, bit 14: the payload is encrypted
 *   8   u64  LSN
 *   16  u32  tenant
 *   20  u16  vshard
 *   22  u32  stored bytes of the payload
 *   26  u32  CRC-32C over the 26 bytes above and the stored payload
 *   30       payload
 * ```
 *
 * Reading is total: any bytes have an answer. No memory is allocated by a length in the bytes before
 * that length was compared with the bytes that are there.
 */
import { crc32c } from "../codec/crc32c.js";

export const HEADER_BYTES = 30;
export const MAGIC = Uint8Array.of(0x57, 0x4e, 0x59, 0x53);
/** The newest version whose layout is known. */
export const VERSION_MAX = 2;
/** The bit of a type that no reader may skip. */
export const REQUIRED_BIT = 0x8000;
/** The bit of an encrypted payload. It does not belong to the type. */
export const ENCRYPTED_BIT = 0x4000;

const TAG_BYTES = 16;
/** The limit is on the plaintext; ciphertext is longer by its tag. */
export const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024 + TAG_BYTES;

const CRC_OFFSET = 26;

export interface WalHeader {
  readonly version: number;
  /** Without the bit for encryption. */
  readonly type: number;
  readonly encrypted: boolean;
  readonly lsn: bigint;
  readonly tenantId: number;
  readonly vshard: number;
  readonly payloadBytes: number;
  readonly crc: number;
}

/** The bytes at a place where a record should begin. */
export type HeaderFound =
  | { readonly status: "header"; readonly header: WalHeader }
  /** Fewer bytes than a header has. */
  | { readonly status: "short" }
  | { readonly status: "too-new"; readonly version: number }
  | { readonly status: "damaged"; readonly reason: string };

/** Reads the header at the front of `bytes`. It does not check the checksum, which covers the payload too. */
export function readHeader(bytes: Uint8Array): HeaderFound {
  if (bytes.length < HEADER_BYTES) return { status: "short" };
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if (!startsWithMagic(bytes)) return { status: "damaged", reason: "no record begins here" };
  const version = view.readUInt16LE(4);
  // Before the checksum: a newer version may compute another one.
  if (version > VERSION_MAX) return { status: "too-new", version };
  if (version === 0) return { status: "damaged", reason: "no record has version 0" };
  const payloadBytes = view.readUInt32LE(22);
  if (payloadBytes > PAYLOAD_BYTES_MAX) {
    return { status: "damaged", reason: `a payload of ${payloadBytes} bytes is over the limit` };
  }
  const rawType = view.readUInt16LE(6);
  const header: WalHeader = {
    version,
    type: rawType & ~ENCRYPTED_BIT,
    encrypted: (rawType & ENCRYPTED_BIT) !== 0,
    lsn: view.readBigUInt64LE(8),
    tenantId: view.readUInt32LE(16),
    vshard: view.readUInt16LE(20),
    payloadBytes,
    crc: view.readUInt32LE(CRC_OFFSET),
  };
  return { status: "header", header };
}

/** Tells whether the checksum of `record`, a header and its payload, matches its bytes. */
export function isWhole(record: Uint8Array): boolean {
  const view = Buffer.from(record.buffer, record.byteOffset, record.length);
  const stored = view.readUInt32LE(CRC_OFFSET);
  return crc32c(record.subarray(HEADER_BYTES), crc32c(record.subarray(0, CRC_OFFSET))) === stored;
}

/** The record at the front of some bytes, or the reason that there is none. */
export type RecordFound =
  | Exclude<HeaderFound, { readonly status: "header" }>
  | {
      readonly status: "record";
      readonly header: WalHeader;
      /** A view of the bytes. */
      readonly payload: Uint8Array;
      /** Header and payload. */
      readonly byteLength: number;
    };

/** Reads the record at the front of `bytes`. */
export function readRecord(bytes: Uint8Array): RecordFound {
  const found = readHeader(bytes);
  if (found.status !== "header") return found;
  const { header } = found;
  const byteLength = HEADER_BYTES + header.payloadBytes;
  if (bytes.length < byteLength) return { status: "short" };
  const record = bytes.subarray(0, byteLength);
  if (!isWhole(record)) return { status: "damaged", reason: "the checksum does not match" };
  return { status: "record", header, payload: record.subarray(HEADER_BYTES), byteLength };
}

function startsWithMagic(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, at) => bytes[at] === byte);
}

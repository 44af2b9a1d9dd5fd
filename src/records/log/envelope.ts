/**
 * The envelope of a record: its type and labels, ahead of the caller's payload. For the engine envelope
 * and payload are the content of one record, and the engine's checksums cover both. Logs without labels do
 * not pay for it. Integers are little-endian.
 *
 * ```
 *   0   u8   version, 1
 *   1   u8   flags; bit 0: an origin follows
 *   2   u16  type; bit 15: required, bit 14: the journal's own
 *   4   u32  tenant
 *   8   u16  shard
 *   10  u16  0
 *   12  u64  origin, where flag bit 0 is set
 *       payload
 * ```
 *
 * A reader that does not know a required type must not go on; one that does not know an optional
 * type skips the record and keeps it.
 */
import { assert } from "../../types/assert.js";
import { U64_MAX } from "../../types/numbers.js";

/** Set in a type that no reader may skip. */
export const REQUIRED_TYPE = 0x8000;
/** Set in the types that are the journal's own: a caller's types leave it clear. */
export const OWN_TYPE = 0x4000;
/** A checkpoint: the payload is the LSN (u64) below which nothing is needed any more. */
export const CHECKPOINT_TYPE = REQUIRED_TYPE | OWN_TYPE;

export const TENANT_MAX = 0xffff_ffff;
export const SHARD_MAX = 0xffff;
const TYPE_MAX = 0xffff;

/** The version that this code writes, and the newest that it reads. */
const VERSION = 1;
const HAS_ORIGIN = 1;
const FIXED_BYTES = 12;
const ORIGIN_BYTES = 8;

/** The things that a record says of itself beside its payload. */
export interface Labels {
  readonly type: number;
  readonly tenant: number;
  readonly shard: number;
  /** The LSN that an imported record had in the log that it came from. */
  readonly origin: bigint | undefined;
}

/** The content of a record, taken apart. */
export type EnvelopeFound =
  | {
      readonly kind: "record";
      readonly labels: Labels;
      /** A view of the bytes. */
      readonly payload: Uint8Array;
    }
  | { readonly kind: "too-new"; readonly version: number }
  | { readonly kind: "damaged"; readonly reason: string };

/** Bytes that an envelope takes ahead of its payload. */
export function envelopeBytes(origin: bigint | undefined): number {
  return FIXED_BYTES + (origin === undefined ? 0 : ORIGIN_BYTES);
}

/** The bytes ahead of the payload. The labels are known to be in range. */
export function encodeEnvelope({ type, tenant, shard, origin }: Labels): Uint8Array {
  assert(type >= 0 && type <= TYPE_MAX, "a type fits 16 bits");
  assert(tenant >= 0 && tenant <= TENANT_MAX, "a tenant fits 32 bits");
  assert(shard >= 0 && shard <= SHARD_MAX, "a shard fits 16 bits");
  // Not a `Buffer`, and byte by byte: so few bytes lie in the heap itself, which costs half.
  const bytes = new Uint8Array(envelopeBytes(origin));
  bytes[0] = VERSION;
  bytes[1] = origin === undefined ? 0 : HAS_ORIGIN;
  put(bytes, 2, { value: type, size: 2 });
  put(bytes, 4, { value: tenant, size: 4 });
  put(bytes, 8, { value: shard, size: 2 });
  if (origin === undefined) return bytes;
  assert(origin > 0n && origin <= U64_MAX, "an origin is an LSN");
  new DataView(bytes.buffer).setBigUint64(FIXED_BYTES, origin, true);
  return bytes;
}

/** Takes the content of a record apart: its envelope, and the payload behind it. Any bytes have an answer. */
export function decodeEnvelope(bytes: Uint8Array): EnvelopeFound {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.length === 0) return damaged("it is empty");
  const version = buffer.readUInt8(0);
  if (version === 0) return damaged("it has no version");
  if (version > VERSION) return { kind: "too-new", version };
  if (buffer.length < FIXED_BYTES) return damaged("its envelope is cut short");
  const flags = buffer.readUInt8(1);
  if ((flags & ~HAS_ORIGIN) !== 0) return damaged(`its flags are ${flags}`);
  if (buffer.readUInt16LE(10) !== 0) return damaged("bytes that are zero are not");
  const hasOrigin = flags === HAS_ORIGIN;
  const start = FIXED_BYTES + (hasOrigin ? ORIGIN_BYTES : 0);
  if (buffer.length < start) return damaged("its origin is cut short");
  const origin = hasOrigin ? buffer.readBigUInt64LE(FIXED_BYTES) : undefined;
  if (origin === 0n) return damaged("its origin is no LSN");
  const labels = {
    type: buffer.readUInt16LE(2),
    tenant: buffer.readUInt32LE(4),
    shard: buffer.readUInt16LE(8),
    origin,
  };
  return { kind: "record", labels, payload: bytes.subarray(start) };
}

/** The payload of a checkpoint. */
export function encodeCheckpoint(lsn: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(lsn);
  return bytes;
}

/** The LSN that a checkpoint names; `undefined` where the payload is none. */
export function decodeCheckpoint(payload: Uint8Array): bigint | undefined {
  if (payload.length !== 8) return undefined;
  return Buffer.from(payload.buffer, payload.byteOffset, 8).readBigUInt64LE();
}

function put(
  bytes: Uint8Array,
  at: number,
  { value, size }: { readonly value: number; readonly size: number },
): void {
  for (let index = 0; index < size; index++) bytes[at + index] = value >>> (8 * index);
}

function damaged(reason: string): EnvelopeFound {
  return { kind: "damaged", reason };
}

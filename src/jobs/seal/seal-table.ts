/**
 * The table of a job's seals, a row of its database that no category has. Integers are little-endian.
 *
 * ```
 * u8   version, 1
 * u8   1 where values may be plain, else 0
 * seals, one after the other:
 *   u32  number, which each value that it seals names
 *   8    id of its key of the ring
 *   8    check value: the last bytes of the derived key
 *   32   salt
 *   u64  values that it may have sealed, rounded up to what was reserved
 * u32  CRC-32C of all before it
 * ```
 *
 * A database without this row is plain as a whole.
 */
import { ByteReader, ByteWriter } from "../../codec/binary.js";
import { crc32c } from "../../codec/crc32c.js";
import { KEY_ID_BYTES, type KeyId } from "../../keys/key.js";

export const SEAL_SALT_BYTES = 32;
export const SEAL_CHECK_BYTES = 8;
/** The content of values that are not sealed, among the ids of keys. */
export const PLAIN = "plain";

const VERSION = 1;
const CRC_BYTES = 4;

/** A key of the ring as one job uses it. */
export interface SealRow {
  readonly number: number;
  readonly keyId: KeyId;
  readonly check: Uint8Array;
  readonly salt: Uint8Array;
  /** Values that it may have sealed. */
  readonly reserved: number;
}

export interface SealTable {
  readonly mayBePlain: boolean;
  readonly seals: readonly SealRow[];
}

/** The ids of the keys that values may need, and "plain". */
export function contentsOf({ mayBePlain, seals }: SealTable): readonly string[] {
  const ids = seals.map(({ keyId }) => keyId);
  return [...new Set(mayBePlain ? [PLAIN, ...ids] : ids)];
}

export function encodeSealTable({ mayBePlain, seals }: SealTable): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(VERSION).u8(mayBePlain ? 1 : 0);
  for (const { number, keyId, check, salt, reserved } of seals) {
    writer.u32(number).bytes(Buffer.from(keyId, "hex")).bytes(check).bytes(salt);
    writer.u64(BigInt(reserved));
  }
  return writer.u32(crc32c(writer.result())).result();
}

/** @throws {FormatError} for bytes that are no such table. */
export function decodeSealTable(bytes: Uint8Array): SealTable {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) reader.fail("the version of a table of seals is not known");
  const mayBePlain = reader.u8() === 1;
  const seals: SealRow[] = [];
  while (reader.offset < bytes.length - CRC_BYTES) seals.push(sealFrom(reader));
  const crc = crc32c(bytes.subarray(0, reader.offset));
  if (reader.u32() !== crc) reader.fail("the table of seals has another checksum");
  return { mayBePlain, seals };
}

function sealFrom(reader: ByteReader): SealRow {
  const number = reader.u32();
  const keyId = Buffer.from(reader.bytes(KEY_ID_BYTES)).toString("hex");
  const check = reader.bytes(SEAL_CHECK_BYTES);
  const salt = reader.bytes(SEAL_SALT_BYTES);
  return { number, keyId, check, salt, reserved: Number(reader.u64()) };
}

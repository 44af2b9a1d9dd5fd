/**
 * A segment's sidecar: 64 slots that are used in turn, each with a copy of a record. The copy was written
 * before the record, so that a torn sector harms only one of the two. The sidecar is only read here.
 *
 * ```
 *   older   12 bytes, then slots of 65,570        newer   4096 bytes, then slots of 69,632
 *   a slot: u32 length of what follows, the record's header, its payload
 * ```
 *
 * A copy heals a record only if the header in the segment equals the header of the copy. The header has
 * the LSN and the checksum of the payload. So a copy from an earlier life of the log, in which the LSN
 * had another record, is never taken. A torn header is not healed.
 */
import type { WalDisk } from "./layout.js";
import { HEADER_BYTES, readRecord } from "./record-form.js";

interface Form {
  readonly first: number;
  readonly stride: number;
}

const forms: readonly Form[] = [
  { first: 12, stride: 65_570 },
  { first: 4096, stride: 69_632 },
];
const SLOTS = 64;
const LENGTH_BYTES = 4;
/** Larger records are not copied. */
const RECORD_BYTES_MAX = 65_536;

/**
 * The record with this `header`, from the sidecar at `path`; undefined if the sidecar has no copy of it.
 * The bytes are the caller's to keep.
 *
 * @throws {PersisterError} IO, READ_ONLY.
 */
export async function copyInSidecar(
  disk: WalDisk,
  path: string,
  header: Uint8Array,
): Promise<Uint8Array | undefined> {
  const file = await disk.openToRead(path);
  if (!file) return undefined;
  try {
    for (const { first, stride } of forms) {
      for (let slot = 0; slot < SLOTS; slot++) {
        const bytes = await file.read(first + slot * stride, LENGTH_BYTES + RECORD_BYTES_MAX);
        const record = recordIn(bytes);
        if (record && isHeaderOf(record, header)) return Uint8Array.from(record);
      }
    }
    return undefined;
  } finally {
    await file.close();
  }
}

/** The whole record that a slot holds, if it holds one. */
function recordIn(slot: Uint8Array): Uint8Array | undefined {
  if (slot.length < LENGTH_BYTES + HEADER_BYTES) return undefined;
  const view = Buffer.from(slot.buffer, slot.byteOffset, slot.length);
  const length = view.readUInt32LE(0);
  const record = slot.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
  const found = readRecord(record);
  const isAll = found.status === "record" && found.byteLength === length;
  return isAll ? record : undefined;
}

function isHeaderOf(record: Uint8Array, header: Uint8Array): boolean {
  return Buffer.compare(record.subarray(0, HEADER_BYTES), header) === 0;
}

/**
 * The records of one segment, from its first byte up to the first record that does not verify. The
 * caller decides what such a record means: that depends on the segment's place in the log.
 */
import type { SegmentFile, WalDisk } from "./layout.js";
import {
  HEADER_BYTES,
  readHeader,
  readRecord,
  VERSION_MAX,
  type WalHeader,
} from "./record-form.js";
import { copyInSidecar } from "./sidecar.js";
import { WalError } from "./wal-error.js";
import type { FileWindow } from "./window.js";

/** Direct I/O writes whole blocks, and fills up the last block of each flush with zeros. */
const BLOCK_BYTES = 4096;

export type Scanned =
  | {
      readonly kind: "record";
      readonly header: WalHeader;
      /** The caller's to keep. */
      readonly payload: Uint8Array;
      readonly offset: number;
      /** Whether it was taken from the sidecar. */
      readonly healed: boolean;
    }
  /** Zeros up to the next block. */
  | { readonly kind: "padding"; readonly bytes: number }
  /** The end of the scan: the bytes at `offset` are no record, for `reason`. */
  | { readonly kind: "stop"; readonly offset: number; readonly reason: string };

/**
 * Scans `segment`. "stop" is the last step.
 *
 * @throws {WalError} `too_new`, `changed`.
 * @throws {PersisterError} IO, READ_ONLY.
 */
export async function* scanSegment(
  disk: WalDisk,
  segment: SegmentFile,
  window: FileWindow,
): AsyncGenerator<Scanned, void, void> {
  let offset = 0;
  while (offset < window.size) {
    const step =
      recordIn(window.held(offset), offset) ?? (await stepAt(disk, segment, window, offset));
    yield step;
    if (step.kind === "stop") return;
    if (step.kind === "padding") offset += step.bytes;
    else offset += HEADER_BYTES + step.header.payloadBytes;
  }
}

/** The record at the front of `bytes`, if it is whole and verifies. */
function recordIn(bytes: Uint8Array, offset: number): Scanned | undefined {
  const found = readRecord(bytes);
  if (found.status !== "record") return undefined;
  const { header, payload } = found;
  return { kind: "record", header, payload: Uint8Array.from(payload), offset, healed: false };
}

async function stepAt(
  disk: WalDisk,
  { path, sidecar }: SegmentFile,
  window: FileWindow,
  offset: number,
): Promise<Scanned> {
  // A copy: the window moves on.
  const head = Uint8Array.from(await window.at(offset, HEADER_BYTES));
  const found = readHeader(head);
  if (found.status === "too-new") {
    const detail = `version ${found.version} is newer than ${VERSION_MAX}, the newest known`;
    throw new WalError("too_new", detail, { file: path, offset });
  }
  if (found.status !== "header") {
    const bytes = await paddingAt(window, offset);
    if (bytes > 0) return { kind: "padding", bytes };
    const reason = found.status === "short" ? "a header that is cut short" : found.reason;
    return { kind: "stop", offset, reason };
  }
  const { header } = found;
  const record = await window.at(offset, HEADER_BYTES + header.payloadBytes);
  const whole = recordIn(record, offset);
  if (whole) return whole;
  const copy = await copyInSidecar(disk, sidecar, head);
  if (copy) {
    const payload = copy.subarray(HEADER_BYTES);
    return { kind: "record", header, payload, offset, healed: true };
  }
  const isAll = record.length === HEADER_BYTES + header.payloadBytes;
  const reason = isAll ? "the checksum does not match" : "a record that is cut short";
  return { kind: "stop", offset, reason };
}

/** The number of zeros from `offset` to the end of its block or of the file; 0 if other bytes are there. */
async function paddingAt(window: FileWindow, offset: number): Promise<number> {
  const bytes = await window.at(offset, (BLOCK_BYTES - (offset % BLOCK_BYTES)) % BLOCK_BYTES);
  return bytes.every((byte) => byte === 0) ? bytes.length : 0;
}

/**
 * Tells a torn tail from damage: nothing was ever written behind a tail, so no record may verify there.
 *
 * A record that does verify there is one of two things. It may be newer than the damage, and acknowledged.
 * Or it was abandoned: after a crash WalManager writes over a torn tail, and may leave older records
 * behind the bytes that it wrote. Nothing tells the two apart.
 */
import { HEADER_BYTES, isWhole, MAGIC, readHeader } from "./record-form.js";
import type { FileWindow } from "./window.js";

/** Bytes of one step. Two steps overlap by a magic number less a byte, so that none is missed. */
const STEP_BYTES = 64 * 1024;
/**
 * The most bytes whose checksum is computed, beside twice the bytes that are searched. Bytes that look
 * like headers of large records on every page could ask for any number of them.
 */
const EFFORT_BYTES = 64 * 1024 * 1024;

/** The LSN of a record, and where it is. */
export interface RecordBehind {
  readonly lsn: bigint;
  readonly offset: number;
}

/**
 * The first record of `window` that begins behind `offset` and has an LSN of `next` or above;
 * `"unknown"` if finding it would take more than that.
 */
export async function recordBehind(
  window: FileWindow,
  offset: number,
  next: bigint,
): Promise<RecordBehind | "unknown" | undefined> {
  let effort = 2 * (window.size - offset) + EFFORT_BYTES;
  let from = offset + 1;
  while (from + HEADER_BYTES <= window.size) {
    const at = await magicFrom(window, from);
    if (at === undefined) return undefined;
    from = at + 1;
    const found = readHeader(await window.at(at, HEADER_BYTES));
    if (found.status !== "header" || found.header.lsn < next) continue;
    const length = HEADER_BYTES + found.header.payloadBytes;
    if (at + length > window.size) continue;
    effort -= length;
    if (effort < 0) return "unknown";
    if (isWhole(await window.at(at, length))) return { lsn: found.header.lsn, offset: at };
  }
  return undefined;
}

async function magicFrom(window: FileWindow, from: number): Promise<number | undefined> {
  for (let start = from; start + HEADER_BYTES <= window.size; start += STEP_BYTES) {
    const bytes = await window.at(start, STEP_BYTES + MAGIC.length - 1);
    const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(MAGIC);
    if (at >= 0) return start + at;
  }
  return undefined;
}

/** How many bytes a group takes in a segment: its records, its PAD and its footer. */
import { footerBytes } from "./footer.js";
import { BLOCK_BYTES, padBytes, RECORD_HEADER_BYTES } from "./records.js";

/** The content of a group, in bytes. */
export interface GroupSize {
  /** Of its records, without PAD and footer. */
  readonly records: number;
  /** Of what its footer names. */
  readonly names: number;
}

/** Bytes that a group of this size takes in a segment. */
export function groupBytes({ records, names }: GroupSize): number {
  return records + padBytes(records) + footerBytes(names);
}

/** Bytes of records without a header hash that one group takes into `room` bytes of a segment, at least. */
export function recordBytesIn(room: number): number {
  const blocks = Math.floor(room / BLOCK_BYTES) * BLOCK_BYTES;
  return Math.max(0, blocks - footerBytes(0) - RECORD_HEADER_BYTES);
}

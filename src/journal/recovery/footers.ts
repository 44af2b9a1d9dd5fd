/**
 * Looks for footers behind the place where a segment's records break off. A footer is known by its own
 * checksum, so it is found where the chain does not lead to it any more.
 */
import type { DiskFile } from "../../disk/disk.js";
import { claimedFooterBytes, type Footer, footerAt, type FooterPlace } from "../form/footer.js";
import { BLOCK_BYTES, RECORD_HEADER_BYTES, wholeBlocks } from "../form/records.js";

const PART_BYTES = 1024 * 1024;

/** A part of a segment, and which segment it is. */
export interface FooterSearch extends Pick<FooterPlace, "salt" | "sequence"> {
  readonly file: DiskFile;
  /** The offset at which the records break off. */
  readonly from: number;
  /** Bytes of the segment. */
  readonly to: number;
}

/** Every footer that begins at a block from `from` on, in the order of their places. */
export async function findFooters(search: FooterSearch): Promise<readonly Footer[]> {
  const { file, to } = search;
  const footers: Footer[] = [];
  // One buffer for all parts: the free space of a large segment would take as much new memory.
  const into = Buffer.allocUnsafeSlow(Math.min(PART_BYTES, Math.max(0, to - search.from)));
  for (let from = wholeBlocks(search.from); from < to; from += PART_BYTES) {
    const part = asBuffer(await file.read(from, Math.min(PART_BYTES, to - from), into));
    for (let at = 0; at + RECORD_HEADER_BYTES <= part.length; at += BLOCK_BYTES) {
      const length = claimedFooterBytes(part, at);
      if (length === undefined) continue;
      const place = { ...search, offset: from + at };
      const isWhole = at + length <= part.length;
      // A footer of several blocks may go on in the next part.
      const bytes = isWhole ? part : asBuffer(await file.read(place.offset, length));
      const footer = footerAt(bytes, isWhole ? at : 0, place);
      if (footer) footers.push(footer);
    }
  }
  return footers;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

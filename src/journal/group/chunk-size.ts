/**
 * How large the chunks of a group are: large enough that the flush which each of them pays is a small
 * part of its time, small enough that several are on their way at once.
 */
import type { DiskSpeed } from "./disk-speed.js";

/** No chunk is smaller, but for the first. */
const CHUNK_BYTES_MIN = 512 * 1024;
/** More chunks cost more flushes than they save: two up to this size, four beyond it. */
const TWO_CHUNKS_BYTES_MAX = 2 * 1024 * 1024;
/** A chunk's write takes at least so many times as long as a flush with next to nothing in it. */
const FLUSHES_PER_CHUNK = 3;
/** The disk waits for the checksums of the first chunk: it is smaller than the others. */
const FIRST_SHARE = 3 / 4;

/** The ends of the chunks of a group of `bytes`, counted from its start; the last one is `bytes`. */
export function chunkEnds(
  bytes: number,
  { flushMs, bytesPerMs }: Pick<DiskSpeed, "flushMs" | "bytesPerMs">,
): readonly number[] {
  const isKnown = Number.isFinite(flushMs) && bytesPerMs > 0;
  const worthIts = isKnown ? FLUSHES_PER_CHUNK * flushMs * bytesPerMs : 0;
  const most = bytes <= TWO_CHUNKS_BYTES_MAX ? 2 : 4;
  const count = Math.min(most, Math.ceil(bytes / Math.max(CHUNK_BYTES_MIN, worthIts)));
  if (count <= 1) return [bytes];
  const first = (FIRST_SHARE * bytes) / count;
  const each = (bytes - first) / (count - 1);
  return Array.from({ length: count }, (_, index) => Math.ceil(first + index * each));
}

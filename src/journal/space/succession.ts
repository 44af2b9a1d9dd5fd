/**
 * The list of the next head: the segments with live records, and of the others as many as are retained.
 * Nothing needs the rest, so its slots are free once that head is durable.
 */
import { headBytes, headBytesMax, SEALED_SEGMENT_BYTES, type SealedSegment } from "../form/head.js";
import type { LogTable } from "../form/log-table.js";
import type { Places } from "../segment/places.js";
import type { Space } from "./slots.js";

export interface SuccessionParts {
  readonly table: LogTable;
  readonly places: Places;
  readonly space: Space;
  /** Bytes of segments that are kept though nothing in them is live. */
  readonly retainBytes: number;
}

/** The segments that the next head lists, and those that it sets free. */
export interface Succession {
  readonly sealed: readonly SealedSegment[];
  readonly retained: readonly SealedSegment[];
  readonly freed: readonly SealedSegment[];
}

/** The list of a head that is written when `sealed` and `retained` are there. */
export function succession(
  parts: SuccessionParts,
  sealed: readonly SealedSegment[],
  retained: readonly SealedSegment[],
): Succession {
  const { places, retainBytes, space } = parts;
  const isLive = ({ slot }: SealedSegment): boolean => places.liveIn(slot).records > 0;
  const live = sealed.filter(isLive);
  const dead = bySequence([...retained, ...sealed.filter((segment) => !isLive(segment))]);
  // Segments without records (each restart leaves one) would push out segments that have some.
  const readable = dead.filter(({ firstLsn, nextLsn }) => nextLsn > firstLsn);
  const listed = readable.slice(Math.max(0, readable.length - retainedMax(parts, live.length)));
  const kept = newestWithin(listed, retainBytes, ({ slot }) => space.slot(slot).bytes);
  const isKept = new Set(kept);
  return { sealed: live, retained: kept, freed: dead.filter((segment) => !isKept.has(segment)) };
}

/** How many retained segments a head lists at most: what is live and the logs come first. */
function retainedMax({ space, table }: SuccessionParts, sealed: number): number {
  const left = headBytesMax(space.leastBytes) - headBytes(sealed, table.headBytes);
  return Math.max(0, Math.floor(left / SEALED_SEGMENT_BYTES));
}

/** The newest of `segments` that `budget` bytes hold, oldest first: the oldest are dropped first. */
function newestWithin(
  segments: readonly SealedSegment[],
  budget: number,
  bytesOf: (segment: SealedSegment) => number,
): SealedSegment[] {
  let left = budget;
  let from = segments.length;
  for (const segment of [...segments].reverse()) {
    left -= bytesOf(segment);
    if (left < 0) break;
    from -= 1;
  }
  return segments.slice(from);
}

/** Oldest first. */
export function bySequence(segments: readonly SealedSegment[]): SealedSegment[] {
  return [...segments].sort((a, b) => Number(a.sequence - b.sequence));
}

/**
 * The segments that the next head lists: those with live records, and of the others as many as are
 * retained. Nothing needs the rest, so its slots are free once that head is durable.
 */
import {
  headBytes,
  headBytesMax,
  type RetainedSegment,
  SEALED_SEGMENT_BYTES,
  type SealedSegment,
  slotMapBytes,
} from "../form/head.js";
import type { LogTable } from "../form/log-table.js";
import type { Places } from "../segment/places.js";
import type { ReleaseGate } from "./release-gate.js";
import type { Space } from "./slots.js";

export interface SuccessionParts {
  readonly table: LogTable;
  readonly places: Places;
  readonly space: Space;
  /** Bytes of segments that are kept though nothing in them is live. */
  readonly retainBytes: number;
  /** Holds back what is beyond that. */
  readonly gate?: ReleaseGate | undefined;
}

/** The segments that the next head lists, and those that it sets free. */
export interface Succession {
  readonly sealed: readonly SealedSegment[];
  /** Of those retained, the ones that the head before did not retain: their ends are listed once. */
  readonly ended: readonly SealedSegment[];
  readonly retained: readonly RetainedSegment[];
  /** Those of the retained that may be given up where the disk has no room. */
  readonly yieldable: readonly RetainedSegment[];
  readonly freed: readonly RetainedSegment[];
}

/** The segments that a head lists when `sealed` and `retained` are there. */
export function succession(
  parts: SuccessionParts,
  sealed: readonly SealedSegment[],
  retained: readonly RetainedSegment[],
): Succession {
  const { places, space, gate } = parts;
  const isLive = ({ slot }: SealedSegment): boolean => places.liveIn(slot).records > 0;
  const live = sealed.filter(isLive);
  const dead = sealed.filter((segment) => !isLive(segment));
  // Segments without records (each restart leaves one) would push out segments that have some.
  const readable = dead.filter(({ firstLsn, nextLsn }) => nextLsn > firstLsn);
  const bytesOf = ({ slot }: RetainedSegment): number => space.slot(slot).bytes;
  // A bit for each slot must fit: live segments and logs come first.
  const slotsMax = 8 * Math.max(0, roomInHead(parts, { sealed: live, ended: [], retained: [] }));
  const listed = [...retained, ...readable].filter(({ slot }) => slot < slotsMax);
  const kept = newestWithin(bySequence(listed), parts, bytesOf);
  const isKept = new Set(kept);
  const left = roomInHead(parts, { sealed: live, ended: [], retained: kept });
  const endedMax = Math.max(0, Math.floor(left / SEALED_SEGMENT_BYTES));
  const ended = readable.filter((segment) => isKept.has(segment));
  return {
    sealed: live,
    ended: ended.slice(Math.max(0, ended.length - endedMax)),
    retained: kept,
    yieldable: gate ? kept.filter(({ sequence }) => !gate.holds(sequence)) : kept,
    freed: bySequence([...retained, ...dead]).filter((segment) => !isKept.has(segment)),
  };
}

/** Bytes of a head that lists these segments, and the logs in `table`. */
export function headBytesOf(
  { sealed, ended, retained }: Pick<Succession, "sealed" | "ended" | "retained">,
  table: LogTable,
): number {
  const mapBytes = slotMapBytes(retained.map(({ slot }) => slot));
  return headBytes(sealed.length + ended.length, table.headBytes, mapBytes);
}

/** Bytes that a head which lists these has left of its share. */
function roomInHead(
  { space, table }: SuccessionParts,
  listed: Pick<Succession, "sealed" | "ended" | "retained">,
): number {
  return headBytesMax(space.leastBytes) - headBytesOf(listed, table);
}

/** The newest of `segments` that the budget or the gate keeps, oldest first: the oldest are dropped first. */
function newestWithin(
  segments: readonly RetainedSegment[],
  { retainBytes, gate }: Pick<SuccessionParts, "retainBytes" | "gate">,
  bytesOf: (segment: RetainedSegment) => number,
): RetainedSegment[] {
  let bytes = 0;
  let from = segments.length;
  for (const segment of [...segments].reverse()) {
    bytes += bytesOf(segment);
    if (bytes > retainBytes && !gate?.holds(segment.sequence, bytes)) break;
    from -= 1;
  }
  return segments.slice(from);
}

/** Oldest first. */
export function bySequence<Segment extends RetainedSegment>(
  segments: readonly Segment[],
): Segment[] {
  return [...segments].sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
}

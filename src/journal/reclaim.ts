/**
 * What is to be done so that the journal's slots stay within their bound (D9), as a pure decision.
 *
 * A segment without live records gives its slot back with the next head, at no cost. Where that is
 * too late it is released by a record. A segment with few live records, a straggler, is emptied
 * first: its live records are copied into the current one. What a crash between the steps leaves:
 *
 * - while the copies are written: the originals, which count as long as their segment is listed;
 * - before the release is durable: both, and the originals count;
 * - before the slot is overwritten: the copies alone; nothing needs the slot any more.
 */
import type { LiveShare } from "./places.js";
import { SPARE_SLOTS } from "./space.js";

/** Disk use is at most this much of what is kept, and a floor beside it: 16 MiB, or some segments. */
const USE_PER_KEPT = 1.5;
const FLOOR_BYTES = 16 * 1024 * 1024;
/** The current segment and the spares: what there must be beside the segments that are full. */
const SLOTS_BESIDE = 1 + SPARE_SLOTS;
/** The least that works: a sealed segment beside them. */
const SLOTS_MIN = 1 + SLOTS_BESIDE;

export interface SegmentFacts {
  readonly sequence: bigint;
  /** Bytes of its slot. */
  readonly slotBytes: number;
  readonly live: LiveShare;
  readonly retained: boolean;
}

export interface SpaceFacts {
  /** Size of a new slot. */
  readonly segmentBytes: number;
  /** Every sealed segment that is listed, in the order of their sequences. */
  readonly segments: readonly SegmentFacts[];
  /** All slots. */
  readonly slots: number;
  readonly freeSlots: number;
  /** Bytes of all live records. */
  readonly liveBytes: number;
  /** Bytes that copies may take in the current segment. */
  readonly room: number;
  /** The current segment is half full: what is not relocated now will need a slot of its own. */
  readonly rotationNear: boolean;
  /** The disk has no room for another slot. */
  readonly diskFull: boolean;
}

export interface ReclaimPlan {
  /** Sequences to be emptied into the current segment, in this order. */
  readonly relocate: readonly bigint[];
  /** Bytes that this takes there. */
  readonly copyBytes: number;
  /** Sequences whose slots are wanted before the next head. */
  readonly release: readonly bigint[];
  /** Free slots to be given back to the file system. */
  readonly surplus: number;
}

/** How many slots the bound allows. */
export function slotsAllowed(facts: SpaceFacts): number {
  const retained = facts.segments.filter((segment) => segment.retained);
  const kept = facts.liveBytes + retained.reduce((sum, { slotBytes }) => sum + slotBytes, 0);
  const { segmentBytes } = facts;
  const least = Math.min(FLOOR_BYTES, SLOTS_MIN * segmentBytes);
  const floor = Math.max(least, SLOTS_BESIDE * segmentBytes);
  return Math.max(SLOTS_MIN, Math.floor((USE_PER_KEPT * kept + floor) / segmentBytes));
}

export function planReclaim(facts: SpaceFacts): ReclaimPlan {
  const allowed = slotsAllowed(facts);
  const lacking = SPARE_SLOTS - facts.freeSlots;
  const dead = facts.segments.filter(({ live, retained }) => live.records === 0 && !retained);
  const release = facts.slots > allowed || lacking > 0 ? dead : [];
  // Retained segments yield where the disk has no room for what must be there.
  const yields = facts.segments.filter(({ retained }) => retained);
  if (facts.diskFull) release.push(...yields.slice(0, Math.max(0, lacking - release.length)));
  const spareless = facts.diskFull ? lacking - release.length : 0;
  // Of what is free already: a release may find no room for its record.
  const surplus = Math.min(facts.freeSlots - SPARE_SLOTS, facts.slots - allowed);
  const relocate = stragglers(facts, Math.max(excessOf(facts, allowed), spareless));
  return {
    relocate: relocate.map(({ sequence }) => sequence),
    copyBytes: relocate.reduce((sum, { live }) => sum + live.bytes, 0),
    release: release.map(({ sequence }) => sequence),
    surplus: Math.max(0, surplus),
  };
}

/** How many segments too many hold something, now or after the rotation that is near. */
function excessOf(facts: SpaceFacts, allowed: number): number {
  const held = facts.segments.filter(({ live, retained }) => live.records > 0 || retained).length;
  // The current segment will be sealed, and need a successor.
  return held + SLOTS_BESIDE + (facts.rotationNear ? 1 : 0) - allowed;
}

/**
 * The segments with the least in them, as many as are in excess, as far as the current segment takes
 * their records.
 */
function stragglers(facts: SpaceFacts, excess: number): SegmentFacts[] {
  const live = facts.segments.filter((segment) => segment.live.records > 0);
  let left = excess;
  let { room } = facts;
  const chosen: SegmentFacts[] = [];
  for (const segment of [...live].sort((a, b) => a.live.bytes - b.live.bytes)) {
    if (left <= 0 || segment.live.bytes > room) break;
    chosen.push(segment);
    room -= segment.live.bytes;
    left -= 1;
  }
  return chosen;
}

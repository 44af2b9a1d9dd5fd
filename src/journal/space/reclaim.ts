/**
 * Plans that keep the journal's slots within their bound (D9), as pure decisions.
 * Slots are of several sizes, since segments follow what is live (`segment-size.ts`).
 *
 * A segment without live records gives its slot back with the next head, at no cost. If that is too
 * late, a record releases it. A segment with few live records, a straggler, is emptied first: its live
 * records are copied into the current one. A crash between the steps leaves this:
 *
 * - while the copies are written: the originals, which count as long as their segment is listed;
 * - before the release is durable: both, and the originals count;
 * - before the slot is overwritten: the copies alone; nothing needs the slot any more.
 */
import type { LiveShare } from "../segment/places.js";
import { type FreeSlot, SPARE_SLOTS } from "./slots.js";

/** Disk use is at most this much of what is kept, and a floor beside it: 16 MiB, or some segments. */
const USE_PER_KEPT = 1.5;
const FLOOR_BYTES = 16 * 1024 * 1024;
/** The current segment and the spares: what there must be beside the segments that are full. */
const SLOTS_BESIDE = 1 + SPARE_SLOTS;
/** The least that works: a sealed segment beside them. */
const SLOTS_MIN = 1 + SLOTS_BESIDE;
/** A slot of twice the wanted size still does. */
const LARGE = 2;

export interface SegmentFacts {
  readonly sequence: bigint;
  /** Bytes of its slot. */
  readonly slotBytes: number;
  readonly live: LiveShare;
  readonly retained: boolean;
  /** It must stay although the disk is full. */
  readonly held?: boolean;
}

export interface SpaceFacts {
  /** Bytes that a slot must have to be used. */
  readonly leastBytes: number;
  /** Bytes that a new slot is to have. */
  readonly wantedBytes: number;
  /** Bytes of the current segment's slot. */
  readonly currentBytes: number;
  /** Every sealed segment that is listed, in the order of their sequences. */
  readonly segments: readonly SegmentFacts[];
  /** Every other slot. */
  readonly free: readonly FreeSlot[];
  /** Bytes of all live records. */
  readonly liveBytes: number;
  /** Bytes that copies may take in the current segment. */
  readonly room: number;
  /** The current segment is half full: what is not relocated now will need a slot of its own. */
  readonly rotationNear: boolean;
  /** Free slots that the next rotation takes. */
  readonly rotationSlots: number;
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
  /** Slots of the wanted size to be made. */
  readonly make: number;
  /** Free slots to be given back to the file system. */
  readonly surplus: readonly number[];
}

/** How many bytes of slots the bound allows. */
export function bytesAllowed({
  segments,
  liveBytes,
  wantedBytes,
}: Pick<SpaceFacts, "segments" | "liveBytes" | "wantedBytes">): number {
  const retained = segments.filter((segment) => segment.retained);
  const kept = liveBytes + retained.reduce((sum, { slotBytes }) => sum + slotBytes, 0);
  const least = Math.min(FLOOR_BYTES, SLOTS_MIN * wantedBytes);
  const floor = Math.max(least, SLOTS_BESIDE * wantedBytes);
  return Math.max(SLOTS_MIN * wantedBytes, USE_PER_KEPT * kept + floor);
}

export function planReclaim(facts: SpaceFacts): ReclaimPlan {
  const allowed = bytesAllowed(facts);
  const spares = sparesOf(facts);
  const lacking = SPARE_SLOTS - spares.length;
  const isBeyond = usedBytes(facts) > allowed;
  const dead = facts.segments.filter(({ live, retained }) => live.records === 0 && !retained);
  const release = isBeyond || lacking > 0 ? dead : [];
  // Retained segments yield where the disk has no room for what must be there.
  const yields = facts.segments.filter(({ retained, held }) => retained && held !== true);
  if (facts.diskFull) release.push(...yields.slice(0, Math.max(0, lacking - release.length)));
  const spareless = facts.diskFull ? lacking - release.length : 0;
  const relocate = stragglers(facts, excessOf(facts, allowed), spareless);
  const copyBytes = relocate.reduce((sum, { live }) => sum + live.bytes, 0);
  return {
    relocate: relocate.map(({ sequence }) => sequence),
    copyBytes: Math.max(0, Math.min(copyBytes, facts.room)),
    release: release.map(({ sequence }) => sequence),
    make: facts.diskFull ? 0 : slotsToMake(facts, allowed),
    surplus: surplusOf(facts, allowed),
  };
}

/** Free slots that a segment could begin in. */
function sparesOf({ free, leastBytes }: SpaceFacts): readonly FreeSlot[] {
  return free.filter(({ bytes }) => bytes >= leastBytes);
}

function usedBytes({ segments, free, currentBytes }: SpaceFacts): number {
  const sealed = segments.reduce((sum, { slotBytes }) => sum + slotBytes, 0);
  return free.reduce((sum, { bytes }) => sum + bytes, sealed + currentBytes);
}

/** How many bytes too many hold something, now or after the rotation that is near. */
function excessOf(facts: SpaceFacts, allowed: number): number {
  const { wantedBytes, currentBytes, rotationNear } = facts;
  const held = facts.segments.filter(({ live, retained }) => live.records > 0 || retained);
  const heldBytes = held.reduce((sum, { slotBytes }) => sum + slotBytes, 0);
  // The current segment will be sealed, and need a successor.
  const beside = SPARE_SLOTS + (rotationNear ? 1 : 0);
  return heldBytes + currentBytes + beside * wantedBytes - allowed;
}

/**
 * The segments with the least in them, until `bytes` and `slots` come free, as far as the current
 * segment takes their records. One in a larger slot than the current one's is emptied in parts.
 */
function stragglers(facts: SpaceFacts, bytes: number, slots: number): SegmentFacts[] {
  const live = facts.segments.filter((segment) => segment.live.records > 0);
  let bytesLeft = bytes;
  let slotsLeft = slots;
  let { room } = facts;
  const chosen: SegmentFacts[] = [];
  for (const segment of [...live].sort((a, b) => a.live.bytes - b.live.bytes)) {
    if ((bytesLeft <= 0 && slotsLeft <= 0) || room <= 0) break;
    const inParts = segment.slotBytes > facts.currentBytes && !facts.diskFull;
    if (segment.live.bytes > room && !inParts) break;
    chosen.push(segment);
    room -= segment.live.bytes;
    bytesLeft -= segment.slotBytes;
    slotsLeft -= 1;
  }
  return chosen;
}

/**
 * Slots for the rotation that is near, of a size that fits, as far as the bound allows: beyond it the
 * rotation makes what it needs. And one of the wanted size where the spares are so large that they
 * are beyond the bound.
 */
function slotsToMake(facts: SpaceFacts, allowed: number): number {
  const { wantedBytes } = facts;
  const spares = sparesOf(facts);
  const left = allowed - usedBytes(facts);
  const isLarge = ({ bytes }: FreeSlot): boolean => bytes > wantedBytes * LARGE;
  if (left < 0) return spares.length <= SPARE_SLOTS && spares.some(isLarge) ? 1 : 0;
  if (!facts.rotationNear) return 0;
  const lacking = facts.rotationSlots - spares.length;
  const misfit = spares.some(({ bytes }) => bytes >= wantedBytes) ? 0 : 1;
  return Math.min(Math.max(lacking, misfit), Math.floor(left / wantedBytes));
}

/**
 * Of what is free already, since a release may find no room for its record, and two spares stay: what
 * is too small to be worth a rotation, and as much as is beyond the bound, the worst fit first.
 */
function surplusOf(facts: SpaceFacts, allowed: number): number[] {
  const { free, wantedBytes, leastBytes, diskFull } = facts;
  const misfit = ({ bytes }: FreeSlot): number =>
    Math.abs(Math.log2(Math.max(1, bytes) / wantedBytes));
  let beyond = usedBytes(facts) - allowed;
  let spares = sparesOf(facts).length;
  const surplus: number[] = [];
  for (const each of [...free].sort((a, b) => misfit(b) - misfit(a) || b.slot - a.slot)) {
    const { slot, bytes } = each;
    if (beyond <= 0 && (diskFull || bytes >= wantedBytes)) continue;
    const isSpare = bytes >= leastBytes;
    if (isSpare && spares <= SPARE_SLOTS) continue;
    if (isSpare) spares -= 1;
    beyond -= bytes;
    surplus.push(slot);
  }
  return surplus;
}

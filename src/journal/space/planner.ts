/**
 * The arithmetic of space: what a rotation needs, what it leaves, and what is to be reclaimed, reckoned
 * from the segments as they stand. The planner reads and changes nothing; `segments.ts` carries out.
 *
 * # Invariants
 *
 * - A rotation leaves two spares (D9), or is one of those that `leavesSpare` and `restoresSpares` allow.
 * - A segment without live records counts as a spare: the next head gives its slot back.
 * - A slot that is smaller than the smallest segment counts as none: it must grow first.
 */
import { headBytes, headBytesMax, type RetainedSegment, type SealedSegment } from "../form/head.js";
import {
  GROUP_BYTES_MIN,
  RECORD_HEADER_BYTES,
  recordsStart,
  SEGMENT_RESERVE_BYTES,
} from "../form/records.js";
import { groupBytes, recordBytesIn } from "../form/group-size.js";
import type { Seals } from "../seal/seals.js";
import type { LiveShare } from "../segment/places.js";
import { type CurrentSegment, roomIn, sealSegment } from "./current-segment.js";
import { planReclaim, type ReclaimPlan, type SpaceFacts } from "./reclaim.js";
import { SPARE_SLOTS } from "./slots.js";
import {
  bySequence,
  headBytesOf,
  type Succession,
  succession,
  type SuccessionParts,
} from "./succession.js";

/** The part of a segment that may stay empty at its end: one in so many. */
const WASTED_SHARE = 6;

/** Bytes of copies that one group takes, unless one record has more. */
export const COPY_GROUP_BYTES_MAX = 1024 * 1024;
/** PAD and footer of a group take at most so much beside its records. */
const GROUP_BYTES_BESIDE = GROUP_BYTES_MIN + RECORD_HEADER_BYTES;

/** The segments of a journal as they stand at this moment. */
export interface Standing {
  readonly current: CurrentSegment;
  /** In the order of their sequences, as are those retained. */
  readonly sealed: readonly SealedSegment[];
  readonly retained: readonly RetainedSegment[];
  /** Bytes that a new slot is to have. */
  readonly wantedBytes: number;
}

export interface PlannerParts extends SuccessionParts {
  /** The keys of all segments: a payload is longer where it is sealed. */
  readonly seals: Seals;
}

/** The part of the segments that a rotation changes. */
export type NextStanding = Pick<Standing, "current" | "sealed" | "retained">;

export class Planner {
  readonly #parts: PlannerParts;
  readonly #standing: Standing;

  constructor(parts: PlannerParts, standing: Standing) {
    this.#parts = parts;
    this.#standing = standing;
  }

  /** The segments that the next head lists, and those that it sets free. */
  get succession(): Succession {
    const { current, sealed, retained } = this.#standing;
    return succession(this.#parts, [...sealed, sealSegment(current)], retained);
  }

  /** The next head would not fit its share of a segment: it lists every live segment and every log. */
  get isCrowded(): boolean {
    const { space, table } = this.#parts;
    const { sealed } = this.succession;
    return headBytes(sealed.length, table.headBytes) > headBytesMax(space.leastBytes);
  }

  /** The current segment is half full: live records of stragglers are to move into it now. */
  get isRotationNear(): boolean {
    const { current } = this.#standing;
    return current.offset >= current.slot.bytes / 2;
  }

  /** So little room is left in the current segment that it may stay empty. */
  get isNearlyFull(): boolean {
    const { current } = this.#standing;
    return roomIn(current) < current.slot.bytes / WASTED_SHARE;
  }

  /** Fewer spares are free than every open must find (D9). */
  get lacksSpares(): boolean {
    return this.#parts.space.freeCount < SPARE_SLOTS;
  }

  /** A rotation needs slots that are not there yet. */
  get lacksRoom(): boolean {
    return this.#parts.space.freeCount < this.slotsForRotation;
  }

  /** Free slots that the next rotation needs: one for the head, and the spares that it leaves. */
  get slotsForRotation(): number {
    return this.#slotsFor(this.succession.freed);
  }

  /**
   * The oldest retained segments, as many as make up for the slots that the next rotation lacks. They
   * are given up where no slot can be made.
   */
  get yielding(): readonly bigint[] {
    const { sealed, retained } = this.#standing;
    const lacking = this.slotsForRotation - this.#parts.space.freeCount;
    const { yieldable } = succession(this.#parts, sealed, retained);
    return yieldable.slice(0, Math.max(0, lacking)).map(({ sequence }) => sequence);
  }

  /** The plan is to make no slot, and to give none back. */
  isTidy(diskFull: boolean): boolean {
    const { make, surplus } = this.plan(diskFull);
    return make === 0 && surplus.length === 0;
  }

  /**
   * The steps towards the bound on disk use. `diskFull` says that no slot can be made; copies leave
   * `beside` bytes of the current segment to other entries. No slot with bytes of another key is surplus: it is
   * overwritten first, since its blocks may come into other hands.
   */
  plan(diskFull: boolean, beside = 0): ReclaimPlan {
    const facts = this.#facts(this.#standing, diskFull);
    const plan = planInGroups({ ...facts, room: facts.room - beside });
    const { seals } = this.#parts;
    return { ...plan, surplus: plan.surplus.filter((slot) => !seals.isForeign(slot)) };
  }

  /** The same once the rotation to `next` is done. */
  planAfter(next: NextStanding, diskFull: boolean, beside: number): ReclaimPlan {
    const { current } = next;
    return planInGroups({
      ...this.#facts(next, diskFull),
      currentBytes: current.slot.bytes,
      room: roomIn(current) - beside,
      rotationNear: false,
    });
  }

  /**
   * Whether a rotation into one of the spares, with no room on the disk for another, leaves the next
   * open a slot all the same: a spare, or one that a retained segment yields.
   */
  get leavesSpare(): boolean {
    const { freed, yieldable } = this.succession;
    return this.#sparesAfter(freed) + this.#wholeOf(yieldable) > 0;
  }

  /**
   * Whether the spares are whole again at once behind a rotation into one of them, by retained segments
   * and by stragglers that the successor can take in beside `beside` bytes of waiting entries. Half of
   * the successor must do: the other half is progress.
   */
  restoresSpares(beside: number): boolean {
    const { space, table } = this.#parts;
    const { sealed, ended, retained, freed } = this.succession;
    if (!this.leavesSpare) return false;
    const next = space.next(this.#standing.wantedBytes);
    const head = headBytesOf({ sealed, ended, retained }, table);
    const takes = next.bytes - recordsStart(head) - SEGMENT_RESERVE_BYTES;
    const free = space.free.filter(({ slot }) => slot !== next.slot);
    const freedSlots = freed.map(({ slot }) => ({ slot, bytes: space.slot(slot).bytes }));
    const { relocate, release } = planInGroups({
      ...this.#facts({ sealed, retained }, true),
      currentBytes: next.bytes,
      free: [...free, ...freedSlots],
      room: Math.min(takes / 2, takes - beside),
      rotationNear: false,
    });
    return relocate.length + release.length >= SPARE_SLOTS - this.#sparesAfter(freed);
  }

  #facts({ sealed, retained }: Pick<Standing, "sealed" | "retained">, full: boolean): SpaceFacts {
    const { space, places } = this.#parts;
    const { current, wantedBytes } = this.#standing;
    // The next head retains segments that died since the last one, and drops those that are too old.
    const next = succession(this.#parts, sealed, retained);
    const kept = new Set(next.retained);
    const yields = new Set(next.yieldable);
    return {
      leastBytes: space.leastBytes,
      wantedBytes,
      currentBytes: current.slot.bytes,
      segments: bySequence<RetainedSegment>([...sealed, ...retained]).map((segment) => ({
        sequence: segment.sequence,
        slotBytes: space.slot(segment.slot).bytes,
        live: this.#asCopied(segment),
        retained: kept.has(segment),
        held: !yields.has(segment),
      })),
      free: space.free,
      liveBytes: places.liveBytes,
      room: roomIn(current),
      rotationNear: this.isRotationNear,
      rotationSlots: this.#slotsFor(next.freed),
      diskFull: full,
    };
  }

  /** The live records of a segment, with the bytes that they would have in the current one. */
  #asCopied({ slot }: RetainedSegment): LiveShare {
    const { places, seals } = this.#parts;
    const { records, bytes } = places.liveIn(slot);
    return { records, bytes: bytes + records * seals.growthFrom(slot) };
  }

  /** Free slots that a rotation into one of them leaves; below 0 where there is none to begin in. */
  #sparesAfter(freed: readonly RetainedSegment[]): number {
    const { freeCount } = this.#parts.space;
    return freeCount === 0 ? Number.NEGATIVE_INFINITY : freeCount - 1 + this.#wholeOf(freed);
  }

  /** Free slots that a rotation needs which frees these segments. */
  #slotsFor(freed: readonly RetainedSegment[]): number {
    return Math.max(1, SPARE_SLOTS + 1 - this.#wholeOf(freed));
  }

  /** How many of these segments leave slots that are spares as they are: large enough, and not held. */
  #wholeOf(segments: readonly RetainedSegment[]): number {
    const { space } = this.#parts;
    return segments.filter(({ slot }) => {
      return space.slot(slot).bytes >= space.leastBytes && !space.isHeld(slot);
    }).length;
  }
}

/** `planReclaim` where copies go in groups: with PAD and footer they take more than their records do. */
function planInGroups(facts: SpaceFacts): ReclaimPlan {
  const groupsBefore = Math.floor(Math.max(0, facts.room) / COPY_GROUP_BYTES_MAX);
  const room = recordBytesIn(facts.room - groupsBefore * GROUP_BYTES_BESIDE);
  const plan = planReclaim({ ...facts, room });
  if (plan.copyBytes === 0) return plan;
  const groupsMore = Math.floor(plan.copyBytes / COPY_GROUP_BYTES_MAX);
  const copyBytes = groupBytes({ records: plan.copyBytes, names: 0 });
  return { ...plan, copyBytes: copyBytes + groupsMore * GROUP_BYTES_BESIDE };
}

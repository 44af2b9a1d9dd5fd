/**
 * The segments of a running journal: the one that groups go into, those sealed that hold live
 * records, those retained for what was pruned, and the slots that are free.
 */
import {
  type CurrentSegment,
  type NextSegment,
  nextSegment,
  sealSegment,
} from "./current-segment.js";
import { headBytes, headBytesMax, type SealedSegment } from "../form/head.js";
import type { MarkFile } from "../segment/mark-file.js";
import type { PlacedRecord } from "../segment/places.js";
import { planReclaim, type ReclaimPlan, type SpaceFacts } from "./reclaim.js";
import {
  GROUP_BYTES_MAX,
  RECORD_HEADER_BYTES,
  recordsStart,
  SEGMENT_RESERVE_BYTES,
} from "../form/records.js";
import { wantedSegmentBytes } from "./segment-size.js";
import { SPARE_SLOTS } from "./slots.js";
import { bySequence, type Succession, succession, type SuccessionParts } from "./succession.js";

/** Of what heads may take, the part for logs: the rest is for segments. */
const LOGS_SHARE = 3 / 4;

/** Of a segment, what may stay empty at its end: one part in so many. */
const WASTED_SHARE = 6;

/** Whoever keeps the map is told what becomes of segments. */
export interface SegmentListener {
  /** A segment ended, with every record of a log in it; its successor is about to be the current one. */
  sealed(segment: SealedSegment, records: readonly PlacedRecord[]): void;
  /** Nothing can be read from it any more. */
  released(segment: SealedSegment): void;
  /** The log and all its records are forgotten; what comes under its name from now on is another. */
  dropped(name: string): void;
}

export interface SegmentsParts extends SuccessionParts {
  readonly storeId: Uint8Array;
  readonly markFile: MarkFile;
  readonly current: CurrentSegment;
  /** In the order of their sequences, as are those retained. */
  readonly sealed: readonly SealedSegment[];
  readonly retained: readonly SealedSegment[];
  /** Cryptographically random bytes, for salts. */
  readonly randomBytes: (count: number) => Uint8Array;
}

/** Bytes that a segment still takes of appends and copies. */
export function roomIn({ slot, offset }: CurrentSegment): number {
  return slot.bytes - offset - SEGMENT_RESERVE_BYTES;
}

/** What the journal takes of the disk. */
export interface SpaceUse {
  readonly slots: number;
  /** Slots that a segment could begin in. */
  readonly free: number;
  /** Of all slots. */
  readonly bytes: number;
  /** How large segments are by now. */
  readonly segmentBytes: number;
}

/** A rotation that is decided: the next segment, and what its head lists. */
export interface Rotation extends NextSegment, Succession {}

export class Segments {
  readonly #parts: SegmentsParts;
  #current: CurrentSegment;
  #sealed: readonly SealedSegment[];
  #retained: readonly SealedSegment[];
  #listener: SegmentListener | undefined;
  /** Bytes that waited for a group, at most, since the last rotation and before it. */
  #demand = { now: 0, before: 0 };
  #wantedBytes: number;

  constructor(parts: SegmentsParts) {
    this.#parts = parts;
    this.#current = parts.current;
    this.#sealed = parts.sealed;
    this.#retained = parts.retained;
    this.#wantedBytes = this.#decideSize(parts.space.leastBytes);
  }

  set listener(listener: SegmentListener) {
    this.#listener = listener;
  }

  get current(): CurrentSegment {
    return this.#current;
  }

  /** Every sealed segment that can be read, live ones and retained ones, oldest first. */
  get readable(): readonly SealedSegment[] {
    return bySequence([...this.#sealed, ...this.#retained]);
  }

  isReadable(segment: SealedSegment): boolean {
    return this.#sealed.includes(segment) || this.#retained.includes(segment);
  }

  get retained(): readonly SealedSegment[] {
    return this.#retained;
  }

  /** Bytes left in the current segment for appends and copies. */
  get room(): number {
    return roomIn(this.#current);
  }

  /**
   * The largest payload that a record can have here, whichever slot it comes into, whatever the head
   * of that segment lists.
   */
  get payloadBytesMax(): number {
    const { leastBytes } = this.#parts.space;
    const beside = SEGMENT_RESERVE_BYTES + 2 * RECORD_HEADER_BYTES + 255;
    return leastBytes - headBytesMax(leastBytes) - beside;
  }

  /** Bytes that new logs may take of heads. */
  get roomForLogs(): number {
    const { space, table } = this.#parts;
    return LOGS_SHARE * headBytesMax(space.leastBytes) - table.headBytes;
  }

  /**
   * What is live and the logs would take more of the next head than its share, and so of what was
   * promised to records.
   */
  get isCrowded(): boolean {
    const { space, table } = this.#parts;
    const { sealed } = this.#succession();
    return headBytes(sealed.length, table.headBytes) > headBytesMax(space.leastBytes);
  }

  get use(): SpaceUse {
    const { slotCount, freeCount, byteLength } = this.#parts.space;
    const segmentBytes = Math.max(this.#current.slot.bytes, this.wantedBytes);
    return { slots: slotCount, free: freeCount, bytes: byteLength, segmentBytes };
  }

  /** So many bytes wait for a group. */
  noteDemand(bytes: number): void {
    this.#demand.now = Math.max(this.#demand.now, Math.min(bytes, GROUP_BYTES_MAX));
  }

  /** Bytes of a new slot, decided anew at each rotation. */
  get wantedBytes(): number {
    return this.#wantedBytes;
  }

  #decideSize(nowBytes: number): number {
    const { places, space } = this.#parts;
    return wantedSegmentBytes({
      leastBytes: space.leastBytes,
      nowBytes,
      liveBytes: places.liveBytes,
      groupBytes: Math.max(this.#demand.now, this.#demand.before),
    });
  }

  /**
   * Makes the slots that a rotation needs: one for the head, and two spares that it leaves, those
   * counted that it sets free (D9). A refusal harms nothing.
   */
  async makeRoom(): Promise<void> {
    const { freed } = this.#succession();
    await this.#parts.space.ensureFree(this.#slotsForRotation(freed), this.wantedBytes);
  }

  /** A rotation needs slots that are not there yet. */
  get lacksRoom(): boolean {
    return this.#parts.space.freeCount < this.#slotsForRotation(this.#succession().freed);
  }

  /** The plan is to make no slot, and to give none back. */
  isTidy(diskFull: boolean): boolean {
    const { make, surplus } = this.plan(diskFull);
    return make === 0 && surplus.length === 0;
  }

  /** Makes slots as the plan says, beside the groups. A refusal harms nothing. */
  async makeSlots(diskFull: boolean): Promise<void> {
    for (let { make } = this.plan(diskFull); make > 0; make--) {
      await this.#parts.space.make(this.wantedBytes);
    }
  }

  /** Gives surplus slots back. A refusal harms nothing. */
  async giveBack(diskFull: boolean): Promise<void> {
    await this.#parts.space.giveBack(this.plan(diskFull).surplus);
  }

  /**
   * Seals the current segment and prepares the next, whose head is to be written beside its first
   * group. What a crash leaves:
   *
   * - before the head is durable: recovery takes the old head, and nothing that it lists was touched;
   *   the group is lost, and the mark beside it tells of it;
   * - once the head is durable, and not the group: recovery takes the new head, whatever the mark
   *   says; what it lists was acknowledged before the head was begun, and the group is a torn tail;
   * - once both are: the group is seen, whether or not it was acknowledged.
   *
   * The mark names the new head only once its write has returned, and only then a slot that it does
   * not list any more is free: `begin`.
   */
  rotation(): Rotation {
    const { space, markFile } = this.#parts;
    const { sealed, retained, freed } = this.#succession();
    const next = nextSegment(this.#parts, {
      slot: space.take(this.wantedBytes),
      generation: markFile.current.generation,
      sequence: this.#current.sequence + 1n,
      firstLsn: this.#current.nextLsn,
      anchorSeq: markFile.current.anchor.acked,
      sealed,
      retained,
    });
    return { ...next, sealed, retained, freed };
  }

  /** The head of `rotation` is durable. */
  begin({ current, sealed, retained, freed }: Rotation): void {
    this.#listener?.sealed(sealSegment(this.#current), this.#current.records);
    this.#current = current;
    this.#sealed = sealed;
    this.#retained = retained;
    this.#wantedBytes = this.#decideSize(this.#wantedBytes);
    this.#demand = { now: 0, before: this.#demand.now };
    for (const segment of freed) this.#free(segment);
  }

  /**
   * The oldest of what is retained, as much as makes up for the slots that the next rotation lacks
   * where none can be made.
   */
  get yielding(): readonly bigint[] {
    const { freed } = this.#succession();
    const lacking = this.#slotsForRotation(freed) - this.#parts.space.freeCount;
    const retained = succession(this.#parts, this.#sealed, this.#retained).retained;
    return retained.slice(0, Math.max(0, lacking)).map(({ sequence }) => sequence);
  }

  /**
   * What is to be done for the bound on disk use; `diskFull` where no slot can be made, `beside` the
   * bytes that copies leave to something else.
   */
  plan(diskFull: boolean, beside = 0): ReclaimPlan {
    const facts = this.#facts(this.#sealed, this.#retained, diskFull);
    return planReclaim({ ...facts, room: facts.room - beside });
  }

  /** The same once `rotation` is done. */
  planAfter(
    { current, sealed, retained }: Rotation,
    diskFull: boolean,
    beside: number,
  ): ReclaimPlan {
    return planReclaim({
      ...this.#facts(sealed, retained, diskFull),
      currentBytes: current.slot.bytes,
      room: roomIn(current) - beside,
      rotationNear: false,
    });
  }

  #facts(
    sealed: readonly SealedSegment[],
    retained: readonly SealedSegment[],
    diskFull: boolean,
  ): SpaceFacts {
    const { space, places } = this.#parts;
    // What died since the last head is retained by the next one, and what is too old is not.
    const next = succession(this.#parts, sealed, retained);
    const kept = new Set(next.retained);
    return {
      leastBytes: space.leastBytes,
      wantedBytes: this.wantedBytes,
      currentBytes: this.#current.slot.bytes,
      segments: bySequence([...sealed, ...retained]).map((segment) => ({
        sequence: segment.sequence,
        slotBytes: space.slot(segment.slot).bytes,
        live: places.liveIn(segment.slot),
        retained: kept.has(segment),
      })),
      free: space.free,
      liveBytes: places.liveBytes,
      room: this.room,
      rotationNear: this.isRotationNear,
      rotationSlots: this.#slotsForRotation(next.freed),
      diskFull,
    };
  }

  /** A record of a log is durable in the current segment. */
  note(record: PlacedRecord): void {
    this.#current.records.push(record);
  }

  noteDropped(dropped: string): void {
    this.#current.records = this.#current.records.filter(({ name }) => name !== dropped);
    this.#listener?.dropped(dropped);
  }

  /** The current segment is half full: what straggles is to move now. */
  get isRotationNear(): boolean {
    return this.#current.offset >= this.#current.slot.bytes / 2;
  }

  /** So little room is left that it may stay empty. */
  get isNearlyFull(): boolean {
    return this.room < this.#current.slot.bytes / WASTED_SHARE;
  }

  get lacksSpares(): boolean {
    return this.#parts.space.freeCount < SPARE_SLOTS;
  }

  /**
   * Whether a rotation into one of the spares, with no room on the disk for another, leaves the next
   * open a slot all the same: a spare, or one that a retained segment yields.
   */
  get leavesSpare(): boolean {
    const { freed, retained } = this.#succession();
    return this.#sparesAfter(freed) + this.#wholeOf(retained) > 0;
  }

  /** Free slots that a rotation into one of them leaves; below 0 where there is none to begin in. */
  #sparesAfter(freed: readonly SealedSegment[]): number {
    const { freeCount } = this.#parts.space;
    return freeCount === 0 ? Number.NEGATIVE_INFINITY : freeCount - 1 + this.#wholeOf(freed);
  }

  /**
   * Whether behind such a rotation the spares are whole again at once, by what is retained and by
   * stragglers that its successor can take in beside `beside` bytes of what waits. Half of the
   * successor must do: the rest is progress.
   */
  restoresSpares(beside: number): boolean {
    const { space, table } = this.#parts;
    const { sealed, retained, freed } = this.#succession();
    if (!this.leavesSpare) return false;
    const next = space.next(this.wantedBytes);
    const head = headBytes(sealed.length + retained.length, table.headBytes);
    const takes = next.bytes - recordsStart(head) - SEGMENT_RESERVE_BYTES;
    const free = space.free.filter(({ slot }) => slot !== next.slot);
    const freedSlots = freed.map(({ slot }) => ({ slot, bytes: space.slot(slot).bytes }));
    const { relocate, release } = planReclaim({
      ...this.#facts(sealed, retained, true),
      currentBytes: next.bytes,
      free: [...free, ...freedSlots],
      room: Math.min(takes / 2, takes - beside),
      rotationNear: false,
    });
    return relocate.length + release.length >= SPARE_SLOTS - this.#sparesAfter(freed);
  }

  /** Free slots that a rotation needs: one for the head, and two spares, those counted that it frees. */
  #slotsForRotation(freed: readonly SealedSegment[]): number {
    return Math.max(1, SPARE_SLOTS + 1 - this.#wholeOf(freed));
  }

  /** How many of these have slots that are large enough: others must grow before they are spares. */
  #wholeOf(segments: readonly SealedSegment[]): number {
    const { space } = this.#parts;
    return segments.filter(({ slot }) => space.slot(slot).bytes >= space.leastBytes).length;
  }

  /** The live records of the segment with this sequence. */
  recordsOf(sequence: bigint): readonly PlacedRecord[] {
    const segment = this.#sealed.find((each) => each.sequence === sequence);
    return segment ? [...this.#parts.places.recordsIn(segment.slot)] : [];
  }

  /** A RELEASE record of this segment is durable: its slot is free from here on. */
  released(sequence: bigint): void {
    const segment = this.readable.find((each) => each.sequence === sequence);
    if (!segment) return;
    this.#sealed = this.#sealed.filter((each) => each !== segment);
    this.#retained = this.#retained.filter((each) => each !== segment);
    this.#free(segment);
  }

  #free(segment: SealedSegment): void {
    this.#parts.space.release(segment.slot);
    this.#listener?.released(segment);
  }

  #succession(): Succession {
    return succession(this.#parts, [...this.#sealed, sealSegment(this.#current)], this.#retained);
  }
}

/**
 * The segments of a running journal: the one that groups go into, those sealed that hold live
 * records, those retained for what was pruned, and the slots that are free.
 *
 * # Invariants
 *
 * - Each slot is free, or holds the current segment, or one that is sealed or retained.
 * - A slot comes free only once no durable head lists its segment, or a durable record releases it.
 * - Sequences rise, and segments are kept in their order.
 *
 * # Crash safety
 *
 * See `rotation`.
 *
 * # Errors
 *
 * A call that makes or removes files rejects with the refusal of the disk. A refusal harms nothing.
 */
import { assert } from "../../types/assert.js";
import { isDiskFull } from "../../types/errors.js";
import { headBytesMax, type RetainedSegment, type SealedSegment } from "../form/head.js";
import { GROUP_BYTES_MAX, RECORD_HEADER_BYTES, SEGMENT_RESERVE_BYTES } from "../form/records.js";
import { recordBytesIn } from "../form/group-size.js";
import { TAG_BYTES } from "../../keys/aead.js";
import type { Seals } from "../seal/seals.js";
import { wipe } from "./wipe.js";
import type { MarkFile } from "../segment/mark-file.js";
import type { PlacedRecord } from "../segment/places.js";
import {
  type CurrentSegment,
  type NextSegment,
  nextSegment,
  roomIn,
  sealSegment,
} from "./current-segment.js";
import { Planner, type Standing } from "./planner.js";
import { wantedSegmentBytes } from "./segment-size.js";
import { bySequence, type Succession, type SuccessionParts } from "./succession.js";

/** An OPEN record may stand before a record, with the name of its log. */
const LOG_NAME_BYTES_MAX = 255;

/** Logs may take this part of a head's share; the rest lists segments. */
const LOGS_SHARE = 3 / 4;

/** The keeper of the map is told what becomes of segments. */
export interface SegmentListener {
  /** A segment ended, with every record of a log in it; its successor is about to be the current one. */
  sealed(segment: SealedSegment, records: readonly PlacedRecord[]): void;
  /** Nothing can be read from it any more. */
  released(segment: RetainedSegment): void;
  /** The log and all its records are forgotten; a later log of this name is another one. */
  dropped(name: string): void;
}

export interface SegmentsParts extends SuccessionParts {
  readonly storeId: Uint8Array;
  /** The keys of all segments. */
  readonly seals: Seals;
  readonly markFile: MarkFile;
  readonly current: CurrentSegment;
  /** In the order of their sequences, as are those retained. */
  readonly sealed: readonly SealedSegment[];
  readonly retained: readonly RetainedSegment[];
  /** Cryptographically random bytes, for salts. */
  readonly randomBytes: (count: number) => Uint8Array;
}

/** The part of the disk that the journal takes. */
export interface SpaceUse {
  readonly slots: number;
  /** Slots that a segment could begin in. */
  readonly free: number;
  /** Of all slots. */
  readonly bytes: number;
  /** How large segments are by now. */
  readonly segmentBytes: number;
  /** Slots by the state of the segments in them, and their bytes. */
  readonly segments: Readonly<Record<SegmentState, SlotsInState>>;
  /** Bytes of live records. */
  readonly liveBytes: number;
  /** Bytes of sealed segments that hold nothing live: a relocation may win them back. */
  readonly reclaimableBytes: number;
  /** Bytes of segments that are kept for readers of pruned records alone: `retainBytes` bounds them. */
  readonly retainedBytes: number;
}

/** A segment is written to, sealed with live records, or retained; a free slot has none. */
export type SegmentState = "current" | "sealed" | "retained" | "free";

export interface SlotsInState {
  readonly slots: number;
  readonly bytes: number;
}

/** A rotation that is decided: the next segment, and what its head lists. */
export interface Rotation extends NextSegment, Succession {}

export class Segments implements Standing {
  readonly #parts: SegmentsParts;
  /** Plans for space, reckoned from this object's state. */
  readonly planner: Planner;
  /** Groups go here. */
  #current: CurrentSegment;
  /** Sealed segments that the newest head lists as live; some may hold nothing live since. */
  #sealed: readonly SealedSegment[];
  /** Segments that the newest head lists for reading alone. */
  #retained: readonly RetainedSegment[];
  /** Told what becomes of segments. */
  #listener: SegmentListener | undefined;
  /** The most bytes that waited for a group, since the last rotation and between the two before. */
  #demand = { now: 0, before: 0 };
  /** Bytes of a new slot: decided at each rotation. */
  #wantedBytes: number;

  constructor(parts: SegmentsParts) {
    this.#parts = parts;
    this.#current = parts.current;
    this.#sealed = parts.sealed;
    this.#retained = parts.retained;
    this.#wantedBytes = this.#decideSize(parts.space.leastBytes);
    this.planner = new Planner(parts, this);
  }

  set listener(listener: SegmentListener) {
    this.#listener = listener;
  }

  get current(): CurrentSegment {
    return this.#current;
  }

  get sealed(): readonly SealedSegment[] {
    return this.#sealed;
  }

  get retained(): readonly RetainedSegment[] {
    return this.#retained;
  }

  /** The slots of retained segments from this sequence on. */
  retainedFrom(sequence: bigint): SlotsInState {
    return this.#slotsOf(this.#retained.filter((segment) => segment.sequence >= sequence));
  }

  #slotsOf(segments: readonly RetainedSegment[]): SlotsInState {
    const { space } = this.#parts;
    const bytes = segments.reduce((sum, { slot }) => sum + space.slot(slot).bytes, 0);
    return { slots: segments.length, bytes };
  }

  /** Every sealed segment that can be read, live ones and retained ones, oldest first. */
  get readable(): readonly RetainedSegment[] {
    return bySequence<RetainedSegment>([...this.#sealed, ...this.#retained]);
  }

  isReadable(segment: RetainedSegment): boolean {
    const isIt = ({ sequence }: RetainedSegment): boolean => sequence === segment.sequence;
    return this.#sealed.some(isIt) || this.#retained.some(isIt);
  }

  /** Bytes left in the current segment for appends and copies. */
  get room(): number {
    return roomIn(this.#current);
  }

  /**
   * The largest payload that a record can have here, whichever slot it comes into, whatever the head
   * of that segment lists, and whether or not it is sealed.
   */
  get payloadBytesMax(): number {
    const { leastBytes } = this.#parts.space;
    const room = leastBytes - headBytesMax(leastBytes) - SEGMENT_RESERVE_BYTES;
    return recordBytesIn(room) - 2 * RECORD_HEADER_BYTES - LOG_NAME_BYTES_MAX - TAG_BYTES;
  }

  /** Bytes that new logs may take of heads. */
  get roomForLogs(): number {
    const { space, table } = this.#parts;
    return LOGS_SHARE * headBytesMax(space.leastBytes) - table.headBytes;
  }

  get use(): SpaceUse {
    const { slotCount, freeCount, byteLength } = this.#parts.space;
    const segmentBytes = Math.max(this.#current.slot.bytes, this.wantedBytes);
    const segments = this.#byState();
    const { liveBytes } = this.#parts.places;
    const heldBytes = segments.sealed.bytes + this.#current.offset;
    return {
      slots: slotCount,
      free: freeCount,
      bytes: byteLength,
      segmentBytes,
      segments,
      liveBytes,
      reclaimableBytes: Math.max(0, heldBytes - liveBytes),
      retainedBytes: this.#slotsOf(this.#retained).bytes,
    };
  }

  #byState(): SpaceUse["segments"] {
    const { space } = this.#parts;
    const { free, kept } = space;
    const keptBytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
    const retained = this.#slotsOf(this.#retained);
    return {
      current: { slots: 1, bytes: this.#current.slot.bytes },
      sealed: this.#slotsOf(this.#sealed),
      // A backup that is being made reads them: nothing in them is live.
      retained: { slots: retained.slots + kept.length, bytes: retained.bytes + keptBytes },
      free: { slots: free.length, bytes: free.reduce((sum, { bytes }) => sum + bytes, 0) },
    };
  }

  /** Remembers that `bytes` wait for a group. */
  noteDemand(bytes: number): void {
    this.#demand.now = Math.max(this.#demand.now, Math.min(bytes, GROUP_BYTES_MAX));
  }

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

  /** Makes the slots that the next rotation needs. A refusal harms nothing. */
  async makeRoom(): Promise<void> {
    const { space } = this.#parts;
    try {
      await space.ensureFree(this.planner.slotsForRotation, this.wantedBytes);
    } catch (error) {
      // Those who read slots yield to the store: then a rotation needs fewer new ones.
      if (!isDiskFull(error) || !space.breakHolds()) throw error;
      await space.ensureFree(this.planner.slotsForRotation, this.wantedBytes);
    }
  }

  /**
   * `rotation`, into a slot without bytes of another key, and without plain ones beside a key: the head of a
   * segment with a key tells of all that lies in its slot.
   */
  async cleanRotation(): Promise<Rotation> {
    const { space, seals } = this.#parts;
    for (;;) {
      const next = space.next(this.wantedBytes);
      if (!seals.isForeign(next.slot)) return this.rotation();
      await wipe(next, seals);
    }
  }

  /** Overwrites a free slot that holds bytes of another key; tells how many bytes it had. */
  async cleanOne(): Promise<number> {
    const { space, seals } = this.#parts;
    const foreign = space.free.find(({ slot }) => seals.isForeign(slot));
    if (!foreign) return 0;
    await wipe(space.slot(foreign.slot), seals);
    return foreign.bytes;
  }

  /** A slot with bytes of another key is held: it is overwritten when it is free. */
  get keepsForeign(): boolean {
    const { space, seals } = this.#parts;
    return space.kept.some(({ slot }) => seals.isForeign(slot));
  }

  /**
   * Makes slots as the plan says, beside the groups. A refusal harms nothing. Returns whether the disk had
   * room for all of them at their size: a smaller one is surplus at once.
   */
  async makeSlots(diskFull: boolean): Promise<boolean> {
    let isWhole = true;
    for (let { make } = this.planner.plan(diskFull); make > 0; make--) {
      const { bytes } = await this.#parts.space.make(this.wantedBytes);
      isWhole &&= bytes >= this.wantedBytes;
    }
    return isWhole;
  }

  /** Gives a surplus slot back, the one that fits worst. A refusal harms nothing. */
  async giveOneBack(diskFull: boolean): Promise<void> {
    await this.#parts.space.giveBack(this.planner.plan(diskFull).surplus.slice(0, 1));
  }

  /**
   * Seals the current segment and prepares the next, whose head is to be written beside its first
   * group, or before it where it is sealed. A crash leaves this:
   *
   * - before the head is durable: recovery takes the old head, and nothing that it lists was touched;
   *   the group is lost, and was not acknowledged;
   * - once the head is durable, and not the group: recovery takes the new head, whatever the mark
   *   says; what it lists was acknowledged before the head was begun, and the group was not;
   * - once both are: the group is seen, whether or not it was acknowledged.
   *
   * A mark that names the new head begins when the head's write has returned, and the group is
   * acknowledged behind it: should the head be damaged later, open must not fall back to the old one.
   * Only then a slot that the new head does not list any more is free: `begin`.
   */
  rotation(): Rotation {
    const { space, markFile } = this.#parts;
    const succession = this.planner.succession;
    const next = nextSegment(this.#parts, {
      slot: space.take(this.wantedBytes),
      generation: markFile.current.generation,
      sequence: this.#current.sequence + 1n,
      firstLsn: this.#current.nextLsn,
      anchorSeq: markFile.current.anchor.acked,
      voteSeq: markFile.current.vote.acked,
      ...succession,
    });
    return { ...next, ...succession };
  }

  /** The head of `rotation` is durable, and a mark names it. */
  begin({ current, sealed, retained, freed }: Rotation): void {
    assert(current.sequence > this.#current.sequence, "the sequences of segments rise");
    assert(current.firstLsn >= this.#current.nextLsn, "no LSN is used twice");
    this.#listener?.sealed(sealSegment(this.#current), this.#current.records);
    this.#current = current;
    this.#sealed = sealed;
    this.#retained = retained;
    this.#wantedBytes = this.#decideSize(this.#wantedBytes);
    this.#demand = { now: 0, before: this.#demand.now };
    for (const segment of freed) this.#free(segment);
  }

  /** A record of a log is durable in the current segment. */
  note(record: PlacedRecord): void {
    const { slot, offset, length } = record.pointer;
    const { slot: here, recordsOffset } = this.#current;
    assert(slot === here.slot, "a record is placed in the current segment");
    assert(offset >= recordsOffset && offset + length <= here.bytes, "a record lies in its slot");
    // For the map, which there is only where something is retained.
    if (this.#parts.retainBytes > 0) this.#current.records.push(record);
  }

  noteDropped(dropped: string): void {
    this.#current.records = this.#current.records.filter(({ name }) => name !== dropped);
    this.#listener?.dropped(dropped);
  }

  /** The live records of the segment with this sequence. */
  recordsOf(sequence: bigint): readonly PlacedRecord[] {
    const segment = this.#sealed.find((each) => each.sequence === sequence);
    return segment ? [...this.#parts.places.recordsIn(segment.slot)] : [];
  }

  /** The slot of the segment that came after a readable one, as far as it is there. */
  slotAfter({ sequence }: RetainedSegment): number {
    const next = this.readable.find((each) => each.sequence > sequence);
    return next?.slot ?? this.#current.slot.slot;
  }

  /** The slot of the readable segment with this sequence. */
  slotOf(sequence: bigint): number {
    const segment = this.readable.find((each) => each.sequence === sequence);
    assert(segment !== undefined, "a segment that is to be released is there");
    return segment.slot;
  }

  /** A RELEASE record of this segment is durable: its slot is free from here on. */
  released(sequence: bigint): void {
    const segment = this.readable.find((each) => each.sequence === sequence);
    if (!segment) return;
    this.#sealed = this.#sealed.filter((each) => each !== segment);
    this.#retained = this.#retained.filter((each) => each !== segment);
    this.#free(segment);
  }

  #free(segment: RetainedSegment): void {
    const { places, space } = this.#parts;
    assert(
      places.liveIn(segment.slot).records === 0,
      "a segment with live records is not released",
    );
    assert(segment.slot !== this.#current.slot.slot, "the current segment is not released");
    space.release(segment.slot);
    this.#listener?.released(segment);
  }
}

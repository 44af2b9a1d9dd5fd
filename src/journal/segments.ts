/**
 * The segments of a running journal: the one that groups go into, those sealed that hold live
 * records, those retained for what was pruned, and the slots that are free.
 */
import { beginSegment, type CurrentSegment, sealSegment } from "./current-segment.js";
import { HEAD_BYTES_MAX, SEALED_SEGMENT_BYTES, type SealedSegment } from "./head.js";
import type { LogTable } from "./log-table.js";
import type { MarkFile } from "./mark-file.js";
import type { PlacedRecord, Places } from "./places.js";
import { planReclaim, type ReclaimPlan, type SpaceFacts } from "./reclaim.js";
import { BLOCK_BYTES, RECORD_HEADER_BYTES, SEGMENT_RESERVE_BYTES } from "./format.js";
import { SPARE_SLOTS, type Space } from "./space.js";

/** Of a segment, what a head's list of retained segments may take: one part in so many. */
const RETAINED_SHARE = 8;

/** Whoever keeps the map is told what becomes of segments. */
export interface SegmentListener {
  /** A segment ended, with every record of a log in it; its successor is not begun yet. */
  sealed(segment: SealedSegment, records: readonly PlacedRecord[]): void;
  /** Nothing can be read from it any more. */
  released(segment: SealedSegment): void;
  /** The log and all its records are forgotten; what comes under its name from now on is another. */
  dropped(name: string): void;
}

export interface SegmentsParts {
  readonly storeId: Uint8Array;
  readonly table: LogTable;
  readonly places: Places;
  readonly space: Space;
  readonly markFile: MarkFile;
  readonly current: CurrentSegment;
  /** In the order of their sequences, as are those retained. */
  readonly sealed: readonly SealedSegment[];
  readonly retained: readonly SealedSegment[];
  /** Bytes of segments that are kept though nothing in them is live. */
  readonly retainBytes: number;
  /** Cryptographically random bytes, for salts. */
  readonly randomBytes: (count: number) => Uint8Array;
}

/** What the next head lists, and what it sets free. */
interface Succession {
  readonly sealed: readonly SealedSegment[];
  readonly retained: readonly SealedSegment[];
  readonly freed: readonly SealedSegment[];
}

export class Segments {
  readonly #parts: SegmentsParts;
  #current: CurrentSegment;
  #sealed: readonly SealedSegment[];
  #retained: readonly SealedSegment[];
  #listener: SegmentListener | undefined;

  constructor(parts: SegmentsParts) {
    this.#parts = parts;
    this.#current = parts.current;
    this.#sealed = parts.sealed;
    this.#retained = parts.retained;
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
    const { slot, offset } = this.#current;
    return slot.bytes - offset - SEGMENT_RESERVE_BYTES;
  }

  /** The largest payload that a record can have here. */
  get payloadBytesMax(): number {
    const { slot, recordsOffset } = this.#current;
    return slot.bytes - recordsOffset - SEGMENT_RESERVE_BYTES - 2 * RECORD_HEADER_BYTES - 255;
  }

  /**
   * Makes the slots that a rotation needs: one for the head, and two spares that it leaves, those
   * counted that it sets free (D9). A refusal harms nothing.
   */
  async makeRoom(): Promise<void> {
    const { freed } = this.#succession();
    await this.#parts.space.ensureFree(this.#slotsForRotation(freed));
  }

  /**
   * Seals the current segment and begins the next. Crash argument: until the new head's write
   * returned, recovery takes the old head, and nothing that it lists was touched; once it returned,
   * recovery takes the new one, whatever the mark says. The mark names it only now, and only then a
   * slot that the new head no longer lists may be overwritten (by the head after it).
   */
  async rotate(): Promise<void> {
    const { space, markFile } = this.#parts;
    const { sealed, retained, freed } = this.#succession();
    const slot = space.take();
    this.#listener?.sealed(sealSegment(this.#current), this.#current.records);
    const next = await beginSegment(this.#parts, {
      slot,
      generation: markFile.current.generation,
      sequence: this.#current.sequence + 1n,
      firstLsn: this.#current.nextLsn,
      anchorSeq: markFile.current.anchor.acked,
      sealed,
      retained,
    });
    await markFile.write({ headSequence: next.sequence });
    this.#current = next;
    this.#sealed = sealed;
    this.#retained = retained;
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

  #facts(
    sealed: readonly SealedSegment[],
    retained: readonly SealedSegment[],
    diskFull: boolean,
  ): SpaceFacts {
    const { space, places } = this.#parts;
    // What died since the last head is retained by the next one, and what is too old is not.
    const kept = new Set(succession(this.#parts, sealed, retained).retained);
    return {
      segmentBytes: space.segmentBytes,
      segments: bySequence([...sealed, ...retained]).map((segment) => ({
        sequence: segment.sequence,
        slotBytes: space.slot(segment.slot).bytes,
        live: places.liveIn(segment.slot),
        retained: kept.has(segment),
      })),
      slots: space.slotCount,
      freeSlots: space.freeCount,
      liveBytes: places.liveBytes,
      room: this.room,
      rotationNear: this.isRotationNear,
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

  get lacksSpares(): boolean {
    return this.#parts.space.freeCount < SPARE_SLOTS;
  }

  /**
   * Whether a rotation into one of the spares, with no room on the disk for another, leaves stragglers
   * that its successor can take in beside `beside` bytes of what waits, so that the spares are whole
   * again at once. Half of the successor must do: the rest is progress.
   */
  restoresSpares(beside: number): boolean {
    const { space } = this.#parts;
    const { sealed, freed } = this.#succession();
    if (space.freeCount === 0) return false;
    const freeSlots = space.freeCount - 1 + this.#wholeOf(freed);
    // The next head may be longer than this one.
    const half = this.payloadBytesMax / 2;
    const room = Math.min(half, this.payloadBytesMax - BLOCK_BYTES - beside);
    const facts = { ...this.#facts(sealed, [], true), freeSlots, room, rotationNear: false };
    return planReclaim(facts).relocate.length >= SPARE_SLOTS - freeSlots;
  }

  /** Free slots that a rotation needs: one for the head, and two spares, those counted that it frees. */
  #slotsForRotation(freed: readonly SealedSegment[]): number {
    return Math.max(1, SPARE_SLOTS + 1 - this.#wholeOf(freed));
  }

  /** How many of these have slots of full size: others have yet to grow before they are spares. */
  #wholeOf(segments: readonly SealedSegment[]): number {
    const { space } = this.#parts;
    return segments.filter(({ slot }) => space.slot(slot).bytes >= space.segmentBytes).length;
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

/** What a head lists when `sealed` and `retained` are there. */
export function succession(
  parts: Pick<SegmentsParts, "places" | "retainBytes" | "space">,
  sealed: readonly SealedSegment[],
  retained: readonly SealedSegment[],
): Succession {
  const { places, retainBytes, space } = parts;
  const isLive = ({ slot }: SealedSegment): boolean => places.liveIn(slot).records > 0;
  const dead = bySequence([...retained, ...sealed.filter((segment) => !isLive(segment))]);
  // What holds no record, as restarts leave behind, would take the place of what does.
  const readable = dead.filter(({ firstLsn, nextLsn }) => nextLsn > firstLsn);
  const kept = newestWithin(
    readable.slice(-retainedMax(space.segmentBytes)),
    retainBytes,
    ({ slot }) => space.slot(slot).bytes,
  );
  const isKept = new Set(kept);
  return {
    sealed: sealed.filter(isLive),
    retained: kept,
    freed: dead.filter((segment) => !isKept.has(segment)),
  };
}

/** How many retained segments a head lists at most, so that it leaves its segment to records. */
function retainedMax(segmentBytes: number): number {
  const headBytes = Math.min(HEAD_BYTES_MAX / 2, segmentBytes / RETAINED_SHARE);
  return Math.floor(headBytes / SEALED_SEGMENT_BYTES);
}

/** The newest of `segments` that `budget` bytes hold, oldest first: the oldest are dropped first. */
export function newestWithin(
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

function bySequence(segments: readonly SealedSegment[]): SealedSegment[] {
  return [...segments].sort((a, b) => Number(a.sequence - b.sequence));
}

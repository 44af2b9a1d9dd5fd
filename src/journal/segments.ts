/**
 * The segments of a running journal: the one that groups go into, those sealed that hold live
 * records, those retained for what was pruned, and the slots that are free.
 */
import { beginSegment, type CurrentSegment, sealSegment } from "./current-segment.js";
import type { SealedSegment } from "./head.js";
import type { LogTable } from "./log-table.js";
import type { MarkFile } from "./mark-file.js";
import type { PlacedRecord, Places } from "./places.js";
import { planReclaim, type ReclaimPlan, type SpaceFacts } from "./reclaim.js";
import { RECORD_HEADER_BYTES, SEGMENT_RESERVE_BYTES } from "./format.js";
import { SPARE_SLOTS, type Space } from "./space.js";

/** Whoever keeps the map is told what becomes of segments. */
export interface SegmentListener {
  /** A segment ended, with every record of a log in it; its successor is not begun yet. */
  sealed(segment: SealedSegment, records: readonly PlacedRecord[]): void;
  /** Nothing can be read from it any more. */
  released(segment: SealedSegment): void;
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
    await this.#parts.space.ensureFree(Math.max(1, SPARE_SLOTS + 1 - freed.length));
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

  /** What is to be done for the bound on disk use; `diskFull` where no slot can be made. */
  plan(diskFull: boolean): ReclaimPlan {
    return planReclaim(this.#facts(this.#sealed, this.#retained, diskFull));
  }

  #facts(
    sealed: readonly SealedSegment[],
    retained: readonly SealedSegment[],
    diskFull: boolean,
  ): SpaceFacts {
    const { space, places } = this.#parts;
    return {
      segmentBytes: space.segmentBytes,
      segments: bySequence([...sealed, ...retained]).map((segment) => ({
        sequence: segment.sequence,
        slotBytes: space.slot(segment.slot).bytes,
        live: places.liveIn(segment.slot),
        retained: retained.includes(segment),
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
   * that half of its successor can take in, so that the spares are whole again at once and the rest
   * is progress.
   */
  restoresSpares(): boolean {
    const { space } = this.#parts;
    const { sealed, freed } = this.#succession();
    const freeSlots = space.freeCount - 1 + freed.length;
    if (freeSlots < freed.length) return false;
    const room = this.payloadBytesMax / 2;
    const facts = { ...this.#facts(sealed, [], true), freeSlots, room, rotationNear: false };
    return planReclaim(facts).relocate.length >= SPARE_SLOTS - freeSlots;
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
  const kept = newestWithin(dead, retainBytes, ({ slot }) => space.slot(slot).bytes);
  return {
    sealed: sealed.filter(isLive),
    retained: kept,
    freed: dead.filter((segment) => !kept.includes(segment)),
  };
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

/** The part of a journal that can be read: its segments, and the records in them, live or not. */
import type { RetainedSegment, SealedSegment } from "./form/head.js";
import type { LogTable } from "./form/log-table.js";
import type { Seals } from "./seal/seals.js";
import type { PlacedRecord, Places } from "./segment/places.js";
import type { RecordName, RecordReader } from "./segment/reader.js";
import { endListedIn, nextAt, recordsIn, type SegmentRecords } from "./segment/records.js";
import type { Span } from "./segment/run.js";
import type { Pointer } from "./segment/segment.js";
import { sealSegment } from "./space/current-segment.js";
import type { Segments, SlotsInState } from "./space/segments.js";
import type { Space } from "./space/slots.js";

/** No log has this number. */
const NO_LOG = -1;

export interface ReadableParts {
  /** Every log: its number, its name, its first and next. `next` is ahead of the disk by one group. */
  readonly table: LogTable;
  /** The place of each live record. Never ahead of the disk. */
  readonly places: Places;
  readonly space: Space;
  /** The current segment, and all those that can be read. */
  readonly segments: Segments;
  /** The keys of all segments. */
  readonly seals: Seals;
  /** Reads records back and checks them. */
  readonly reader: RecordReader;
}

export class ReadableJournal {
  readonly #parts: ReadableParts;

  constructor(parts: ReadableParts) {
    this.#parts = parts;
  }

  /** The sealed segments that the newest head lists as live, oldest first. */
  get sealed(): readonly SealedSegment[] {
    return this.#parts.segments.sealed;
  }

  /** Every sealed segment that can be read, oldest first. */
  get readable(): readonly RetainedSegment[] {
    return this.#parts.segments.readable;
  }

  /** Whether a segment that could be read still can. */
  isReadable(segment: RetainedSegment): boolean {
    return this.#parts.segments.isReadable(segment);
  }

  /** The live records in a sealed segment. */
  liveRecordsIn(segment: RetainedSegment): readonly PlacedRecord[] {
    return [...this.#parts.places.recordsIn(segment.slot)];
  }

  /** Every record of a log in the current segment, live or not. */
  get currentRecords(): readonly PlacedRecord[] {
    return this.#parts.segments.current.records;
  }

  /** The segment that groups go into, as it would be sealed now. */
  get currentSegment(): SealedSegment {
    return sealSegment(this.#parts.segments.current);
  }

  /** Bytes of retained segments from this sequence on. */
  retainedFrom(sequence: bigint): SlotsInState {
    return this.#parts.segments.retainedFrom(sequence);
  }

  /** The live records of a log by slot, oldest record first. */
  spansOf(name: string): Iterable<Span> {
    return this.#parts.places.spansOf(name);
  }

  /** The place of a live record; `undefined` if there is none. */
  find(name: string, number: bigint): Pointer | undefined {
    return this.#parts.places.find(name, number);
  }

  /** Bytes of a live record's payload, as it was given; `undefined` where it is not live. */
  payloadBytesOf(name: string, number: bigint): number | undefined {
    const pointer = this.find(name, number);
    return pointer && this.#parts.seals.plainBytes(pointer);
  }

  /**
   * Reads a live record back from disk and checks that it is the one; `undefined` if it is not live, or
   * was pruned meanwhile.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT if another record lies there; IO.
   */
  read(name: string, number: bigint): Promise<Uint8Array | undefined> {
    return this.#readLive(name, number, (pointer) => this.readAt(pointer, name, number));
  }

  /**
   * The beginning of a live record's payload, read back and checked as `RecordReader.readBeginning` says
   * (D4). Otherwise as `read`.
   */
  readBeginning(name: string, number: bigint): Promise<Uint8Array | undefined> {
    return this.#readLive(name, number, (pointer) => {
      return this.#parts.reader.readBeginning(pointer, this.#named(name, number));
    });
  }

  /** Reads the record that `pointer` names, live or not, and checks it. Throws as `read`. */
  async readAt(pointer: Pointer, name: string, number: bigint): Promise<Uint8Array> {
    return await this.#parts.reader.read(pointer, this.#named(name, number));
  }

  /**
   * Every record of a log in a readable segment, live or not, oldest first; those of dropped logs are
   * left out. `damage` says why there are no more, where the segment does not verify to its end.
   * Payloads are read only if they are to be checked: `payloads`.
   */
  async recordsIn(segment: RetainedSegment, payloads = false): Promise<SegmentRecords> {
    const { space, segments, table } = this.#parts;
    const slot = space.slot(segment.slot);
    const end = await endListedIn(space.slot(segments.slotAfter(segment)), segment);
    return await recordsIn(slot, segment, { table, end, payloads });
  }

  /** The log with this name, by its number on disk. */
  logOf(name: string): number | undefined {
    return this.#parts.table.byName(name)?.log;
  }

  /** The name of the log with this number, unless it was dropped. */
  nameOf(log: number): string | undefined {
    return this.#parts.table.byLog(log)?.name;
  }

  /** The number that was due next in a log when a readable segment began; 0 before the log was there. */
  async nextAt(segment: RetainedSegment, name: string): Promise<bigint> {
    return await nextAt(this.#parts.space.slot(segment.slot), this.logOf(name) ?? NO_LOG);
  }

  async #readLive(
    name: string,
    number: bigint,
    readAt: (pointer: Pointer) => Promise<Uint8Array>,
  ): Promise<Uint8Array | undefined> {
    const { places } = this.#parts;
    for (;;) {
      const pointer = places.find(name, number);
      if (!pointer) return undefined;
      try {
        return await readAt(pointer);
      } catch (cause) {
        // It was moved or pruned, and its slot written over, while it was read.
        if (places.find(name, number) === pointer) throw cause;
      }
    }
  }

  #named(name: string, number: bigint): RecordName {
    return { name, log: this.#parts.table.byName(name)?.log ?? NO_LOG, number };
  }
}

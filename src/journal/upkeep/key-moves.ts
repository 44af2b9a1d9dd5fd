/**
 * Moves records off segments that are plain, or under another key than the one that writes, and overwrites free
 * slots that hold such bytes. One step at a time; `rekeyer.ts` has the story of its crashes.
 *
 * A segment is emptied as a whole, the oldest first: retained records so stay in their order.
 */
import { hasCode, PersisterError } from "../../types/errors.js";
import type { RetainedSegment } from "../form/head.js";
import { recordBytesIn } from "../form/group-size.js";
import type { LogTable } from "../form/log-table.js";
import { GROUP_RECORDS_MAX, RECORD_HEADER_BYTES } from "../form/records.js";
import type { CopyEntry, RecordEntry } from "../group/group.js";
import type { Reclaimer } from "./reclaimer.js";
import type { Seals } from "../seal/seals.js";
import type { PlacedRecord, Places } from "../segment/places.js";
import type { SegmentRecords } from "../segment/records.js";
import type { Segments } from "../space/segments.js";

/** Bytes of copies in one step, unless one record has more. */
const STEP_BYTES = 1024 * 1024;
const STEP_RECORDS_MAX = GROUP_RECORDS_MAX / 4;

export interface KeyMovesParts {
  readonly table: LogTable;
  readonly places: Places;
  readonly seals: Seals;
  readonly segments: Segments;
  readonly reclaimer: Reclaimer;
  /** Bytes of segments that are retained; without any, what was pruned is not moved. */
  readonly retainBytes: number;
  /** Begins the next segment; tells whether it is durable. */
  readonly beginSegment: () => Promise<boolean>;
  readonly read: (record: PlacedRecord) => Promise<Uint8Array>;
  readonly recordsIn: (segment: RetainedSegment) => Promise<SegmentRecords>;
  /** Writes a group; tells whether it is durable. */
  readonly write: (entries: readonly RecordEntry[]) => Promise<boolean>;
}

/** The segment that is being emptied, and the records of it that are to be copied yet. */
interface Emptying {
  readonly segment: RetainedSegment;
  readonly records: readonly PlacedRecord[];
  at: number;
}

/** The records that one step copies, from a place in a list on. */
interface Copies {
  readonly copies: readonly CopyEntry[];
  readonly next: number;
  readonly bytes: number;
}

export class KeyMoves {
  readonly #parts: KeyMovesParts;
  #emptying: Emptying | undefined;
  /** Segments that cannot be emptied, and why: they stay until they are not retained any more. */
  readonly #stuck = new Map<bigint, PersisterError>();

  constructor(parts: KeyMovesParts) {
    this.#parts = parts;
  }

  /** Why something is left that cannot be moved, once nothing else is. */
  get stuck(): PersisterError | undefined {
    const [first] = this.#stuck.values();
    return first;
  }

  /** A key was added: everything is tried again. */
  restart(): void {
    this.#stuck.clear();
  }

  /** Copies some records, releases a segment, or overwrites a slot; tells how many bytes that took, or 0. */
  async step(): Promise<number> {
    return (await this.#empty()) || (await this.#parts.segments.cleanOne());
  }

  /** The oldest segment that is to be emptied. */
  #foreign(): RetainedSegment | undefined {
    const { segments, seals } = this.#parts;
    return segments.readable.find(({ slot, sequence }) => {
      return seals.isForeign(slot) && !this.#stuck.has(sequence);
    });
  }

  /** Copies some records of a foreign segment, or releases it; tells how many bytes that took. */
  async #empty(): Promise<number> {
    const { segments, beginSegment, write } = this.#parts;
    const segment = this.#foreign();
    if (!segment) return 0;
    if (this.#isLocked(segment)) return await this.#empty();
    if (this.#emptying?.segment.sequence !== segment.sequence) {
      this.#emptying = { segment, records: await this.#recordsOf(segment), at: 0 };
    }
    const { records, at } = this.#emptying;
    let found = await this.#copies(records, at);
    if (isBlocked(found, records)) {
      // There is no room for the next record: the segment that follows has it.
      await beginSegment();
      // Its head may have let this one go: nothing in it is live, or it is retained no longer.
      if (!segments.isReadable(segment)) return RECORD_HEADER_BYTES;
      found = await this.#copies(records, at);
    }
    const { copies, next, bytes } = found;
    if (isBlocked(found, records)) this.#stuck.set(segment.sequence, tooLarge(segment));
    if (copies.length > 0 && !(await write(copies))) return bytes;
    this.#emptying.at = next;
    if (next === records.length && (await this.#release(segment))) this.#emptying = undefined;
    return bytes + RECORD_HEADER_BYTES;
  }

  async #release(segment: RetainedSegment): Promise<boolean> {
    const { reclaimer, segments, beginSegment } = this.#parts;
    if (await reclaimer.release([segment.sequence])) return true;
    await beginSegment();
    // Nothing in it is live: the head of the new segment may have let it go.
    return !segments.isReadable(segment);
  }

  /** Whether the key of a segment is not given. Only a retained one can be so: open needs all others. */
  #isLocked({ slot, sequence }: RetainedSegment): boolean {
    try {
      this.#parts.seals.openerOf(slot);
      return false;
    } catch (cause) {
      if (!hasCode(cause, "KEY_MISSING", "KEY_WRONG")) throw cause;
      this.#stuck.set(sequence, cause);
      return true;
    }
  }

  /** Everything in a segment that is live, and what is retained, where anything is. */
  async #recordsOf(segment: RetainedSegment): Promise<readonly PlacedRecord[]> {
    const { segments, retainBytes, recordsIn } = this.#parts;
    if (retainBytes === 0) return segments.recordsOf(segment.sequence);
    const { records, damage } = await recordsIn(segment);
    if (damage === undefined) return records;
    // Damage to what is retained is no reason to leave a live record behind.
    return segments.recordsOf(segment.sequence);
  }

  /** Copies of records from `at` on, as many as one step and the current segment take. */
  async #copies(records: readonly PlacedRecord[], at: number): Promise<Copies> {
    const { table, segments, seals } = this.#parts;
    const room = recordBytesIn(segments.room);
    const copies: CopyEntry[] = [];
    let bytes = 0;
    let next = at;
    for (; next < records.length && copies.length < STEP_RECORDS_MAX; next++) {
      const record = records[next];
      const log = record && table.byName(record.name)?.log;
      if (!record || log === undefined || !this.#isNeeded(record)) continue;
      const { name, number, pointer } = record;
      const more = RECORD_HEADER_BYTES + pointer.length + seals.growthFrom(pointer.slot);
      if (bytes + more > room || (bytes > 0 && bytes + more > STEP_BYTES)) break;
      const payload = await this.#payloadOf(record);
      if (!payload) continue;
      bytes += more;
      copies.push({ type: "copy", name, log, number, payload, isRetained: true, settled });
    }
    return { copies, next, bytes };
  }

  /** Live where it lies here, or retained. A live record that lies elsewhere was moved already. */
  #isNeeded({ name, number, pointer }: PlacedRecord): boolean {
    const live = this.#parts.places.find(name, number);
    if (live) return live.slot === pointer.slot && live.offset === pointer.offset;
    const first = this.#parts.table.byName(name)?.first ?? 0n;
    return this.#parts.retainBytes > 0 && number < first;
  }

  /** A retained record that cannot be read is not promised, and is left behind. */
  async #payloadOf(record: PlacedRecord): Promise<Uint8Array | undefined> {
    try {
      return await this.#parts.read(record);
    } catch (cause) {
      const isLive = this.#parts.places.find(record.name, record.number) !== undefined;
      if (isLive || !(cause instanceof PersisterError)) throw cause;
      return undefined;
    }
  }
}

function isBlocked({ copies, next }: Copies, records: readonly PlacedRecord[]): boolean {
  return copies.length === 0 && next < records.length;
}

/** Segments were larger when it was written. */
function tooLarge({ sequence }: RetainedSegment): PersisterError {
  const text = `segment ${sequence} cannot be moved: a record is larger than segments are now; reopen with a larger segmentBytes`;
  return new PersisterError("INVALID", text);
}

function settled(): void {
  // The step is known by its group.
}

/**
 * Carries out what `reclaim.ts` decides, a group at a time: live records are copied out of
 * straggling segments, and segments are released by a record.
 */
import { GROUP_RECORDS_MAX, RECORD_HEADER_BYTES, SEGMENT_RESERVE_BYTES } from "../form/records.js";
import type { CopyEntry, RecordEntry } from "../group/group.js";
import { recordBytesIn } from "../form/group-size.js";
import type { LogTable } from "../form/log-table.js";
import type { Seals } from "../seal/seals.js";
import type { PlacedRecord } from "../segment/places.js";
import { COPY_GROUP_BYTES_MAX } from "../space/planner.js";
import type { Segments } from "../space/segments.js";

/** Copies, or releases, in one group. */
const ENTRIES_MAX = GROUP_RECORDS_MAX / 2;

export interface ReclaimerParts {
  readonly table: LogTable;
  readonly segments: Segments;
  readonly seals: Seals;
  /** Reads a record and checks it. */
  readonly read: (record: PlacedRecord) => Promise<Uint8Array>;
  /** Writes a group; tells whether it is durable. */
  readonly write: (entries: readonly RecordEntry[]) => Promise<boolean>;
}

export class Reclaimer {
  readonly #parts: ReclaimerParts;

  constructor(parts: ReclaimerParts) {
    this.#parts = parts;
  }

  /** One step towards the bound on disk use (D9); tells whether there was one to take. */
  async step(diskFull: boolean): Promise<boolean> {
    const { relocate, release } = this.#parts.segments.planner.plan(diskFull);
    const copies = await this.#copiesOf(relocate);
    if (copies.length === 0) return await this.release(release);
    return await this.#parts.write(copies);
  }

  /** Sets retained segments free where a rotation finds no room; tells whether there were any. */
  async yieldRetained(): Promise<boolean> {
    return await this.release(this.#parts.segments.planner.yielding);
  }

  /** Copies of what is live in these segments, as many as one group takes. */
  async #copiesOf(sequences: readonly bigint[]): Promise<CopyEntry[]> {
    const { table, segments, seals, read } = this.#parts;
    const copies: Promise<CopyEntry>[] = [];
    let bytes = 0;
    const room = recordBytesIn(segments.room);
    for (const record of sequences.flatMap((sequence) => segments.recordsOf(sequence))) {
      const { name, number, pointer } = record;
      const log = table.byName(name)?.log;
      if (log === undefined) continue;
      bytes += RECORD_HEADER_BYTES + pointer.length + seals.growthFrom(pointer.slot);
      // A large segment is emptied in parts.
      if (bytes > room) break;
      const isFull = bytes > COPY_GROUP_BYTES_MAX || copies.length >= ENTRIES_MAX;
      if (copies.length > 0 && isFull) break;
      copies.push(
        read(record).then((payload) => {
          return { type: "copy", name, log, number, payload, settled: nobodyWaits };
        }),
      );
    }
    return await Promise.all(copies);
  }

  /** Sets these segments free, as far as there is room for it; tells whether it did. */
  async release(sequences: readonly bigint[]): Promise<boolean> {
    const { segments, write } = this.#parts;
    const room = recordBytesIn(segments.room + SEGMENT_RESERVE_BYTES);
    const count = Math.min(sequences.length, Math.floor(room / RECORD_HEADER_BYTES), ENTRIES_MAX);
    if (count <= 0) return false;
    const entries = sequences.slice(0, count).map((sequence) => {
      const slot = segments.slotOf(sequence);
      return { type: "release", sequence, slot, settled: nobodyWaits } as const;
    });
    return await write(entries);
  }
}

function nobodyWaits(): void {
  // The step is known by its group.
}

/**
 * Writes one group: its records and its A/B messages, and beside them the mark that names them, all
 * at once (D1, D6). When all are on disk, the journal's state moves with them.
 */
import { assert } from "../types/assert.js";
import { ChunkSize } from "./group/chunk-size.js";
import { Framing } from "./group/framing.js";
import { assembleGroup, type Entry, type Group } from "./group/group.js";
import type { LogTable } from "./form/log-table.js";
import { groupAcked, groupInFlight } from "./group/mark-change.js";
import type { MarkFile } from "./segment/mark-file.js";
import type { Places } from "./segment/places.js";
import type { Pointer } from "./segment/segment.js";
import { writeHead } from "./space/current-segment.js";
import type { Rotation, Segments } from "./space/segments.js";

/** A mark is about so small, whatever it names. */
const MARK_BYTES = 4096;

/** Counters since open, for status and benchmarks. */
export interface JournalCounters {
  groups: number;
  records: number;
  bytes: number;
  rotations: number;
  /** Live records that were copied out of a straggling segment. */
  relocated: number;
}

export interface GroupWriterParts {
  readonly table: LogTable;
  readonly places: Places;
  readonly segments: Segments;
  readonly markFile: MarkFile;
}

export class GroupWriter {
  readonly #parts: GroupWriterParts;
  readonly #framing = new Framing();
  readonly #chunkSize = new ChunkSize();
  readonly counters: JournalCounters = {
    groups: 0,
    records: 0,
    bytes: 0,
    rotations: 0,
    relocated: 0,
  };

  constructor(parts: GroupWriterParts) {
    this.#parts = parts;
  }

  /**
   * Durable when resolved; the caller settles. With `rotation` the group is the first of its segment,
   * whose head is written beside it. Rejects with the first write that failed.
   */
  async write(entries: readonly Entry[], rotation?: Rotation): Promise<void> {
    const { table, segments, markFile } = this.#parts;
    const current = rotation?.current ?? segments.current;
    const group = assembleGroup(entries, table);
    const { pairs, records } = group;
    if (records.length + pairs.length === 0 && !rotation) return;
    const last = current.nextLsn + BigInt(records.length) - 1n;
    const chunkBytes = this.#chunkSize.of(group.byteLength);
    const { slot, offset, chain, nextLsn } = current;
    assert(offset + group.byteLength <= slot.bytes, "a group fits its segment");
    const start = { slot: slot.slot, offset, chain, nextLsn };
    const writes: Promise<void>[] = [];
    if (rotation) writes.push(writeHead(rotation));
    for (const chunk of this.#framing.chunks(records, start, chunkBytes)) {
      const write = slot.file.writeDurable(chunk.offset, chunk.buffers);
      writes.push(this.#timed(chunk.byteLength, write));
    }
    // The mark goes beside the group, never behind it: the acknowledgement waits for all.
    const mark = markFile.write(groupInFlight(markFile.current, group, last));
    writes.push(this.#timed(MARK_BYTES, mark));
    for (const pair of pairs) writes.push(pair.write());
    const ended = await Promise.allSettled(writes);
    const failed = ended.find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
    if (rotation) this.#begin(rotation);
    this.#advance(group);
    markFile.note(groupAcked(markFile.current, group, last));
  }

  /** D6: a mark names a head only after its write returned. */
  #begin(rotation: Rotation): void {
    const { segments, markFile } = this.#parts;
    segments.begin(rotation);
    markFile.note({ headSequence: rotation.current.sequence });
    this.counters.rotations += 1;
  }

  async #timed(bytes: number, write: Promise<void>): Promise<void> {
    const began = performance.now();
    await write;
    this.#chunkSize.note(bytes, performance.now() - began);
  }

  #advance(group: Group): void {
    const { current } = this.#parts.segments;
    const { pointers, endChain } = this.#framing;
    const { records } = group;
    if (records.length > 0) current.chain = endChain;
    current.offset += group.byteLength;
    current.nextLsn += BigInt(records.length);
    for (const { entry, record } of group.entries) {
      this.#place(entry, record === undefined ? undefined : pointers[record]);
    }
    this.counters.groups += 1;
    this.counters.records += records.length;
    this.counters.bytes += group.byteLength;
  }

  #place(entry: Group["entries"][number]["entry"], pointer: Pointer | undefined): void {
    const { places, segments } = this.#parts;
    switch (entry.type) {
      case "append": {
        assert(pointer !== undefined, "an append has a place");
        places.append(entry.name, entry.number, pointer);
        segments.note({ name: entry.name, number: entry.number, pointer });
        return;
      }
      case "truncate":
        places.truncate(entry.name, entry.first);
        return;
      case "drop":
        places.drop(entry.name);
        segments.noteDropped(entry.name);
        return;
      case "copy":
        if (!pointer) return;
        places.move(entry.name, entry.number, pointer);
        segments.note({ name: entry.name, number: entry.number, pointer });
        this.counters.relocated += 1;
        return;
      case "release":
        segments.released(entry.sequence);
        return;
      case "open":
    }
  }
}

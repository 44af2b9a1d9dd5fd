/**
 * Writes one group: its records, its PAD and its footer (D1). When all are on disk, the journal's state
 * moves with them. The group of a rotation is the first of its segment: the head is written beside it,
 * and a mark that names the head when the head's write has returned.
 *
 * The head of a sealed segment is durable before its group begins (D11):
 * 1. Group 7 is written into a slot of zeros, its head beside it. The power fails: the group is there, the head is not.
 * 2. Open sees a slot of zeros. The keys rotate, and the slot is not overwritten.
 * 3. The older key is said to be needed no more, and opens what lies in that slot.
 */
import { allEnded } from "../../async/all-ended.js";
import type { Flush, FlushStatus, WayOf } from "../../disk/surroundings.js";
import { assert } from "../../types/assert.js";
import type { Observe } from "../../types/measures.js";
import type { LogTable } from "../form/log-table.js";
import { RECORD_HEADER_BYTES } from "../form/records.js";
import { chunkEnds } from "./chunk-size.js";
import { FlushPolicy } from "./flush-policy.js";
import { Framing, type GroupStart, withFooter } from "./framing.js";
import {
  assembleGroup,
  type CopyEntry,
  type Group,
  type GroupRecord,
  type RecordEntry,
} from "./group.js";
import { groupAcked } from "./mark-change.js";
import { TAG_BYTES } from "../../keys/aead.js";
import type { Seals } from "../seal/seals.js";
import type { MarkFile } from "../segment/mark-file.js";
import type { Places } from "../segment/places.js";
import type { Pointer } from "../segment/segment.js";
import { type CurrentSegment, writeHead } from "../space/current-segment.js";
import type { Rotation, Segments } from "../space/segments.js";

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
  readonly seals: Seals;
  readonly markFile: MarkFile;
  /** How groups are written; without it always through the thread pool. */
  readonly flush?: Flush | WayOf | undefined;
  readonly observe?: Observe | undefined;
}

export class GroupWriter {
  readonly #parts: GroupWriterParts;
  readonly #framing = new Framing();
  readonly #policy: FlushPolicy;
  readonly counters: JournalCounters = {
    groups: 0,
    records: 0,
    bytes: 0,
    rotations: 0,
    relocated: 0,
  };

  constructor(parts: GroupWriterParts) {
    this.#parts = parts;
    const policy = new FlushPolicy(parts.flush ?? "async");
    this.#policy = policy;
    parts.markFile.onWritten = (bytes, ms) => policy.speed.note(bytes, ms);
  }

  /** The way that groups go at present. */
  get flush(): FlushStatus {
    return this.#policy.status(performance.now());
  }

  /**
   * Durable when resolved; the caller settles. With `rotation` the group is the first of its segment.
   * Rejects with the first write that failed, once all have ended.
   */
  async write(entries: readonly RecordEntry[], rotation?: Rotation): Promise<void> {
    const { table, segments, markFile } = this.#parts;
    const current = rotation?.current ?? segments.current;
    const group = assembleGroup(entries, table, current.sealer ? TAG_BYTES : 0);
    const beganMs = performance.now();
    const writes: Promise<void>[] = [];
    const head = rotation && writeHead(rotation);
    if (current.sealer) await head;
    if (rotation) writes.push(this.#begin(rotation, head));
    let end = current;
    if (group.records.length > 0) {
      const start = startIn(current, markFile.durableSequence);
      const records = withFooter(group, start);
      const byteLength = bytesOf(records);
      assert(start.offset + byteLength <= current.slot.bytes, "a group fits its segment");
      writes.push(...this.#writeRecords(records, start, current));
      end = {
        ...current,
        offset: start.offset + byteLength,
        chain: this.#framing.endChain,
        nextLsn: start.nextLsn + BigInt(records.length),
      };
    }
    await allEnded(writes);
    if (rotation) {
      segments.begin(rotation);
      this.counters.rotations += 1;
    }
    if (group.records.length === 0) return;
    this.#measure(group, end.offset - current.offset, performance.now() - beganMs);
    this.#advance(group, end);
    markFile.note(groupAcked(markFile.current, group, end.nextLsn - 1n));
  }

  #measure(group: Group, bytes: number, ms: number): void {
    const { observe } = this.#parts;
    if (!observe) return;
    observe("groupMs", ms);
    observe("groupRecords", group.records.length);
    observe("groupBytes", bytes);
  }

  /** The mark that names a head begins when the head's write has returned, and not before (D6). */
  async #begin(rotation: Rotation, head: Promise<void> | undefined): Promise<void> {
    await head;
    await this.#parts.markFile.write({ headSequence: rotation.current.sequence });
  }

  #writeRecords(
    records: readonly GroupRecord[],
    start: GroupStart,
    { slot }: CurrentSegment,
  ): Promise<void>[] {
    const writes: Promise<void>[] = [];
    const bytes = bytesOf(records);
    const policy = this.#policy;
    const way = policy.of(bytes, performance.now());
    const ends = way === "blocking" ? [bytes] : chunkEnds(bytes, policy.speed);
    for (const chunk of this.#framing.chunks(records, start, ends)) {
      const beganMs = performance.now();
      const its = chunk.isLast && way === "pool" ? policy.ofLast(ends.length, beganMs) : way;
      const write = slot.file.writeDurable(chunk.offset, chunk.buffers, its);
      const nowMs = performance.now();
      if (its === "blocking") policy.held(nowMs - beganMs, nowMs);
      writes.push(this.#timed(chunk.byteLength, write, beganMs));
    }
    return writes;
  }

  /** Whether a live record is sealed where it lies, or where it is copied to. */
  #isSealedMove({ name, number }: CopyEntry): boolean {
    const { places, segments, seals } = this.#parts;
    const from = places.find(name, number);
    const isSealed = from !== undefined && seals.keyIdOf(from.slot) !== undefined;
    return isSealed || segments.current.sealer !== undefined;
  }

  async #timed(bytes: number, write: Promise<void>, beganMs: number): Promise<void> {
    await write;
    this.#policy.speed.note(bytes, performance.now() - beganMs);
  }

  #advance(group: Group, end: Pick<CurrentSegment, "offset" | "chain" | "nextLsn">): void {
    const { current } = this.#parts.segments;
    this.counters.groups += 1;
    this.counters.records += group.records.length;
    this.counters.bytes += end.offset - current.offset;
    current.offset = end.offset;
    current.chain = end.chain;
    current.nextLsn = end.nextLsn;
    const { pointers } = this.#framing;
    for (const [index, { entry }] of group.records.entries()) {
      const pointer = pointers[index];
      assert(pointer !== undefined, "a record that was written has a place");
      if (entry) this.#place(entry, pointer);
    }
  }

  #place(entry: RecordEntry, pointer: Pointer): void {
    const { places, segments } = this.#parts;
    switch (entry.type) {
      case "append": {
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
        if (places.find(entry.name, entry.number)) {
          places.move(entry.name, entry.number, pointer, this.#isSealedMove(entry));
        }
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

/** The place at which the next group of a segment begins. */
function startIn(current: CurrentSegment, markSequence: bigint): GroupStart {
  const { slot, salt, sequence, offset, chain, nextLsn, sealer } = current;
  return { slot: slot.slot, salt, sequence, offset, chain, nextLsn, markSequence, sealer };
}

function bytesOf(records: readonly GroupRecord[]): number {
  return records.reduce((sum, record) => sum + RECORD_HEADER_BYTES + record.contentBytes, 0);
}

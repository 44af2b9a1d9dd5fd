/**
 * The journal at work: one queue, one group in flight, the mark beside it.
 *
 * An entry is settled when its group and the mark that names the group are both on disk (D1, D6).
 * The first failed write or flush of a live segment or the mark poisons the journal: nothing is
 * acknowledged any more, nothing is tried again (D7).
 */
import { assert } from "../types/assert.js";
import { beginSegment, type CurrentSegment, isLive, sealSegment } from "./current-segment.js";
import { groupAcked, groupInFlight } from "./mark-change.js";
import { PersisterError } from "../types/errors.js";
import { SEGMENT_RESERVE_BYTES, RECORD_HEADER_BYTES } from "./format.js";
import { assembleGroup, countForGroup, type Entry, entryBytes, type Group } from "./group.js";
import type { SealedSegment } from "./head.js";
import type { LogTable } from "./log-table.js";
import type { Mark } from "./mark.js";
import type { MarkChange, MarkFile } from "./mark-file.js";
import { RecordReader } from "./reader.js";
import type { HeldSegment } from "./recovery.js";
import type { Pointer } from "./segment.js";
import { SPARE_SLOTS, type Space } from "./space.js";

/** Bytes that may wait in the queue; beyond it `whenRoom` waits. */
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

export interface JournalParts {
  readonly storeId: Uint8Array;
  readonly table: LogTable;
  readonly space: Space;
  readonly markFile: MarkFile;
  readonly segments: HeldSegment[];
  readonly current: CurrentSegment;
  /** Cryptographically random bytes, for salts. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Calls `task` when the queue has been idle for a little while. */
  readonly whenIdle: (task: () => void) => void;
  /** Refuses (throws) where this process no longer owns the store; asked at each rotation (D8). */
  readonly checkOwner: () => Promise<void>;
  /** Closes what the journal does not know: the lock. Called last. */
  readonly release: () => Promise<void>;
}

/** Counters since open, for status and benchmarks. */
export interface JournalCounters {
  groups: number;
  records: number;
  bytes: number;
  rotations: number;
}

export class Journal {
  readonly #parts: JournalParts;
  readonly #segments: HeldSegment[];
  readonly #reader: RecordReader;
  #current: CurrentSegment;
  #queue: Entry[] = [];
  /** The group in flight: settled by its own end, or by the poison. */
  #taken: readonly Entry[] = [];
  #queuedBytes = 0;
  #running: Promise<void> | undefined;
  #poison: PersisterError | undefined;
  #closing: Promise<void> | undefined;
  #closed = false;
  #whenRoom: (() => void)[] = [];
  #onPoison: ((poison: PersisterError) => void) | undefined;
  #restScheduled = false;
  #onSealed: ((segment: SealedSegment) => void) | undefined;
  #indexedThrough = 0n;
  readonly counters: JournalCounters = { groups: 0, records: 0, bytes: 0, rotations: 0 };

  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.#reader = new RecordReader((slot) => parts.space.slot(slot).file);
    this.#segments = [...parts.segments];
    this.#current = parts.current;
  }

  /** Why nothing is acknowledged any more, or `undefined` while all is well (D7). */
  get poison(): PersisterError | undefined {
    return this.#poison;
  }

  get mark(): Mark {
    return this.#parts.markFile.current;
  }

  /** The last LSN that is durable and named by what was written so far. */
  get durableLsn(): bigint {
    return this.mark.acked;
  }

  get space(): { readonly slots: number; readonly free: number; readonly bytes: number } {
    const { slotCount, freeCount, byteLength } = this.#parts.space;
    return { slots: slotCount, free: freeCount, bytes: byteLength };
  }

  /** The largest payload that a record can have here. */
  get payloadBytesMax(): number {
    const { slot, recordsOffset } = this.#current;
    return slot.bytes - recordsOffset - SEGMENT_RESERVE_BYTES - 2 * RECORD_HEADER_BYTES - 255;
  }

  /** Called with each segment that was sealed, before anything is written to its successor. */
  set onSealed(listener: (segment: SealedSegment) => void) {
    this.#onSealed = listener;
  }

  /** Called once, when the journal is poisoned. */
  set onPoison(listener: (poison: PersisterError) => void) {
    this.#onPoison = listener;
  }

  /** The map holds every entry of the segments up to this sequence, durably. */
  noteIndexed(sequence: bigint): void {
    if (sequence > this.#indexedThrough) this.#indexedThrough = sequence;
  }

  /**
   * Takes entries for one group, in order, before any await. Each is settled exactly once. Those that
   * nobody waits for ride in the next group that somebody waits for, or go when the queue is idle.
   */
  submit(entries: readonly Entry[]): void {
    const refusal =
      this.#poison ?? (this.#closing ? closedError("the store is closed") : undefined);
    for (const entry of entries) {
      if (refusal) {
        entry.settled({ error: refusal });
        continue;
      }
      if (entry.type === "append") {
        assert(entry.payload.length <= this.payloadBytesMax, "a record fits a segment");
        this.#queuedBytes += entry.payload.length;
      }
      this.#queue.push(entry);
    }
    if (this.#queue.some(isAwaited)) this.#run();
    else this.#restSoon();
  }

  /** Resolves when the queue takes more: at once, unless it holds its bound in bytes (D9). */
  whenRoom(): Promise<void> {
    if (this.#queuedBytes < QUEUE_BYTES_MAX) return Promise.resolve();
    return new Promise((resolve) => this.#whenRoom.push(resolve));
  }

  /**
   * Reads a record back from disk and checks that it is the one that `pointer` should name.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT when it is not.
   */
  async read(pointer: Pointer, name: string, number: bigint): Promise<Uint8Array> {
    return await this.#reader.read(pointer, name, number);
  }

  /** Writes a mark with `change` in it; durable when resolved. A failure poisons the journal. */
  async writeMark(change: MarkChange): Promise<void> {
    if (this.#poison) throw this.#poison;
    if (this.#closed) throw closedError("the store is closed");
    try {
      await this.#parts.markFile.write(change);
    } catch (cause) {
      throw this.fail(cause);
    }
  }

  /** Changes what the next mark names, without writing one. */
  noteMark(change: MarkChange): void {
    this.#parts.markFile.note(change);
    this.#restSoon();
  }

  /** D7: the first failure of a durable write is final. Returns the poison. */
  fail(cause: unknown): PersisterError {
    if (this.#poison) return this.#poison;
    const facts = cause instanceof PersisterError && cause.file ? { file: cause.file } : {};
    const what = cause instanceof Error ? cause.message : String(cause);
    const poison = new PersisterError(
      "POISONED",
      `a durable write failed, and nothing is acknowledged since: ${what}; close, reopen, verify`,
      { ...facts, cause },
    );
    this.#poison = poison;
    const taken = this.#taken;
    this.#taken = [];
    for (const entry of taken) entry.settled({ error: poison });
    this.#rejectQueue(poison, () => true);
    this.#onPoison?.(poison);
    return poison;
  }

  /**
   * Refuses new work, writes what is queued and a last mark, closes every file and lets go of the
   * lock. Idempotent. Rejects with the poison of a poisoned journal, and then writes nothing.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#runAll();
    while (this.#running) await this.#running;
    const { markFile, space, release } = this.#parts;
    try {
      if (!this.#poison) await this.writeMark({});
      await markFile.settled();
    } finally {
      this.#closed = true;
      try {
        await space.close();
      } finally {
        await release();
      }
    }
    if (this.#poison) throw this.#poison;
  }

  #run(): void {
    if (this.#poison) return;
    this.#running ??= this.#drain()
      .catch((cause: unknown) => {
        // A defect of ours: what it leaves undone is acknowledged to nobody.
        this.fail(cause);
      })
      .finally(() => {
        this.#running = undefined;
        if (this.#queue.some(isAwaited)) this.#run();
        else this.#restSoon();
      });
  }

  /** Also what nobody waits for. */
  #runAll(): void {
    this.#queue = this.#queue.map((entry) => (isAwaited(entry) ? entry : { ...entry, lazily: false }));
    this.#run();
  }

  async #drain(): Promise<void> {
    // Whatever this turn of the event loop submits, behind any number of promises, is one group.
    await new Promise((resolve) => setImmediate(resolve));
    let rotated = false;
    while (this.#queue.some(isAwaited) && !this.#poison) {
      const { offset, slot } = this.#current;
      const room = slot.bytes - offset;
      const roomForAppends = room - SEGMENT_RESERVE_BYTES;
      const count = countForGroup(this.#queue, this.#parts.table, roomForAppends, room);
      assert(count > 0 || !rotated, "an entry that was let in fits an empty segment");
      if (count > 0) await this.#writeGroup(this.#queue.splice(0, count));
      rotated = count === 0 && (await this.#rotate());
    }
  }

  #restSoon(): void {
    if (this.#running || this.#poison || this.#restScheduled) return;
    this.#restScheduled = true;
    this.#parts.whenIdle(() => {
      this.#restScheduled = false;
      this.#rest();
    });
  }

  /** Names everything as acknowledged once the queue is idle, so that its loss would be noticed. */
  #rest(): void {
    const busy = this.#running ?? this.#closing;
    if (busy || this.#poison) return;
    if (this.#queue.length > 0) {
      this.#runAll();
      return;
    }
    if (!this.#parts.markFile.isBehind) return;
    // A failed mark poisons the store, which is how its waiters and callers learn of it.
    this.writeMark({}).catch((cause: unknown) => this.fail(cause));
  }

  async #writeGroup(entries: readonly Entry[]): Promise<void> {
    this.#taken = entries;
    const current = this.#current;
    const group = assembleGroup(entries, this.#parts.table, {
      slot: current.slot.slot,
      offset: current.offset,
      chain: current.chain,
      nextLsn: current.nextLsn,
    });
    if (group.recordCount + group.pairs.length === 0) {
      this.#taken = [];
      for (const { entry, pointer } of group.entries) entry.settled({ pointer });
      return;
    }
    const last = current.nextLsn + BigInt(group.recordCount) - 1n;
    // The mark goes beside the group, never behind it: the acknowledgement waits for all.
    const { pairs, buffers } = group;
    const ended = await Promise.allSettled([
      buffers.length > 0 ? current.slot.file.writeDurable(current.offset, buffers) : undefined,
      this.#parts.markFile.write(groupInFlight(this.mark, group, last)),
      ...pairs.map((pair) => pair.write()),
    ]);
    const failed = ended.find((outcome) => outcome.status === "rejected");
    // Another mark may have failed beside us: then nothing more is acknowledged either.
    if (failed) this.fail(failed.reason);
    if (this.#poison) return;
    this.#taken = [];
    this.#advance(current, group, last);
    for (const { entry, pointer } of group.entries) entry.settled({ pointer });
    for (const pair of pairs) pair.settled({});
  }

  #advance(current: CurrentSegment, group: Group, last: bigint): void {
    current.offset += group.byteLength;
    current.chain = group.endChain;
    current.nextLsn += BigInt(group.recordCount);
    for (const [log, number] of group.highest) current.highest.set(log, number);
    this.noteMark(groupAcked(this.mark, group, last));
    this.counters.groups += 1;
    this.counters.records += group.recordCount;
    this.counters.bytes += group.byteLength;
    for (const { entry } of group.entries) {
      if (entry.type === "append") this.#queuedBytes -= entry.payload.length;
    }
    if (this.#queuedBytes < QUEUE_BYTES_MAX) this.#wakeForRoom();
  }

  /**
   * Seals the current segment and begins the next. Crash argument: until the new head's write
   * returned, recovery takes the old head, and nothing that it lists was touched; once it returned,
   * recovery takes the new one, whatever the mark says. The mark names it only now, and only then a
   * slot that the new head no longer lists may be overwritten (by the head after it).
   */
  async #rotate(): Promise<boolean> {
    const { space, table } = this.#parts;
    const old = sealSegment(this.#current);
    const all = [...this.#segments, old];
    const live = all.filter((held) => isLive(held, table));
    try {
      // D9: the rotation leaves two spares, those counted that it sets free, or grows first.
      await space.ensureFree(Math.max(1, SPARE_SLOTS + 1 - (all.length - live.length)));
    } catch (cause) {
      this.#refuseForSpace(cause);
      return false;
    }
    try {
      await this.#parts.checkOwner();
      const slot = space.take();
      this.#onSealed?.(old.segment);
      const next = await beginSegment(this.#parts, {
        slot,
        generation: this.mark.generation,
        sequence: this.#current.sequence + 1n,
        firstLsn: this.#current.nextLsn,
        anchorSeq: this.mark.anchor.acked,
        indexedThrough: this.#indexedThrough,
        live: live.map((held) => held.segment),
      });
      await this.#parts.markFile.write({ headSequence: next.sequence });
      for (const held of all) if (!live.includes(held)) space.release(held.segment.slot);
      this.#segments.splice(0, this.#segments.length, ...live);
      this.#current = next;
      this.counters.rotations += 1;
      return true;
    } catch (cause) {
      this.fail(cause);
      return false;
    }
  }

  /**
   * D9: no room for a rotation is backpressure, whatever kept a spare from being made: no live
   * segment was touched. Appends are refused; orders use the reserve; pairs need no room.
   */
  #refuseForSpace(cause: unknown): void {
    if (!(cause instanceof PersisterError)) {
      this.fail(cause);
      return;
    }
    const error = new PersisterError(
      "DISK_FULL",
      `no room for another journal segment: ${cause.message}; nothing was harmed`,
      { cause, ...(cause.file === undefined ? {} : { file: cause.file }) },
    );
    const { offset, slot } = this.#current;
    let room = slot.bytes - offset;
    this.#rejectQueue(error, (entry) => {
      if (entry.type === "append" || entry.type === "open") return true;
      const bytes = entryBytes(entry, this.#parts.table);
      if (bytes > room) return true;
      room -= bytes;
      return false;
    });
  }

  /** Settles and removes every queued entry that `select` picks. */
  #rejectQueue(error: PersisterError, select: (entry: Entry) => boolean): void {
    const rejected = this.#queue.filter(select);
    this.#queue = this.#queue.filter((entry) => !rejected.includes(entry));
    for (const entry of rejected) {
      if (entry.type === "append") this.#queuedBytes -= entry.payload.length;
      entry.settled({ error });
    }
    this.#wakeForRoom();
  }

  #wakeForRoom(): void {
    const waiting = this.#whenRoom;
    this.#whenRoom = [];
    for (const wake of waiting) wake();
  }
}

function isAwaited(entry: Entry): boolean {
  return entry.type !== "truncate" || !entry.lazily;
}

function closedError(message: string): PersisterError {
  return new PersisterError("CLOSED", message);
}

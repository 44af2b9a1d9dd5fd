/**
 * The journal at work: one queue, one group in flight, the mark beside it.
 *
 * An entry is settled when its group and the mark that names the group are both on disk (D1, D6).
 * The first failed write or flush of a live segment or the mark poisons the journal: nothing is
 * acknowledged any more, nothing is tried again (D7).
 */
import { assert } from "../types/assert.js";
import { crc32c } from "../codec/crc32c.js";
import { PersisterError } from "../types/errors.js";
import {
  chainStart,
  RECORD_HEADER_BYTES,
  readRecordHeader,
  recordsStart,
  SEGMENT_RESERVE_BYTES,
} from "./format.js";
import { assembleGroup, countForGroup, type Entry, entryBytes, type Group } from "./group.js";
import { encodeHead, HEAD_BYTES_MAX, SALT_BYTES, type SealedSegment } from "./head.js";
import type { LogTable } from "./log-table.js";
import type { Mark } from "./mark.js";
import type { MarkChange, MarkFile } from "./mark-file.js";
import type { HeldSegment } from "./recovery.js";
import type { Pointer, Slot } from "./segment.js";
import { SPARE_SLOTS, type Space } from "./space.js";

/** Bytes that may wait in the queue; beyond it `whenRoom` waits. */
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** The segment that groups go into. */
export interface CurrentSegment {
  readonly slot: Slot;
  readonly sequence: bigint;
  readonly firstLsn: bigint;
  readonly recordsOffset: number;
  offset: number;
  chain: number;
  nextLsn: bigint;
  readonly highest: Map<number, bigint>;
}

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
  #current: CurrentSegment;
  #queue: Entry[] = [];
  #queuedBytes = 0;
  #running: Promise<void> | undefined;
  #poison: PersisterError | undefined;
  #closing: Promise<void> | undefined;
  #closed = false;
  #whenRoom: (() => void)[] = [];
  #onSealed: ((segment: SealedSegment) => void) | undefined;
  #indexedThrough = 0n;
  readonly counters: JournalCounters = { groups: 0, records: 0, bytes: 0, rotations: 0 };

  constructor(parts: JournalParts) {
    this.#parts = parts;
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

  /** The map holds every entry of the segments up to this sequence, durably. */
  noteIndexed(sequence: bigint): void {
    if (sequence > this.#indexedThrough) this.#indexedThrough = sequence;
  }

  /** Takes entries for one group, in order, before any await. Each is settled exactly once. */
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
    this.#run();
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
    const { file } = this.#parts.space.slot(pointer.slot);
    const start = pointer.offset - RECORD_HEADER_BYTES;
    const bytes = await file.read(start, RECORD_HEADER_BYTES + pointer.length);
    const payload = bytes.subarray(RECORD_HEADER_BYTES);
    const header =
      bytes.length < RECORD_HEADER_BYTES
        ? undefined
        : readRecordHeader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0);
    const whole =
      header?.number === number &&
      header.payloadLength === pointer.length &&
      header.payloadCrc === pointer.crc &&
      crc32c(payload) === pointer.crc;
    if (!whole) {
      throw new PersisterError(
        "JOURNAL_CORRUPT",
        `${file.path}: at byte ${start} there is no longer the record ${name} ${number}`,
        { lane: name, blockNumber: number, file: file.path, offset: start },
      );
    }
    return payload;
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
    this.#rejectQueue(poison, () => true);
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
    await this.#running;
    const { markFile, space, release } = this.#parts;
    try {
      if (!this.#poison) await this.writeMark({});
      await markFile.settled();
    } finally {
      this.#closed = true;
      await space.close();
      await release();
    }
    if (this.#poison) throw this.#poison;
  }

  #run(): void {
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
      this.#restSoon();
    });
  }

  async #drain(): Promise<void> {
    // One turn's entries are all submitted before the group that takes them is assembled.
    await Promise.resolve();
    let rotated = false;
    while (this.#queue.length > 0 && !this.#poison) {
      const { offset, slot } = this.#current;
      const room = slot.bytes - offset;
      const roomForAppends = room - SEGMENT_RESERVE_BYTES;
      const count = countForGroup(this.#queue, this.#parts.table, roomForAppends, room);
      assert(count > 0 || !rotated, "an entry that was let in fits an empty segment");
      rotated = count === 0;
      if (count > 0) await this.#writeGroup(this.#queue.splice(0, count));
      else await this.#rotate();
    }
  }

  #restSoon(): void {
    if (!this.#running && !this.#poison) this.#parts.whenIdle(() => this.#rest());
  }

  /** Names everything as acknowledged once the queue is idle, so that its loss would be noticed. */
  #rest(): void {
    const busy = this.#running ?? this.#closing;
    if (busy || this.#poison || !this.#parts.markFile.isBehind) return;
    // A failed mark poisons the store, which is how its waiters and callers learn of it.
    this.writeMark({}).catch((cause: unknown) => this.fail(cause));
  }

  async #writeGroup(entries: readonly Entry[]): Promise<void> {
    const current = this.#current;
    const group = assembleGroup(entries, this.#parts.table, {
      slot: current.slot.slot,
      offset: current.offset,
      chain: current.chain,
      nextLsn: current.nextLsn,
    });
    if (group.recordCount === 0) {
      for (const { entry, pointer } of group.entries) entry.settled({ pointer });
      return;
    }
    const last = current.nextLsn + BigInt(group.recordCount) - 1n;
    // The mark goes beside the group, never behind it: the acknowledgement waits for both.
    const { appends, drops } = group;
    const [written, marked] = await Promise.allSettled([
      current.slot.file.writeDurable(current.offset, group.buffers),
      this.#parts.markFile.write({ intended: last, appends, drops }),
    ]);
    const failed = [written, marked].find((outcome) => outcome.status === "rejected");
    // `fail` may also have come from beside us (an A/B slot): then nothing more is acknowledged.
    const poison = failed ? this.fail(failed.reason) : this.#poison;
    if (poison) {
      for (const entry of entries) entry.settled({ error: poison });
      return;
    }
    this.#advance(current, group, last);
    for (const { entry, pointer } of group.entries) entry.settled({ pointer });
  }

  #advance(current: CurrentSegment, group: Group, last: bigint): void {
    current.offset += group.byteLength;
    current.chain = group.endChain;
    current.nextLsn += BigInt(group.recordCount);
    for (const [log, number] of group.highest) current.highest.set(log, number);
    const pins = openPins(this.mark.pins, group);
    this.noteMark({ acked: last, intended: last, appends: [], drops: [], pins });
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
  async #rotate(): Promise<void> {
    const { space, table } = this.#parts;
    try {
      await space.ensureFree(SPARE_SLOTS + 1);
    } catch (cause) {
      this.#refuseForSpace(cause);
      return;
    }
    try {
      await this.#parts.checkOwner();
      const slot = await space.take();
      const old = sealSegment(this.#current);
      const all = [...this.#segments, old];
      const live = all.filter((held) => isLive(held, table));
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
    } catch (cause) {
      this.fail(cause);
    }
  }

  /** D9: no room for a rotation is backpressure: appends are refused, orders use the reserve. */
  #refuseForSpace(cause: unknown): void {
    const full = cause instanceof PersisterError && cause.code === "DISK_FULL";
    if (!full) {
      this.fail(cause);
      return;
    }
    const error = new PersisterError(
      "DISK_FULL",
      `no room for another journal segment: ${cause.message}; nothing was harmed`,
      { cause, ...(cause.file === undefined ? {} : { file: cause.file }) },
    );
    const { offset, slot } = this.#current;
    let orders = slot.bytes - offset;
    this.#rejectQueue(error, (entry) => {
      if (entry.type === "append" || entry.type === "open") return true;
      orders -= entryBytes(entry, this.#parts.table);
      return orders < 0;
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

function closedError(message: string): PersisterError {
  return new PersisterError("CLOSED", message);
}

/** A pin ends when its number is appended: only the pinned block may have come there. */
function openPins(pins: Mark["pins"], group: Group): Mark["pins"] {
  if (pins.length === 0) return pins;
  const appended = new Set(group.appends.map((pin) => `${pin.name} ${pin.number}`));
  return pins.filter((pin) => !appended.has(`${pin.name} ${pin.number}`));
}

export function sealSegment(current: CurrentSegment): HeldSegment {
  const segment = {
    slot: current.slot.slot,
    sequence: current.sequence,
    firstLsn: current.firstLsn,
    nextLsn: current.nextLsn,
    endOffset: current.offset,
    endChain: current.chain,
  };
  return { segment, highest: current.highest };
}

/** A segment lives as long as some log's highest record in it is not below that log's first. */
export function isLive(held: HeldSegment, table: LogTable): boolean {
  for (const [log, number] of held.highest) {
    const state = table.byLog(log);
    if (state && number >= state.first) return true;
  }
  return false;
}

/** Writes the head of a new segment into `slot`; durable when resolved. */
export async function beginSegment(
  parts: Pick<JournalParts, "storeId" | "table" | "randomBytes">,
  plan: {
    readonly slot: Slot;
    readonly generation: bigint;
    readonly sequence: bigint;
    readonly firstLsn: bigint;
    readonly anchorSeq: bigint;
    readonly indexedThrough: bigint;
    readonly live: readonly SealedSegment[];
  },
): Promise<CurrentSegment> {
  const { slot, sequence, firstLsn } = plan;
  const salt = parts.randomBytes(SALT_BYTES);
  const head = encodeHead({
    storeId: parts.storeId,
    generation: plan.generation,
    sequence,
    salt,
    firstLsn,
    anchorSeq: plan.anchorSeq,
    indexedThrough: plan.indexedThrough,
    keyId: 0,
    nextLog: parts.table.nextLog,
    sealed: plan.live,
    logs: parts.table.entries(),
  });
  assert(head.length <= Math.min(HEAD_BYTES_MAX, slot.bytes), "a head fits its segment");
  await slot.file.writeDurable(0, [head]);
  const offset = recordsStart(head.length);
  return {
    slot,
    sequence,
    firstLsn,
    recordsOffset: offset,
    offset,
    chain: chainStart(salt),
    nextLsn: firstLsn,
    highest: new Map(),
  };
}

/**
 * The journal at work: one queue, one group in flight, the mark beside it.
 *
 * An entry is settled when its group and the mark that names the group are both on disk (D1, D6).
 * The first failed write or flush of a live segment or the mark poisons the journal: nothing is
 * acknowledged any more, nothing is tried again (D7).
 */
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { SEGMENT_RESERVE_BYTES } from "./format.js";
import { EntryQueue } from "./entry-queue.js";
import { countForGroup, type Entry, entryBytes, firstBytes, usesReserve } from "./group.js";
import { GroupWriter, type JournalCounters } from "./group-writer.js";
import type { SealedSegment } from "./head.js";
import type { LogTable } from "./log-table.js";
import type { Mark } from "./mark.js";
import type { MarkChange, MarkFile } from "./mark-file.js";
import type { PlacedRecord, Places } from "./places.js";
import { RecordReader } from "./reader.js";
import { closedError, noRoomError, oversizedError, poisonOf } from "./refused.js";
import { Reclaimer } from "./reclaimer.js";
import type { Pointer } from "./segment.js";
import { recordsIn, type SegmentRecords } from "./segment-records.js";
import {
  roomIn,
  type Rotation,
  type SegmentListener,
  Segments,
  type SegmentsParts,
  type SpaceUse,
} from "./segments.js";

/** No log has this number. */
const NO_LOG = -1;

export interface JournalParts extends SegmentsParts {
  /** Calls `task` when the queue has been idle for a little while. */
  readonly whenIdle: (task: () => void) => void;
  /** Refuses (throws) where this process no longer owns the store; asked at each rotation (D8). */
  readonly checkOwner: () => Promise<void>;
  /** Closes what the journal does not know: the lock. Called last. */
  readonly release: () => Promise<void>;
}

export class Journal {
  readonly #parts: JournalParts;
  readonly #table: LogTable;
  readonly #places: Places;
  readonly #markFile: MarkFile;
  readonly #segments: Segments;
  readonly #reader: RecordReader;
  readonly #writer: GroupWriter;
  readonly #reclaimer: Reclaimer;
  readonly #queue = new EntryQueue();
  /** The group in flight: settled by its own end, or by the poison. */
  #taken: readonly Entry[] = [];
  #running: Promise<void> | undefined;
  #poison: PersisterError | undefined;
  #closing: Promise<void> | undefined;
  #closed = false;
  #onPoison: ((poison: PersisterError) => void) | undefined;
  #restScheduled = false;
  /** Something happened that may call for slots to be reclaimed, now or once the queue is idle. */
  #reclaimDue = false;
  #tidyDue = false;
  /** The last slot that was wanted could not be made. */
  #diskFull = false;
  /** A rotation counts on the slots that are free. */
  #rotating = false;
  /** Slots on their way into being, or out of it. */
  #upkeep: Promise<void> = Promise.resolve();
  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.#table = parts.table;
    this.#places = parts.places;
    this.#markFile = parts.markFile;
    const segments = new Segments(parts);
    this.#segments = segments;
    this.#reader = new RecordReader((slot) => parts.space.find(slot));
    this.#writer = new GroupWriter({ ...parts, segments });
    this.#reclaimer = new Reclaimer({
      table: parts.table,
      segments,
      read: ({ pointer, name, number }) => this.readAt(pointer, name, number),
      write: (entries) => this.#writeGroup(entries),
    });
  }

  /** Why nothing is acknowledged any more, or `undefined` while all is well (D7). */
  get poison(): PersisterError | undefined {
    return this.#poison;
  }

  get counters(): Readonly<JournalCounters> {
    return this.#writer.counters;
  }

  get mark(): Mark {
    return this.#markFile.current;
  }

  /** The last LSN that is durable and named by what was written so far. */
  get durableLsn(): bigint {
    return this.mark.acked;
  }

  get space(): SpaceUse {
    return this.#segments.use;
  }

  /** The largest payload that a record can have here. */
  get payloadBytesMax(): number {
    return this.#segments.payloadBytesMax;
  }

  /** Told what becomes of segments. */
  set listener(listener: SegmentListener) {
    this.#segments.listener = listener;
  }

  /** Every sealed segment that can be read, oldest first. */
  get readable(): readonly SealedSegment[] {
    return this.#segments.readable;
  }

  /** Whether a segment that could be read still can. */
  isReadable(segment: SealedSegment): boolean {
    return this.#segments.isReadable(segment);
  }

  /** The live records in a sealed segment. */
  liveRecordsIn(segment: SealedSegment): readonly PlacedRecord[] {
    return [...this.#places.recordsIn(segment.slot)];
  }

  /** Every record of a log in the current segment, live or not. */
  get currentRecords(): readonly PlacedRecord[] {
    return this.#segments.current.records;
  }

  /** Called once, when the journal is poisoned. */
  set onPoison(listener: (poison: PersisterError) => void) {
    this.#onPoison = listener;
  }

  /**
   * Takes entries for one group, in order, before any await. Each is settled exactly once. Those that
   * nobody waits for ride in the next group that somebody waits for, or go when the queue is idle.
   */
  submit(entries: readonly Entry[]): void {
    const refusal = this.#poison ?? (this.#closing ? closedError() : undefined);
    for (const entry of entries) {
      if (refusal) entry.settled(refusal);
      // What waits for the disk anyway is summed meanwhile.
      else this.#queue.push(entry, { summed: this.#taken.length > 0 });
    }
    if (this.#queue.isAwaited) this.#run();
    else this.#restSoon();
  }

  /** Where a live record lies. */
  find(name: string, number: bigint): Pointer | undefined {
    return this.#places.find(name, number);
  }

  /**
   * Reads a live record back from disk and checks that it is the one; `undefined` where it is not
   * live, or was pruned meanwhile.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT when another record lies there; IO.
   */
  async read(name: string, number: bigint): Promise<Uint8Array | undefined> {
    for (;;) {
      const pointer = this.find(name, number);
      if (!pointer) return undefined;
      try {
        return await this.readAt(pointer, name, number);
      } catch (cause) {
        // It was moved or pruned, and its slot written over, while it was read.
        if (this.find(name, number) === pointer) throw cause;
      }
    }
  }

  /** Reads what `pointer` says that it names, live or not, and checks it. Throws as `read`. */
  async readAt(pointer: Pointer, name: string, number: bigint): Promise<Uint8Array> {
    const log = this.#table.byName(name)?.log ?? NO_LOG;
    return await this.#reader.read(pointer, { name, log, number });
  }

  /**
   * Every record of a log in a readable segment, live or not, oldest first; those of dropped logs are
   * left out. `damage` says why there are no more, where the segment does not verify to its end.
   */
  async recordsIn(segment: SealedSegment): Promise<SegmentRecords> {
    return await recordsIn(this.#parts.space.slot(segment.slot), segment, this.#table);
  }

  /** Writes a mark with `change` in it; durable when resolved. A failure poisons the journal. */
  async writeMark(change: MarkChange): Promise<void> {
    if (this.#poison) throw this.#poison;
    if (this.#closed) throw closedError();
    try {
      await this.#markFile.write(change);
    } catch (cause) {
      throw this.fail(cause);
    }
  }

  /** Changes what the next mark names, without writing one. */
  noteMark(change: MarkChange): void {
    this.#markFile.note(change);
    this.#restSoon();
  }

  /** D7: the first failure of a durable write is final. Returns the poison. */
  fail(cause: unknown): PersisterError {
    if (this.#poison) return this.#poison;
    const poison = poisonOf(cause);
    this.#poison = poison;
    const taken = this.#taken;
    this.#taken = [];
    for (const entry of taken) entry.settled(poison);
    this.#queue.reject(poison, () => true);
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
    await this.#upkeep;
    // A failed mark poisons the store, and the poison is what close tells (D7).
    if (!this.#poison) await this.writeMark({}).catch((cause: unknown) => this.fail(cause));
    await this.#markFile.settled();
    this.#closed = true;
    const { space, release } = this.#parts;
    const ended = await Promise.allSettled([space.close()]);
    ended.push(...(await Promise.allSettled([release()])));
    if (this.#poison) throw this.#poison;
    const failed = ended.find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
  }

  #run(work: () => Promise<void> = () => this.#drain()): void {
    if (this.#poison) return;
    this.#running ??= work()
      .catch((cause: unknown) => {
        // A live record that cannot be read, or a defect of ours: nobody may rely on what is left.
        this.fail(cause);
      })
      .finally(() => {
        this.#running = undefined;
        if (this.#queue.isAwaited) this.#run();
        else this.#restSoon();
      });
  }

  /** Also what nobody waits for. */
  #runAll(): void {
    this.#queue.hurry();
    this.#run();
  }

  async #drain(): Promise<void> {
    // Whatever this turn of the event loop submits, behind any number of promises, is one group.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.isAwaited && !this.#poison) {
      this.#segments.noteDemand(this.#queue.byteLength);
      const count = this.#countForGroup();
      if (count === 0 || this.#splits(count)) await this.#rotate();
      else await this.#writeGroup(this.#queue.take(count));
      if (this.#reclaimDue) this.#reclaimDue = await this.#reclaimer.step(this.#diskFull);
    }
  }

  /** What waits would be two groups, where a rotation that needs nothing makes it one. */
  #splits(count: number): boolean {
    const segments = this.#segments;
    // What a rotation lacks is counted over every segment: not for each group.
    if (!segments.isNearlyFull || count === this.#queue.entries.length) return false;
    return !segments.lacksRoom;
  }

  /** While stragglers are to move, groups leave them their room, but for the entry that is first. */
  #countForGroup(): number {
    const { room } = this.#segments;
    const promised = this.#reclaimDue
      ? this.#segments.plan(this.#diskFull, this.#bytesOfFirst()).copyBytes
      : 0;
    return this.#countFor(room - promised, room);
  }

  #countFor(room: number, withPromised = room): number {
    const { entries } = this.#queue;
    return countForGroup(entries, this.#table, room, withPromised + SEGMENT_RESERVE_BYTES);
  }

  #bytesOfFirst(): number {
    return firstBytes(this.#queue.entries, this.#table);
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
    if (this.#queue.entries.length > 0) {
      this.#runAll();
      return;
    }
    if (this.#tidyDue) {
      this.#run(() => this.#tidy());
      return;
    }
    if (!this.#markFile.isBehind) return;
    // A failed mark poisons the store, which is how its waiters and callers learn of it.
    this.writeMark({}).catch((cause: unknown) => this.fail(cause));
  }

  /** Writes entries as one group and settles them; tells whether they are durable. */
  async #writeGroup(entries: readonly Entry[], rotation?: Rotation): Promise<boolean> {
    // D7: nothing is written behind a failure, and least of all over the group that failed.
    if (this.#poison) return false;
    this.#taken = entries;
    const wasNear = !rotation && this.#segments.isRotationNear;
    try {
      await this.#writer.write(entries, rotation);
    } catch (cause) {
      this.fail(cause);
    }
    // Another mark may have failed beside us: then nothing more is acknowledged either.
    if (this.#poison) return false;
    this.#taken = [];
    if (this.#segments.isRotationNear && !wasNear) {
      this.#reclaimDue = true;
      this.#keepUp();
    }
    this.#tidyDue = true;
    for (const entry of entries) {
      this.#queue.gone(entry);
      entry.settled();
    }
    this.#restSoon();
    return true;
  }

  /** Begins the next segment with the group that found no room in this one. */
  async #rotate(): Promise<void> {
    this.#rotating = true;
    const rotation = (await this.#makeRoom()) ? this.#segments.rotation() : undefined;
    this.#rotating = false;
    if (!rotation) return;
    const room = roomIn(rotation.current);
    const { copyBytes } = this.#segments.planAfter(rotation, this.#diskFull, this.#bytesOfFirst());
    const count = this.#countFor(room - copyBytes, room);
    if (count === 0) {
      this.#segments.abandon(rotation);
      this.#refuseOversized();
      return;
    }
    this.#reclaimDue = await this.#writeGroup(this.#queue.take(count), rotation);
  }

  /**
   * Whether a rotation may go on. Where no slot can be made, what is retained yields first; then one
   * of the spares is used, if relocation makes up for it at once.
   */
  async #makeRoom(): Promise<boolean> {
    await this.#parts.checkOwner();
    while (!this.#poison) {
      try {
        if (this.#segments.lacksRoom) await this.#upkeep;
        await this.#segments.makeRoom();
        this.#diskFull = false;
        return !this.#poison;
      } catch (cause) {
        if (!(cause instanceof PersisterError)) throw cause;
        this.#diskFull = true;
        if (await this.#reclaimer.yieldRetained()) continue;
        if (this.#segments.restoresSpares(this.#bytesOfFirst())) return true;
        if (!this.#poison) this.#refuseForSpace(cause);
        return false;
      }
    }
    return false;
  }

  /**
   * D9: leaves two spares at hand, relocating where the disk has no room for more, and no more segments
   * than the bound allows, however often the store is opened; durable when resolved.
   */
  async reclaimAtOpen(): Promise<void> {
    this.#diskFull = this.#segments.lacksSpares;
    this.#run(() => this.#tidy());
    await this.#running;
    if (this.#poison) throw this.#poison;
  }

  /** With nobody waiting: all that is to be reclaimed, and what is surplus is given back. */
  async #tidy(): Promise<void> {
    this.#tidyDue = false;
    while (!this.#queue.isAwaited) {
      if (await this.#reclaimer.step(this.#diskFull)) continue;
      this.#keepUp();
      await this.#upkeep;
      return;
    }
    this.#tidyDue = true;
  }

  /** Slots are made and given back beside groups. */
  #keepUp(): void {
    const done = this.#upkeep.then(() => this.#makeAndGiveBack());
    this.#upkeep = done.catch((cause: unknown) => void this.fail(cause));
  }

  /**
   * No slot is given back that a rotation counts on. What is refused harmed nothing: it is tried again,
   * and the rotation that cannot go on without it tells.
   */
  async #makeAndGiveBack(): Promise<void> {
    if (this.#poison || this.#segments.isTidy(this.#diskFull)) return;
    // Names are made and removed: they must still be ours (D8).
    await this.#parts.checkOwner();
    try {
      if (!this.#poison) await this.#segments.makeSlots(this.#diskFull);
      if (!this.#poison && !this.#rotating) await this.#segments.giveBack(this.#diskFull);
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
    }
  }

  /**
   * D9: no room for a rotation is backpressure, whatever kept a spare from being made: no live
   * segment was touched. Appends are refused; orders use the reserve; pairs need no room.
   */
  #refuseForSpace(cause: PersisterError): void {
    let room = this.#segments.room + SEGMENT_RESERVE_BYTES;
    this.#queue.reject(noRoomError(cause), (entry) => {
      if (!usesReserve(entry) || entry.type === "open") return true;
      const bytes = entryBytes(entry, this.#table);
      if (bytes > room) return true;
      room -= bytes;
      return false;
    });
  }

  /**
   * Heads have grown since the first record was let in, and no segment takes it any more: it is
   * refused, and with it what follows in its log.
   */
  #refuseOversized(): void {
    const [first] = this.#queue.entries;
    if (!first) return;
    assert(first.type === "append", "an order fits an empty segment");
    const { name } = first;
    const error = oversizedError(first, this.payloadBytesMax);
    this.#queue.reject(error, (entry) => entry.type === "append" && entry.name === name);
  }
}

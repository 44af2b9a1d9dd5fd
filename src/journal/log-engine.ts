/**
 * The journal at work: one queue, one group in flight, the mark beside it.
 *
 * An entry is settled when its group and the mark that names the group are both on disk (D1, D6).
 * The first failed write or flush of a live segment or the mark poisons the journal: nothing is
 * acknowledged any more, nothing is tried again (D7).
 */
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { QueueGate } from "./queue-gate.js";
import { EntryQueue } from "./group/entry-queue.js";
import { type Entry, isOrder } from "./group/group.js";
import { GroupWriter, type JournalCounters } from "./group-writer.js";
import type { SealedSegment } from "./form/head.js";
import type { LogTable } from "./form/log-table.js";
import type { Mark } from "./form/mark.js";
import type { MarkChange, MarkFile } from "./segment/mark-file.js";
import type { PlacedRecord, Places } from "./segment/places.js";
import { RecordReader } from "./segment/reader.js";
import { closedError, crowdedError, poisonOf } from "./group/errors.js";
import { Reclaimer } from "./reclaimer.js";
import type { Pointer } from "./segment/segment.js";
import { recordsIn, type SegmentRecords } from "./segment/records.js";
import {
  roomIn,
  type Rotation,
  type SegmentListener,
  Segments,
  type SegmentsParts,
  type SpaceUse,
} from "./space/segments.js";

/** No log has this number. */
const NO_LOG = -1;

export interface LogEngineParts extends SegmentsParts {
  /** Calls `task` when the queue has been idle for a little while. */
  readonly whenIdle: (task: () => void) => void;
  /** Refuses (throws) where this process no longer owns the store; asked at each rotation (D8). */
  readonly checkOwner: () => Promise<void>;
  /** Closes what the journal does not know: the lock. Called last. */
  readonly release: () => Promise<void>;
}

export class LogEngine {
  readonly #parts: LogEngineParts;
  readonly #table: LogTable;
  readonly #places: Places;
  readonly #markFile: MarkFile;
  readonly #segments: Segments;
  readonly #reader: RecordReader;
  readonly #writer: GroupWriter;
  readonly #reclaimer: Reclaimer;
  readonly #queue = new EntryQueue();
  readonly #gate: QueueGate;
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
  /** The last append for which a rotation used a spare: once is enough. */
  #sparedFor: Entry | undefined;
  /** Slots on their way into being, or out of it. */
  #upkeep: Promise<void> = Promise.resolve();
  constructor(parts: LogEngineParts) {
    this.#parts = parts;
    this.#table = parts.table;
    this.#places = parts.places;
    this.#markFile = parts.markFile;
    const segments = new Segments(parts);
    this.#segments = segments;
    this.#gate = new QueueGate({ queue: this.#queue, table: parts.table, segments });
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

  /**
   * The largest payload that a record can have here; a batch takes as much with the headers of its
   * records. What is larger is refused when it is submitted, and nothing else for its size.
   */
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
    if (refusal) for (const entry of entries) entry.settled(refusal);
    // What waits for the disk anyway is summed meanwhile.
    else this.#gate.enter(entries, { summed: this.#taken.length > 0 });
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
      if (count > 0 && !this.#splits(count)) await this.#writeGroup(this.#queue.take(count));
      else if (!this.#gate.refuseLog() && !(await this.#regainSpare())) await this.#rotate();
      if (this.#reclaimDue) this.#reclaimDue = await this.#reclaimer.step(this.#diskFull);
    }
  }

  /** What waits would be two groups, where a rotation that needs nothing makes it one. */
  #splits(count: number): boolean {
    const segments = this.#segments;
    // What a rotation lacks is counted over every segment: not for each group.
    if (!segments.isNearlyFull || count === this.#queue.entries.length) return false;
    return !segments.lacksRoom && !segments.isCrowded;
  }

  /**
   * While stragglers are to move, groups leave them their room, but for the entry that is first. An
   * append needs two spares beside its segment (D9): what holds none is a spare by itself. Where one is
   * lacking, what makes up for it comes before all else.
   */
  #countForGroup(): number {
    const { room, lacksSpares } = this.#segments;
    const beside = lacksSpares ? 0 : this.#gate.bytesOfFirst;
    const promised = this.#reclaimDue ? this.#segments.plan(this.#diskFull, beside).copyBytes : 0;
    return this.#gate.countFor({ room, promised, takesAppends: !lacksSpares });
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

  /** Where a spare is lacking, and a straggler or something retained makes up for it. */
  async #regainSpare(): Promise<boolean> {
    return this.#segments.lacksSpares && (await this.#reclaimer.step(this.#diskFull));
  }

  /** Begins the next segment with the group that found no room in this one. */
  async #rotate(): Promise<void> {
    this.#rotating = true;
    const room = await this.#makeRoom();
    const rotation = room && this.#segments.rotation();
    this.#rotating = false;
    if (!rotation) return;
    const takesAppends = room === "for all";
    const beside = takesAppends ? this.#gate.bytesOfFirst : 0;
    const { copyBytes: promised } = this.#segments.planAfter(rotation, this.#diskFull, beside);
    const there = { room: roomIn(rotation.current), promised, takesAppends };
    const count = this.#gate.countFor(there);
    assert(count > 0 || !takesAppends, "what was let in fits an empty segment");
    this.#reclaimDue = await this.#writeGroup(this.#queue.take(count), rotation);
  }

  /**
   * What a rotation that may go on is for. Where no slot can be made, what is retained yields first.
   * Then a spare is used, and nothing is appended to it until there are two again: a segment without
   * live records gives its slot back with the next head, so that it still counts as one. What a crash
   * of such a rotation leaves:
   *
   * - before its head is durable: the segment before it, and both spares;
   * - behind that, also with copies whose segments are not released: a segment without live records,
   *   and a spare; an open begins in the one and frees the other, as often as it is stopped;
   * - once a segment is released: two spares, whatever the current one holds.
   */
  async #makeRoom(): Promise<"for all" | "for orders" | undefined> {
    const [first] = this.#queue.entries;
    if (!first) return undefined;
    if (this.#segments.isCrowded && !isOrder(first)) {
      this.#gate.refuseForSpace(crowdedError());
      return undefined;
    }
    await this.#parts.checkOwner();
    while (!this.#poison) {
      try {
        if (this.#segments.lacksRoom) await this.#upkeep;
        await this.#segments.makeRoom();
        this.#diskFull = false;
        if (this.#poison) return undefined;
        return this.#segments.isCrowded ? "for orders" : "for all";
      } catch (cause) {
        if (!(cause instanceof PersisterError)) throw cause;
        this.#diskFull = true;
        if (await this.#reclaimer.yieldRetained()) continue;
        if (this.#poison) return undefined;
        if (this.#maySpare(first)) return "for orders";
        this.#gate.refuseForSpace(cause);
      }
      return undefined;
    }
    return undefined;
  }

  /**
   * Orders set space free, and may use a spare as often as another one is left. An append may where
   * that makes up for it at once.
   */
  #maySpare(first: Entry): boolean {
    if (isOrder(first)) return this.#segments.leavesSpare;
    if (this.#sparedFor === first) return false;
    this.#sparedFor = first;
    return this.#segments.restoresSpares(this.#gate.bytesOfFirst);
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
}

/**
 * The journal at work: one queue, one group in flight, and the mark behind it.
 *
 * # Invariants
 *
 * - One group is in flight at a time. The next begins when all its bytes are durable: recovery takes a
 *   later group's footer for proof that the group before it was acknowledged.
 * - At most one mark is in flight, and at most one message of each A/B pair.
 * - Each entry is settled exactly once.
 *
 * # Crash safety
 *
 * - An entry is settled when its group is on disk to the last byte of its footer (D1). The first group of
 *   a segment waits for a mark that names its head, too.
 * - The mark follows behind, soon. It does not begin at once when no group waits: the next entry of a caller
 *   who was just told may be some tenths of a millisecond away, and would find the disk busy with the mark.
 * - An anchor or a vote goes beside the groups: `pair-writes.ts`.
 *
 * # Errors
 *
 * The first failed write or flush of a live segment, the mark or an A/B slot poisons the journal: nothing
 * is acknowledged any more, nothing is tried again (D7). DISK_FULL refuses entries and poisons nothing.
 */
import { setImmediate } from "node:timers";
import { allEnded } from "../async/all-ended.js";
import type { Disk, DiskFile } from "../disk/disk.js";
import type { Flush, FlushStatus, WayOf } from "../disk/surroundings.js";
import type { PersisterError } from "../types/errors.js";
import type { Observe } from "../types/measures.js";
import { QueueGate } from "./group/queue-gate.js";
import { EntryQueue } from "./group/entry-queue.js";
import type { Entry, PairEntry, RecordEntry } from "./group/group.js";
import { GroupWriter, type JournalCounters } from "./group/group-writer.js";
import type { Mark } from "./form/mark.js";
import type { MarkChange, MarkFile } from "./segment/mark-file.js";
import type { PlacedRecord } from "./segment/places.js";
import { ReadableJournal } from "./readable-journal.js";
import { RecordReader } from "./segment/reader.js";
import { closedError, poisonOf } from "./group/errors.js";
import { MarkFollower } from "./segment/mark-follower.js";
import { Ownership } from "./segment/ownership.js";
import { PairWrites } from "./group/pair-writes.js";
import { cutOf, type JournalCut } from "./upkeep/cut.js";
import { Reclaimer } from "./upkeep/reclaimer.js";
import { Rekeyer } from "./upkeep/rekeyer.js";
import {
  type Rotation,
  type SegmentListener,
  Segments,
  type SegmentsParts,
  type SpaceUse,
} from "./space/segments.js";
import { Upkeep } from "./upkeep/upkeep.js";

export interface LogEngineParts extends SegmentsParts {
  /** Calls `task` when the queue has been idle for a little while. */
  readonly whenIdle: (task: () => void) => void;
  /** Calls `task` a little later: a mark begins so long behind an acknowledgement (`MARK_LAG_MS`). */
  readonly later: (task: () => void) => void;
  /** Calls `task` when `ms` are over: background work is paced by it. */
  readonly pace: (task: () => void, ms: number) => void;
  /** How groups are written; without it always through the thread pool. */
  readonly flush?: Flush | WayOf | undefined;
  readonly observe?: Observe | undefined;
  /** STORE, the mark and the A/B slots, which are looked at where they are named (D8). */
  readonly ownFiles: readonly DiskFile[];
  readonly disk: Disk;
  readonly nowMs: () => number;
  /** Warnings of this open, beside the findings of recovery. */
  readonly warnings: readonly string[];
  /** Closes what the journal does not know: the lock. Called last. */
  readonly release: () => Promise<void>;
}

/** From open on. A closing journal takes no entries and writes those that it has. */
type Life = "open" | "closing" | "closed";

export class LogEngine extends ReadableJournal {
  readonly #parts: LogEngineParts;
  /** Writes the mark. */
  readonly #markFile: MarkFile;
  /** The current segment, and all those that can be read. */
  readonly #segments: Segments;
  /** Has the mark follow behind acknowledgements. */
  readonly #follower: MarkFollower;
  /** Anchors and votes on their way to their slots. */
  readonly #pairs: PairWrites;
  /** Puts a group on disk. */
  readonly #writer: GroupWriter;
  /** Looks whether the store's names still lead to its files. */
  readonly #ownership: Ownership;
  /** The keys that lie on disk, and the way to another one. */
  readonly rekeyer: Rekeyer;
  /** Finds room for groups, and keeps the journal within its bound on disk use. */
  readonly #upkeep: Upkeep;
  /** Entries that wait for a group. */
  readonly #queue = new EntryQueue();
  /** Lets waiting entries into a group, or refuses them. */
  readonly #gate: QueueGate;
  /** The group in flight: settled by its own end, or by the poison. */
  #taken: readonly RecordEntry[] = [];
  /** The group in flight is the first of its segment. */
  #isRotating = false;
  /** The work that is going on, groups or tidying. One at a time; it never rejects. */
  #running: Promise<void> | undefined;
  /** The first failure of a durable write (D7). */
  #poison: PersisterError | undefined;
  #life: Life = "open";
  /** The end of the first call of `close`. */
  #ended: Promise<void> | undefined;
  /** Called once, when the journal is poisoned. */
  #onPoison: ((poison: PersisterError) => void) | undefined;
  /** `#rest` will be called once the queue has been idle for a while. */
  #restScheduled = false;

  constructor(parts: LogEngineParts) {
    const segments = new Segments(parts);
    const reader = new RecordReader((slot) => parts.space.find(slot), parts.seals);
    super({ ...parts, segments, reader });
    this.#parts = parts;
    this.#markFile = parts.markFile;
    const { table, disk, ownFiles: files, space, markFile, later } = parts;
    const queue = this.#queue;
    const current = (): DiskFile => segments.current.slot.file;
    const slots = (): readonly DiskFile[] => space.files;
    this.#ownership = new Ownership({ disk, files, current, slots, nowMs: parts.nowMs });
    this.#segments = segments;
    this.#gate = new QueueGate({ queue, table, segments, tagBytes: parts.seals.tagBytes });
    const fail = (cause: unknown): void => void this.fail(cause);
    const isPoisoned = (): boolean => this.#poison !== undefined;
    const isRotating = (): boolean => this.#isRotating;
    this.#follower = new MarkFollower({ markFile, later, isPoisoned, isRotating, fail });
    this.#pairs = new PairWrites(markFile);
    this.#writer = new GroupWriter({ ...parts, segments });
    const write = (entries: readonly RecordEntry[], rotation?: Rotation): Promise<boolean> =>
      this.#writeGroup(entries, rotation);
    const read = ({ pointer, name, number }: PlacedRecord): Promise<Uint8Array> =>
      this.readAt(pointer, name, number);
    const { seals } = parts;
    const reclaimer = new Reclaimer({ table, segments, seals, read, write });
    this.#upkeep = new Upkeep({
      segments,
      queue,
      gate: this.#gate,
      reclaimer,
      ownership: this.#ownership,
      isPoisoned,
      fail,
    });
    this.rekeyer = new Rekeyer({
      ...parts,
      segments,
      reclaimer,
      next: () => this.#upkeep.nextSegment(),
      read,
      recordsIn: (segment) => this.recordsIn(segment),
      write,
      wake: () => this.#restSoon(),
    });
  }

  /** Why nothing is acknowledged any more, or `undefined` while all is well (D7). */
  get poison(): PersisterError | undefined {
    return this.#poison;
  }

  /** Warnings of this open, beside the findings of recovery. */
  get warnings(): readonly string[] {
    return this.#parts.warnings;
  }

  get counters(): Readonly<JournalCounters> {
    return this.#writer.counters;
  }

  /** The way that groups go at present. */
  get flush(): FlushStatus {
    return this.#writer.flush;
  }

  get mark(): Mark {
    return this.#markFile.current;
  }

  /** The last LSN that is durable. */
  get durableLsn(): bigint {
    return this.mark.acked;
  }

  get space(): SpaceUse {
    return this.#segments.use;
  }

  /**
   * The largest payload that a record can have here; a batch takes as much with the headers of its
   * records. A larger one is refused when it is submitted, and no other record is refused for its size.
   */
  get payloadBytesMax(): number {
    return this.#segments.payloadBytesMax;
  }

  /**
   * The journal at this moment, to be copied while it goes on.
   *
   * @throws {PersisterError} POISONED as the poison says, CLOSED.
   */
  cut(): JournalCut {
    if (this.#poison) throw this.#poison;
    if (this.#life !== "open") throw closedError();
    return cutOf({ ...this.#parts, segments: this.#segments });
  }

  /** Told what becomes of segments. */
  set listener(listener: SegmentListener) {
    this.#segments.listener = listener;
  }

  /** Called once, when the journal is poisoned. */
  set onPoison(listener: (poison: PersisterError) => void) {
    this.#onPoison = listener;
  }

  /**
   * Takes entries for one group, in order, before any await. Each is settled exactly once. Those that
   * nobody waits for ride in the next group that somebody waits for, or go when the queue is idle. A
   * message for an A/B pair is in no group: it is on its way at once.
   */
  submit(entries: readonly Entry[]): void {
    const refusal = this.#poison ?? (this.#life === "open" ? undefined : closedError());
    if (refusal) {
      for (const entry of entries) entry.settled(refusal);
      return;
    }
    const records: RecordEntry[] = [];
    for (const entry of entries) {
      if (entry.type === "pair") this.#writePair(entry);
      else records.push(entry);
    }
    // While a group is being written there is time to compute the checksums of these entries.
    this.#gate.enter(records, { summed: this.#taken.length > 0 });
    if (this.#queue.isAwaited) this.#run();
    else this.#restSoon();
  }

  /** Has everything that is queued go now, also what nobody waits for. */
  hurry(): void {
    if (this.#queue.entries.length > 0) this.#runAll();
  }

  /** Writes a mark with `change` in it; durable when resolved. A failure poisons the journal. */
  async writeMark(change: MarkChange): Promise<void> {
    if (this.#poison) throw this.#poison;
    if (this.#life === "closed") throw closedError();
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
    this.#pairs.reject(poison);
    this.rekeyer.end(poison);
    this.#queue.reject(poison, () => true);
    this.#onPoison?.(poison);
    return poison;
  }

  /**
   * Refuses new work, writes what is queued and a last mark, closes every file and lets go of the
   * lock. Idempotent. Rejects with the poison of a poisoned journal, and then writes nothing.
   */
  close(): Promise<void> {
    this.#ended ??= this.#close();
    return this.#ended;
  }

  async #close(): Promise<void> {
    this.#life = "closing";
    this.#runAll();
    while (this.#running) await this.#running;
    this.rekeyer.end(closedError());
    await this.#pairs.settled();
    await this.#upkeep.settled();
    // A failed mark poisons the store, and the poison is what close tells (D7).
    if (!this.#poison) await this.writeMark({}).catch((cause: unknown) => this.fail(cause));
    await this.#markFile.settled();
    this.#life = "closed";
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
    // All entries of this turn of the event loop, behind any number of promises, become one group.
    await turnOfTheLoop();
    while (this.#queue.isAwaited && !this.#poison) {
      this.#segments.noteDemand(this.#queue.byteLength);
      const count = this.#upkeep.countForGroup();
      if (count > 0) await this.#writeGroup(this.#queue.take(count));
      else if (!this.#gate.refuseLog() && !(await this.#upkeep.regainSpare())) {
        await this.#rotate();
      }
      await this.#upkeep.step();
      if (this.rekeyer.isDue) await this.rekeyer.step();
      await turnOfTheLoop();
      // The next entries of those who were told may be a turn behind: that is no rest yet.
      if (!this.#queue.isAwaited) await turnOfTheLoop();
    }
  }

  /** Begins the next segment with the entries that found no room in this one. */
  async #rotate(): Promise<void> {
    const next = await this.#upkeep.nextGroup();
    if (next) await this.#writeGroup(this.#queue.take(next.count), next.rotation);
  }

  #restSoon(): void {
    if (this.#running || this.#poison || this.#restScheduled) return;
    this.#restScheduled = true;
    this.#parts.whenIdle(() => {
      this.#restScheduled = false;
      this.#rest();
    });
  }

  /** The queue has been idle: what nobody waits for goes now, and what is to be tidied up. */
  #rest(): void {
    if (this.#running || this.#life !== "open" || this.#poison) return;
    this.#ownership.rested();
    if (this.#queue.entries.length > 0) this.#runAll();
    else if (this.rekeyer.isDue) this.#run(() => this.rekeyer.step());
    else if (this.#upkeep.isDue) this.#run(() => this.#tidy());
    else this.#follower.write();
  }

  async #tidy(): Promise<void> {
    await this.#upkeep.tidy();
    this.#follower.write();
  }

  #writePair(entry: PairEntry): void {
    this.#pairs.write(entry, this.#ownership.besideWrite()).then(
      () => {
        // D7: another write may have failed beside it, which has settled the entry.
        if (this.#poison) return;
        this.#pairs.acknowledge(entry);
        entry.settled();
        this.#follower.follow();
      },
      (cause: unknown) => void this.fail(cause),
    );
  }

  /** Writes entries as one group and settles them; tells whether they are durable. */
  async #writeGroup(entries: readonly RecordEntry[], rotation?: Rotation): Promise<boolean> {
    // D7: nothing is written behind a failure, and least of all over the group that failed.
    if (this.#poison) return false;
    this.#taken = entries;
    this.#isRotating = rotation !== undefined;
    try {
      // The look comes first: it runs while the write blocks.
      const look = this.#ownership.besideWrite();
      const write = this.#writer.write(entries, rotation);
      await (look ? allEnded([look, write]) : write);
    } catch (cause) {
      this.fail(cause);
    }
    this.#isRotating = false;
    // D7: another write may have failed beside it: then nothing more is acknowledged.
    if (this.#poison) return false;
    this.#taken = [];
    this.#upkeep.groupWritten();
    for (const entry of entries) {
      this.#queue.gone(entry);
      entry.settled();
    }
    this.#follower.follow();
    return true;
  }

  /** The first upkeep, before entries come: see `Upkeep.tidyAtOpen`; durable when resolved. */
  async tidyAtOpen(): Promise<void> {
    this.#run(() => this.#upkeep.tidyAtOpen());
    await this.#running;
    if (this.#poison) throw this.#poison;
  }
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

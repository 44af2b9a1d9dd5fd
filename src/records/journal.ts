/**
 * `Journal`: a durable log of typed records with labels, for whoever needs one ordered history that is
 * replayed after a restart. An LSN is a record's place in it: contiguous, from 1.
 *
 * The promises are the engine's: a resolved promise is durable, recovery is exact or refuses, the
 * first failed write is final, memory and disk follow what is not truncated (D1 to D10). A truncation
 * needs a durable checkpoint that allows it.
 */
import type { WaitOptions } from "../async/signal.js";
import { randomBytes } from "node:crypto";
import { MemoryDisk } from "../disk/memory.js";
import { absolutePath, type PathInput } from "../disk/path.js";
import { RealDisk } from "../disk/real.js";
import type { LogEngine } from "../journal/log-engine.js";
import { PersisterError } from "../types/errors.js";
import { Checkpoints, type Truncation } from "./checkpoints.js";
import {
  encodeBatch,
  encodeRecord,
  type NewJournalRecord,
  payloadBytesMax,
  type RecordLimits,
} from "./new-record.js";
import {
  initRecords,
  type JournalRecovery,
  type OpenedRecords,
  openRecords,
  type Surroundings,
} from "./open.js";
import {
  checkInit,
  checkOpen,
  defaults,
  type JournalChoices,
  type JournalInitChoices,
  type JournalSettings,
} from "./options.js";
import { RecordLog } from "./record-log.js";
import {
  type HeldRange,
  headersIn,
  heldRange,
  type JournalRecord,
  readRecord,
  type RecordHeader,
  type RecordRange,
  recordsIn,
} from "./replay.js";
import { type JournalSegment, segmentsOf } from "./segments.js";

/** Records that follow each other: [first, next). */
export interface AppendedBatch {
  readonly first: bigint;
  readonly next: bigint;
}

/** A part of a replay. */
export interface JournalPage {
  readonly records: readonly JournalRecord[];
  /** Where the next page begins. */
  readonly next: bigint;
  /** Whether a record follows that the next page would hold. */
  readonly hasMore: boolean;
}

/** How much there is, in memory and on disk. */
export interface JournalSizes {
  readonly records: bigint;
  /** Segment files, those counted that are free. */
  readonly segments: number;
  readonly freeSegments: number;
  /** Bytes of all segment files. */
  readonly bytes: number;
}

const MEMORY_DIRECTORY = "memory";

export class Journal {
  readonly recovery: JournalRecovery;
  /** False for a journal without a disk (D10). */
  readonly durable: boolean;
  readonly #engine: LogEngine;
  readonly #log: RecordLog;
  readonly #types: ReadonlySet<number>;
  readonly #checkpoints: Checkpoints;

  private constructor(opened: OpenedRecords, settings: JournalSettings, durable: boolean) {
    this.recovery = opened.recovery;
    this.durable = durable;
    this.#engine = opened.engine;
    this.#log = new RecordLog(opened, settings.queueBytes);
    this.#types = new Set(settings.types);
    this.#checkpoints = new Checkpoints(opened.engine, this.#log, opened.checkpoint?.lsn);
  }

  /**
   * Makes a journal in `directory`, which must be missing or empty; durable when resolved (D10).
   *
   * @throws {PersisterError} STORE_EXISTS, USAGE, DISK_FULL, READ_ONLY, IO.
   */
  static async init(directory: PathInput, choices: JournalInitChoices = {}): Promise<void> {
    await Journal.initOn(realSurroundings(), absolutePath(directory), choices);
  }

  /**
   * Opens the journal in `directory`: every record acknowledged is there, or it is refused and no byte
   * was changed (D5).
   *
   * @throws {PersisterError} NOT_A_STORE, STORE_LOCKED, FORMAT_TOO_NEW (also for a required type that
   * is not among `types`), JOURNAL_CORRUPT, ACKNOWLEDGED_LOST, MARK_CORRUPT, READ_ONLY, DISK_FULL, IO,
   * USAGE.
   */
  static async open(directory: PathInput, choices: JournalChoices): Promise<Journal> {
    return await Journal.openOn(realSurroundings(), absolutePath(directory), choices);
  }

  /** A journal without a disk: the same behaviour, nothing survives the process (D10). */
  static async openMemory(choices: JournalChoices): Promise<Journal> {
    const surroundings = { ...realSurroundings(), disk: new MemoryDisk(), durable: false };
    const { segmentBytes } = checkOpen(choices);
    await Journal.initOn(surroundings, MEMORY_DIRECTORY, { segmentBytes });
    return await Journal.openOn(surroundings, MEMORY_DIRECTORY, choices);
  }

  /** `init` in given surroundings. @internal */
  static async initOn(
    surroundings: Surroundings,
    directory: string,
    choices: JournalInitChoices,
  ): Promise<void> {
    await initRecords(surroundings, directory, checkInit(choices));
  }

  /** `open` in given surroundings. @internal */
  static async openOn(
    surroundings: Surroundings,
    directory: string,
    choices: JournalChoices,
  ): Promise<Journal> {
    const settings = checkOpen(choices);
    const opened = await openRecords(surroundings, directory, settings);
    return new Journal(opened, settings, surroundings.durable);
  }

  /** The first LSN that is held; equal to `nextLsn` where none is. */
  get firstLsn(): bigint {
    return this.#log.first;
  }

  /** The LSN that the next append gets. */
  get nextLsn(): bigint {
    return this.#log.queuedNext;
  }

  /** The last LSN that is durable; 0 where none was ever given. */
  get durableLsn(): bigint {
    return this.#log.next - 1n;
  }

  /** What lies below is not needed any more, by the last durable checkpoint; `undefined`: there is none. */
  get checkpointLsn(): bigint | undefined {
    return this.#checkpoints.lsn;
  }

  get sizes(): JournalSizes {
    const { slots, free, bytes } = this.#engine.space;
    const records = this.#log.next - this.#log.first;
    return { records, segments: slots, freeSegments: free, bytes };
  }

  /**
   * Bytes of the largest payload that a record can have here. It follows from `segmentBytes`. A batch
   * takes one payload of this size, or several with 60 bytes beside each that are not larger together.
   */
  get payloadBytesMax(): number {
    return payloadBytesMax(this.#engine.payloadBytesMax);
  }

  /** Why nothing is acknowledged any more, or `undefined` while all is well (D7). */
  get poison(): PersisterError | undefined {
    return this.#engine.poison;
  }

  /**
   * Appends a record and returns its LSN; durable when resolved. LSNs follow the order of calls. Waits
   * while `queueBytes` are on their way to disk. Copies the payload.
   *
   * @throws {PersisterError} USAGE for a type or a label that is none; INVALID where the payload is
   * larger than a segment takes; ABORTED before it entered the queue; DISK_FULL, POISONED, CLOSED.
   */
  async append(record: NewJournalRecord, { signal }: WaitOptions = {}): Promise<bigint> {
    return await this.#log.append([encodeRecord(record, this.#limits)], signal);
  }

  /**
   * Appends records with LSNs that follow each other; durable when resolved. After a crash all of them
   * are there, or none. Throws as `append`, and INVALID where they are more than 512, or together more
   * than a segment takes; then none was appended.
   */
  async appendBatch(
    records: readonly NewJournalRecord[],
    { signal }: WaitOptions = {},
  ): Promise<AppendedBatch> {
    const encoded = encodeBatch(records, this.#limits);
    const first = await this.#log.append(encoded, signal);
    return { first, next: first + BigInt(records.length) };
  }

  /**
   * Puts on record that nothing below `lsn` is needed any more; durable when resolved. Returns the LSN
   * of that record. Checkpoints only rise.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where `lsn` is below the last checkpoint's, or above what
   * is durable; DISK_FULL, POISONED, CLOSED.
   */
  async checkpoint(lsn: bigint): Promise<bigint> {
    return await this.#checkpoints.put(lsn);
  }

  /**
   * Resolves when every record whose append was called before is durable.
   *
   * @throws {PersisterError} why one of them is not.
   */
  async sync(): Promise<void> {
    await this.#log.barrier();
  }

  /**
   * Forgets every record below `lsn`, which a durable checkpoint must have allowed; durable when
   * resolved. The record that becomes the first is read back before anything goes (D4). At or below
   * the first LSN nothing happens.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE above the last checkpoint; VERIFY_MISMATCH,
   * JOURNAL_CORRUPT where the record that becomes the first is not what it was, and nothing went;
   * POISONED, CLOSED.
   */
  async truncateBefore(lsn: bigint): Promise<Truncation> {
    return await this.#checkpoints.truncateBefore(lsn);
  }

  /**
   * The record at `lsn`, from disk, whatever its type.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where it is not held; JOURNAL_CORRUPT, IO.
   */
  async read(lsn: bigint): Promise<JournalRecord> {
    return await readRecord(this.#log, lsn);
  }

  /**
   * The caller's records in order, as they are durable when it begins; checkpoints and optional types
   * that are not known are left out. Memory is bounded.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where `from` was truncated, is truncated before it is
   * read, or is above what is durable; ABORTED; JOURNAL_CORRUPT, IO.
   */
  replay(options: RecordRange & WaitOptions = {}): AsyncGenerator<JournalRecord> {
    return recordsIn(this.#log, () => this.#known(options), options.signal);
  }

  /** Up to `limit` records of a replay, and where, and whether, it goes on. Throws as `replay`. */
  async page(
    options: RecordRange & WaitOptions & { readonly limit: number },
  ): Promise<JournalPage> {
    const { limit } = options;
    if (!Number.isInteger(limit) || limit < 1) {
      throw new PersisterError("USAGE", "a page has room for at least one record");
    }
    const range = this.#known(options);
    // One more than asked for tells where the page ends, and needs no reading.
    const lsns: bigint[] = [];
    for (const { lsn } of headersIn(this.#log, range)) {
      if (lsns.push(lsn) > limit) break;
    }
    const following = lsns.length > limit ? lsns.pop() : undefined;
    const next = following ?? range.next;
    const records: JournalRecord[] = [];
    for await (const record of recordsIn(this.#log, () => ({ ...range, next }), options.signal)) {
      records.push(record);
    }
    return { records, next, hasMore: following !== undefined };
  }

  /**
   * Headers of the durable records in order, of every type, checkpoints too: from memory, no payload
   * is read.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE as `replay`.
   */
  headers(options: RecordRange = {}): Generator<RecordHeader> {
    return headersIn(this.#log, heldRange(this.#log, options));
  }

  /** The segments that hold live records, in the order of their first LSNs. */
  async segments(): Promise<readonly JournalSegment[]> {
    return segmentsOf(this.#engine);
  }

  /**
   * Refuses new work, writes what is queued, and lets go of the journal. Idempotent.
   *
   * @throws {PersisterError} POISONED where an earlier write failed: nothing more was written.
   */
  async close(): Promise<void> {
    await this.#engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Records that the caller knows, of those that it selects. */
  #known(options: RecordRange): HeldRange {
    const range = heldRange(this.#log, options);
    const select = (header: RecordHeader): boolean =>
      this.#types.has(header.type) && range.select(header);
    return { ...range, select };
  }

  get #limits(): RecordLimits {
    return { types: this.#types, bytesMax: this.#engine.payloadBytesMax };
  }
}

function realSurroundings(): Surroundings {
  return {
    disk: new RealDisk(),
    randomBytes: (count) => randomBytes(count),
    whenIdle: (task) => setTimeout(task, defaults.idleMs),
    nowMs: () => Date.now(),
    durable: true,
  };
}

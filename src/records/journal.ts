/**
 * `Journal`: a durable log of typed records with labels, for programs that need one ordered history and
 * replay it after a restart. An LSN is a record's place in it: contiguous, from 1.
 *
 * The promises are the engine's: a resolved promise is durable (D1), recovery is exact or refuses (D5),
 * the first failed write is final (D7), memory and disk follow the records that are held (D9). Nothing is
 * forgotten unless the caller said on disk that it is not needed any more.
 */
import { ahead } from "../async/ahead.js";
import { throwIfAborted, unlessAborted, type WaitOptions } from "../async/signal.js";
import { absolutePath, type PathInput } from "../disk/path.js";
import {
  type FlushStatus,
  memorySurroundings,
  realSurroundings,
  type Surroundings,
} from "../disk/surroundings.js";
import type { LogEngine } from "../journal/log-engine.js";
import type { KeyUse } from "../journal/upkeep/rekeyer.js";
import { type KeySource, keySourceArgument } from "../keys/source.js";
import { u64Argument } from "../types/arguments.js";
import type { PersisterError } from "../types/errors.js";
import { withJson } from "../types/json.js";
import { headersArgument, pageArgument, replayArgument, waitArgument } from "./arguments.js";
import { Checkpoints, type Truncation } from "./log/checkpoints.js";
import {
  batchAppend,
  type NewJournalRecord,
  payloadBytesMax,
  recordAppend,
  type RecordLimits,
} from "./log/new-record.js";
import { initRecords, type JournalRecovery, type OpenedRecords, openRecords } from "./open.js";
import {
  checkInit,
  checkOpen,
  type JournalChoices,
  type JournalInitChoices,
  type JournalSettings,
} from "./options.js";
import { RecordLog } from "./log/record-log.js";
import {
  headersIn,
  heldRange,
  type JournalPage,
  type JournalRecord,
  pageOf,
  readRecord,
  type RecordHeader,
  type RecordRange,
  recordsIn,
  type Select,
} from "./replay.js";
import { type JournalSegment, type JournalSizes, segmentsOf, sizesOf } from "./log/segments.js";

/** Records that follow each other: [first, next). */
export interface AppendedBatch {
  readonly first: bigint;
  readonly next: bigint;
}

const MEMORY_DIRECTORY = "memory";

/**
 * An open journal. Every method checks its arguments before it begins anything.
 *
 * @example
 *   await Journal.init("history");
 *   await using journal = await Journal.open("history", { types: [1] });
 *   const lsn = await journal.append({ type: 1, payload: new TextEncoder().encode("hello") });
 *   for await (const record of journal.replay()) console.log(record.lsn, record.payload);
 *   await journal.forgetBefore(lsn);
 */
export class Journal {
  readonly recovery: JournalRecovery;
  /** False for a journal without a disk (D10). */
  readonly durable: boolean;
  readonly #engine: LogEngine;
  readonly #log: RecordLog;
  readonly #checkpoints: Checkpoints;
  readonly #limits: RecordLimits;
  #isClosing = false;
  #closing: Promise<void> | undefined;

  private constructor(opened: OpenedRecords, settings: JournalSettings, durable: boolean) {
    const { engine, recovery, checkpoint } = opened;
    this.recovery = recovery;
    this.durable = durable;
    this.#engine = engine;
    this.#log = new RecordLog(opened, settings.queueBytes);
    this.#checkpoints = new Checkpoints(engine, this.#log, checkpoint);
    const most = payloadBytesMax(engine.payloadBytesMax);
    this.#limits = { types: new Set(settings.types), payloadBytesMax: most };
  }

  /**
   * Makes a journal in `directory`, which must be missing or empty; durable when resolved (D10). The path
   * is made absolute at the call.
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
   * is not among `types`), JOURNAL_CORRUPT, ACKNOWLEDGED_LOST, MARK_CORRUPT, CALLBACK_FAILED, READ_ONLY,
   * DISK_FULL, IO, ABORTED, USAGE. Nothing is left open.
   */
  static async open(directory: PathInput, choices: JournalChoices): Promise<Journal> {
    return await Journal.openOn(realSurroundings(), absolutePath(directory), choices);
  }

  /** A journal without a disk: the same behaviour, nothing survives the process (D10). */
  static async openMemory(choices: JournalChoices): Promise<Journal> {
    const surroundings = memorySurroundings();
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

  /** The first LSN that is held; equal to `nextLsn` if none is. */
  get firstLsn(): bigint {
    return BigInt(this.#log.first);
  }

  /** The LSN that the next append gets. */
  get nextLsn(): bigint {
    return BigInt(this.#log.queuedNext);
  }

  /** The last LSN that is durable; 0 if none was ever given. */
  get durableLsn(): bigint {
    return BigInt(this.#log.next - 1);
  }

  /**
   * No record below is needed any more: the highest LSN that a durable checkpoint named, or that records
   * were forgotten up to. `undefined` if nobody has said so yet.
   */
  get checkpointLsn(): bigint | undefined {
    return this.#checkpoints.lsn;
  }

  /** The way that small groups of records are written now, and how long blocking calls held the event loop. */
  get flush(): FlushStatus {
    return this.#engine.flush;
  }

  get sizes(): JournalSizes {
    return sizesOf(this.#engine, this.#log.next - this.#log.first);
  }

  /**
   * Bytes of the largest payload that a record can have here. It follows from `segmentBytes`. A batch
   * takes one payload of this size, or several with 76 bytes beside each that are not larger together.
   */
  get payloadBytesMax(): number {
    return this.#limits.payloadBytesMax;
  }

  /** Why nothing is acknowledged any more, or `undefined` while all is well (D7). */
  get poison(): PersisterError | undefined {
    return this.#engine.poison;
  }

  /**
   * Appends a record and returns its LSN; durable when resolved. LSNs follow the order of calls. Waits
   * while `queueBytes` are on their way to disk.
   *
   * The payload is lent, not copied: it must not be changed, transferred or resized until the promise
   * settles.
   *
   * @throws {PersisterError} USAGE for a record that is none; INVALID if the payload is larger than a
   * segment takes; ABORTED before it entered the queue; DISK_FULL, POISONED, CLOSED.
   */
  append(record: NewJournalRecord, options?: WaitOptions): Promise<bigint> {
    try {
      const signal = waitArgument(options);
      return this.#log.append([recordAppend(record, this.#limits)], signal);
    } catch (cause) {
      return rejected(cause);
    }
  }

  /**
   * Appends records with LSNs that follow each other; durable when resolved. After a crash all of them
   * are there, or none. Throws as `append`, and INVALID if they are more than 512, or together more than
   * a segment takes; then none was appended. Payloads are lent, as for `append`.
   */
  async appendBatch(
    records: readonly NewJournalRecord[],
    options?: WaitOptions,
  ): Promise<AppendedBatch> {
    const signal = waitArgument(options);
    const batch = batchAppend(records, this.#limits);
    const first = await this.#log.append(batch, signal);
    return withJson({ first, next: first + BigInt(batch.length) });
  }

  /**
   * Puts on record that no record below `lsn` is needed any more; durable when resolved. Returns the LSN
   * of that record. Checkpoints only rise.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE if `lsn` is below the last checkpoint's, or above what is
   * durable; DISK_FULL, POISONED, CLOSED, USAGE.
   */
  async checkpoint(lsn: bigint): Promise<bigint> {
    return await this.#checkpoints.put(u64Argument("lsn", lsn));
  }

  /**
   * Resolves when every record whose append was called before is durable.
   *
   * @throws {PersisterError} why one of them is not; ABORTED, USAGE.
   */
  async sync(options?: WaitOptions): Promise<void> {
    const signal = waitArgument(options);
    throwIfAborted(signal, "the sync");
    await unlessAborted(this.#log.barrier(), signal, "the sync");
  }

  /**
   * Forgets every record below `lsn`, which a durable checkpoint must have allowed; durable when
   * resolved. The record that becomes the first is read back before anything goes (D4). At or below the
   * first LSN nothing happens.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE above the last checkpoint; VERIFY_MISMATCH,
   * JOURNAL_CORRUPT if the record that becomes the first is not what it was, and nothing went;
   * POISONED, CLOSED, USAGE.
   */
  async truncateBefore(lsn: bigint): Promise<Truncation> {
    return await this.#checkpoints.truncateBefore(u64Argument("lsn", lsn));
  }

  /**
   * Forgets every record below `lsn`, whatever the last checkpoint is: checkpoint and truncation in one
   * record, which rides in the next group and needs no room on the disk. Durable when resolved. Otherwise
   * as `truncateBefore`.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE above what is durable; else as `truncateBefore`.
   */
  async forgetBefore(lsn: bigint): Promise<Truncation> {
    return await this.#checkpoints.forgetBefore(u64Argument("lsn", lsn));
  }

  /**
   * The record at `lsn`, from disk, whatever its type.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE if it is not held; JOURNAL_CORRUPT, IO, USAGE.
   */
  async read(lsn: bigint): Promise<JournalRecord> {
    return await readRecord(this.#log, Number(u64Argument("lsn", lsn)));
  }

  /**
   * The records of the types that the journal was opened with, in order, as far as they are durable when
   * the first one is asked for. Memory is bounded. A search for records that are rare gives way to the
   * event loop.
   *
   * @throws {PersisterError} USAGE at the call; OUT_OF_SEQUENCE if `from` was truncated, is truncated
   * before it is read, or is above what is durable; ABORTED; JOURNAL_CORRUPT, IO.
   */
  replay(options?: RecordRange & WaitOptions): AsyncGenerator<JournalRecord> {
    const { from, select, signal } = replayArgument(options);
    const range = () => heldRange(this.#log, from, this.#known(select));
    return recordsIn(this.#log, range, signal);
  }

  /** Up to `limit` records of a replay, and whether a record follows. Throws as `replay`. */
  async page(
    options: RecordRange & WaitOptions & { readonly limit: number },
  ): Promise<JournalPage> {
    const { from, select, ...bounds } = pageArgument(options);
    return await pageOf(this.#log, heldRange(this.#log, from, this.#known(select)), bounds);
  }

  /**
   * Headers of the durable records in order, of every type, checkpoints too: from memory, no payload is
   * read. It does not give way to the event loop: break off after so many.
   *
   * @throws {PersisterError} USAGE; OUT_OF_SEQUENCE as `replay`.
   */
  headers(options?: RecordRange): Generator<RecordHeader> {
    const { from, select } = headersArgument(options);
    return headersIn(this.#log, heldRange(this.#log, from, select));
  }

  /**
   * Seals everything that is written from now on with another key; durable when resolved. Records
   * that lie on disk under older keys are moved in the background: see `waitForRotation`.
   *
   * @throws {PersisterError} KEY_REFUSED, CALLBACK_FAILED for the key; USAGE where the journal was opened
   * without a key that writes; DISK_FULL: the key before goes on; POISONED, CLOSED.
   */
  async rotateKey(key: KeySource): Promise<void> {
    await this.#engine.rekeyer.rotateTo(keySourceArgument(key));
  }

  /**
   * Waits until no record on disk is plain, or needs another key than the one that writes: older keys can be
   * destroyed.
   *
   * @throws {PersisterError} ABORTED, POISONED, CLOSED.
   */
  async waitForRotation(options?: WaitOptions): Promise<void> {
    await this.#engine.rekeyer.finished({ signal: waitArgument(options) });
  }

  /** The keys whose bytes lie on disk, and "plain": a key is not needed once it is not among them. */
  get keys(): readonly KeyUse[] {
    return this.#engine.rekeyer.uses;
  }

  /** Whether `close` was called: true from the call on. A journal that is poisoned is not closed. */
  get closed(): boolean {
    return this.#isClosing;
  }

  /** The segments that hold live records, in the order of their first LSNs. */
  async segments(): Promise<readonly JournalSegment[]> {
    return segmentsOf(this.#engine);
  }

  /**
   * Refuses new work, writes what is queued, and lets go of the journal. Idempotent.
   *
   * @throws {PersisterError} POISONED if an earlier write failed, and nothing more was written; DISK_FULL
   * if records that were queued could not be written: the message names them.
   */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const written = ahead(this.#log.queueSettled());
    await this.#engine.close();
    await written;
  }

  /** Records of the types that the caller knows, of those that it selects. */
  #known(select: Select): Select {
    return (header) => this.#limits.types.has(header.type) && select(header);
  }
}

function rejected(cause: unknown): Promise<never> {
  return Promise.reject(cause instanceof Error ? cause : new Error("a check failed", { cause }));
}

/**
 * Records that were pruned and are retained: they can be read as long as their segments are there (D9).
 * Nothing is promised of them, and nothing wrong is ever returned: every record is checked as it is read.
 *
 * The map finds a record. If the map does not hold its segment yet (after a crash), the heads of the
 * segments tell in which one it was appended, and that one is mended first: no read waits for all of
 * the map. If the map is wrong, the segment itself has the last word.
 */
import { ahead } from "../async/ahead.js";
import type { LogEngine } from "../journal/log-engine.js";
import { throwIfAborted } from "../async/signal.js";
import { InvariantError } from "../types/assert.js";
import { PersisterError, reasonOf } from "../types/errors.js";
import type { LogMap } from "./map/log-map.js";
import { MapKeeper } from "./map/map-keeper.js";
import type { MapWarnings } from "./map/map-warnings.js";
import type { RetainedRange, RetainedRecord } from "./retained-range.js";
import { Retention, type Run } from "./retention.js";
import { nextAt, segmentOf } from "./segment-of.js";
import { UnsealedRecords } from "./unsealed-records.js";

/** Records that a range reads ahead at once, and their bytes: one read of the disk as a rule. */
const BATCH_RECORDS = 64;
const BATCH_BYTES = 1024 * 1024;

/** The outcome of one look at a retained record. */
type Looked =
  | { readonly bytes: Uint8Array }
  /** `byMap`: the map said where the record lies, or did not know it. */
  | { readonly bytes: undefined; readonly cause: unknown; readonly byMap: boolean };

export class RetainedRecords {
  readonly #engine: LogEngine;
  readonly #warnings: MapWarnings;
  readonly #firstOf: (name: string) => bigint;
  readonly #retention = new Retention();
  readonly #keeper: MapKeeper;
  #current = new UnsealedRecords([]);
  #isClosing = false;

  constructor(parts: {
    readonly engine: LogEngine;
    readonly map: LogMap;
    readonly warnings: MapWarnings;
    /** The first live number of a log. */
    readonly firstOf: (name: string) => bigint;
    /** Told that a segment was sealed. */
    readonly onSealed?: () => void;
  }) {
    this.#engine = parts.engine;
    this.#warnings = parts.warnings;
    this.#firstOf = parts.firstOf;
    this.#keeper = new MapKeeper({ ...parts, retention: this.#retention });
    parts.engine.listener = this.#keeper;
  }

  /** Takes over what the map held at the last close, and mends the rest in the background. */
  async start(): Promise<void> {
    await this.#keeper.start();
  }

  /** Resolves when the map holds every segment that can be read. */
  async mended(): Promise<void> {
    await this.#keeper.mended;
  }

  /** Idempotent. Must come before the engine lets go of its files. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#keeper.close();
  }

  /** The lowest number of a log that can be read without a gap up to its first, as far as is known yet. */
  first(name: string): bigint {
    return this.#retention.firstOf(name, this.#firstOf(name), this.#currentSegment().runsOf(name));
  }

  /**
   * The numbers of a log below its first that can be read: runs apart from each other, ascending. Every number
   * below its first, as long as that is not known.
   */
  runs(name: string): readonly Run[] {
    const first = this.#firstOf(name);
    if (!this.#keeper.isMended) return first === 0n ? [] : [{ from: 0n, next: first }];
    return this.#retention.runsBelow(name, first, this.#currentSegment().runsOf(name));
  }

  /** See `LogSet.heldFrom`. */
  heldFrom(throughOf: (name: string) => bigint | undefined): bigint {
    const current = this.#engine.currentSegment.sequence;
    const lowest = this.#retention.oldestWith((name) => {
      const from = throughOf(name);
      return from === undefined ? undefined : { from, next: this.#firstOf(name) };
    });
    const unknown = this.#engine.readable.find(({ sequence }) => !this.#retention.knows(sequence));
    const held = [lowest, unknown?.sequence].filter((sequence) => sequence !== undefined);
    return held.reduce((oldest, sequence) => (sequence < oldest ? sequence : oldest), current);
  }

  /**
   * One record; `undefined` where it is not retained, or lies below a gap.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT where the record itself is damaged; IO, CLOSED.
   */
  async read(name: string, number: bigint): Promise<Uint8Array | undefined> {
    if (this.#keeper.isMended && number < this.first(name)) return undefined;
    return await this.#readKnown(name, number);
  }

  async #readKnown(name: string, number: bigint): Promise<Uint8Array | undefined> {
    this.#refuseWhileClosing();
    if (!(await this.#isRetained(name, number))) return undefined;
    const looked = await this.#look(name, number);
    if (looked.bytes || !this.#isKnown(name, number)) return looked.bytes;
    this.#refuseWhileClosing();
    if (!looked.byMap) throw looked.cause;
    return await this.#readAgain(name, number, looked.cause);
  }

  /**
   * Records in ascending order, without a gap: from the lowest retained one that the range holds, up to the
   * log's first live number as it is now. Reads ahead about 1 MiB.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where a record was given up while the range was read;
   * JOURNAL_CORRUPT where one is damaged; ABORTED, IO, CLOSED.
   */
  async *range(name: string, range: RetainedRange): AsyncGenerator<RetainedRecord> {
    const first = this.#firstOf(name);
    const next = range.next !== undefined && range.next < first ? range.next : first;
    const from = await this.#startOf(name, range.from);
    const lent = this.#between(name, { ...range, from, next });
    for await (const { number, bytes } of lent) yield { number, bytes: Uint8Array.from(bytes) };
  }

  /**
   * As `range`, of every run: an anchor beyond the end of a log leaves a gap. Waits until all is known. Lends bytes.
   */
  async *rangeOfRuns(name: string, range: RetainedRange): AsyncGenerator<RetainedRecord> {
    const { from = 0n, next = this.#firstOf(name) } = range;
    await this.#keeper.mended;
    for (let at = from; at < next; ) {
      const run = this.runs(name).find((each) => each.next > at);
      if (!run || run.from >= next) return;
      const end = run.next < next ? run.next : next;
      yield* this.#between(name, { ...range, from: run.from > at ? run.from : at, next: end });
      at = end;
    }
  }

  /** The records [from, next). */
  async *#between(
    name: string,
    { from, next: end, signal }: RetainedRange & Run,
  ): AsyncGenerator<RetainedRecord> {
    let number = from;
    while (number < end) {
      throwIfAborted(signal, "the reading of a range");
      for (const bytes of await this.#batch(name, number, end)) {
        throwIfAborted(signal, "the reading of a range");
        const own = bytes ?? (await this.#readKnown(name, number));
        if (!own) throw this.#givenUp(name, number);
        yield { number, bytes: own };
        number += 1n;
      }
    }
  }

  /** The first number of a range that asks for `from`. */
  async #startOf(name: string, from: bigint | undefined): Promise<bigint> {
    const [oldest] = this.#engine.readable;
    const wished =
      from ?? (oldest && !this.#keeper.isMended ? await nextAt(this.#engine, oldest, name) : 0n);
    // A gap above it is known once all is mended.
    if (wished !== undefined && (await this.#isRetained(name, wished)) && !this.#keeper.isMended)
      return wished;
    await this.#keeper.mended;
    const lowest = this.first(name);
    return from !== undefined && from > lowest ? from : lowest;
  }

  /**
   * The payloads of some records from `number` on, at least of one. `undefined` stands for one of which
   * the map does not know the place, or not the right one.
   */
  async #batch(name: string, number: bigint, end: bigint): Promise<(Uint8Array | undefined)[]> {
    this.#refuseWhileClosing();
    const reads: Promise<Uint8Array | undefined>[] = [];
    let bytes = 0;
    for await (const { number: found, pointer } of this.#keeper.map.range(name, number, end)) {
      if (found !== number + BigInt(reads.length)) break;
      bytes += pointer.length;
      if (reads.length > 0 && bytes > BATCH_BYTES) break;
      reads.push(ahead(this.#engine.readAt(pointer, name, found).catch(isOfRead)));
      if (reads.length === BATCH_RECORDS) break;
    }
    return reads.length === 0 ? [undefined] : await Promise.all(reads);
  }

  #givenUp(name: string, number: bigint): PersisterError {
    const message = `${name} ${number} was given up while the range was read: begin again above it`;
    return new PersisterError("OUT_OF_SEQUENCE", message, { lane: name, blockNumber: number });
  }

  /** The map, or the record, is not right: finds out which, and mends the map. */
  async #readAgain(name: string, number: bigint, cause: unknown): Promise<Uint8Array | undefined> {
    const { map } = this.#keeper;
    const proven = await this.#prove(name, number);
    if (!this.#isKnown(name, number)) {
      // The segment does not verify there: from now on the record is not retained.
      if (this.#keeper.hasDamage) throw cause;
      return undefined;
    }
    this.#refuseWhileClosing();
    const wrong = `wrong about ${name} ${number}: ${reasonOf(cause)}`;
    this.#warnings.addRebuild(wrong);
    this.#keeper.mendAll((sequence) => sequence !== proven);
    // The map is to answer, and not what is still on its way into it.
    await this.#keeper.written();
    const again = await this.#look(name, number);
    if (again.bytes || !this.#isKnown(name, number)) return again.bytes;
    this.#refuseWhileClosing();
    // Across await: another read may have left it, and the map that is kept now was not asked.
    if (this.#keeper.map === map) this.#keeper.leave(wrong);
    await this.#prove(name, number);
    await this.#keeper.written();
    const last = await this.#look(name, number);
    if (last.bytes || !this.#isKnown(name, number)) return last.bytes;
    this.#refuseWhileClosing();
    throw last.cause;
  }

  /** Reads all of the segment that holds a record, and writes its place into the map once more: its sequence. */
  async #prove(name: string, number: bigint): Promise<bigint | undefined> {
    const segment = await segmentOf(this.#engine, name, number);
    if (segment) await this.#keeper.mend(segment, true);
    // Of copies the map names the newest one. That one may be gone or damaged: the next one takes its place.
    for (const each of [...this.#engine.readable].reverse()) {
      if (!this.#retention.lies(each.sequence, name, number)) continue;
      await this.#keeper.mend(each, true);
      if (this.#retention.lies(each.sequence, name, number)) return each.sequence;
    }
    return undefined;
  }

  /** Whether a record is retained. Mends the segment in which it should lie, if the map lacks that one. */
  async #isRetained(name: string, number: bigint): Promise<boolean> {
    if (this.#isKnown(name, number)) return true;
    if (this.#keeper.isMended || !this.#isBelowFirst(name, number)) return false;
    const segment = await segmentOf(this.#engine, name, number);
    if (segment) await this.#keeper.mend(segment);
    if (this.#isKnown(name, number)) return true;
    // A copy lies in a later segment than the one in which it was appended.
    await this.#keeper.mended;
    return this.#isKnown(name, number);
  }

  /** Whether a record is retained, as far as is known yet. */
  #isKnown(name: string, number: bigint): boolean {
    if (!this.#isBelowFirst(name, number)) return false;
    if (this.#retention.has(name, number)) return true;
    return this.#currentSegment().find(name, number) !== undefined;
  }

  #isBelowFirst(name: string, number: bigint): boolean {
    return number >= 0n && number < this.#firstOf(name);
  }

  async #look(name: string, number: bigint): Promise<Looked> {
    let byMap = false;
    try {
      let pointer = this.#currentSegment().find(name, number);
      if (!pointer) {
        byMap = true;
        pointer = await this.#keeper.find(name, number);
      }
      if (pointer) return { bytes: await this.#engine.readAt(pointer, name, number) };
      return { bytes: undefined, cause: new InvariantError("it does not know it"), byMap };
    } catch (cause) {
      return { bytes: undefined, cause, byMap };
    }
  }

  /** The records of the current segment. Each look goes on where the last one ended. */
  #currentSegment(): UnsealedRecords {
    const records = this.#engine.currentRecords;
    if (!this.#current.isOf(records)) this.#current = new UnsealedRecords(records);
    this.#current.catchUp();
    return this.#current;
  }

  /** A closing store has let go of its files: that is no fault of the map. */
  #refuseWhileClosing(): void {
    if (this.#isClosing) throw new PersisterError("CLOSED", "the store was closed");
  }
}

/** A read that fails is tried once more by itself, where it is told what is wrong. */
function isOfRead(cause: unknown): undefined {
  if (!(cause instanceof PersisterError)) throw cause;
}

/**
 * Keeps the map beside the journal: writes each segment into it when the segment is sealed, forgets what
 * is released, and mends it after an open, segment by segment, in the background.
 *
 * # Invariants
 *
 * - The map is written behind the journal, never before it: every record that it names was durable.
 * - Of copies of one record, the map names the one in the newest segment that it holds.
 * - A segment that is known to `retention` is in the map, or in a write that is on its way (`#unwritten`).
 *
 * # Errors
 *
 * A map that refuses a write is left for one in memory, and a warning says so. No error of the map
 * reaches a writer of the journal.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { RetainedSegment } from "../../journal/form/head.js";
import type { LogEngine } from "../../journal/log-engine.js";
import type { PlacedRecord } from "../../journal/segment/places.js";
import type { SegmentRecords } from "../../journal/segment/records.js";
import type { Pointer } from "../../journal/segment/segment.js";
import { ahead } from "../../async/ahead.js";
import { PersisterError, reasonOf } from "../../types/errors.js";
import { type NamedRun, type Retention, runsIn } from "../retention.js";
import { type LogMap, type LogRun, type MapChange, memoryLogMap } from "./log-map.js";
import type { MapWarnings } from "./map-warnings.js";

/** Segments of which it is noted what lies in them before the event loop goes on: some milliseconds of work. */
const SEGMENTS_PER_TURN = 128;

export class MapKeeper {
  readonly #engine: LogEngine;
  readonly #retention: Retention;
  readonly #warnings: MapWarnings;
  readonly #onSealed: (() => void) | undefined;
  #map: LogMap;
  /** One write at a time, off the path of acknowledgements. Rejects for a defect of ours alone. */
  #writes: Promise<void> = Promise.resolve();
  /** Records that are on their way into the map. */
  readonly #unwritten = new Set<readonly PlacedRecord[]>();
  /** Sequences of the segments that are still to be mended. */
  readonly #unmended = new Set<bigint>();
  /** Segments that are being read, by sequence. */
  readonly #mending = new Map<bigint, Promise<void>>();
  /** Segments that did not verify when they were last read. */
  readonly #damaged = new Set<bigint>();
  /** The mending of all that was unmended. Rejects for a defect of ours alone. */
  #mended: Promise<void> = Promise.resolve();
  #isClosing = false;

  constructor(parts: {
    readonly engine: LogEngine;
    readonly retention: Retention;
    readonly map: LogMap;
    readonly warnings: MapWarnings;
    /** Told that a segment was sealed. */
    readonly onSealed?: (() => void) | undefined;
  }) {
    this.#engine = parts.engine;
    this.#retention = parts.retention;
    this.#map = parts.map;
    this.#warnings = parts.warnings;
    this.#onSealed = parts.onSealed;
    if (parts.map.warning !== undefined) this.#warnings.add(parts.map.warning);
  }

  /** Resolves when the map holds every readable segment, as far as they can be read. */
  get mended(): Promise<void> {
    return this.#mended;
  }

  /** Resolves when all that is on its way is in the map. */
  async written(): Promise<void> {
    await this.#writes;
  }

  get isMended(): boolean {
    return this.#unmended.size === 0;
  }

  get hasDamage(): boolean {
    return this.#damaged.size > 0;
  }

  get map(): LogMap {
    return this.#map;
  }

  /** Takes over what the map held when it was opened, and mends the rest in the background. */
  async start(): Promise<void> {
    const readable = new Set(this.#engine.readable.map(({ sequence }) => sequence));
    const mapped = await this.#map.mapped();
    for (const [at, { sequence, runs }] of mapped.entries()) {
      if (at % SEGMENTS_PER_TURN === SEGMENTS_PER_TURN - 1) await nextTurn();
      this.#retention.sealed(sequence, this.#named(runs));
      // Nobody released it while the map was open: its records need not be found any longer.
      if (!readable.has(sequence)) this.#release(sequence);
    }
    this.mendAll((sequence) => !this.#retention.knows(sequence));
  }

  /** The runs of logs that were not dropped since. */
  #named(runs: readonly LogRun[]): NamedRun[] {
    const named: NamedRun[] = [];
    for (const { log, from, next } of runs) {
      const name = this.#engine.nameOf(log);
      if (name !== undefined) named.push({ name, from, next });
    }
    return named;
  }

  #numbered(runs: readonly NamedRun[]): LogRun[] {
    return runs.flatMap(({ name, from, next }) => {
      const log = this.#engine.logOf(name);
      return log === undefined ? [] : [{ log, from, next }];
    });
  }

  /** Mends every readable segment that `isMeant`, in the background, the newest first. */
  mendAll(isMeant: (sequence: bigint) => boolean = () => true): void {
    const segments = this.#engine.readable.filter(({ sequence }) => isMeant(sequence)).reverse();
    for (const { sequence } of segments) this.#unmended.add(sequence);
    this.#mended = ahead(this.#mended.then(() => this.#mendEach(segments)));
  }

  async #mendEach(segments: readonly RetainedSegment[]): Promise<void> {
    for (const segment of segments) {
      if (this.#isClosing) return;
      if (this.#unmended.has(segment.sequence)) await this.mend(segment);
      // Memory must not run ahead of LevelDB.
      await this.#writes;
    }
  }

  /** Reads a segment's records and writes them into the map. `payloads`: checks all of each record. */
  async mend(segment: RetainedSegment, payloads = false): Promise<void> {
    const { sequence } = segment;
    const known = this.#mending.get(sequence);
    if (known && !payloads) return await known;
    // Once damaged, a segment is trusted again only when all of it is proven.
    const isProven = payloads || this.#damaged.has(sequence);
    const mending = this.#mendOne(segment, isProven).finally(() => {
      if (this.#mending.get(sequence) === mending) this.#mending.delete(sequence);
    });
    this.#mending.set(sequence, mending);
    await mending;
  }

  async #mendOne(segment: RetainedSegment, payloads: boolean): Promise<void> {
    const { sequence } = segment;
    if (this.#engine.isReadable(segment)) {
      const { records, damage } = await this.#recordsIn(segment, payloads);
      // Across await: its slot may have been written over while it was read.
      if (this.#engine.isReadable(segment)) this.#mendedOne(sequence, records, damage);
    }
    this.#unmended.delete(sequence);
  }

  #mendedOne(sequence: bigint, records: readonly PlacedRecord[], damage: string | undefined): void {
    const isWhole = damage === undefined;
    if (isWhole) this.#damaged.delete(sequence);
    else {
      this.#damaged.add(sequence);
      this.#warnings.add(`retained records of segment ${sequence} are lost: ${damage}`);
    }
    this.#take(sequence, records, isWhole);
  }

  /** A segment that cannot be read holds nothing: retained records are not promised. */
  async #recordsIn(segment: RetainedSegment, payloads: boolean): Promise<SegmentRecords> {
    try {
      return await this.#engine.recordsIn(segment, payloads);
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      return { records: [], damage: cause.message };
    }
  }

  /** A segment was sealed: the journal tells what lies in it. */
  sealed({ sequence }: RetainedSegment, records: readonly PlacedRecord[]): void {
    this.#take(sequence, records, true);
    this.#onSealed?.();
  }

  /** `isWhole`: these are all; else the next open reads the segment once more. */
  #take(sequence: bigint, records: readonly PlacedRecord[], isWhole: boolean): void {
    const runs = runsIn(records);
    this.#retention.sealed(sequence, runs);
    const copies = runs.flatMap((run) =>
      this.#retention.copiesAbove(sequence, run).map((copy) => ({ ...copy, name: run.name })),
    );
    const isCopied = ({ name, number }: PlacedRecord): boolean =>
      copies.some((run) => run.name === name && number >= run.from && number < run.next);
    const entries = copies.length === 0 ? records : records.filter((each) => !isCopied(each));
    const mapped = { sequence, runs: this.#numbered(runs) };
    this.#write({ entries, ...(isWhole ? { mapped } : {}) });
  }

  /** A segment is gone. Its slot may be written over from now on. */
  released({ sequence }: RetainedSegment): void {
    this.#damaged.delete(sequence);
    this.#unmended.delete(sequence);
    this.#release(sequence);
  }

  #release(sequence: bigint): void {
    this.#write({ forgotten: this.#retention.released(sequence), released: sequence });
  }

  dropped(name: string): void {
    this.#write({ forgotten: this.#retention.dropped(name) });
  }

  /** The place of a record by the map and by what is on its way into it. */
  async find(name: string, number: bigint): Promise<Pointer | undefined> {
    return this.findUnwritten(name, number) ?? (await this.#map.find(name, number));
  }

  findUnwritten(name: string, number: bigint): Pointer | undefined {
    for (const records of [...this.#unwritten].reverse()) {
      const found = records.find((each) => each.number === number && each.name === name);
      if (found) return found.pointer;
    }
    return undefined;
  }

  #write(change: MapChange): void {
    const { entries = [] } = change;
    this.#unwritten.add(entries);
    const written = this.#writes.then(async () => {
      try {
        await this.#map.write(change);
      } catch (cause) {
        this.leave(`it failed: ${reasonOf(cause)}`);
        await this.#map.write(change);
      } finally {
        this.#unwritten.delete(entries);
      }
    });
    this.#writes = ahead(written);
  }

  /** Goes on with a map in memory, which must be mended from the start. */
  leave(reason: string): void {
    const left = this.#map;
    this.#warnings.add(`the map is in memory from here on: ${reason}`);
    this.#map = memoryLogMap(reason);
    const closed = this.#writes.then(async () => {
      try {
        await left.close(undefined);
      } catch (cause) {
        this.#warnings.add(`the map that was left could not be closed: ${reasonOf(cause)}`);
      }
    });
    this.#writes = ahead(closed);
    this.mendAll();
  }

  /** Writes what is left, the segment that is current as well, and closes the map, sealed if it is whole. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#mended;
    await Promise.all(this.#mending.values());
    const { currentSegment, currentRecords, poison } = this.#engine;
    if (!poison) this.#take(currentSegment.sequence, currentRecords, true);
    await this.#writes;
    await this.#map.close(poison ? undefined : currentSegment);
  }
}

/**
 * All logs of a store over one journal and one map: opens each with what recovery found, writes the
 * map when a segment is sealed, and reads through it what was pruned and is retained.
 */
import pLimit from "p-limit";
import type { SealedSegment } from "../journal/form/head.js";
import type { LogEngine } from "../journal/log-engine.js";
import type { LogTable } from "../journal/form/log-table.js";
import type { PlacedRecord } from "../journal/segment/places.js";
import type { Pointer } from "../journal/segment/segment.js";
import type { SegmentRecords } from "../journal/segment/records.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { LaneLog, type RecordKind } from "./lane-log.js";
import { type Forgotten, type LogMap, memoryLogMap } from "./log-map.js";
import { Retention } from "./retention.js";
import { UnsealedRecords } from "./unsealed-records.js";

/** Warnings that are kept: the newest tell enough. */
const WARNINGS_MAX = 20;
/** Records that are read back at once before truncations: an anchor prunes every lane in one step. */
const VERIFYING_MAX = 32;

interface LogRange {
  readonly first: bigint;
  readonly next: bigint;
}

/** What is needed of a log here, whatever its records are. */
type AnyLog = Pick<LaneLog<unknown>, "first" | "close">;

/** What became of a look at a retained record. */
type Looked =
  | { readonly bytes: Uint8Array }
  /** `byMap`: it was the map that told where. */
  | { readonly bytes: undefined; readonly cause: unknown; readonly byMap: boolean };

export interface MapCounters {
  readonly mapRebuilds: number;
  readonly mapWarnings: number;
}

export class LogSet {
  readonly #journal: LogEngine;
  readonly #found = new Map<string, LogRange>();
  readonly #logs = new Map<string, AnyLog>();
  readonly #verifying = pLimit(VERIFYING_MAX);
  readonly #retains: boolean;
  readonly #retention = new Retention();
  #map: LogMap;
  #mapWrites: Promise<void> = Promise.resolve();
  /** What is sealed, and not in the map yet. */
  readonly #unmapped = new Set<readonly PlacedRecord[]>();
  readonly #mapWarnings: string[] = [];
  readonly #mapCounters = { mapRebuilds: 0, mapWarnings: 0 };
  #rebuilt: Promise<void> = Promise.resolve();
  /** Segments that did not verify when they were last read for the map. */
  readonly #damaged = new Set<bigint>();
  #closing = false;
  #current = new UnsealedRecords([]);

  /** `table` as recovered, with the firsts that open has raised. */
  constructor(options: {
    readonly journal: LogEngine;
    readonly table: LogTable;
    readonly map: LogMap;
    /** Whether pruned records are to be read as long as their segments are there. */
    readonly retains: boolean;
  }) {
    this.#journal = options.journal;
    this.#map = options.map;
    this.#retains = options.retains;
    if (options.map.warning !== undefined) this.#warn(options.map.warning);
    for (const { name, first, next } of options.table.states()) {
      this.#found.set(name, { first, next });
    }
    options.journal.listener = {
      sealed: (segment, records) => this.#sealed(segment, records),
      released: (segment) => this.#released(segment),
      dropped: (name) => this.#dropped(name),
    };
  }

  /** Why the map is not what it should be: it costs time, never records. */
  get mapWarnings(): readonly string[] {
    return this.#mapWarnings;
  }

  /** Since open: how often the map was found wrong and made anew, and how often it was warned of. */
  get mapCounters(): MapCounters {
    return this.#mapCounters;
  }

  recoveredNames(): readonly string[] {
    return [...this.#found.keys()];
  }

  /** The log of that name, empty from 0 where recovery found none. Once per name. */
  open<T>(name: string, kind: RecordKind<T>): LaneLog<T> {
    assert(!this.#logs.has(name), "a log is opened once");
    const found = this.#found.get(name) ?? { first: 0n, next: 0n };
    const own = { journal: this.#journal, verifying: this.#verifying };
    const log = new LaneLog<T>({ ...own, name, kind, ...found });
    this.#logs.set(name, log);
    return log;
  }

  /** Lets go of a log that is being dropped: what was in it is forgotten when that is durable. */
  close(name: string): void {
    this.#logs.get(name)?.close();
    this.#logs.delete(name);
    this.#found.delete(name);
  }

  /** The lowest number of a log that can be read: below its first, what is retained. */
  retainedFirst(name: string): bigint {
    const first = this.#firstOf(name);
    if (!this.#retains) return first;
    return this.#retention.firstOf(name, first, this.#currentSegment().runsOf(name));
  }

  /**
   * A record that was pruned and is retained; `undefined` where it is not. The map is not trusted:
   * where it is wrong it is made anew, and left for one in memory where it is wrong again.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT where the record itself is damaged; IO, CLOSED.
   */
  async readRetained(name: string, number: bigint): Promise<Uint8Array | undefined> {
    this.#refuseWhileClosing();
    await this.#rebuilt;
    if (!this.#isRetained(name, number)) return undefined;
    const looked = await this.#look(name, number);
    if (looked.bytes || !this.#isRetained(name, number)) return looked.bytes;
    this.#refuseWhileClosing();
    if (!looked.byMap) throw looked.cause;
    const wrong = `wrong about ${name} ${number}: ${reasonOf(looked.cause)}`;
    this.#warn(`the map is made anew, it is ${wrong}`);
    await this.#rebuild();
    if (!this.#isRetained(name, number)) {
      // Its segment does not verify: from now on it is not retained, and whoever asked is told why.
      if (this.#damaged.size > 0) throw looked.cause;
      return undefined;
    }
    const again = await this.#look(name, number);
    if (again.bytes || !this.#isRetained(name, number)) return again.bytes;
    this.#refuseWhileClosing();
    this.#leaveMap(wrong);
    await this.#rebuild();
    const last = await this.#look(name, number);
    if (last.bytes || !this.#isRetained(name, number)) return last.bytes;
    this.#refuseWhileClosing();
    throw last.cause;
  }

  /** What a closing store has let go of is no fault of the map. */
  #refuseWhileClosing(): void {
    if (this.#closing) throw new PersisterError("CLOSED", "the store was closed");
  }

  #firstOf(name: string): bigint {
    return this.#logs.get(name)?.first ?? 0n;
  }

  #isRetained(name: string, number: bigint): boolean {
    return number < this.#firstOf(name) && number >= this.retainedFirst(name);
  }

  async #look(name: string, number: bigint): Promise<Looked> {
    let byMap = false;
    try {
      let pointer = this.#findUnmapped(name, number);
      if (!pointer) {
        byMap = true;
        pointer = await this.#map.find(name, number);
      }
      if (pointer) return { bytes: await this.#journal.readAt(pointer, name, number) };
      return { bytes: undefined, cause: new Error("it does not know it"), byMap };
    } catch (cause) {
      return { bytes: undefined, cause, byMap };
    }
  }

  /** Where a record lies that is not in the map yet; the newest place of it. */
  #findUnmapped(name: string, number: bigint): Pointer | undefined {
    const pointer = this.#currentSegment().find(name, number);
    if (pointer) return pointer;
    for (const records of [...this.#unmapped].reverse()) {
      const found = records.find((each) => each.number === number && each.name === name);
      if (found) return found.pointer;
    }
    return undefined;
  }

  /** Looks on from where the last look ended. */
  #currentSegment(): UnsealedRecords {
    const records = this.#journal.currentRecords;
    if (!this.#current.isOf(records)) this.#current = new UnsealedRecords(records);
    this.#current.catchUp();
    return this.#current;
  }

  /** Writes what the journal holds into the map, behind the caller's back; reads through it wait. */
  rebuildMap(): void {
    this.#rebuilt = this.#rebuilt.then(async () => {
      for (const segment of this.#journal.readable) {
        if (!this.#closing) await this.#mapSegment(segment);
      }
    });
  }

  async #rebuild(): Promise<void> {
    this.#mapCounters.mapRebuilds += 1;
    this.rebuildMap();
    await this.#rebuilt;
  }

  async #mapSegment(segment: SealedSegment): Promise<void> {
    if (!this.#journal.isReadable(segment)) return;
    if (!this.#retains) {
      this.#sealed(segment, this.#journal.liveRecordsIn(segment));
      return;
    }
    const { records, damage } = await this.#recordsIn(segment);
    // Its slot may have been written over while it was read.
    if (!this.#journal.isReadable(segment)) return;
    if (damage === undefined) this.#damaged.delete(segment.sequence);
    else {
      this.#damaged.add(segment.sequence);
      this.#warn(`retained records of segment ${segment.sequence} are lost: ${damage}`);
    }
    this.#sealed(segment, records);
    await this.#mapWrites;
  }

  /** A segment that cannot be read holds nothing: what is retained is not promised. */
  async #recordsIn(segment: SealedSegment): Promise<SegmentRecords> {
    try {
      return await this.#journal.recordsIn(segment);
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      return { records: [], damage: cause.message };
    }
  }

  async closeMap(): Promise<void> {
    this.#closing = true;
    await this.#rebuilt;
    await this.#mapWrites;
    await this.#map.close();
  }

  #sealed(segment: SealedSegment, records: readonly PlacedRecord[]): void {
    const kept = this.#retains ? records : this.#journal.liveRecordsIn(segment);
    this.#retention.sealed(segment.sequence, kept);
    this.#writeMap(kept, []);
  }

  #released(segment: SealedSegment): void {
    this.#damaged.delete(segment.sequence);
    this.#writeMap([], this.#retention.released(segment.sequence));
  }

  #dropped(dropped: string): void {
    const runs = this.#retention.dropped(dropped);
    this.#writeMap(
      [],
      runs.map((run) => ({ name: dropped, ...run })),
    );
  }

  /** One write at a time, off the acknowledgement path. A map that fails is left for one in memory. */
  #writeMap(entries: readonly PlacedRecord[], forgotten: readonly Forgotten[]): void {
    if (entries.length + forgotten.length === 0) return;
    this.#unmapped.add(entries);
    this.#mapWrites = this.#mapWrites.then(async () => {
      try {
        await this.#map.write(entries, forgotten);
      } catch (cause) {
        this.#leaveMap(`it failed: ${reasonOf(cause)}`);
        await this.#map.write(entries, forgotten);
      } finally {
        this.#unmapped.delete(entries);
      }
    });
  }

  /** Goes on with a map in memory, which a rebuild fills. */
  #leaveMap(reason: string): void {
    const left = this.#map;
    this.#warn(`the map is in memory from here on: ${reason}`);
    this.#map = memoryLogMap(reason);
    this.#mapWrites = this.#mapWrites.then(async () => {
      try {
        await left.close();
      } catch (cause) {
        this.#warn(`the map that was left could not be closed: ${reasonOf(cause)}`);
      }
    });
  }

  #warn(warning: string): void {
    this.#mapCounters.mapWarnings += 1;
    if (this.#mapWarnings.includes(warning)) return;
    this.#mapWarnings.push(warning);
    if (this.#mapWarnings.length > WARNINGS_MAX) this.#mapWarnings.shift();
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

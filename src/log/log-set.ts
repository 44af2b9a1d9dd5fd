/**
 * All logs of a store over one journal and one map: opens each with what recovery found, writes the
 * map when a segment is sealed, and reads through it what was pruned and is retained.
 */
import type { SealedSegment } from "../journal/head.js";
import type { Journal } from "../journal/journal.js";
import type { LogTable } from "../journal/log-table.js";
import type { PlacedRecord } from "../journal/places.js";
import type { Pointer } from "../journal/segment.js";
import { assert } from "../types/assert.js";
import { LaneLog, type RecordKind } from "./lane-log.js";
import { type Forgotten, type LogMap, memoryLogMap } from "./log-map.js";
import { Retention } from "./retention.js";

interface LogRange {
  readonly first: bigint;
  readonly next: bigint;
}

/** What is needed of a log here, whatever its records are. */
type AnyLog = Pick<LaneLog<unknown>, "first" | "close">;

export class LogSet {
  readonly #journal: Journal;
  readonly #found = new Map<string, LogRange>();
  readonly #logs = new Map<string, AnyLog>();
  readonly #retains: boolean;
  readonly #retention = new Retention();
  #map: LogMap;
  #mapWrites: Promise<void> = Promise.resolve();
  /** What is sealed, and not in the map yet. */
  readonly #unmapped = new Set<readonly PlacedRecord[]>();
  readonly #mapWarnings: string[] = [];
  #rebuilt: Promise<void> = Promise.resolve();
  #closing = false;

  /** `table` as recovered, with the firsts that open has raised. */
  constructor(options: {
    readonly journal: Journal;
    readonly table: LogTable;
    readonly map: LogMap;
    /** Whether pruned records are to be read as long as their segments are there. */
    readonly retains: boolean;
  }) {
    this.#journal = options.journal;
    this.#map = options.map;
    this.#retains = options.retains;
    if (options.map.warning !== undefined) this.#mapWarnings.push(options.map.warning);
    for (const { name, first, next } of options.table.states()) {
      this.#found.set(name, { first, next });
    }
    options.journal.listener = {
      sealed: (segment, records) => this.#sealed(segment, records),
      released: (segment) => this.#released(segment),
    };
  }

  /** Why the map is not what it should be: it costs time, never records. */
  get mapWarnings(): readonly string[] {
    return this.#mapWarnings;
  }

  recoveredNames(): readonly string[] {
    return [...this.#found.keys()];
  }

  /** The log of that name, empty from 0 where recovery found none. Once per name. */
  open<T>(name: string, kind: RecordKind<T>): LaneLog<T> {
    assert(!this.#logs.has(name), "a log is opened once");
    const found = this.#found.get(name) ?? { first: 0n, next: 0n };
    const log = new LaneLog<T>({ journal: this.#journal, name, kind, ...found });
    this.#logs.set(name, log);
    return log;
  }

  /** Forgets a log that was dropped. */
  close(name: string): void {
    this.#logs.get(name)?.close();
    this.#logs.delete(name);
    this.#found.delete(name);
    this.#writeMap(
      [],
      this.#retention.dropped(name).map((range) => ({ name, ...range })),
    );
  }

  /** The lowest number of a log that can be read: below its first, what is retained. */
  retainedFirst(name: string): bigint {
    const first = this.#logs.get(name)?.first ?? 0n;
    if (!this.#retains) return first;
    return this.#retention.firstOf(name, first, this.#journal.currentRecords);
  }

  /**
   * A record that was pruned and is retained; `undefined` where it is not. The map is not trusted:
   * where it is wrong it is made anew.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT where the record itself is damaged; IO.
   */
  async readRetained(name: string, number: bigint): Promise<Uint8Array | undefined> {
    await this.#rebuilt;
    const isRetained = (): boolean =>
      number >= this.retainedFirst(name) && number < (this.#logs.get(name)?.first ?? 0n);
    if (!isRetained()) return undefined;
    const found = await this.#readMapped(name, number).catch(reasonOf);
    if (found instanceof Uint8Array) return found;
    if (!isRetained()) return undefined;
    const why = found ?? "it does not know it";
    this.#mapWarnings.push(`the map is made anew, it is wrong about ${name} ${number}: ${why}`);
    this.rebuildMap();
    await this.#rebuilt;
    return isRetained() ? await this.#readMapped(name, number) : undefined;
  }

  async #readMapped(name: string, number: bigint): Promise<Uint8Array | undefined> {
    const pointer = await this.#find(name, number);
    return pointer && (await this.#journal.readAt(pointer, name, number));
  }

  /** Writes what the journal holds into the map, behind the caller's back; reads through it wait. */
  rebuildMap(): void {
    this.#rebuilt = this.#rebuilt.then(async () => {
      for (const segment of this.#journal.readable) {
        if (!this.#closing) await this.#mapSegment(segment);
      }
    });
  }

  async #mapSegment(segment: SealedSegment): Promise<void> {
    if (!this.#retains) {
      this.#sealed(segment, this.#journal.liveRecordsIn(segment));
      return;
    }
    const { records, damage } = await this.#journal.recordsIn(segment);
    // Its slot may have been written over while it was read.
    if (!this.#journal.readable.includes(segment)) return;
    if (damage !== undefined) {
      this.#mapWarnings.push(`retained records of segment ${segment.sequence} are lost: ${damage}`);
    }
    this.#sealed(segment, records);
    await this.#mapWrites;
  }

  async closeMap(): Promise<void> {
    this.#closing = true;
    await this.#rebuilt;
    await this.#mapWrites;
    await this.#map.close();
  }

  async #find(name: string, number: bigint): Promise<Pointer | undefined> {
    const lists = [this.#journal.currentRecords, ...this.#unmapped];
    for (const records of lists) {
      const found = records.find((each) => each.number === number && each.name === name);
      if (found) return found.pointer;
    }
    return await this.#map.find(name, number);
  }

  #sealed(segment: SealedSegment, records: readonly PlacedRecord[]): void {
    const kept = this.#retains ? records : this.#journal.liveRecordsIn(segment);
    this.#retention.sealed(segment.sequence, kept);
    this.#writeMap(kept, []);
  }

  #released(segment: SealedSegment): void {
    const forgotten = this.#retention.released(segment.sequence).map(({ name, from, to }) => {
      const kept = this.retainedFirst(name);
      return { name, from, to: to < kept ? to : kept };
    });
    this.#writeMap([], forgotten);
  }

  /** One write at a time, off the acknowledgement path. A map that fails is left for one in memory. */
  #writeMap(entries: readonly PlacedRecord[], forgotten: readonly Forgotten[]): void {
    if (entries.length + forgotten.length === 0) return;
    this.#unmapped.add(entries);
    this.#mapWrites = this.#mapWrites.then(async () => {
      try {
        await this.#map.write(entries, forgotten);
      } catch (cause) {
        const reason = reasonOf(cause);
        this.#mapWarnings.push(`the map failed and is in memory from here on: ${reason}`);
        this.#map = memoryLogMap(reason);
      } finally {
        this.#unmapped.delete(entries);
      }
    });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/**
 * All logs of a store over one journal and one map: opens each with what recovery found, and writes
 * the map when a segment is sealed.
 */
import type { Journal } from "../journal/journal.js";
import type { SealedSegment } from "../journal/head.js";
import type { LogTable } from "../journal/log-table.js";
import type { Pointer } from "../journal/segment.js";
import { assert } from "../types/assert.js";
import { LaneLog, type RecordKind } from "./lane-log.js";
import type { Forgotten, LogMap, MapEntry } from "./log-map.js";
import { memoryLogMap } from "./log-map.js";

interface Found {
  readonly first: bigint;
  readonly pointers: readonly Pointer[];
}

/** What the map needs of a log, whatever its records are. */
type AnyLog = Pick<LaneLog<unknown>, "name" | "first" | "next" | "pointersIn" | "close">;

export class LogSet {
  readonly #journal: Journal;
  readonly #found = new Map<string, Found>();
  readonly #logs = new Map<string, AnyLog>();
  /** How far below its first each log's entries are gone from the map. */
  readonly #forgottenTo = new Map<string, bigint>();
  #map: LogMap;
  #mapWrites: Promise<void> = Promise.resolve();
  readonly #mapWarnings: string[] = [];

  /** `table` and `pointers` as recovered; where open raised a first, the pointers below it are left. */
  constructor(options: {
    readonly journal: Journal;
    readonly table: LogTable;
    readonly pointers: ReadonlyMap<string, readonly Pointer[]>;
    readonly recoveredFirsts: ReadonlyMap<string, bigint>;
    readonly map: LogMap;
  }) {
    this.#journal = options.journal;
    this.#map = options.map;
    if (options.map.warning !== undefined) this.#mapWarnings.push(options.map.warning);
    for (const state of options.table.states()) {
      const all = options.pointers.get(state.name) ?? [];
      const below = state.first - (options.recoveredFirsts.get(state.name) ?? state.first);
      this.#found.set(state.name, { first: state.first, pointers: all.slice(Number(below)) });
    }
    options.journal.onSealed = (segment) => this.#sealed(segment);
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
    const found = this.#found.get(name) ?? { first: 0n, pointers: [] };
    const log = new LaneLog<T>({ journal: this.#journal, name, kind, ...found });
    this.#logs.set(name, log);
    return log;
  }

  /** Forgets a log that was dropped. */
  close(name: string): void {
    this.#logs.get(name)?.close();
    this.#logs.delete(name);
    this.#found.delete(name);
  }

  /** Writes all that recovery found into the map, in one synced batch: the map is rebuilt. */
  async rebuildMap(): Promise<void> {
    const entries = [...this.#found].flatMap(([name, { first, pointers }]) =>
      pointers.map((pointer, index) => ({ name, number: first + BigInt(index), pointer })),
    );
    this.#writeMap(entries, [], undefined);
    await this.#mapWrites;
  }

  async closeMap(): Promise<void> {
    await this.#mapWrites;
    await this.#map.close();
  }

  #sealed(segment: SealedSegment): void {
    const entries: MapEntry[] = [];
    const forgotten: Forgotten[] = [];
    for (const log of this.#logs.values()) {
      for (const each of log.pointersIn(segment.slot)) entries.push({ name: log.name, ...each });
      const from = this.#forgottenTo.get(log.name) ?? log.first;
      if (log.first > from) forgotten.push({ name: log.name, from, to: log.first });
      this.#forgottenTo.set(log.name, log.first);
    }
    this.#writeMap(entries, forgotten, segment.sequence);
  }

  /** One write at a time, off the acknowledgement path. A map that fails is left for one in memory. */
  #writeMap(
    entries: readonly MapEntry[],
    forgotten: readonly Forgotten[],
    sequence: bigint | undefined,
  ): void {
    this.#mapWrites = this.#mapWrites.then(async () => {
      try {
        await this.#map.write(entries, forgotten);
        const onDisk = this.#map.warning === undefined;
        if (sequence !== undefined && onDisk) this.#journal.noteIndexed(sequence);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        this.#mapWarnings.push(`the map failed and is in memory from here on: ${reason}`);
        this.#map = memoryLogMap(reason);
      }
    });
  }
}

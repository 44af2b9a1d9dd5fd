/**
 * All logs of a store over one engine: opens each with the range that recovery found, and reads what was
 * pruned and is retained.
 */
import pLimit from "p-limit";
import type { LogTable } from "../journal/form/log-table.js";
import type { LogEngine } from "../journal/log-engine.js";
import { assert } from "../types/assert.js";
import { LaneLog, type RecordKind } from "./lane-log.js";
import type { LogMap } from "./map/log-map.js";
import { type MapCounters, type MapListener, MapWarnings } from "./map/map-warnings.js";
import type { RetainedRange, RetainedRecord } from "./retained-range.js";
import { RetainedRecords } from "./retained-records.js";
import type { Run } from "./retention.js";

/** Records that are read back at once before truncations: an anchor prunes every lane in one step. */
const VERIFYING_MAX = 32;

interface LogRange {
  readonly first: bigint;
  readonly next: bigint;
}

/** The part of a log that is used here, whatever its records are. */
type AnyLog = Pick<LaneLog<unknown>, "first" | "close">;

export class LogSet {
  readonly #engine: LogEngine;
  /** The ranges that recovery found, by name. */
  readonly #found = new Map<string, LogRange>();
  readonly #logs = new Map<string, AnyLog>();
  /** Bounds how many logs read the record that becomes their first at once. */
  readonly #verifying = pLimit(VERIFYING_MAX);
  readonly #warnings = new MapWarnings();
  readonly #retained: RetainedRecords | undefined;
  /** Told that records may have left the live window, or that a segment was sealed. */
  onRetained: (() => void) | undefined;
  readonly #onRetained = (): void => this.onRetained?.();

  /** `table` as recovered, with the firsts that open has raised. */
  constructor(options: {
    readonly engine: LogEngine;
    readonly table: LogTable;
    /** Finds pruned records; `undefined` if none are retained. */
    readonly map: LogMap | undefined;
  }) {
    const { engine, table, map } = options;
    this.#engine = engine;
    for (const { name, first, next } of table.states()) this.#found.set(name, { first, next });
    const firstOf = (name: string): bigint => this.#logs.get(name)?.first ?? 0n;
    const parts = { engine, warnings: this.#warnings, firstOf, onSealed: this.#onRetained };
    this.#retained = map && new RetainedRecords({ ...parts, map });
  }

  /** Why the map is not what it should be: it costs time, never records. */
  get mapWarnings(): readonly string[] {
    return this.#warnings.kept;
  }

  /** Since open. */
  get mapCounters(): MapCounters {
    return this.#warnings.counters;
  }

  /** Told of each warning of the map, and of each time that it is made anew. */
  set onMapEvent(listener: MapListener) {
    this.#warnings.listener = listener;
  }

  recoveredNames(): readonly string[] {
    return [...this.#found.keys()];
  }

  /** The log of that name, empty from 0 where recovery found none. Once per name. */
  open<T>(name: string, kind: RecordKind<T>): LaneLog<T> {
    assert(!this.#logs.has(name), "a log is opened once");
    const found = this.#found.get(name) ?? { first: 0n, next: 0n };
    const onTruncated = this.#onRetained;
    const own = { journal: this.#engine, verifying: this.#verifying, onTruncated };
    const log = new LaneLog<T>({ ...own, name, kind, ...found });
    this.#logs.set(name, log);
    return log;
  }

  /** Lets go of a log that is being dropped. Its records are forgotten when the drop is durable. */
  close(name: string): void {
    this.#logs.get(name)?.close();
    this.#logs.delete(name);
    this.#found.delete(name);
  }

  /** Begins to keep the map; every log that recovery found should be open by then. */
  async startMap(): Promise<void> {
    await this.#retained?.start();
  }

  /** Resolves when the map holds all that can be read; no read waits for it. */
  async mapMended(): Promise<void> {
    await this.#retained?.mended();
  }

  async closeMap(): Promise<void> {
    await this.#retained?.close();
  }

  /** Whether pruned records can be read as long as their segments are there. */
  get retains(): boolean {
    return this.#retained !== undefined;
  }

  /** The lowest number of a log that can be read: its first, or below that what is retained. */
  retainedFirst(name: string): bigint {
    return this.#retained?.first(name) ?? this.#logs.get(name)?.first ?? 0n;
  }

  /** See `RetainedRecords.runs`. */
  retainedRuns(name: string): readonly Run[] {
    return this.#retained?.runs(name) ?? [];
  }

  /**
   * The oldest segment that must stay while the logs are archived up to `throughOf`: it holds a record from there
   * on that was pruned, or it is not known yet what it holds; the current one if there is none. `undefined` stands
   * for a log that is not archived.
   */
  heldFrom(throughOf: (name: string) => bigint | undefined): bigint {
    return this.#retained?.heldFrom(throughOf) ?? this.#engine.currentSegment.sequence;
  }

  /**
   * A record that was pruned and is retained; `undefined` where it is not.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT where the record itself is damaged; IO, CLOSED.
   */
  async readRetained(name: string, number: bigint): Promise<Uint8Array | undefined> {
    return await this.#retained?.read(name, number);
  }

  /** Retained records of a log, in ascending order; see `RetainedRecords.range`. */
  async *readRetainedRange(
    name: string,
    range: RetainedRange = {},
  ): AsyncGenerator<RetainedRecord> {
    if (this.#retained) yield* this.#retained.range(name, range);
  }

  /** Retained records of a log, in ascending order, those below a gap as well; see `RetainedRecords.rangeOfRuns`. */
  async *readRetainedRuns(name: string, range: RetainedRange): AsyncGenerator<RetainedRecord> {
    if (this.#retained) yield* this.#retained.rangeOfRuns(name, range);
  }
}

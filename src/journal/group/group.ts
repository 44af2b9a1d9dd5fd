/**
 * A group: the records that are written together. All that arrived while the previous group was being
 * written goes into the next one, over all logs, so that one flush serves them all.
 */
import { assert } from "../../types/assert.js";
import type { PersisterError } from "../../types/errors.js";
import {
  GROUP_BYTES_MAX,
  GROUP_RECORDS_MAX,
  RECORD_HEADER_BYTES,
  recordType,
} from "../form/records.js";
import { logEntryBytes } from "../form/head.js";
import { type LogTable, NO_HASH } from "../form/log-table.js";
import type { DropInFlight, Pin } from "../form/mark.js";

/** Told what became of an entry: durable, or the reason why it is not. */
export type Settled = (error?: PersisterError) => void;

/** One thing to be recorded. `settled` is called exactly once, never before it is durable (D1). */
export type Entry =
  | AppendEntry
  | {
      readonly type: "truncate";
      readonly name: string;
      readonly first: bigint;
      /** Nobody waits for it: it rides in the next group that somebody waits for. */
      readonly lazily: boolean;
      readonly settled: Settled;
    }
  | {
      readonly type: "open";
      readonly name: string;
      readonly first: bigint;
      readonly settled: Settled;
    }
  | { readonly type: "drop"; readonly name: string; readonly settled: Settled }
  | CopyEntry
  | { readonly type: "release"; readonly sequence: bigint; readonly settled: Settled }
  | PairEntry;

export interface AppendEntry {
  readonly type: "append";
  readonly name: string;
  readonly number: bigint;
  /** Bytes in front of the payload, in the same record. Lends, as `payload`. */
  readonly prefix?: Uint8Array | undefined;
  /** Lends: must not change until settled. */
  readonly payload: Uint8Array;
  /** Header hash, for logs whose lost numbers are to be pinned (D6). */
  readonly hash: Uint8Array | undefined;
  /** Checksum of prefix and payload; the queue may compute it ahead of the group. */
  payloadCrc?: number | undefined;
  /** The next entry, of the same log, is of the same batch: both are there after a crash, or neither. */
  readonly more?: boolean;
  readonly settled: Settled;
}

/** A live record on its way to another segment. Nothing happens where it is not live any more. */
export interface CopyEntry {
  readonly type: "copy";
  readonly name: string;
  /** The log that it was read from: another one may have its name by now. */
  readonly log: number;
  readonly number: bigint;
  readonly payload: Uint8Array;
  readonly settled: Settled;
}

/** Which of the mark's two A/B pairs. */
export type PairRole = "anchor" | "vote";

/** A message for an A/B pair: written beside the group that takes it, and named by the same mark. */
export interface PairEntry {
  readonly type: "pair";
  readonly role: PairRole;
  readonly seq: bigint;
  /** Road index of a vote; 0 for an anchor. */
  readonly roadIndex: bigint;
  /** Writes the slot; durable when resolved. Called once. */
  readonly write: () => Promise<void>;
  readonly settled: Settled;
}

/** An entry that becomes a record. */
export type RecordEntry = Exclude<Entry, PairEntry>;

/** A record of the group, not framed yet. */
export interface GroupRecord {
  readonly type: number;
  readonly log: number;
  readonly number: bigint;
  /** Bytes in front of the payload. */
  readonly prefix?: Uint8Array | undefined;
  readonly payload: Uint8Array;
  /** Of prefix and payload. */
  readonly payloadCrc?: number | undefined;
  readonly more?: boolean | undefined;
}

export interface Group {
  /** With the index of the record, where it has one that can be read. */
  readonly entries: readonly { readonly entry: RecordEntry; readonly record?: number }[];
  readonly pairs: readonly PairEntry[];
  readonly records: readonly GroupRecord[];
  readonly byteLength: number;
  readonly appends: readonly Pin[];
  readonly drops: readonly DropInFlight[];
}

/** Bytes that `entry` takes in a segment, with the OPEN record that it may need. */
export function entryBytes(entry: Entry, table: LogTable): number {
  const opened = openedBy(entry, table);
  return recordBytes(entry) + (opened === undefined ? 0 : openBytes(opened));
}

function recordBytes(entry: Entry): number {
  if (entry.type === "pair") return 0;
  const carries = entry.type === "append" || entry.type === "copy";
  return RECORD_HEADER_BYTES + (carries ? contentBytes(entry) : 0);
}

/** Bytes of a record behind its header. */
export function contentBytes(record: {
  readonly prefix?: Uint8Array | undefined;
  readonly payload: Uint8Array;
}): number {
  return (record.prefix?.length ?? 0) + record.payload.length;
}

/** The log that has to be opened before `entry` can be recorded. */
export function openedBy(entry: Entry, table: LogTable): string | undefined {
  const opens = entry.type === "append" || entry.type === "truncate" || entry.type === "open";
  return opens && !table.byName(entry.name) ? entry.name : undefined;
}

function openBytes(name: string): number {
  return RECORD_HEADER_BYTES + name.length;
}

/** Bytes that the first of `queue` takes, with the rest of its batch. */
export function firstBytes(queue: readonly Entry[], table: LogTable): number {
  const [first] = queue;
  if (!first) return 0;
  let bytes = entryBytes(first, table);
  for (let at = 0; ; at++) {
    const entry = queue[at];
    const next = queue[at + 1];
    if (entry?.type !== "append" || !entry.more || !next) return bytes;
    bytes += recordBytes(next);
  }
}

/**
 * The first append, or first of a batch, that no segment takes because a record may have
 * `payloadBytesMax` at most: a batch goes into one segment, and takes as much of it as a record may.
 */
export function firstOversized(
  entries: readonly Entry[],
  payloadBytesMax: number,
): AppendEntry | undefined {
  let first: AppendEntry | undefined;
  let bytes = 0;
  for (const entry of entries) {
    if (entry.type !== "append") continue;
    first ??= entry;
    bytes += recordBytes(entry);
    if (bytes > RECORD_HEADER_BYTES + payloadBytesMax) return first;
    if (entry.more) continue;
    first = undefined;
    bytes = 0;
  }
  return undefined;
}

/** Appends and copies leave the reserve at the end of a segment to everything else (D9). */
function usesReserve(entry: Entry): boolean {
  return entry.type !== "append" && entry.type !== "copy";
}

/** It sets space free, or is needed for it: a full disk is no reason to refuse it (D9). */
export function isOrder(entry: Entry): boolean {
  return usesReserve(entry) && entry.type !== "open";
}

/** What a group finds. */
export interface GroupRoom {
  /** Bytes of its segment for appends. */
  readonly appends: number;
  /** The same for all else: the reserve is for it. */
  readonly orders: number;
  /** Bytes of the heads to come for logs that are not open yet. */
  readonly logs: number;
}

/**
 * How many entries from the front of `queue` the next group takes: as many as find `room`, within the
 * bounds of a group. A batch is taken as a whole. No append rides in the group that drops its log: a
 * drop ends its group.
 */
export function countForGroup(queue: readonly Entry[], table: LogTable, room: GroupRoom): number {
  let bytes = 0;
  let logBytes = 0;
  let count = 0;
  let unit = 0;
  const roles = new Set<PairRole>();
  const opening = new Set<string>();
  for (const entry of queue) {
    if (entry.type === "pair" && roles.has(entry.role)) break;
    if (entry.type === "pair") roles.add(entry.role);
    const opened = openedBy(entry, table);
    if (opened !== undefined && !opening.has(opened)) {
      opening.add(opened);
      bytes += openBytes(opened);
      logBytes += logEntryBytes(opened);
      if (logBytes > room.logs) break;
    }
    bytes += recordBytes(entry);
    if (bytes > (usesReserve(entry) ? room.orders : room.appends)) break;
    if (count > 0 && (bytes > GROUP_BYTES_MAX || (count + unit) * 2 >= GROUP_RECORDS_MAX)) break;
    unit += 1;
    if (entry.type === "append" && entry.more) continue;
    count += unit;
    unit = 0;
    if (entry.type === "drop") break;
  }
  assert(count * 2 <= GROUP_RECORDS_MAX, "a group's records have LSNs of their own");
  return count;
}

/**
 * Makes the records of `entries` and applies them to `table`. Payloads go by reference. The caller
 * has checked every order: a refusal of the table here is a defect of ours.
 */
export function assembleGroup(entries: readonly Entry[], table: LogTable): Group {
  const builder = new GroupBuilder(table);
  for (const entry of entries) {
    if (entry.type === "pair") builder.pairs.push(entry);
    else builder.add(entry);
  }
  return builder;
}

function must(refusal: string | undefined): void {
  assert(refusal === undefined, refusal ?? "");
}

class GroupBuilder implements Group {
  readonly entries: { entry: RecordEntry; record?: number }[] = [];
  readonly pairs: PairEntry[] = [];
  readonly records: GroupRecord[] = [];
  readonly appends: Pin[] = [];
  readonly drops: DropInFlight[] = [];
  byteLength = 0;
  readonly #table: LogTable;

  constructor(table: LogTable) {
    this.#table = table;
  }

  /** Makes the record of `entry`, where it still says something, and applies it to the table. */
  add(entry: RecordEntry): void {
    const table = this.#table;
    switch (entry.type) {
      case "append": {
        const { name, number, prefix, payload, hash, payloadCrc, more } = entry;
        const before = this.records.at(-1);
        const log = this.#logOf(name, number);
        // Another log would need an OPEN record in the middle, and be refused by itself.
        assert(!before?.more || before.log === log, "a batch is of one log");
        must(table.append(log, number, hash ?? NO_HASH));
        if (hash) this.appends.push({ name, number, hash });
        const record = this.#put({
          type: recordType.append,
          log,
          number,
          prefix,
          payload,
          payloadCrc,
          more,
        });
        this.entries.push({ entry, record });
        return;
      }
      case "truncate": {
        const log = this.#logOf(entry.name, entry.first);
        this.#put({ type: recordType.truncate, log, number: entry.first, payload: NOTHING });
        must(table.truncate(log, entry.first));
        break;
      }
      case "open":
        this.#logOf(entry.name, entry.first);
        break;
      case "drop": {
        // A log that never got a record is dropped by nothing: there is nothing that could come back.
        const state = table.byName(entry.name);
        if (!state) break;
        this.#put({ type: recordType.drop, log: state.log, number: 0n, payload: NOTHING });
        must(table.drop(state.log));
        this.drops.push({ name: entry.name, log: state.log });
        break;
      }
      case "copy": {
        const { log, number, payload } = entry;
        const state = table.byLog(log);
        if (!state || number < state.first) break;
        const record = this.#put({ type: recordType.copy, log, number, payload });
        this.entries.push({ entry, record });
        return;
      }
      case "release":
        this.#put({ type: recordType.release, log: 0, number: entry.sequence, payload: NOTHING });
    }
    this.entries.push({ entry });
  }

  /** The log's number; an OPEN record gives it one where it has none, and `first` as its start. */
  #logOf(name: string, first: bigint): number {
    const known = this.#table.byName(name);
    if (known) return known.log;
    const log = this.#table.nextLog;
    must(this.#table.open(log, name, first));
    this.#put({ type: recordType.open, log, number: first, payload: Buffer.from(name, "latin1") });
    return log;
  }

  #put(record: GroupRecord): number {
    this.byteLength += RECORD_HEADER_BYTES + contentBytes(record);
    return this.records.push(record) - 1;
  }
}

const NOTHING = new Uint8Array(0);

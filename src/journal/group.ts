/**
 * A group: the records that one durable write carries. All that arrived while the previous group was
 * being written goes into the next one, over all logs, so that one flush serves them all.
 */
import { crc32c } from "../codec/crc32c.js";
import { assert } from "../types/assert.js";
import type { PersisterError } from "../types/errors.js";
import {
  GROUP_BYTES_MAX,
  GROUP_RECORDS_MAX,
  RECORD_HEADER_BYTES,
  recordType,
  writeRecordHeader,
} from "./format.js";
import { type LogTable, NO_HASH } from "./log-table.js";
import type { DropInFlight, Pin } from "./mark.js";
import type { Pointer } from "./segment.js";

/** Told what became of an entry: durable, or the reason why it is not. */
export type Settled = (error?: PersisterError) => void;

/** One thing to be recorded. `settled` is called exactly once, never before it is durable (D1). */
export type Entry =
  | {
      readonly type: "append";
      readonly name: string;
      readonly number: bigint;
      /** Lends: must not change until settled. */
      readonly payload: Uint8Array;
      /** Header hash, for logs whose lost numbers are to be pinned (D6). */
      readonly hash: Uint8Array | undefined;
      readonly settled: Settled;
    }
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

export interface Group {
  /** With the place of the record, where one was written. */
  readonly entries: readonly { readonly entry: RecordEntry; readonly pointer?: Pointer }[];
  readonly pairs: readonly PairEntry[];
  readonly buffers: readonly Uint8Array[];
  readonly byteLength: number;
  readonly recordCount: number;
  readonly endChain: number;
  readonly appends: readonly Pin[];
  readonly drops: readonly DropInFlight[];
}

/** Where a group begins. */
export interface GroupStart {
  readonly slot: number;
  readonly offset: number;
  readonly chain: number;
  readonly nextLsn: bigint;
}

/** Bytes that `entry` takes in a segment, with the OPEN record that it may need. */
export function entryBytes(entry: Entry, table: LogTable): number {
  switch (entry.type) {
    case "pair":
      return 0;
    case "copy":
      return RECORD_HEADER_BYTES + entry.payload.length;
    case "drop":
    case "release":
      return RECORD_HEADER_BYTES;
    case "append":
      return RECORD_HEADER_BYTES + entry.payload.length + openBytes(entry.name, table);
    case "truncate":
    case "open":
      return RECORD_HEADER_BYTES + openBytes(entry.name, table);
  }
}

function openBytes(name: string, table: LogTable): number {
  return table.byName(name) ? 0 : RECORD_HEADER_BYTES + name.length;
}

/** Appends and copies leave the reserve at the end of a segment to everything else (D9). */
export function usesReserve(entry: Entry): boolean {
  return entry.type !== "append" && entry.type !== "copy";
}

/**
 * How many entries from the front of `queue` the next group takes: as many as fit `room` bytes
 * (`roomForOrders` for all but appends) and the bounds of a group. No append rides in the group that
 * drops its log: a drop ends its group.
 */
export function countForGroup(
  queue: readonly Entry[],
  table: LogTable,
  room: number,
  roomForOrders: number,
): number {
  let bytes = 0;
  let count = 0;
  const roles = new Set<PairRole>();
  for (const entry of queue) {
    if (entry.type === "pair" && roles.has(entry.role)) break;
    if (entry.type === "pair") roles.add(entry.role);
    bytes += entryBytes(entry, table);
    if (bytes > (usesReserve(entry) ? roomForOrders : room)) break;
    if (count > 0 && (bytes > GROUP_BYTES_MAX || count * 2 >= GROUP_RECORDS_MAX)) break;
    count += 1;
    if (entry.type === "drop") break;
  }
  return count;
}

/**
 * Frames `entries` as records from `start` on and applies them to `table`. Payloads go by reference.
 * The caller has checked every order: a refusal of the table here is a defect of ours.
 */
export function assembleGroup(
  entries: readonly Entry[],
  table: LogTable,
  start: GroupStart,
): Group {
  const builder = new GroupBuilder(start);
  for (const entry of entries) {
    if (entry.type === "pair") builder.pair(entry);
    else builder.entry(entry, table);
  }
  return builder.group();
}

function must(refusal: string | undefined): void {
  assert(refusal === undefined, refusal ?? "");
}

class GroupBuilder {
  readonly #start: GroupStart;
  readonly #entries: { entry: RecordEntry; pointer?: Pointer }[] = [];
  readonly #pairs: PairEntry[] = [];
  readonly #buffers: Uint8Array[] = [];
  readonly #appends: Pin[] = [];
  readonly #drops: DropInFlight[] = [];
  #chain: number;
  #byteLength = 0;
  #recordCount = 0;

  constructor(start: GroupStart) {
    this.#start = start;
    this.#chain = start.chain;
  }

  pair(entry: PairEntry): void {
    this.#pairs.push(entry);
  }

  /** Frames `entry`, where it still says something, and applies it to `table`. */
  entry(entry: RecordEntry, table: LogTable): void {
    switch (entry.type) {
      case "append": {
        const { name, number, payload, hash } = entry;
        const log = this.#logOf(name, number, table);
        const pointer = this.add(recordType.append, log, number, payload);
        must(table.append(log, number, hash ?? NO_HASH));
        if (hash) this.#appends.push({ name, number, hash });
        this.#entries.push({ entry, pointer });
        return;
      }
      case "truncate": {
        const log = this.#logOf(entry.name, entry.first, table);
        this.add(recordType.truncate, log, entry.first, NOTHING);
        must(table.truncate(log, entry.first));
        break;
      }
      case "open":
        this.#logOf(entry.name, entry.first, table);
        break;
      case "drop": {
        // A log that never got a record is dropped by nothing: there is nothing that could come back.
        const state = table.byName(entry.name);
        if (!state) break;
        this.add(recordType.drop, state.log, 0n, NOTHING);
        must(table.drop(state.log));
        this.#drops.push({ name: entry.name, log: state.log });
        break;
      }
      case "copy": {
        const state = table.byLog(entry.log);
        if (!state || entry.number < state.first) break;
        const pointer = this.add(recordType.copy, entry.log, entry.number, entry.payload);
        this.#entries.push({ entry, pointer });
        return;
      }
      case "release":
        this.add(recordType.release, 0, entry.sequence, NOTHING);
    }
    this.#entries.push({ entry });
  }

  /** The log's number; an OPEN record gives it one where it has none, and `first` as its start. */
  #logOf(name: string, first: bigint, table: LogTable): number {
    const known = table.byName(name);
    if (known) return known.log;
    const log = table.nextLog;
    must(table.open(log, name, first));
    this.add(recordType.open, log, first, Buffer.from(name, "latin1"));
    return log;
  }

  add(type: number, log: number, number: bigint, payload: Uint8Array): Pointer {
    const header = Buffer.allocUnsafe(RECORD_HEADER_BYTES);
    const payloadCrc = crc32c(payload);
    this.#chain = writeRecordHeader(header, 0, this.#chain, {
      payloadLength: payload.length,
      payloadCrc,
      type,
      lsn: this.#start.nextLsn + BigInt(this.#recordCount),
      log,
      number,
    });
    const offset = this.#start.offset + this.#byteLength + RECORD_HEADER_BYTES;
    this.#buffers.push(header);
    if (payload.length > 0) this.#buffers.push(payload);
    this.#byteLength += RECORD_HEADER_BYTES + payload.length;
    this.#recordCount += 1;
    return { slot: this.#start.slot, offset, length: payload.length, crc: payloadCrc };
  }

  group(): Group {
    return {
      entries: this.#entries,
      pairs: this.#pairs,
      buffers: this.#buffers,
      byteLength: this.#byteLength,
      recordCount: this.#recordCount,
      endChain: this.#chain,
      appends: this.#appends,
      drops: this.#drops,
    };
  }
}

const NOTHING = new Uint8Array(0);

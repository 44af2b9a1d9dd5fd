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

/** What became of an entry: durable, with the place of its record, or the reason why it is not. */
export type Settled = (
  outcome: { readonly pointer: Pointer } | { readonly error: PersisterError },
) => void;

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
  | PairEntry;

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
  readonly settled: (outcome: { readonly error?: PersisterError }) => void;
}

/** An entry that becomes a record. */
export type RecordEntry = Exclude<Entry, PairEntry>;

export interface Group {
  readonly entries: readonly { readonly entry: RecordEntry; readonly pointer: Pointer }[];
  readonly pairs: readonly PairEntry[];
  readonly buffers: readonly Uint8Array[];
  readonly byteLength: number;
  readonly recordCount: number;
  readonly endChain: number;
  readonly appends: readonly Pin[];
  readonly drops: readonly DropInFlight[];
  /** The highest number that each log got. */
  readonly highest: ReadonlyMap<number, bigint>;
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
  if (entry.type === "pair") return 0;
  const own = RECORD_HEADER_BYTES + (entry.type === "append" ? entry.payload.length : 0);
  const opens = entry.type !== "drop" && table.byName(entry.name) === undefined;
  return opens ? own + RECORD_HEADER_BYTES + entry.name.length : own;
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
    if (bytes > (entry.type === "append" ? room : roomForOrders)) break;
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
    if (entry.type === "pair") {
      builder.pair(entry);
      continue;
    }
    const known = table.byName(entry.name);
    if (!known && entry.type !== "drop") {
      const log = table.nextLog;
      const first = entry.type === "append" ? entry.number : entry.first;
      must(table.open(log, entry.name, first));
      builder.add(recordType.open, log, first, Buffer.from(entry.name, "latin1"));
    }
    const state = known ?? table.byName(entry.name);
    // A log that never got a record is dropped by nothing: there is nothing that could come back.
    if (!state) builder.nothing(entry);
    else builder.entry(entry, state.log, table);
  }
  return builder.group();
}

function must(refusal: string | undefined): void {
  assert(refusal === undefined, refusal ?? "");
}

class GroupBuilder {
  readonly #start: GroupStart;
  readonly #entries: { entry: RecordEntry; pointer: Pointer }[] = [];
  readonly #pairs: PairEntry[] = [];
  readonly #buffers: Uint8Array[] = [];
  readonly #appends: Pin[] = [];
  readonly #drops: DropInFlight[] = [];
  readonly #highest = new Map<number, bigint>();
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

  entry(entry: RecordEntry, log: number, table: LogTable): void {
    switch (entry.type) {
      case "append": {
        const pointer = this.add(recordType.append, log, entry.number, entry.payload);
        must(table.append(log, entry.number, entry.hash ?? NO_HASH));
        this.#highest.set(log, entry.number);
        const { name, number, hash } = entry;
        if (hash) this.#appends.push({ name, number, hash });
        this.#entries.push({ entry, pointer });
        return;
      }
      case "truncate": {
        const pointer = this.add(recordType.truncate, log, entry.first, NOTHING);
        must(table.truncate(log, entry.first));
        this.#entries.push({ entry, pointer });
        return;
      }
      case "drop": {
        const pointer = this.add(recordType.drop, log, 0n, NOTHING);
        must(table.drop(log));
        this.#drops.push({ name: entry.name, log });
        this.#entries.push({ entry, pointer });
        return;
      }
      case "open": {
        // The OPEN record was written because the log was unknown; a known log needs nothing more.
        this.nothing(entry);
      }
    }
  }

  /** Settles with its group, without a record. */
  nothing(entry: RecordEntry): void {
    const { slot, offset } = this.#start;
    this.#entries.push({ entry, pointer: { slot, offset, length: 0, crc: 0 } });
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
      highest: this.#highest,
    };
  }
}

const NOTHING = new Uint8Array(0);

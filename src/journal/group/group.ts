/**
 * A group: the records that are written together, and the footer that ends them. All that arrived while
 * the previous group was being written goes into the next one, over all logs, so that one flush serves
 * them all.
 */
import { assert } from "../../types/assert.js";
import type { PersisterError } from "../../types/errors.js";
import type { NamedAppend, NamedLog } from "../form/footer.js";
import { type LogTable, NO_HASH } from "../form/log-table.js";
import { recordType } from "../form/records.js";

/** Told what became of an entry: durable, or the reason why it is not. */
export type Settled = (error?: PersisterError) => void;

/** One thing to be made durable. `settled` is called exactly once, never before it is durable (D1). */
export type Entry = RecordEntry | PairEntry;

/** An entry that becomes records of a group. */
export type RecordEntry =
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
  | {
      readonly type: "release";
      readonly sequence: bigint;
      readonly slot: number;
      readonly settled: Settled;
    };

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

/**
 * A record on its way to another segment. Nothing happens if it is not live any more, unless it is to stay
 * readable.
 */
export interface CopyEntry {
  readonly type: "copy";
  readonly name: string;
  /** The log that it was read from: another one may have its name by now. */
  readonly log: number;
  readonly number: bigint;
  readonly payload: Uint8Array;
  /** A record that was pruned is copied, too: it is retained. */
  readonly isRetained?: boolean;
  readonly settled: Settled;
}

/** One of the mark's two A/B pairs. */
export type PairRole = "anchor" | "vote";

/**
 * A message for an A/B pair. It goes by itself, beside the groups: it is durable when its slot is, and a
 * mark that names its sequence.
 */
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

/** A record of the group, not framed yet. */
export interface GroupRecord {
  readonly type: number;
  readonly log: number;
  readonly number: bigint;
  /** Bytes in front of the payload. */
  readonly prefix: Uint8Array | undefined;
  readonly payload: Uint8Array;
  /** Of prefix and payload. */
  readonly payloadCrc: number | undefined;
  readonly more: boolean;
  /** Bytes that the payload will grow by when it is sealed. */
  readonly tagBytes: number;
  /** Bytes behind its header. */
  readonly contentBytes: number;
  /** The entry that the record is of. */
  readonly entry: RecordEntry | undefined;
}

type RecordFields = Pick<GroupRecord, "type" | "log" | "number" | "payload"> & {
  readonly [field in "prefix" | "payloadCrc" | "more" | "tagBytes" | "entry"]?:
    | GroupRecord[field]
    | undefined;
};

/** All records have their fields in one order, so that the loops over them find each field at once. */
export function groupRecord({
  type,
  log,
  number,
  prefix,
  payload,
  payloadCrc,
  more = false,
  tagBytes = 0,
  entry,
}: RecordFields): GroupRecord {
  const bytes = (prefix?.length ?? 0) + payload.length + tagBytes;
  return {
    type,
    log,
    number,
    prefix,
    payload,
    payloadCrc,
    more,
    tagBytes,
    contentBytes: bytes,
    entry,
  };
}

/** An append that the group's footer names, with the name of its log. */
export type GroupAppend = NamedAppend & NamedLog;

export interface Group {
  /** Without PAD and footer. An entry that says nothing any more has none. */
  readonly records: readonly GroupRecord[];
  /** The names in the footer: the appends that have a header hash, the logs opened and dropped. */
  readonly appends: readonly GroupAppend[];
  readonly opened: readonly NamedLog[];
  readonly dropped: readonly NamedLog[];
}

/** Bytes of a record behind its header. */
export function contentBytes(record: {
  readonly prefix?: Uint8Array | undefined;
  readonly payload: Uint8Array;
  readonly tagBytes?: number | undefined;
}): number {
  return (record.prefix?.length ?? 0) + record.payload.length + (record.tagBytes ?? 0);
}

/**
 * Makes the records of `entries` and applies them to `table`. Payloads go by reference; those that are
 * to be sealed will grow by `tagBytes`. The caller
 * has checked every order: a refusal of the table here is a defect of ours.
 */
export function assembleGroup(
  entries: readonly RecordEntry[],
  table: LogTable,
  tagBytes = 0,
): Group {
  const builder = new GroupBuilder(table, tagBytes);
  for (const entry of entries) builder.add(entry);
  return builder;
}

function must(refusal: string | undefined): void {
  assert(refusal === undefined, refusal ?? "");
}

class GroupBuilder implements Group {
  readonly records: GroupRecord[] = [];
  readonly opened: NamedLog[] = [];
  readonly dropped: NamedLog[] = [];
  appends: GroupAppend[] = [];
  readonly #table: LogTable;
  readonly #tagBytes: number;

  constructor(table: LogTable, tagBytes: number) {
    this.#table = table;
    this.#tagBytes = tagBytes;
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
        if (hash) this.appends.push({ name, log, number, hash });
        const { append: type } = recordType;
        const tagBytes = this.#tagBytes;
        const of = { type, log, number, prefix, payload, payloadCrc, more, tagBytes, entry };
        this.records.push(groupRecord(of));
        return;
      }
      case "truncate": {
        const number = entry.first;
        const log = this.#logOf(entry.name, number);
        this.records.push(
          groupRecord({ type: recordType.truncate, log, number, payload: NOTHING, entry }),
        );
        must(table.truncate(log, number));
        return;
      }
      case "open":
        this.#logOf(entry.name, entry.first);
        return;
      case "drop": {
        // A log that never got a record is dropped by nothing: there is nothing that could come back.
        const state = table.byName(entry.name);
        if (!state) return;
        const { log, name } = state;
        this.records.push(
          groupRecord({ type: recordType.drop, log, number: 0n, payload: NOTHING, entry }),
        );
        must(table.drop(log));
        this.dropped.push({ log, name });
        // The lost append of a log that is dropped anyway pins nothing.
        this.appends = this.appends.filter((append) => append.log !== log);
        return;
      }
      case "copy": {
        const { log, number, payload, isRetained = false } = entry;
        const state = table.byLog(log);
        if (!state || (number < state.first && !isRetained)) return;
        const tagBytes = this.#tagBytes;
        this.records.push(
          groupRecord({ type: recordType.copy, log, number, payload, tagBytes, entry }),
        );
        return;
      }
      case "release": {
        const { slot: log, sequence: number } = entry;
        this.records.push(
          groupRecord({ type: recordType.release, log, number, payload: NOTHING, entry }),
        );
      }
    }
  }

  /** The log's number; an OPEN record gives it one where it has none, and `first` as its start. */
  #logOf(name: string, first: bigint): number {
    const known = this.#table.byName(name);
    if (known) return known.log;
    const log = this.#table.nextLog;
    must(this.#table.open(log, name, first));
    this.opened.push({ log, name });
    const payload = Buffer.from(name, "latin1");
    this.records.push(groupRecord({ type: recordType.open, log, number: first, payload }));
    return log;
  }
}

const NOTHING = new Uint8Array(0);

/**
 * How much room entries take in a segment, and how many of them the next group takes (D9). Everything
 * is counted as it lies on disk: with record headers, OPEN records, PAD and footer.
 */
import { assert } from "../../types/assert.js";
import { NAMED_APPEND_BYTES, namedLogBytes } from "../form/footer.js";
import { groupBytes } from "../form/group-size.js";
import { logEntryBytes } from "../form/head.js";
import type { LogTable } from "../form/log-table.js";
import { GROUP_BYTES_MAX, GROUP_RECORDS_MAX, RECORD_HEADER_BYTES } from "../form/records.js";
import { type AppendEntry, contentBytes, type RecordEntry } from "./group.js";

/** The facts on which the size of an entry depends, beside the entry. */
export interface Sizing {
  readonly table: LogTable;
  /** Bytes that the payload of an append or a copy grows by when it is sealed; 0 in a plain store. */
  readonly tagBytes: number;
}

/** Bytes of the record that `entry` becomes; an OPEN record that it may need is not counted. */
function recordBytes(entry: RecordEntry, { tagBytes }: Pick<Sizing, "tagBytes">): number {
  if (entry.type === "open") return 0;
  const hasContent = entry.type === "append" || entry.type === "copy";
  return RECORD_HEADER_BYTES + (hasContent ? contentBytes(entry) + tagBytes : 0);
}

/** Bytes that a footer takes to name `entry`. */
function nameBytes(entry: RecordEntry): number {
  if (entry.type === "append") return entry.hash ? NAMED_APPEND_BYTES : 0;
  return entry.type === "drop" ? namedLogBytes(entry.name) : 0;
}

/** The log that has to be opened before `entry` can be recorded. */
export function openedBy(entry: RecordEntry, table: LogTable): string | undefined {
  const opens = entry.type === "append" || entry.type === "truncate" || entry.type === "open";
  return opens && !table.byName(entry.name) ? entry.name : undefined;
}

/** Bytes that a group may take: of a segment, and of the heads to come for logs that it opens. */
interface Most {
  readonly bytes: number;
  readonly logs: number;
}

const NO_BOUND: Most = { bytes: Number.POSITIVE_INFINITY, logs: Number.POSITIVE_INFINITY };

/** Adds up entries of one group. */
export class GroupSizeSum {
  readonly #sizing: Sizing;
  readonly #opening = new Set<string>();
  #records = 0;
  #names = 0;
  #logs = 0;

  constructor(sizing: Sizing) {
    this.#sizing = sizing;
  }

  /** Bytes that the group takes in a segment. */
  get bytes(): number {
    return groupBytes({ records: this.#records, names: this.#names });
  }

  /** Adds `entry` if the group then takes no more than `most`; tells whether it did. */
  takes(entry: RecordEntry, most: Most = NO_BOUND): boolean {
    let records = this.#records + recordBytes(entry, this.#sizing);
    let names = this.#names + nameBytes(entry);
    let logs = this.#logs;
    const opened = openedBy(entry, this.#sizing.table);
    const isNew = opened !== undefined && !this.#opening.has(opened);
    if (isNew) {
      records += RECORD_HEADER_BYTES + opened.length;
      names += namedLogBytes(opened);
      logs += logEntryBytes(opened);
    }
    if (groupBytes({ records, names }) > most.bytes || logs > most.logs) return false;
    if (isNew) this.#opening.add(opened);
    this.#records = records;
    this.#names = names;
    this.#logs = logs;
    return true;
  }
}

/** Bytes of a group that holds only the first of `queue`, with the rest of its batch. */
export function firstGroupBytes(queue: readonly RecordEntry[], sizing: Sizing): number {
  const size = new GroupSizeSum(sizing);
  for (const entry of queue) {
    size.takes(entry);
    if (entry.type !== "append" || !entry.more) return size.bytes;
  }
  return queue.length === 0 ? 0 : size.bytes;
}

/**
 * The first append, or first of a batch, that no segment takes because a record may have
 * `payloadBytesMax` at most: a batch goes into one segment, and takes as much of it as a record may.
 */
export function firstOversized(
  entries: readonly RecordEntry[],
  { payloadBytesMax, tagBytes }: { readonly payloadBytesMax: number; readonly tagBytes: number },
): AppendEntry | undefined {
  let first: AppendEntry | undefined;
  let bytes = 0;
  for (const entry of entries) {
    if (entry.type !== "append") continue;
    // One name fits a footer of one block, whatever else the footer names.
    bytes += recordBytes(entry, { tagBytes }) + (first ? nameBytes(entry) : 0);
    first ??= entry;
    if (bytes > RECORD_HEADER_BYTES + payloadBytesMax + tagBytes) return first;
    if (entry.more) continue;
    first = undefined;
    bytes = 0;
  }
  return undefined;
}

/** Appends and copies leave the reserve at the end of a segment to everything else (D9). */
function usesReserve(entry: RecordEntry): boolean {
  return entry.type !== "append" && entry.type !== "copy";
}

/** It sets space free, or is needed for it: a full disk is no reason to refuse it (D9). */
export function isOrder(entry: RecordEntry): boolean {
  return usesReserve(entry) && entry.type !== "open";
}

/** The room that the next group has, in bytes. */
export interface GroupRoom {
  /** Of its segment, for appends and copies. */
  readonly appends: number;
  /** Of its segment, for everything else: the reserve is theirs alone. */
  readonly orders: number;
  /** Of the heads to come, for logs that are not open yet. */
  readonly logs: number;
}

/**
 * How many entries from the front of `queue` the next group takes: as many as find `room`, within the
 * bounds of a group. A batch is taken as a whole. A drop ends its group: no append rides behind it in
 * the group that drops its log.
 */
export function countForGroup(
  queue: readonly RecordEntry[],
  sizing: Sizing,
  { appends, orders, logs }: GroupRoom,
): number {
  const size = new GroupSizeSum(sizing);
  let count = 0;
  let unit = 0;
  for (const entry of queue) {
    const room = usesReserve(entry) ? orders : appends;
    const bytes = count > 0 ? Math.min(room, GROUP_BYTES_MAX) : room;
    if (!size.takes(entry, { bytes, logs })) break;
    if (count > 0 && (count + unit) * 2 >= GROUP_RECORDS_MAX) break;
    unit += 1;
    if (entry.type === "append" && entry.more) continue;
    count += unit;
    unit = 0;
    if (entry.type === "drop") break;
  }
  assert(count * 2 <= GROUP_RECORDS_MAX, "a group's records have LSNs of their own");
  return count;
}

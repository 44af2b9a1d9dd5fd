/**
 * How much room entries take in a segment, and how many of them the next group takes (D9). Everything
 * is counted as it lies on disk: with record headers, OPEN records, PAD and footer.
 */
import { assert } from "../../types/assert.js";
import { NAMED_APPEND_BYTES, namedLogBytes } from "../form/footer.js";
import { groupBytes, type GroupSize } from "../form/group-size.js";
import { logEntryBytes } from "../form/head.js";
import type { LogTable } from "../form/log-table.js";
import { GROUP_BYTES_MAX, GROUP_RECORDS_MAX, RECORD_HEADER_BYTES } from "../form/records.js";
import { type AppendEntry, contentBytes, type RecordEntry } from "./group.js";

function sum(a: GroupSize, b: GroupSize): GroupSize {
  return { records: a.records + b.records, names: a.names + b.names };
}

const NOTHING: GroupSize = { records: 0, names: 0 };

/** The facts on which the size of an entry depends, beside the entry. */
export interface Sizing {
  readonly table: LogTable;
  /** Bytes that the payload of an append or a copy grows by when it is sealed; 0 in a plain store. */
  readonly tagBytes: number;
}

/** Bytes that `entry` adds to a group, without the OPEN record that it may need. */
function sizeOf(entry: RecordEntry, { tagBytes }: Pick<Sizing, "tagBytes">): GroupSize {
  switch (entry.type) {
    case "append": {
      const names = entry.hash ? NAMED_APPEND_BYTES : 0;
      return { records: RECORD_HEADER_BYTES + contentBytes(entry) + tagBytes, names };
    }
    case "copy":
      return { records: RECORD_HEADER_BYTES + entry.payload.length + tagBytes, names: 0 };
    case "drop":
      return { records: RECORD_HEADER_BYTES, names: namedLogBytes(entry.name) };
    case "truncate":
    case "release":
      return { records: RECORD_HEADER_BYTES, names: 0 };
    case "open":
      return NOTHING;
  }
}

/** The log that has to be opened before `entry` can be recorded. */
export function openedBy(entry: RecordEntry, table: LogTable): string | undefined {
  const opens = entry.type === "append" || entry.type === "truncate" || entry.type === "open";
  return opens && !table.byName(entry.name) ? entry.name : undefined;
}

/** Bytes that the OPEN record of a log adds to a group. */
function openSize(name: string): GroupSize {
  return { records: RECORD_HEADER_BYTES + name.length, names: namedLogBytes(name) };
}

/** Bytes that `entry` adds to a group, with the OPEN record that it may need. */
export function entrySize(entry: RecordEntry, sizing: Sizing): GroupSize {
  const opened = openedBy(entry, sizing.table);
  const size = sizeOf(entry, sizing);
  return opened === undefined ? size : sum(size, openSize(opened));
}

/** Adds up entries of one group. */
export class GroupSizeSum {
  #size: GroupSize = NOTHING;

  /** Bytes that the group takes in a segment with `more` in it. */
  bytesWith(more: GroupSize): number {
    return groupBytes(sum(this.#size, more));
  }

  add(more: GroupSize): void {
    this.#size = sum(this.#size, more);
  }
}

/** Bytes of a group that holds only the first of `queue`, with the rest of its batch. */
export function firstGroupBytes(queue: readonly RecordEntry[], sizing: Sizing): number {
  const [first] = queue;
  if (!first) return 0;
  let size = entrySize(first, sizing);
  for (let at = 0; ; at++) {
    const entry = queue[at];
    const next = queue[at + 1];
    if (entry?.type !== "append" || !entry.more || !next) return groupBytes(size);
    size = sum(size, sizeOf(next, sizing));
  }
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
    const { records, names } = sizeOf(entry, { tagBytes });
    // One name fits a footer of one block, whatever else the footer names.
    bytes += first ? records + names : records;
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
  room: GroupRoom,
): number {
  const { table } = sizing;
  const size = new GroupSizeSum();
  let logBytes = 0;
  let count = 0;
  let unit = 0;
  const opening = new Set<string>();
  for (const entry of queue) {
    let added = sizeOf(entry, sizing);
    const opened = openedBy(entry, table);
    if (opened !== undefined && !opening.has(opened)) {
      opening.add(opened);
      added = sum(added, openSize(opened));
      logBytes += logEntryBytes(opened);
      if (logBytes > room.logs) break;
    }
    const bytes = size.bytesWith(added);
    if (bytes > (usesReserve(entry) ? room.orders : room.appends)) break;
    if (count > 0 && (bytes > GROUP_BYTES_MAX || (count + unit) * 2 >= GROUP_RECORDS_MAX)) break;
    size.add(added);
    unit += 1;
    if (entry.type === "append" && entry.more) continue;
    count += unit;
    unit = 0;
    if (entry.type === "drop") break;
  }
  assert(count * 2 <= GROUP_RECORDS_MAX, "a group's records have LSNs of their own");
  return count;
}

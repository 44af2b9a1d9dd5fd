/**
 * What of the queue finds room, and what is refused where there is none (D9). A record that is let in is
 * never refused for its size: what no segment takes is refused when it comes.
 */
import { isDiskFull, type PersisterError } from "../types/errors.js";
import type { EntryQueue } from "./group/entry-queue.js";
import { SEGMENT_RESERVE_BYTES } from "./form/records.js";
import {
  countForGroup,
  type Entry,
  entryBytes,
  firstBytes,
  firstOversized,
  isOrder,
  openedBy,
} from "./group/group.js";
import { logEntryBytes } from "./form/head.js";
import type { LogTable } from "./form/log-table.js";
import { crowdedError, noRoomError, oversizedError } from "./group/errors.js";
import type { Segments } from "./space/segments.js";

/** What a segment has for a group. */
export interface RoomThere {
  readonly room: number;
  /** Of it, what copies are to have. */
  readonly promised: number;
  readonly takesAppends: boolean;
}

export class QueueGate {
  readonly #queue: EntryQueue;
  readonly #table: LogTable;
  readonly #segments: Segments;

  constructor(parts: {
    readonly queue: EntryQueue;
    readonly table: LogTable;
    readonly segments: Segments;
  }) {
    this.#queue = parts.queue;
    this.#table = parts.table;
    this.#segments = parts.segments;
  }

  /** Queues `entries`. What no segment takes is refused, and with it what follows in its log. */
  enter(entries: readonly Entry[], how: { readonly summed: boolean }): void {
    const most = this.#segments.payloadBytesMax;
    const large = firstOversized(entries, most);
    let isBehind = false;
    for (const entry of entries) {
      isBehind ||= entry === large;
      const isRefused = isBehind && entry.type === "append" && entry.name === large?.name;
      if (large && isRefused) entry.settled(oversizedError(large, most));
      else this.#queue.push(entry, how);
    }
  }

  /** How many entries the next group takes. */
  countFor({ room, promised, takesAppends }: RoomThere): number {
    // The reserve lies behind what copies take: orders before them would eat into it.
    const isUrgent = promised > 0 && !takesAppends;
    return countForGroup(this.#queue.entries, this.#table, {
      appends: takesAppends ? room - promised : 0,
      orders: isUrgent ? room - promised : room + SEGMENT_RESERVE_BYTES,
      logs: this.#segments.roomForLogs,
    });
  }

  /** Bytes of the first entry, with its batch. */
  get bytesOfFirst(): number {
    return firstBytes(this.#queue.entries, this.#table);
  }

  /**
   * No room for a rotation is backpressure, whatever kept a spare from being made: no live segment was
   * touched. Appends are refused; orders use the reserve; pairs need no room.
   */
  refuseForSpace(cause: PersisterError): void {
    let room = this.#segments.room + SEGMENT_RESERVE_BYTES;
    const refusal = isDiskFull(cause) ? noRoomError(cause, "journal segment") : cause;
    this.#queue.reject(refusal, (entry) => {
      if (!isOrder(entry)) return true;
      const bytes = entryBytes(entry, this.#table);
      if (bytes > room) return true;
      room -= bytes;
      return false;
    });
  }

  /** Where the first entry would open a log that no head has room to list, its log is refused. */
  refuseLog(): boolean {
    const [first] = this.#queue.entries;
    const opened = first && openedBy(first, this.#table);
    if (opened === undefined || logEntryBytes(opened) <= this.#segments.roomForLogs) return false;
    this.#queue.reject(crowdedError(opened), (entry) => {
      return openedBy(entry, this.#table) === opened;
    });
    return true;
  }
}

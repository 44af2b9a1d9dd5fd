/**
 * Decides how many entries of the queue the next group takes, and which are refused if there is no room
 * (D9). A record that is let in is never refused for its size: one that fits no segment is refused when
 * it comes.
 */
import { isDiskFull, type PersisterError } from "../../types/errors.js";
import type { EntryQueue } from "./entry-queue.js";
import { GROUP_BYTES_MIN, SEGMENT_RESERVE_BYTES } from "../form/records.js";
import type { RecordEntry } from "./group.js";
import {
  countForGroup,
  firstGroupBytes,
  firstOversized,
  GroupSizeSum,
  isOrder,
  openedBy,
  type Sizing,
} from "./size.js";
import { logEntryBytes } from "../form/head.js";
import type { LogTable } from "../form/log-table.js";
import { crowdedError, noRoomError, oversizedError } from "./errors.js";
import type { ReclaimPlan } from "../space/reclaim.js";
import type { Segments } from "../space/segments.js";

/** The room that a segment has for a group. */
export interface RoomThere {
  /** Bytes for appends and copies. */
  readonly room: number;
  readonly takesAppends: boolean;
  /** Copies and releases that are to find room before the rest of the queue, where some are due. */
  readonly plan: Pick<ReclaimPlan, "copyBytes" | "release"> | undefined;
}

export class QueueGate {
  readonly #queue: EntryQueue;
  readonly #sizing: Sizing;
  readonly #segments: Segments;

  constructor(parts: {
    readonly queue: EntryQueue;
    readonly table: LogTable;
    readonly segments: Segments;
    readonly tagBytes: number;
  }) {
    this.#queue = parts.queue;
    this.#sizing = { table: parts.table, tagBytes: parts.tagBytes };
    this.#segments = parts.segments;
  }

  /** Queues `entries`. One that fits no segment is refused, and so are the later ones of its log. */
  enter(entries: readonly RecordEntry[], { summed }: { readonly summed: boolean }): void {
    // The checksum of a payload that is to be sealed is another one.
    const how = { summed: summed && this.#sizing.tagBytes === 0 };
    const most = this.#segments.payloadBytesMax;
    const large = firstOversized(entries, {
      payloadBytesMax: most,
      tagBytes: this.#sizing.tagBytes,
    });
    let isBehind = false;
    for (const entry of entries) {
      isBehind ||= entry === large;
      const isRefused = isBehind && entry.type === "append" && entry.name === large?.name;
      if (large && isRefused) entry.settled(oversizedError(large, most));
      else this.#queue.push(entry, how);
    }
  }

  /** How many entries the next group takes. */
  countFor({ room, takesAppends, plan }: RoomThere): number {
    const promised = plan?.copyBytes ?? 0;
    const releases = plan && plan.release.length > 0 ? GROUP_BYTES_MIN : 0;
    // While copies are to come, orders may not use the reserve: it begins behind the bytes that are
    // promised to the copies. While a release is to come that makes a spare, it has its room.
    const isUrgent = promised > 0 && !takesAppends;
    const reserve = takesAppends ? SEGMENT_RESERVE_BYTES : SEGMENT_RESERVE_BYTES - releases;
    return countForGroup(this.#queue.entries, this.#sizing, {
      appends: takesAppends ? room - promised : 0,
      orders: isUrgent ? room - promised : room + reserve,
      logs: this.#segments.roomForLogs,
    });
  }

  /** Bytes of a group that holds only the first entry, with its batch. */
  get bytesOfFirst(): number {
    return firstGroupBytes(this.#queue.entries, this.#sizing);
  }

  /**
   * No room for a rotation is backpressure, whatever kept a spare from being made: no live segment was
   * touched. Appends are refused; orders use the reserve.
   */
  refuseForSpace(cause: PersisterError): void {
    const room = this.#segments.room + SEGMENT_RESERVE_BYTES;
    const refusal = isDiskFull(cause) ? noRoomError(cause, "journal segment") : cause;
    const size = new GroupSizeSum(this.#sizing);
    const most = { bytes: room, logs: Number.POSITIVE_INFINITY };
    this.#queue.reject(refusal, (entry) => !isOrder(entry) || !size.takes(entry, most));
  }

  /** Refuses the log of the first entry if the entry would open it and no head has room to list it. */
  refuseLog(): boolean {
    const [first] = this.#queue.entries;
    const opened = first && openedBy(first, this.#sizing.table);
    if (opened === undefined || logEntryBytes(opened) <= this.#segments.roomForLogs) return false;
    this.#queue.reject(crowdedError(opened), (entry) => {
      return openedBy(entry, this.#sizing.table) === opened;
    });
    return true;
  }
}

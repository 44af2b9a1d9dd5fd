/**
 * Applies the newest segment's own records to the facts of its head: the logs, their live ranges, and
 * the listed segments that need not be there any more.
 */
import { OPTIONAL_TYPE_BIT, type RecordHeader, recordType } from "../form/records.js";
import type { Head } from "../form/head.js";
import { type LogTable, NO_HASH, type EntryRefusal } from "../form/log-table.js";

export interface Manifest {
  readonly head: Head;
  readonly table: LogTable;
  /** The slots of the segments that were released, by sequence. */
  readonly released: Map<bigint, number>;
}

/** Applies one record to `manifest`, or says why it cannot be one of this segment. */
export function applyRecord(
  record: RecordHeader & { readonly payload: Uint8Array },
  { head, table, released }: Manifest,
): EntryRefusal {
  switch (record.type) {
    case recordType.open: {
      const name = Buffer.from(record.payload).toString("latin1");
      return table.open(record.log, name, record.number);
    }
    case recordType.append:
      return table.append(record.log, record.number, NO_HASH);
    case recordType.truncate:
      return table.truncate(record.log, record.number);
    case recordType.drop:
      return table.drop(record.log);
    case recordType.copy:
      return table.copy(record.log, record.number);
    case recordType.release: {
      const isSealed = head.sealed.some(({ sequence }) => sequence === record.number);
      const isListed = isSealed || head.retainedSlots.includes(record.log);
      if (!isListed) return `it releases segment ${record.number}, which the head does not list`;
      released.set(record.number, record.log);
      return undefined;
    }
    case recordType.pad:
    case recordType.footer:
      return undefined;
    default:
      return record.type & OPTIONAL_TYPE_BIT
        ? undefined
        : `record type ${record.type} is required and not known to this Lanekeeper`;
  }
}

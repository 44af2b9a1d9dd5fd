/** The records of the logs in one sealed segment, for whoever builds the map. */
import { chainStart, RECORD_HEADER_BYTES, recordsStart, recordType } from "./format.js";
import { claimedHeadBytes, decodeHead, type SealedSegment } from "./head.js";
import type { LogTable } from "./log-table.js";
import type { PlacedRecord } from "./places.js";
import { walkRecords } from "./segment.js";

export interface SegmentRecords {
  readonly records: readonly PlacedRecord[];
  readonly damage: string | undefined;
}

/** Walks `bytes`, which are those of `segment` from its byte 0. Total. */
export function recordsIn(
  bytes: Uint8Array,
  segment: SealedSegment,
  table: LogTable,
): SegmentRecords {
  const headBytes = claimedHeadBytes(bytes) ?? 0;
  const found = decodeHead(bytes.subarray(0, headBytes));
  if (found.status !== "head" || found.head.sequence !== segment.sequence) {
    return { records: [], damage: "it is not the segment that the head lists" };
  }
  const records: PlacedRecord[] = [];
  const start = {
    offset: recordsStart(headBytes),
    chain: chainStart(found.head.salt),
    nextLsn: segment.firstLsn,
  };
  const end = walkRecords(bytes, start, ({ type, log, number, offset, ...record }) => {
    if (type !== recordType.append && type !== recordType.copy) return;
    const name = table.byLog(log)?.name;
    if (name === undefined) return;
    const pointer = {
      slot: segment.slot,
      offset: offset + RECORD_HEADER_BYTES,
      length: record.payloadLength,
      crc: record.payloadCrc,
    };
    records.push({ name, number, pointer });
  });
  const whole = end.nextLsn === segment.nextLsn && end.chain === segment.endChain;
  return { records, damage: whole ? undefined : `${end.reason} at byte ${end.offset}` };
}

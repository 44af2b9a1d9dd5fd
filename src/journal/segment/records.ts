/** The records of the logs in one sealed segment, for whoever builds the map. */
import { chainStart, RECORD_HEADER_BYTES, recordsStart, recordType } from "../form/records.js";
import type { SealedSegment } from "../form/head.js";
import type { LogTable } from "../form/log-table.js";
import type { PlacedRecord } from "./places.js";
import { readHead, type Slot } from "./segment.js";
import { SegmentParts } from "./parts.js";

export interface SegmentRecords {
  readonly records: readonly PlacedRecord[];
  readonly damage: string | undefined;
}

/** Walks `segment`, which should lie in `slot`. */
export async function recordsIn(
  slot: Slot,
  segment: SealedSegment,
  table: LogTable,
): Promise<SegmentRecords> {
  const found = await readHead(slot);
  if (found.status !== "head" || found.head.sequence !== segment.sequence) {
    return { records: [], damage: "it is not the segment that the head lists" };
  }
  const records: PlacedRecord[] = [];
  const offset = recordsStart(found.bytes.length);
  const parts = new SegmentParts([{ file: slot.file, from: offset, to: segment.endOffset }]);
  const start = { offset, chain: chainStart(found.head.salt), nextLsn: segment.firstLsn };
  const end = await parts.walkNext(start, ({ type, log, number, ...record }) => {
    if (type !== recordType.append && type !== recordType.copy) return;
    const name = table.byLog(log)?.name;
    if (name === undefined) return;
    const pointer = {
      slot: segment.slot,
      offset: record.offset + RECORD_HEADER_BYTES,
      length: record.payloadLength,
      crc: record.payloadCrc,
    };
    records.push({ name, number, pointer });
  });
  const whole = end.nextLsn === segment.nextLsn && end.chain === segment.endChain;
  return { records, damage: whole ? undefined : `${end.reason} at byte ${end.offset}` };
}

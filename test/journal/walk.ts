/** Walks the records of a segment that is in memory. */
import {
  type ChainEnd,
  type ChainPlace,
  recordAt,
  type WalkedRecord,
} from "../../src/journal/segment/segment.js";

/**
 * Walks the records of a segment: `bytes` is the segment from its byte 0, `from` where to start,
 * `chain` and `nextLsn` what must come there. Calls `visit` for each proven record, in order.
 */
export function walkRecords(
  bytes: Uint8Array,
  from: ChainPlace,
  visit: (record: WalkedRecord) => void,
): ChainEnd {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let place = from; ; ) {
    const found = recordAt(buffer, place);
    if (found.status === "broken") return found.end;
    visit(found.record);
    place = found.next;
  }
}

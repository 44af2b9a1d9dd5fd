/**
 * Walks the records of a segment past damage. Recovery stops where the chain of records breaks; an
 * inspection wants to know what else is lost, and what is still there behind it.
 *
 * A record whose header is proven and whose payload is not costs itself alone. Behind a header that
 * does not continue the chain, the next record is looked for: where the damaged header says, if the
 * chain goes on there; else at the first byte where a record with a later LSN and a right payload
 * begins, and the chain goes on behind it.
 */
import { crc32c } from "../../codec/crc32c.js";
import {
  expectedHeaderCrc,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  readRecordHeader,
} from "../../journal/form/records.js";
import {
  type ChainEnd,
  type ChainPlace,
  recordAt,
  type WalkedRecord,
} from "../../journal/segment/segment.js";

/** One step of the walk. */
export type WalkStep =
  | { readonly kind: "record"; readonly record: WalkedRecord }
  /** The header is proven: this very record is lost, and no other. */
  | { readonly kind: "damaged"; readonly header: RecordHeader; readonly at: ChainEnd }
  /** Records from `at.nextLsn` on are lost, up to `resumed`, if the chain was found again. */
  | { readonly kind: "gap"; readonly at: ChainEnd; readonly resumed: ChainPlace | undefined }
  /** The last step: where the walk ended. */
  | { readonly kind: "end"; readonly place: ChainPlace };

/**
 * Walks `segment`, the bytes from its byte 0, from `from` on. Records through the LSN `through` must
 * be there; behind that the first break is the end.
 */
export function* walkPastDamage(
  segment: Uint8Array,
  from: ChainPlace,
  through: bigint,
): Generator<WalkStep, void, void> {
  const buffer = Buffer.from(segment.buffer, segment.byteOffset, segment.length);
  let place = from;
  /** A batch, as long as more of it is to follow: it counts only as a whole. */
  let batch: WalkStep[] = [];
  let whole = from;
  for (;;) {
    const found = recordAt(buffer, place);
    if (found.status === "record") {
      batch.push({ kind: "record", record: found.record });
      place = found.next;
      if (found.record.more && found.record.lsn > through) continue;
      yield* batch;
      batch = [];
      whole = place;
      continue;
    }
    const { end, next } = found;
    if (end.nextLsn > through) break;
    if (next && end.suspect) {
      yield { kind: "damaged", header: end.suspect, at: end };
      place = next;
      whole = next;
      continue;
    }
    const resumed = end.nextLsn === through ? undefined : chainAgain(buffer, place, through);
    yield { kind: "gap", at: end, resumed: resumed?.place };
    if (!resumed) break;
    if (resumed.record) yield { kind: "record", record: resumed.record };
    place = resumed.next;
    whole = place;
  }
  yield { kind: "end", place: whole };
}

/** The place at which the chain goes on. `record` is set if the chain cannot prove it again. */
interface Resumed {
  readonly place: ChainPlace;
  readonly record: WalkedRecord | undefined;
  readonly next: ChainPlace;
}

function chainAgain(buffer: Buffer, broken: ChainPlace, through: bigint): Resumed | undefined {
  return behindHeader(buffer, broken) ?? searched(buffer, broken, through);
}

/** The damaged header's length may be right, and one of the two chain values that it may carry. */
function behindHeader(buffer: Buffer, broken: ChainPlace): Resumed | undefined {
  const { offset, chain, nextLsn } = broken;
  if (offset + RECORD_HEADER_BYTES > buffer.length) return undefined;
  const header = readRecordHeader(buffer, offset);
  for (const value of [header.headerCrc, expectedHeaderCrc(buffer, offset, chain)]) {
    const place = { offset: endOf(header, offset), chain: value, nextLsn: nextLsn + 1n };
    if (continues(buffer, place)) return { place, record: undefined, next: place };
  }
  return undefined;
}

function searched(buffer: Buffer, broken: ChainPlace, through: bigint): Resumed | undefined {
  const last = buffer.length - RECORD_HEADER_BYTES;
  for (let offset = broken.offset + 1; offset <= last; offset++) {
    if (!looksLikeHeader(buffer, offset)) continue;
    const header = readRecordHeader(buffer, offset);
    if (header.lsn <= broken.nextLsn || header.lsn > through) continue;
    const end = endOf(header, offset);
    if (end > buffer.length) continue;
    const payload = buffer.subarray(offset + RECORD_HEADER_BYTES, end);
    if (crc32c(payload) !== header.payloadCrc) continue;
    const next = { offset: end, chain: header.headerCrc, nextLsn: header.lsn + 1n };
    const isLast = header.lsn === through && payload.length > 0;
    if (!isLast && !continues(buffer, next)) continue;
    const place = { offset, chain: 0, nextLsn: header.lsn };
    return { place, record: { ...header, offset, payload }, next };
  }
  return undefined;
}

/** Whether the bytes that are 0 in every header are 0 here: rules out most places at little cost. */
function looksLikeHeader(buffer: Buffer, offset: number): boolean {
  return (
    buffer[offset + 14] === 0 &&
    buffer[offset + 15] === 0 &&
    buffer.readUInt32LE(offset + 28) === 0 &&
    buffer[offset + 12] !== 0
  );
}

/** Whether a proven header is there, whatever became of its payload. */
function continues(buffer: Buffer, place: ChainPlace): boolean {
  const found = recordAt(buffer, place);
  return found.status === "record" || found.next !== undefined;
}

function endOf(header: RecordHeader, offset: number): number {
  return offset + RECORD_HEADER_BYTES + header.payloadLength;
}

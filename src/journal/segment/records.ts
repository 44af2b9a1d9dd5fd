/**
 * The records of the logs in one sealed segment: the list from which the map is mended. The chain of
 * record headers proves the list; payloads are skipped, so its cost follows the number of records and not
 * their size.
 */
import type { DiskFile } from "../../disk/disk.js";
import { isOfLog, RECORD_HEADER_BYTES, type RecordHeader } from "../form/records.js";
import type { RetainedSegment, SealedSegment } from "../form/head.js";
import type { LogTable } from "../form/log-table.js";
import type { PlacedRecord } from "./places.js";
import {
  type ChainEnd,
  type ChainPlace,
  endsAsListed,
  firstPlace,
  pointerTo,
  readFront,
  readHead,
  recordAt,
  type Slot,
} from "./segment.js";
import { SegmentParts } from "./parts.js";

/** Bytes that are read at once: the headers of many small records, and little beside that of a large one. */
const WINDOW_BYTES = 32 * 1024;

export interface SegmentRecords {
  readonly records: readonly PlacedRecord[];
  /** Why there are no more records, where the segment does not verify to its end. */
  readonly damage: string | undefined;
}

/** How a segment is read. */
export interface SegmentReading {
  /** Names the logs; records of a log that it does not name are left out. */
  readonly table: LogTable;
  /** The end of the records, if that is known. If not, they end with the chain. */
  readonly end: SealedSegment | undefined;
  /** Whether the payloads are read and checked too. */
  readonly payloads: boolean;
}

/** Lists the records of `segment`, which should lie in `slot`, in the order in which they lie. */
export async function recordsIn(
  slot: Slot,
  segment: RetainedSegment,
  { table, end, payloads }: SegmentReading,
): Promise<SegmentRecords> {
  const found = await readFront(slot);
  if (found.status !== "front" || found.head.sequence !== segment.sequence) {
    return { records: [], damage: "it is not the segment that the head lists" };
  }
  const list = new RecordList(segment.slot, table);
  const start = firstPlace(found.head, found.headBytes);
  const to = end?.endOffset ?? slot.bytes;
  const visit = (header: RecordHeader & { readonly offset: number }): void => list.add(header);
  const walked = payloads
    ? await new SegmentParts([{ file: slot.file, from: start.offset, to }]).walkNext(start, visit)
    : await walkHeaders(slot.file, { start, to }, visit);
  const isWhole = !end || endsAsListed(walked, end);
  const damage = isWhole ? undefined : `${walked.reason} at byte ${walked.offset}`;
  return { records: list.whole, damage };
}

/** The end of `segment`, if the head in `slot` lists it: that of the segment which came next. */
export async function endListedIn(
  slot: Slot,
  { sequence }: RetainedSegment,
): Promise<SealedSegment | undefined> {
  const found = await readHead(slot);
  if (found.status !== "head") return undefined;
  return [...found.head.sealed, ...found.head.ended].find((each) => each.sequence === sequence);
}

/** The number that was due next in a log when the segment in `slot` began; 0 before the log was there. */
export async function nextAt(slot: Slot, log: number): Promise<bigint> {
  const found = await readHead(slot);
  if (found.status !== "head") return 0n;
  return found.head.logs.find((entry) => entry.log === log)?.next ?? 0n;
}

/** Walks the headers from `start` on, as far as they continue the chain and their records end by `to`. */
async function walkHeaders(
  file: DiskFile,
  { start, to }: { readonly start: ChainPlace; readonly to: number },
  visit: (header: RecordHeader & { readonly offset: number }) => void,
): Promise<ChainEnd> {
  const into = Buffer.allocUnsafe(WINDOW_BYTES);
  let window: Buffer = into.subarray(0, 0);
  let windowAt = start.offset;
  for (let place = start; ; ) {
    if (place.offset + RECORD_HEADER_BYTES > windowAt + window.length) {
      const length = Math.max(0, Math.min(WINDOW_BYTES, to - place.offset));
      const bytes = await file.read(place.offset, length, into);
      window = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      windowAt = place.offset;
    }
    const at = place.offset - windowAt;
    // A header alone: its payload is missed, which a broken chain is not.
    const found = recordAt(window.subarray(at, at + RECORD_HEADER_BYTES), place, place.offset);
    const header = found.status === "record" ? found.record : found.end.suspect;
    if (!header || !found.next || found.next.offset > to) {
      return found.status === "broken"
        ? found.end
        : { ...place, reason: "the record runs over the end", suspect: header };
    }
    visit({ ...header, offset: place.offset });
    place = found.next;
  }
}

/** Gathers the records of logs, batch by batch: a batch that is not there to its end does not count. */
class RecordList {
  readonly #slot: number;
  readonly #table: LogTable;
  readonly #records: PlacedRecord[] = [];
  /** How many of the records are of whole batches. */
  #count = 0;

  constructor(slot: number, table: LogTable) {
    this.#slot = slot;
    this.#table = table;
  }

  get whole(): readonly PlacedRecord[] {
    return this.#records.slice(0, this.#count);
  }

  add(header: RecordHeader & { readonly offset: number }): void {
    const { type, log, number, more } = header;
    const name = isOfLog({ type }) ? this.#table.byLog(log)?.name : undefined;
    if (name !== undefined) {
      this.#records.push({ name, number, pointer: pointerTo(this.#slot, header) });
    }
    if (!more) this.#count = this.#records.length;
  }
}

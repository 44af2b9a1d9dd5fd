/**
 * Reads the newest segment's own records: what they change of its head, where they end, and whether what
 * follows was acknowledged (D6).
 */
import type { Footer } from "../form/footer.js";
import type { RetainedSegment } from "../form/head.js";
import type { LogTable } from "../form/log-table.js";
import type { Mark, Pin } from "../form/mark.js";
import { isOfLog, RECORD_HEADER_BYTES, type RecordHeader, recordType } from "../form/records.js";
import { SegmentParts } from "../segment/parts.js";
import {
  type ChainEnd,
  type ChainPlace,
  firstPlace,
  type WalkedRecord,
} from "../segment/segment.js";
import { applyRecord } from "./apply.js";
import { damagedCaseOf } from "./damaged-record.js";
import { endingOf, ownFooter } from "./ending.js";
import type { RecoveryErrors } from "./errors.js";
import { findFooters } from "./footers.js";
import type { FoundHead } from "./start.js";

/** The footer of a last group that is not whole: open repeats its drops, and pins its appends (D6). */
export interface TornGroup {
  readonly dropped: Footer["dropped"];
  /** Every append that the group held, whether or not it is there. */
  readonly appends: readonly Pin[];
}

/** The newest segment as it was found. */
export interface NewestRead {
  readonly end: ChainEnd;
  /** The offset of the first record above the acknowledged LSN; `undefined` if there is none. */
  readonly unprovenFrom: number | undefined;
  /** The slots of the segments that its records released, by sequence. */
  readonly released: ReadonlyMap<bigint, number>;
  readonly torn: TornGroup | undefined;
  /** The highest LSN that is seen in it, also in a group that is not whole. */
  readonly highestLsn: bigint;
}

export interface NewestParts {
  readonly newest: FoundHead;
  /** The retained segments that are there; each of them has records. */
  readonly retained: readonly RetainedSegment[];
  readonly mark: Mark;
  /** No mark above it was ever durable. */
  readonly markSequenceMax: bigint;
  readonly markPath: string;
  /** As the head lists it; changed to what the records say. */
  readonly table: LogTable;
  readonly errors: RecoveryErrors;
}

/**
 * Applies the records of the newest segment to the table. A batch that is not there to its end was never
 * acknowledged, and counts as if it were not there at all.
 *
 * @throws {PersisterError} ACKNOWLEDGED_LOST, MARK_CORRUPT as `endingCases` says; JOURNAL_CORRUPT, IO.
 */
export async function readNewest(parts: NewestParts): Promise<NewestRead> {
  const { newest, mark, errors } = parts;
  const { file } = newest.slot;
  const walked = await walkNewest(parts);
  const { end, groups, groupEnd } = walked;
  const all = await footersFrom(newest, walked.footerAt ?? end.offset);
  const footers = all.filter(({ lastLsn }) => lastLsn >= end.nextLsn);
  const own = ownFooter({ due: end.nextLsn, footers });
  const begun = end.offset > groupEnd || own ? groups + 1 : groups;
  const { acked } = mark;
  const isMarkStale = isStale(parts, { groupsBegun: begun, footers: all });
  const row = endingOf({ due: end.nextLsn, acked, isMarkStale, footers });
  if (row.label === "mark-left-behind") errors.staleMark(parts.markPath, file.path, row);
  if (row.action === "refuse") {
    const later = footers.find(({ firstLsn }) => firstLsn > end.nextLsn);
    errors.lostAtTheEnd(file.path, end, { row, through: later ? later.firstLsn - 1n : acked });
  }
  const torn = own && tornGroup(own, parts, end);
  const highestLsn = footers.reduce(
    (highest, { lastLsn }) => (lastLsn > highest ? lastLsn : highest),
    end.nextLsn - 1n,
  );
  const { unprovenFrom, released } = walked;
  return { end, unprovenFrom, released, torn, highestLsn };
}

function footersFrom({ slot, head }: FoundHead, from: number): Promise<readonly Footer[]> {
  const { salt, sequence } = head;
  return findFooters({ file: slot.file, salt, sequence, from, to: slot.bytes });
}

interface NewestWalked extends Pick<NewestRead, "end" | "unprovenFrom" | "released"> {
  /** Groups that are there to their footers, and where the last of them ends. */
  readonly groups: number;
  readonly groupEnd: number;
  /** The offset of the last one's footer; `undefined` if there is none. */
  readonly footerAt: number | undefined;
}

async function walkNewest(parts: NewestParts): Promise<NewestWalked> {
  const { newest, mark, table, errors } = parts;
  const { slot, head } = newest;
  const released = new Map<bigint, number>();
  const start = firstPlace(head, newest.headBytes);
  const segment = new SegmentParts([{ file: slot.file, from: start.offset, to: slot.bytes }]);
  const batch: (WalkedRecord & { readonly place: ChainPlace })[] = [];
  let unprovenFrom: number | undefined;
  let groups = 0;
  let groupEnd = start.offset;
  let footerAt: number | undefined;
  let place = start;
  const take = (record: WalkedRecord): void => {
    batch.push({ ...record, payload: kept(record), place });
    place = behind(record);
    if (record.more) return;
    for (const each of batch) {
      if (each.lsn > mark.acked) unprovenFrom ??= each.offset;
      const refusal = applyRecord(each, { head, table, released });
      if (refusal !== undefined) errors.corrupt(slot.file.path, each.offset, refusal, each);
    }
    batch.length = 0;
    if (record.type !== recordType.footer) return;
    groups += 1;
    footerAt = record.offset;
    groupEnd = place.offset;
  };
  let end = await segment.walkNext(start, take);
  while (end.behind && end.suspect && (await mayPass(parts, end, end.suspect))) {
    take({ ...end.suspect, offset: end.offset, payload: NOTHING });
    end = await segment.walkOn(end.behind, take);
  }
  await segment.end();
  const found = { unprovenFrom, released, groups, groupEnd, footerAt };
  return { ...found, end: { ...end, ...batch[0]?.place } };
}

/**
 * Whether the reading goes on behind one damaged record. Whether the record is live is asked when all
 * records are applied: a truncation may follow.
 */
async function mayPass(
  { newest, mark }: NewestParts,
  end: ChainPlace,
  header: RecordHeader,
): Promise<boolean> {
  const { lsn } = header;
  const isAcknowledged =
    lsn <= mark.acked ||
    (await footersFrom(newest, end.offset)).some(({ firstLsn }) => firstLsn > lsn);
  return (
    damagedCaseOf({ isAcknowledged, isOfLog: isOfLog(header), isLive: false }).action === "pass"
  );
}

function behind({ offset, payloadLength, headerCrc, lsn }: WalkedRecord): ChainPlace {
  return {
    offset: offset + RECORD_HEADER_BYTES + payloadLength,
    chain: headerCrc,
    nextLsn: lsn + 1n,
  };
}

/** The part of a payload that changes the table: an OPEN record carries the name of its log there. */
function kept({ type, payload }: WalkedRecord): Uint8Array {
  return type === recordType.open ? Uint8Array.from(payload) : NOTHING;
}

const NOTHING = new Uint8Array(0);

/**
 * D6: whether the mark is an old copy. A crash never leaves a mark so old:
 * - open writes a mark that names its head, and its generation, before its first group;
 * - a rotation's head that no mark names follows the named one, and only its first group is ever begun;
 * - a footer names a mark that was durable before its group began. Marks are written in turn, so one of the two slots
 *   holds that mark or a later one. If a slot is bad, the mark in the other one may be the one before.
 */
function isStale(
  { mark, markSequenceMax, newest: { head }, retained }: NewestParts,
  { groupsBegun, footers }: { readonly groupsBegun: number; readonly footers: readonly Footer[] },
): boolean {
  const unnamed = mark.headSequence + 1n;
  const withRecords = head.sealed.filter(({ firstLsn, nextLsn }) => nextLsn > firstLsn);
  const isLater = ({ sequence }: RetainedSegment): boolean => sequence > unnamed;
  return (
    [...withRecords, ...head.ended, ...retained].some(isLater) ||
    footers.some(({ markSequence }) => markSequence > markSequenceMax) ||
    (head.sequence === unnamed && groupsBegun > 1) ||
    (head.sequence > unnamed && groupsBegun > 0) ||
    (head.generation > mark.generation && groupsBegun > 0)
  );
}

/** A log number that the footer names as opened is not given again. */
function tornGroup(
  { opened, dropped, appends }: Footer,
  { newest, table, errors }: NewestParts,
  end: ChainEnd,
): TornGroup {
  for (const { log } of opened) table.forgo(log);
  const nameOf = (log: number): string =>
    opened.find((each) => each.log === log)?.name ??
    table.byLog(log)?.name ??
    errors.corrupt(
      newest.slot.file.path,
      end.offset,
      `a footer behind it names log number ${log}, which is not open`,
      undefined,
    );
  return {
    dropped,
    appends: appends.map(({ log, number, hash }) => ({ name: nameOf(log), number, hash })),
  };
}

/**
 * Reading records back in order. Labels in memory decide which records are read; those are read from
 * disk ahead of the reader, a bounded batch at a time.
 *
 * A search among labels for records that are rare gives way to the event loop, and looks at its signal,
 * every so many headers.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { ahead } from "../async/ahead.js";
import { throwIfAborted } from "../async/signal.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { withJson } from "../types/json.js";
import type { RecordLog } from "./log/record-log.js";

/** Records, and bytes of payloads, of one batch; a larger record is a batch of its own. */
const BATCH_RECORDS_MAX = 256;
const BATCH_BYTES_MAX = 1024 * 1024;
/** Headers that are passed over in one turn of the event loop: about a fifth of a millisecond. */
const HEADERS_PER_TURN = 1024;

const REPLAY = "the replay";

/** The facts about a record that are known without reading its payload. */
export interface RecordHeader {
  readonly lsn: bigint;
  readonly type: number;
  readonly tenant: number;
  readonly shard: number;
  /** Of the payload. */
  readonly byteLength: number;
  /** The LSN that an imported record had in the log that it came from. */
  readonly origin?: bigint;
}

/** A record with its payload: a plain `Uint8Array` of its own, the caller's to keep. */
export interface JournalRecord extends Omit<RecordHeader, "byteLength"> {
  readonly payload: Uint8Array;
}

/** A choice of records: those of [from, next) that pass `select`. */
export interface RecordRange {
  /** @defaultValue the first LSN that is held */
  readonly from?: bigint | undefined;
  /**
   * Asked of each record before its payload is read; true if the record is wanted. It answers at once.
   *
   * @defaultValue every record
   */
  readonly select?: ((header: RecordHeader) => boolean) | undefined;
}

/** A part of a replay. */
export interface JournalPage {
  readonly records: readonly JournalRecord[];
  /** The LSN at which the next page begins. */
  readonly next: bigint;
  /** Whether a record follows that the next page would hold. */
  readonly hasMore: boolean;
}

/** Tells whether a record is wanted. */
export type Select = (header: RecordHeader) => boolean;

/** A half-open range that is known to be held. */
export interface HeldRange {
  readonly from: number;
  readonly next: number;
  readonly select: Select;
}

/**
 * The range from `from` to the first LSN that is not durable now.
 *
 * @throws {PersisterError} OUT_OF_SEQUENCE if `from` was truncated, or is above what is durable.
 */
export function heldRange(log: RecordLog, from: bigint | undefined, select: Select): HeldRange {
  const { first, next } = log;
  if (from === undefined) return { from: first, next, select };
  if (from < first || from > next) {
    const why = from < first ? "was truncated" : "was never durable here";
    throw new PersisterError(
      "OUT_OF_SEQUENCE",
      `record ${from} ${why}: [${first}, ${next}) are held`,
    );
  }
  return { from: Number(from), next, select };
}

/** The selected headers of a range, in order. Reads nothing. */
export function* headersIn(log: RecordLog, range: HeldRange): Generator<RecordHeader, void> {
  for (const header of stepsIn(log, range)) if (header) yield header;
}

/** The selected headers of a range; `undefined` after so many that were passed over. */
function* stepsIn(
  log: RecordLog,
  { from, next, select }: HeldRange,
): Generator<RecordHeader | undefined, void> {
  let passedOver = 0;
  for (let lsn = from; lsn < next; lsn++) {
    if (lsn < log.first) throw truncatedMeanwhile(lsn, log.first);
    const { type, tenant, shard, byteLength, origin } = log.labelsAt(lsn);
    const header = { lsn: BigInt(lsn), type, tenant, shard, byteLength };
    const told = origin === undefined ? header : { ...header, origin };
    if (select(told)) {
      yield told;
      continue;
    }
    passedOver += 1;
    if (passedOver % HEADERS_PER_TURN === 0) yield undefined;
  }
}

/**
 * The selected records of a range, which is asked for when the first record is, in order; the next batch
 * is read while one is consumed.
 *
 * @throws {PersisterError} OUT_OF_SEQUENCE if they were truncated meanwhile; ABORTED by the signal;
 * JOURNAL_CORRUPT, IO.
 */
export async function* recordsIn(
  log: RecordLog,
  range: () => HeldRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<JournalRecord> {
  const headers = stepsIn(log, range());
  let coming = ahead(nextBatch(log, headers, signal));
  try {
    for (;;) {
      const batch = await coming;
      if (batch.length === 0) return;
      coming = ahead(nextBatch(log, headers, signal));
      for (const record of batch) {
        throwIfAborted(signal, REPLAY);
        yield record;
      }
    }
  } finally {
    // A reader that leaves early does not want the batch that was read ahead, nor its error.
    await Promise.allSettled([coming]);
  }
}

/** Up to `limit` selected records of a range, the LSN behind them, and whether a record follows. */
export async function pageOf(
  log: RecordLog,
  range: HeldRange,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal | undefined },
): Promise<JournalPage> {
  const headers = stepsIn(log, range);
  const records: JournalRecord[] = [];
  while (records.length < limit) {
    const batch = await nextBatch(log, headers, signal, limit - records.length);
    if (batch.length === 0) break;
    records.push(...batch);
  }
  // The next record that would pass tells where this page ends. It is not read.
  const [following] = await gather(headers, signal, 1);
  const next = following ? following.lsn : BigInt(range.next);
  return withJson({ records, next, hasMore: following !== undefined });
}

/** The next records, read side by side: the engine reads what lies together in one go. */
async function nextBatch(
  log: RecordLog,
  headers: Iterator<RecordHeader | undefined, void>,
  signal: AbortSignal | undefined,
  limit = BATCH_RECORDS_MAX,
): Promise<JournalRecord[]> {
  const chosen = await gather(headers, signal, Math.min(limit, BATCH_RECORDS_MAX));
  return await Promise.all(chosen.map(({ lsn }) => readRecord(log, Number(lsn))));
}

/** The next selected headers, up to `limit`, or to the bytes of a batch. Gives way while it searches. */
async function gather(
  headers: Iterator<RecordHeader | undefined, void>,
  signal: AbortSignal | undefined,
  limit: number,
): Promise<RecordHeader[]> {
  const gathered: RecordHeader[] = [];
  let bytes = 0;
  throwIfAborted(signal, REPLAY);
  while (gathered.length < limit && bytes < BATCH_BYTES_MAX) {
    const step = headers.next();
    if (step.done === true) break;
    if (step.value) {
      gathered.push(step.value);
      bytes += step.value.byteLength;
    } else {
      await nextTurn();
      throwIfAborted(signal, REPLAY);
    }
  }
  return gathered;
}

/** The record at a live LSN, read, with a payload that is a plain `Uint8Array` of its own. */
export async function readRecord(log: RecordLog, lsn: number): Promise<JournalRecord> {
  const { labels, payload } = await log.read(lsn);
  const { type, tenant, shard, origin } = labels;
  // The bytes that were read hold this record's neighbours, too: a view would keep them all in memory.
  const record = { lsn: BigInt(lsn), type, tenant, shard, payload: new Uint8Array(payload) };
  return origin === undefined ? record : { ...record, origin };
}

function truncatedMeanwhile(lsn: number, first: number): PersisterError {
  assert(lsn < first, "a truncation raises the first LSN");
  return new PersisterError(
    "OUT_OF_SEQUENCE",
    `record ${lsn} was truncated while it was to be read: ${first} is the first`,
  );
}

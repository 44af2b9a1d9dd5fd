/** Ranges of records, retained ones first, in messages of a bounded size. */
import type { Cursor } from "../../../avail/cursors.js";
import { throwIfAborted } from "../../../async/signal.js";
import type { RetainedRange, RetainedRecord } from "../../../log/retained-range.js";
import { hasCode } from "../../../types/errors.js";

/** Records, and bytes, of one message; a larger record is a message of its own. */
const BATCH_RECORDS_MAX = 64;
const BATCH_BYTES_MAX = 256 * 1024;

/** A lane or the road, as ranges read it. */
export interface RecordLog {
  /** `undefined` for a lane that has nothing. */
  readonly cursor: () => Cursor | undefined;
  readonly read: (number: bigint) => Promise<Uint8Array>;
  readonly readRetained: (number: bigint) => Promise<Uint8Array | undefined>;
  readonly retained: (range: RetainedRange) => AsyncGenerator<RetainedRecord>;
}

export interface Batch {
  readonly first: bigint;
  readonly records: readonly Uint8Array[];
}

interface Bounds {
  readonly first: bigint | undefined;
  readonly next: bigint | undefined;
}

/** The records of a range, in order and without a gap. */
export async function* batches(
  log: RecordLog,
  { first, next }: Bounds,
  signal: AbortSignal,
): AsyncGenerator<Batch> {
  let records: Uint8Array[] = [];
  let bytes = 0;
  let begin = 0n;
  for await (const { number, bytes: record } of recordsOf(log, { first, next }, signal)) {
    const isFull = records.length >= BATCH_RECORDS_MAX || bytes + record.length > BATCH_BYTES_MAX;
    if (isFull && records.length > 0) {
      yield { first: begin, records };
      [records, bytes] = [[], 0];
    }
    if (records.length === 0) begin = number;
    records.push(record);
    bytes += record.length;
  }
  if (records.length > 0) yield { first: begin, records };
}

async function* recordsOf(
  log: RecordLog,
  { first, next }: Bounds,
  signal: AbortSignal,
): AsyncGenerator<RetainedRecord> {
  const cursor = log.cursor();
  if (!cursor) return;
  const end = next === undefined || next > cursor.durable ? cursor.durable : next;
  let number = first ?? 0n;
  if (number < cursor.first) {
    number = cursor.first;
    for await (const record of log.retained({ from: first, next: end, signal })) {
      yield record;
      number = record.number + 1n;
    }
  }
  for (; number < end; number++) {
    throwIfAborted(signal, "the reading of a range");
    yield { number, bytes: await liveOrRetained(log, number) };
  }
}

/** A record that was live when the range was asked for; an anchor may have passed it since. */
async function liveOrRetained(log: RecordLog, number: bigint): Promise<Uint8Array> {
  try {
    return await log.read(number);
  } catch (cause) {
    const bytes = hasCode(cause, "OUT_OF_SEQUENCE") ? await log.readRetained(number) : undefined;
    if (!bytes) throw cause;
    return bytes;
  }
}

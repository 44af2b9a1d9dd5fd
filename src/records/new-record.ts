/**
 * A record that a caller wants appended: what it may say, and how large it may be, by itself and in a
 * batch.
 */
import { GROUP_RECORDS_MAX, RECORD_HEADER_BYTES } from "../journal/form/records.js";
import { PersisterError } from "../types/errors.js";
import { U64_MAX } from "../types/numbers.js";
import { encodeEnvelope, envelopeBytes, OWN_TYPE, SHARD_MAX, TENANT_MAX } from "./envelope.js";
import type { EncodedRecord } from "./record-log.js";

/** A record to be appended. */
export interface NewJournalRecord {
  /** One of the types that the journal was opened with. */
  readonly type: number;
  /** 0 to 2^32 - 1; 0 where it is left out. */
  readonly tenant?: number;
  /** 0 to 65535; 0 where it is left out. */
  readonly shard?: number;
  readonly payload: Uint8Array;
  /** The LSN, from 1, that the record had in another log, where it was imported from one. */
  readonly origin?: bigint;
}

/** What a journal takes. */
export interface RecordLimits {
  readonly types: ReadonlySet<number>;
  /** Bytes of a record, its envelope with it, that any segment takes. */
  readonly bytesMax: number;
}

/** All records of a batch are in one group of the engine. */
export const BATCH_RECORDS_MAX = GROUP_RECORDS_MAX / 2;
/** The largest envelope. */
const ENVELOPE_BYTES_MAX = envelopeBytes(1n);

/** The largest payload of a record, whatever it says beside it, where the engine takes `bytesMax`. */
export function payloadBytesMax(bytesMax: number): number {
  return bytesMax - ENVELOPE_BYTES_MAX;
}

/** Bytes of a batch that a record takes, whatever it says beside its payload. */
export function bytesInBatch(payloadBytes: number): number {
  return RECORD_HEADER_BYTES + ENVELOPE_BYTES_MAX + payloadBytes;
}

/** Says that a payload is too large for this journal, and what helps. */
export function tooLarge(bytes: number, bytesMax: number): string {
  return (
    `a payload of ${bytes} bytes is more than a segment takes (${bytesMax}); ` +
    `open the journal with a larger segmentBytes`
  );
}

/**
 * The record as it goes to the engine. Copies the payload.
 *
 * @throws {PersisterError} USAGE for a type or a label that is none; INVALID where it is too large.
 */
export function encodeRecord(record: NewJournalRecord, limits: RecordLimits): EncodedRecord {
  const misuse = misuseOf(record, limits.types);
  if (misuse !== undefined) throw new PersisterError("USAGE", misuse);
  const { type, tenant = 0, shard = 0, origin, payload } = record;
  const most = payloadBytesMax(limits.bytesMax);
  if (payload.length > most) {
    throw new PersisterError("INVALID", tooLarge(payload.length, most));
  }
  const labels = { type, tenant, shard, origin, byteLength: payload.length };
  return { labels, bytes: encodeEnvelope(labels, payload) };
}

/**
 * Records that are there after a crash all or none: they must find room in one group, and that in one
 * segment.
 *
 * @throws {PersisterError} as `encodeRecord`; USAGE where there is none; INVALID where there are too
 * many, or they are too large together.
 */
export function encodeBatch(
  records: readonly NewJournalRecord[],
  limits: RecordLimits,
): EncodedRecord[] {
  if (records.length === 0) throw new PersisterError("USAGE", "a batch has at least one record");
  if (records.length > BATCH_RECORDS_MAX) {
    const count = `${records.length} records are more than a batch takes`;
    throw new PersisterError("INVALID", `${count} (${BATCH_RECORDS_MAX})`);
  }
  const encoded = records.map((record) => encodeRecord(record, limits));
  const bytes = encoded.reduce((sum, each) => sum + RECORD_HEADER_BYTES + each.bytes.length, 0);
  const bytesMax = limits.bytesMax + RECORD_HEADER_BYTES;
  if (bytes <= bytesMax) return encoded;
  throw new PersisterError(
    "INVALID",
    `a batch of ${bytes} bytes, with ${RECORD_HEADER_BYTES} beside each record, is more than a ` +
      `segment takes (${bytesMax})`,
  );
}

function misuseOf(record: NewJournalRecord, types: ReadonlySet<number>): string | undefined {
  const { type, tenant = 0, shard = 0, origin } = record;
  const payload: unknown = record.payload;
  if ((type & OWN_TYPE) !== 0) return `type ${type} is the journal's own`;
  if (!types.has(type)) return `type ${type} is not among those that the journal was opened with`;
  if (!isWithin(tenant, TENANT_MAX)) return `tenant ${tenant} is not within 0 to ${TENANT_MAX}`;
  if (!isWithin(shard, SHARD_MAX)) return `shard ${shard} is not within 0 to ${SHARD_MAX}`;
  const isLsn = origin === undefined || (origin > 0n && origin <= U64_MAX);
  if (!isLsn) return `origin ${origin} is no LSN`;
  return payload instanceof Uint8Array ? undefined : "a payload is bytes";
}

function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

/**
 * A record that a caller wants appended: the check of its fields and of its size, by itself and in a
 * batch, and the form in which the engine takes it.
 */
import { GROUP_RECORDS_MAX, RECORD_HEADER_BYTES } from "../../journal/form/records.js";
import type { AppendEntry } from "../../journal/group/group.js";
import { TAG_BYTES } from "../../keys/aead.js";
import {
  bytesArgument,
  integerArgument,
  readingArguments,
  wrongArgument,
} from "../../types/arguments.js";
import { PersisterError } from "../../types/errors.js";
import { U64_MAX } from "../../types/numbers.js";
import { encodeEnvelope, envelopeBytes, OWN_TYPE, SHARD_MAX, TENANT_MAX } from "./envelope.js";
import type { LabelledLength } from "./label-index.js";
import { RECORDS_LOG } from "./record-check.js";

/** A record to be appended. */
export interface NewJournalRecord {
  /** One of the types that the journal was opened with. */
  readonly type: number;
  /**
   * The chain, user or job that the record concerns, 0 to 2^32 - 1.
   *
   * @defaultValue 0
   */
  readonly tenant?: number | undefined;
  /**
   * A part of the tenant, 0 to 65535.
   *
   * @defaultValue 0
   */
  readonly shard?: number | undefined;
  /**
   * Lent to the journal until the append settles: it must not be changed, transferred or resized before
   * that. Bytes in shared or resizable memory are copied.
   */
  readonly payload: Uint8Array;
  /** The LSN, from 1, that the record had in the log that it was imported from. */
  readonly origin?: bigint | undefined;
}

/** The records that a journal takes. */
export interface RecordLimits {
  readonly types: ReadonlySet<number>;
  readonly payloadBytesMax: number;
}

/** All records of a batch are in one group of the engine. */
export const BATCH_RECORDS_MAX = GROUP_RECORDS_MAX / 2;
/** The largest envelope. */
const ENVELOPE_BYTES_MAX = envelopeBytes(1n);

const TENANTS = [0, TENANT_MAX] as const;
const SHARDS = [0, SHARD_MAX] as const;

const fields: ReadonlySet<string> = new Set(["type", "tenant", "shard", "payload", "origin"]);

/** The largest payload of a record, whatever it says beside it, if the engine takes `bytesMax`. */
export function payloadBytesMax(bytesMax: number): number {
  return bytesMax - ENVELOPE_BYTES_MAX;
}

/** Bytes of a batch that a record takes, whatever it says beside its payload. */
export function bytesInBatch(payloadBytes: number): number {
  return RECORD_HEADER_BYTES + ENVELOPE_BYTES_MAX + TAG_BYTES + payloadBytes;
}

/** Says that a payload is too large for this journal, and what helps. */
export function tooLarge(bytes: number, bytesMax: number): string {
  return (
    `a payload of ${bytes} bytes is more than a segment takes (${bytesMax}); ` +
    `open the journal with a larger segmentBytes (64 MiB at most)`
  );
}

/** The call that a record was appended by: told what became of each of its records. */
export interface AppendCall {
  recordSettled(record: RecordAppend, error: PersisterError | undefined): void;
}

/** One record on its way to disk, as the engine takes it. The payload is the caller's own memory. */
export class RecordAppend implements AppendEntry {
  readonly type = "append";
  readonly name = RECORDS_LOG;
  readonly hash = undefined;
  readonly labels: LabelledLength;
  readonly prefix: Uint8Array;
  readonly payload: Uint8Array;
  payloadCrc: number | undefined = undefined;
  /** The record's LSN, once it has one: `number` as the engine wants it. */
  lsn = 0;
  number = 0n;
  more = false;
  #call: AppendCall | undefined;

  constructor(labels: LabelledLength, payload: Uint8Array) {
    this.labels = labels;
    this.prefix = encodeEnvelope(labels);
    this.payload = payload;
  }

  get byteLength(): number {
    return this.prefix.length + this.payload.length;
  }

  /** Gives the record its LSN. `more`: the next record is of the same batch. */
  begin(call: AppendCall, lsn: number, more: boolean): void {
    this.#call = call;
    this.lsn = lsn;
    this.number = BigInt(lsn);
    this.more = more;
  }

  settled(error?: PersisterError): void {
    this.#call?.recordSettled(this, error);
  }
}

/**
 * The record as it goes to the engine.
 *
 * @throws {PersisterError} USAGE for a record that is none; INVALID if it is too large.
 */
export function recordAppend(record: unknown, limits: RecordLimits): RecordAppend {
  return readingArguments("record", () => checkedRecord(record, limits));
}

/**
 * The records of a batch, which must find room in one group, and the group in one segment.
 *
 * @throws {PersisterError} as `recordAppend`; USAGE for no records; INVALID if they are too many, or too
 * large together.
 */
export function batchAppend(records: unknown, limits: RecordLimits): RecordAppend[] {
  if (!Array.isArray(records)) throw wrongArgument("records", "an array", records);
  const given: readonly unknown[] = records;
  if (given.length === 0) throw new PersisterError("USAGE", "a batch has at least one record");
  if (given.length > BATCH_RECORDS_MAX) {
    const count = `${given.length} records are more than a batch takes`;
    throw new PersisterError("INVALID", `${count} (${BATCH_RECORDS_MAX})`);
  }
  const batch = given.map((record) => recordAppend(record, limits));
  const bytes = batch.reduce((sum, { payload }) => sum + bytesInBatch(payload.length), 0);
  const bytesMax = bytesInBatch(limits.payloadBytesMax);
  if (bytes <= bytesMax) return batch;
  throw new PersisterError(
    "INVALID",
    `a batch of ${bytes} bytes, with ${bytesInBatch(0)} beside each payload, is more than a segment ` +
      `takes (${bytesMax}); append fewer records, or open the journal with a larger segmentBytes`,
  );
}

/** Each field is read once: what was checked is what is written. */
function checkedRecord(record: unknown, limits: RecordLimits): RecordAppend {
  if (typeof record !== "object" || record === null) {
    throw wrongArgument("record", "an object", record);
  }
  for (const field in record) {
    if (fields.has(field)) continue;
    throw new PersisterError("USAGE", `a record has no ${field}: it has ${[...fields].join(", ")}`);
  }
  const given: { readonly [field in keyof NewJournalRecord]?: unknown } = record;
  const { type, tenant = 0, shard = 0, origin } = given;
  const payload = ownBytes(bytesArgument("payload", given.payload));
  if (payload.length > limits.payloadBytesMax) {
    throw new PersisterError("INVALID", tooLarge(payload.length, limits.payloadBytesMax));
  }
  const labels = {
    type: typeOf(type, limits.types),
    tenant: integerArgument("tenant", tenant, TENANTS),
    shard: integerArgument("shard", shard, SHARDS),
    origin: originOf(origin),
    byteLength: payload.length,
  };
  return new RecordAppend(labels, payload);
}

function typeOf(type: unknown, types: ReadonlySet<number>): number {
  if (typeof type !== "number") throw wrongArgument("type", "a number", type);
  if (types.has(type)) return type;
  const reason =
    (type & OWN_TYPE) === 0
      ? "not among those that the journal was opened with"
      : "the journal's own";
  throw new PersisterError("USAGE", `type ${type} is ${reason}`);
}

function originOf(origin: unknown): bigint | undefined {
  if (origin === undefined) return undefined;
  if (typeof origin === "bigint" && origin > 0n && origin <= U64_MAX) return origin;
  throw wrongArgument("origin", "an LSN, a bigint from 1 to 2^64 - 1", origin);
}

/** Memory that another thread may write to, or that may shrink, is not lent: its bytes are copied. */
function ownBytes(payload: Uint8Array): Uint8Array {
  const { buffer } = payload;
  const isShared = !(buffer instanceof ArrayBuffer);
  const isResizable = !isShared && (buffer as { readonly resizable?: boolean }).resizable === true;
  return isShared || isResizable ? new Uint8Array(payload) : payload;
}

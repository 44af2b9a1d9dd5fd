/**
 * A write to a job: one or more operations that become visible together, and their record in the
 * journal. Integers are little-endian.
 *
 * ```
 * u8   version, 1
 * u8   length of the job's id, then the id in ASCII
 * u64  its series: the newest JOB record says which one counts
 * operations, one after the other:
 *   u8   1 put, 2 delete, 3 delete by prefix
 *   u16  length of the category, then the category in UTF-8
 *   u32  length of the key or prefix, then its bytes
 *   u32  length of the value, then its bytes (put alone)
 * ```
 */
import { ByteReader, ByteWriter, FormatError } from "../../codec/binary.js";
import { bytesArgument, optionsArgument, wrongArgument } from "../../types/arguments.js";
import { usageError } from "../../types/errors.js";
import { keyBytes } from "../keys/key.js";
import { unknownRecord } from "./job-record.js";
import { CATEGORY_BYTES_MAX, type JobStoreSettings } from "../options.js";
import { type Key, utf8Of } from "../keys/parts.js";

/** One operation, as a caller gives it. */
export type JobOperation =
  | {
      readonly kind: "put";
      readonly category: string;
      readonly key: Key | Uint8Array;
      readonly value: Uint8Array;
    }
  | { readonly kind: "delete"; readonly category: string; readonly key: Key | Uint8Array }
  | { readonly kind: "deletePrefix"; readonly category: string; readonly prefix: Key | Uint8Array };

/** One operation that was checked. The bytes are its own. */
export type Operation =
  | {
      readonly kind: "put";
      readonly category: string;
      readonly key: Uint8Array;
      readonly value: Uint8Array;
    }
  | { readonly kind: "delete"; readonly category: string; readonly key: Uint8Array }
  | { readonly kind: "deletePrefix"; readonly category: string; readonly key: Uint8Array };

/** The writes of a job that belong together. */
interface Series {
  readonly id: string;
  readonly series: bigint;
}

const VERSION = 1;
const codes = { put: 1, delete: 2, deletePrefix: 3 } as const;

type Limits = Pick<JobStoreSettings, "keyBytesMax" | "valueBytesMax">;

/**
 * Checks an operation. Copies what it is given.
 *
 * @throws {PersisterError} USAGE for a wrong type, an unknown kind, or a size above its limit.
 */
export function checkOperation(given: JobOperation, limits: Limits): Operation {
  const known = ["kind", "category", "key", "prefix", "value"] as const;
  const read = optionsArgument("an operation", given, known) as unknown as JobOperation;
  const category = checkCategory(read.category);
  switch (read.kind) {
    case "put":
      return {
        kind: "put",
        category,
        key: checkKey(read.key, limits),
        value: checkValue(read.value, limits),
      };
    case "delete":
      return { kind: "delete", category, key: checkKey(read.key, limits) };
    case "deletePrefix":
      return { kind: "deletePrefix", category, key: checkKey(read.prefix, limits) };
    default:
      throw usageError('the kind of an operation is "put", "delete" or "deletePrefix"');
  }
}

/** @throws {PersisterError} USAGE for what is no string, or too long. The empty one is legal. */
export function checkCategory(category: unknown): string {
  if (typeof category !== "string") throw wrongArgument("a category", "a string", category);
  const bytes = utf8Of(category).length;
  if (bytes > CATEGORY_BYTES_MAX) {
    throw usageError(`a category of ${bytes} bytes: ${CATEGORY_BYTES_MAX} are allowed`);
  }
  return category;
}

function checkKey(key: Key | Uint8Array, { keyBytesMax }: Limits): Uint8Array {
  const bytes = keyBytes(key);
  if (bytes.length > keyBytesMax) {
    throw usageError(
      `a key of ${bytes.length} bytes: ${keyBytesMax} are allowed (option keyBytesMax)`,
    );
  }
  return new Uint8Array(bytes);
}

function checkValue(value: Uint8Array, { valueBytesMax }: Limits): Uint8Array {
  bytesArgument("a value", value);
  if (value.length > valueBytesMax) {
    throw usageError(
      `a value of ${value.length} bytes: ${valueBytesMax} are allowed (option valueBytesMax)`,
    );
  }
  return new Uint8Array(value);
}

/**
 * The record of a write to job `id`. Its series is not known before the journal takes it.
 *
 * @throws {PersisterError} USAGE where all operations together exceed `bytesMax`.
 */
export function encodeWrite(
  id: string,
  operations: readonly Operation[],
  bytesMax: number,
): Uint8Array {
  const writer = new ByteWriter(sizeOf(operations));
  writer.u8(VERSION).text(id).u64(0n);
  for (const operation of operations) {
    const category = utf8Of(operation.category);
    writer.u8(codes[operation.kind]).u16(category.length).bytes(category);
    writer.u32(operation.key.length).bytes(operation.key);
    if (operation.kind === "put") writer.u32(operation.value.length).bytes(operation.value);
  }
  if (writer.length > bytesMax) {
    throw usageError(`a batch of ${writer.length} bytes: ${bytesMax} are allowed, split it`);
  }
  return writer.result();
}

/** The same record, in its own memory, with this series. */
export function inSeries(record: Uint8Array, series: bigint): Uint8Array {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const idBytes = view.getUint8(1);
  view.setBigUint64(2 + idBytes, series, true);
  return record;
}

/** About as many bytes as the record of a write takes. */
function sizeOf(operations: readonly Operation[]): number {
  let bytes = 80;
  for (const operation of operations) {
    bytes += 11 + CATEGORY_BYTES_MAX + operation.key.length;
    if (operation.kind === "put") bytes += operation.value.length;
  }
  return bytes;
}

/**
 * The job and the series of a write, without its operations.
 *
 * @throws {PersisterError} FORMAT_TOO_NEW where record `lsn` is no such record.
 */
export function seriesIn(record: Uint8Array, lsn: bigint): Series {
  try {
    return seriesFrom(new ByteReader(record));
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw unknownRecord(lsn, cause);
  }
}

/** The operations of a write. Copies. @throws {FormatError} */
export function decodeWrite(record: Uint8Array): readonly Operation[] {
  const reader = new ByteReader(record);
  seriesFrom(reader);
  const operations: Operation[] = [];
  while (reader.offset < record.length) operations.push(operationFrom(reader));
  return operations;
}

function seriesFrom(reader: ByteReader): Series {
  if (reader.u8() !== VERSION) reader.fail("the version of a write is not known");
  return { id: reader.text(), series: reader.u64() };
}

function operationFrom(reader: ByteReader): Operation {
  const code = reader.u8();
  const category = Buffer.from(reader.bytes(reader.u16())).toString("utf8");
  const key = reader.bytes(reader.u32());
  switch (code) {
    case codes.put:
      return { kind: "put", category, key, value: reader.bytes(reader.u32()) };
    case codes.delete:
      return { kind: "delete", category, key };
    case codes.deletePrefix:
      return { kind: "deletePrefix", category, key };
    default:
      throw new FormatError(`operation ${code} is not known`, reader.offset);
  }
}

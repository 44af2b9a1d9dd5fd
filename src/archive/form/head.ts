/** The head of an object: see `object.ts`. */
import { ByteReader, ByteWriter, FormatError } from "../../codec/binary.js";
import { crc32c } from "../../codec/crc32c.js";
import { hex } from "../../codec/hex.js";
import { KEY_BYTES, KEY_ID_BYTES } from "../../keys/key.js";
import { ROAD } from "../../persist/kinds.js";
import { PersisterError } from "../../types/errors.js";
import { LANE_ID_BYTES, laneId } from "../../types/lane.js";
import { OBJECT_BYTES_MAX } from "../bucket/bucket.js";
import type { ArchivedLog } from "./names.js";
import { type Compression, compressions } from "./packing.js";

const MAGIC = "LKARCH01";
const KIND = { road: 0, lane: 1 } as const;
const SEALING = { none: 0, "aes-256-gcm": 1 } as const;
export const CRC_BYTES = 4;

export interface HeadFacts {
  readonly chainId: string;
  readonly log: ArchivedLog;
  readonly compression: Compression;
  readonly first: bigint;
  readonly count: number;
  readonly bodyBytes: number;
}

/** The key of a sealed body. */
export interface Salted {
  readonly id: string;
  readonly salt: Uint8Array;
}

/** The head without its CRC. */
export function headOf(facts: HeadFacts, salted: Salted | undefined): Uint8Array {
  const { chainId, log, compression, first, count, bodyBytes } = facts;
  const writer = new ByteWriter(512).bytes(Buffer.from(MAGIC, "latin1"));
  writer.u8(log === ROAD ? KIND.road : KIND.lane).u8(compressions.indexOf(compression));
  writer.u8(salted ? SEALING["aes-256-gcm"] : SEALING.none).text(chainId);
  if (log !== ROAD) writer.bytes(Buffer.from(log, "hex"));
  writer.u64(first).u32(count).u64(BigInt(bodyBytes));
  if (salted) writer.bytes(Buffer.from(salted.id, "hex")).bytes(salted.salt);
  return writer.result();
}

/** The head with its CRC. */
export function summed(head: Uint8Array): Uint8Array {
  const sum = Buffer.allocUnsafe(CRC_BYTES);
  sum.writeUInt32LE(crc32c(head));
  return Buffer.concat([head, sum]);
}

export interface Head extends HeadFacts {
  readonly salted: Salted | undefined;
  /** The head without its CRC. */
  readonly bytes: Uint8Array;
  readonly bodyAt: number;
}

/** @throws {PersisterError} ARCHIVE_CORRUPT with `name`. */
export function readHead(name: string, bytes: Uint8Array): Head {
  try {
    return headIn(bytes);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw corrupt(name, `its head does not read: ${cause.message}`, cause);
  }
}

function headIn(bytes: Uint8Array): Head {
  const reader = new ByteReader(bytes);
  const magic = Buffer.from(reader.bytes(MAGIC.length)).toString("latin1");
  if (magic !== MAGIC) reader.fail("it is no object of an archive of this format");
  const kind = reader.u8();
  const compression = compressions[reader.u8()];
  const sealing = reader.u8();
  const isKnown = kind <= KIND.lane && sealing <= SEALING["aes-256-gcm"];
  if (!isKnown || !compression) return reader.fail("it is packed in a way that is not known");
  const chainId = reader.text();
  const log = kind === KIND.road ? ROAD : laneId(hex(reader.bytes(LANE_ID_BYTES)));
  const first = reader.u64();
  const count = reader.u32();
  const bodyBytes = Number(reader.u64());
  const salted = sealing === SEALING.none ? undefined : saltedIn(reader);
  const head = bytes.subarray(0, reader.offset);
  if (reader.u32() !== crc32c(head)) reader.fail("its checksum is another one");
  if (bodyBytes > OBJECT_BYTES_MAX) reader.fail("it says that it is larger than any object");
  const bodyAt = reader.offset;
  return { chainId, log, compression, first, count, bodyBytes, salted, bytes: head, bodyAt };
}

function saltedIn(reader: ByteReader): Salted {
  return { id: hex(reader.bytes(KEY_ID_BYTES)), salt: reader.bytes(KEY_BYTES) };
}

/** The error of an object that is not what was written. */
export function corrupt(name: string, why: string, cause?: unknown): PersisterError {
  return new PersisterError("ARCHIVE_CORRUPT", `${name}: ${why}`, {
    file: name,
    ...(cause === undefined ? {} : { cause }),
  });
}

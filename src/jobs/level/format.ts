/**
 * The parts of LevelDB's file formats that tell whether a database is whole: its manifest (a log of
 * edits) and its tables (blocks with checksums). LevelDB itself checks neither when it reads. The forms
 * are those of LevelDB 1.20, doc/log_format.md and doc/table_format.md; tables are uncompressed, as
 * Lanekeeper opens its databases.
 */
import { crc32c } from "../../codec/crc32c.js";

/** Bytes that are not what LevelDB writes. The caller, who knows the file, makes a typed error of it. */
export class LevelFormatError extends Error {
  override readonly name = "LevelFormatError";
}

/** A table that a manifest lists. */
export interface LiveTable {
  readonly number: bigint;
  readonly bytes: number;
}

const LOG_BLOCK_BYTES = 32 * 1024;
const LOG_HEADER_BYTES = 7;
const recordKinds = { full: 1, first: 2, middle: 3, last: 4 } as const;

const FOOTER_BYTES = 48;
const HANDLES_BYTES = 40;
const TABLE_MAGIC = 0xdb4775248b80fb57n;
const TRAILER_BYTES = 5;
const UNCOMPRESSED = 0;

/** LevelDB stores a CRC rotated and shifted, so that a CRC over a CRC is none. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A manifest, as far as its records are whole and right. */
export interface Manifest {
  readonly live: ReadonlyMap<bigint, LiveTable>;
  /** Its records end here. Bytes behind it are torn, or damaged. */
  readonly wholeBytes: number;
}

/**
 * Reads a manifest up to the first record that is not whole.
 *
 * @throws {LevelFormatError} for a record that is whole and no edit.
 */
export function readManifest(bytes: Uint8Array): Manifest {
  const live = new Map<bigint, LiveTable>();
  let wholeBytes = 0;
  for (const { edit, end } of logRecords(bytes)) {
    applyEdit(edit, live);
    wholeBytes = end;
  }
  return { live, wholeBytes };
}

/** The whole records of a log, each with the byte behind it, up to the first that is not whole. */
function* logRecords(
  bytes: Uint8Array,
): Generator<{ readonly edit: Buffer; readonly end: number }> {
  const log = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let parts: Buffer[] = [];
  for (let offset = 0; offset + LOG_HEADER_BYTES <= log.length; ) {
    const left = LOG_BLOCK_BYTES - (offset % LOG_BLOCK_BYTES);
    if (left < LOG_HEADER_BYTES) {
      offset += left;
      continue;
    }
    const length = log.readUInt16LE(offset + 4);
    const kind = log.readUInt8(offset + 6);
    const end = offset + LOG_HEADER_BYTES + length;
    if (length > left - LOG_HEADER_BYTES || end > log.length) return;
    if (log.readUInt32LE(offset) !== masked(crc32c(log.subarray(offset + 6, end)))) return;
    const begins = kind === recordKinds.full || kind === recordKinds.first;
    if (begins !== (parts.length === 0)) return;
    parts.push(log.subarray(offset + LOG_HEADER_BYTES, end));
    if (kind === recordKinds.full || kind === recordKinds.last) {
      yield { edit: Buffer.concat(parts), end };
      parts = [];
    }
    offset = end;
  }
}

/** The fields of an edit, by LevelDB's tags. */
const tags = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLog: 9,
} as const;

function applyEdit(edit: Uint8Array, live: Map<bigint, LiveTable>): void {
  const reader = new VarintReader(edit);
  while (!reader.atEnd) {
    const tag = Number(reader.varint());
    switch (tag) {
      case tags.comparator:
        reader.slice();
        break;
      case tags.logNumber:
      case tags.nextFile:
      case tags.lastSequence:
      case tags.previousLog:
        reader.varint();
        break;
      case tags.compactPointer:
        reader.varint();
        reader.slice();
        break;
      case tags.deletedFile:
        reader.varint();
        live.delete(reader.varint());
        break;
      case tags.newFile: {
        reader.varint();
        const number = reader.varint();
        live.set(number, { number, bytes: Number(reader.varint()) });
        reader.slice();
        reader.slice();
        break;
      }
      default:
        throw new LevelFormatError(`an edit has the unknown tag ${tag}`);
    }
  }
}

/**
 * Checks every byte of a table: each lies in a block whose checksum is right, or in the footer.
 *
 * @throws {LevelFormatError} naming the first byte that is wrong.
 */
export function checkTable(bytes: Uint8Array): void {
  const table = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (table.length < FOOTER_BYTES) throw new LevelFormatError("it is shorter than a footer");
  const footer = table.subarray(table.length - FOOTER_BYTES);
  if (footer.readBigUInt64LE(HANDLES_BYTES) !== TABLE_MAGIC) {
    throw new LevelFormatError("its footer is not that of a table");
  }
  const handles = new VarintReader(footer.subarray(0, HANDLES_BYTES));
  const metaIndex = handles.handle();
  const index = handles.handle();
  const blocks = [metaIndex, index];
  for (const { from, length } of [metaIndex, index]) {
    for (const value of blockValues(checkedBlock(table, from, length))) {
      const handle = new VarintReader(value).handle();
      checkedBlock(table, handle.from, handle.length);
      blocks.push(handle);
    }
  }
  checkCover(blocks, table.length - FOOTER_BYTES);
}

interface Handle {
  readonly from: number;
  readonly length: number;
}

/** The blocks lie side by side from the table's start to its footer. */
function checkCover(blocks: readonly Handle[], end: number): void {
  let reached = 0;
  for (const { from, length } of blocks.toSorted((a, b) => a.from - b.from)) {
    if (from !== reached) throw new LevelFormatError(`byte ${reached} belongs to no block`);
    reached = from + length + TRAILER_BYTES;
  }
  if (reached !== end) throw new LevelFormatError(`byte ${reached} belongs to no block`);
}

function checkedBlock(table: Buffer, from: number, length: number): Buffer {
  const end = from + length;
  if (end + TRAILER_BYTES > table.length - FOOTER_BYTES) {
    throw new LevelFormatError(`the block at byte ${from} is cut short`);
  }
  if (table.readUInt8(end) !== UNCOMPRESSED) {
    throw new LevelFormatError(`the block at byte ${from} is compressed`);
  }
  if (table.readUInt32LE(end + 1) !== masked(crc32c(table.subarray(from, end + 1)))) {
    throw new LevelFormatError(`the block at byte ${from} has a wrong checksum`);
  }
  return table.subarray(from, end);
}

/** The values of an index block's entries. */
function* blockValues(block: Buffer): Generator<Uint8Array> {
  if (block.length < 4) throw new LevelFormatError("an index has no restarts");
  const restarts = block.readUInt32LE(block.length - 4);
  const end = block.length - 4 - restarts * 4;
  if (end < 0) throw new LevelFormatError("an index has more restarts than bytes");
  const reader = new VarintReader(block.subarray(0, end));
  while (!reader.atEnd) {
    reader.varint();
    const unshared = Number(reader.varint());
    const length = Number(reader.varint());
    reader.take(unshared);
    yield reader.take(length);
  }
}

class VarintReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = BigInt(this.take(1)[0] as number);
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return value;
    }
    throw new LevelFormatError("a number has no end");
  }

  slice(): Uint8Array {
    return this.take(Number(this.varint()));
  }

  handle(): Handle {
    return { from: Number(this.varint()), length: Number(this.varint()) };
  }

  take(count: number): Uint8Array {
    const end = this.#offset + count;
    if (end > this.#bytes.length) throw new LevelFormatError("a field is cut short");
    const taken = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }
}

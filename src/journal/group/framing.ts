/**
 * Frames a group into chunks, each ready to be written while the next one is framed: the checksums of a
 * large group so cost no time of their own. Small payloads are copied beside their headers into one
 * slab, so that many records are one buffer; large ones go by reference. The prefix of a record always
 * lies in the slab, and so does a payload that is sealed, whatever its size: it is sealed into its place.
 *
 * Chunks may reach the disk in any order, the footer among them. No group is acknowledged before all
 * its chunks are durable, and none is begun before that.
 */
import { crc32c, crc32cOfRange } from "../../codec/crc32c.js";
import { assert } from "../../types/assert.js";
import { encodeFooter } from "../form/footer.js";
import {
  BLOCK_BYTES,
  padBytes,
  RECORD_HEADER_BYTES,
  recordType,
  writeRecordHeader,
} from "../form/records.js";
import { type Group, type GroupRecord, groupRecord } from "./group.js";
import type { SegmentSealer } from "../seal/segment-seal.js";
import type { Pointer } from "../segment/segment.js";

/** Payloads up to this size are copied. */
const COPIED_BYTES_MAX = 16 * 1024;
const SLAB_BYTES_MIN = 256 * 1024;

const ZEROS = new Uint8Array(2 * BLOCK_BYTES);

/** The place at which a group begins. */
export interface GroupStart {
  readonly slot: number;
  /** Of the segment's head. */
  readonly salt: Uint8Array;
  readonly sequence: bigint;
  readonly offset: number;
  readonly chain: number;
  readonly nextLsn: bigint;
  /** The newest mark that is durable. */
  readonly markSequence: bigint;
  /** Seals the payloads of callers; `undefined` where they are plain. */
  readonly sealer: SegmentSealer | undefined;
}

/** Bytes that are written in one go. */
export interface Chunk {
  readonly offset: number;
  readonly buffers: readonly Uint8Array[];
  readonly byteLength: number;
  readonly isLast: boolean;
}

export class Framing {
  #slab: Buffer = Buffer.alloc(0);
  #chain = 0;
  #pointers: Pointer[] = [];

  /** The chain value behind the last record framed. */
  get endChain(): number {
    return this.#chain;
  }

  /** The places of the last group's records, in their order; behind them its PAD and its footer. */
  get pointers(): readonly Pointer[] {
    return this.#pointers;
  }

  /**
   * Frames `records` from `start` on into chunks, each up to the record that ends closest to one of `ends`,
   * counted from the start. The chunks lend buffers that hold until `chunks` is called again.
   */
  *chunks(
    records: readonly GroupRecord[],
    start: GroupStart,
    ends: readonly number[],
  ): Generator<Chunk, void, void> {
    this.#makeSlab(records);
    this.#chain = start.chain;
    this.#pointers = [];
    let { offset } = start;
    let lsn = start.nextLsn;
    let slabEnd = 0;
    let chunk = new ChunkBuilder(this.#slab, offset, slabEnd);
    let at = 0;
    for (const plain of records) {
      const { sealer } = start;
      const isSealed = sealer !== undefined && plain.tagBytes !== undefined && plain.tagBytes > 0;
      const record = isSealed ? this.#sealed(plain, lsn, slabEnd, sealer) : plain;
      const length = record.contentBytes;
      const crc = this.#frame(record, lsn, slabEnd);
      this.#pointers.push({ slot: start.slot, offset: offset + RECORD_HEADER_BYTES, length, crc });
      offset += RECORD_HEADER_BYTES + length;
      lsn += 1n;
      slabEnd += slabBytesOf(plain);
      const isInSlab = isSealed || isCopied(record.payload);
      chunk.add(RECORD_HEADER_BYTES + length, slabEnd, isInSlab ? undefined : record.payload);
      const middle = offset - length / 2 - start.offset;
      if (at === ends.length - 1 || middle < (ends[at] ?? 0)) continue;
      while (at < ends.length - 1 && middle >= (ends[at] ?? 0)) at += 1;
      yield chunk.end(false);
      chunk = new ChunkBuilder(this.#slab, offset, slabEnd);
    }
    yield chunk.end(true);
  }

  /**
   * Writes the header, the prefix, and the payload if it is small, into the slab. Returns the checksum of
   * prefix and payload.
   */
  #frame(record: GroupRecord, lsn: bigint, at: number): number {
    const { type, log, number, prefix, payload, more } = record;
    const prefixAt = at + RECORD_HEADER_BYTES;
    const payloadAt = prefixAt + (prefix?.length ?? 0);
    if (prefix) this.#slab.set(prefix, prefixAt);
    const isThere = payload.buffer === this.#slab.buffer;
    if (!isThere && isCopied(payload)) this.#slab.set(payload, payloadAt);
    const payloadCrc =
      record.payloadCrc ?? crc32c(payload, crc32cOfRange(this.#slab, prefixAt, payloadAt));
    this.#chain = writeRecordHeader(this.#slab, at, this.#chain, {
      payloadLength: record.contentBytes,
      payloadCrc,
      type,
      more,
      lsn,
      log,
      number,
    });
    return payloadCrc;
  }

  /**
   * The record as it lies on disk: prefix and payload are sealed into one new payload, in the slab. The sums that
   * were made ahead are of the plain bytes, and of no use.
   */
  #sealed(record: GroupRecord, lsn: bigint, at: number, sealer: SegmentSealer): GroupRecord {
    const from = at + RECORD_HEADER_BYTES;
    const payload = this.#slab.subarray(from, from + record.contentBytes);
    sealer.seal(record, lsn, payload);
    const { type, log, number, more } = record;
    return groupRecord({ type, log, number, more, payload });
  }

  #makeSlab(records: readonly GroupRecord[]): void {
    let bytes = 0;
    for (const record of records) bytes += slabBytesOf(record);
    if (bytes <= this.#slab.length) return;
    this.#slab = Buffer.allocUnsafeSlow(Math.max(bytes, SLAB_BYTES_MIN));
  }
}

function isCopied({ length }: Uint8Array): boolean {
  return length <= COPIED_BYTES_MAX;
}

/** Bytes that a record takes of the slab. */
function slabBytesOf(record: GroupRecord): number {
  const { prefix, payload, tagBytes } = record;
  if (tagBytes) return RECORD_HEADER_BYTES + record.contentBytes;
  const copied = isCopied(payload) ? payload.length : 0;
  return RECORD_HEADER_BYTES + (prefix?.length ?? 0) + copied;
}

/** The records of `group`, and behind them its PAD, where it needs one, and its footer. */
export function withFooter(group: Group, start: GroupStart): readonly GroupRecord[] {
  const records = [...group.records];
  let offset = start.offset;
  for (const record of records) offset += RECORD_HEADER_BYTES + record.contentBytes;
  assert(start.offset % BLOCK_BYTES === 0, "a group begins at a block");
  const pad = padBytes(offset);
  if (pad > 0) {
    const payload = ZEROS.subarray(0, pad - RECORD_HEADER_BYTES);
    records.push(groupRecord({ type: recordType.pad, log: 0, number: 0n, payload }));
  }
  const { salt, sequence, nextLsn: firstLsn, markSequence } = start;
  const footer = {
    ...group,
    firstLsn,
    lastLsn: firstLsn + BigInt(records.length),
    markSequence,
  };
  const payload = encodeFooter(footer, { salt, sequence, offset: offset + pad });
  records.push(groupRecord({ type: recordType.footer, log: 0, number: firstLsn, payload }));
  return records;
}

class ChunkBuilder {
  readonly #slab: Buffer;
  readonly #offset: number;
  readonly #buffers: Uint8Array[] = [];
  /** Of the slab, what is not in `#buffers` yet. */
  #from: number;
  #to: number;
  byteLength = 0;

  constructor(slab: Buffer, offset: number, from: number) {
    this.#slab = slab;
    this.#offset = offset;
    this.#from = from;
    this.#to = from;
  }

  /** A record of so many bytes, whose part of the slab ends at `slabEnd`; `beside` lies outside of it. */
  add(bytes: number, slabEnd: number, beside: Uint8Array | undefined): void {
    this.byteLength += bytes;
    this.#to = slabEnd;
    if (!beside) return;
    this.#flush();
    this.#buffers.push(beside);
  }

  end(isLast: boolean): Chunk {
    this.#flush();
    assert(this.#buffers.length > 0, "a chunk has bytes");
    return { offset: this.#offset, buffers: this.#buffers, byteLength: this.byteLength, isLast };
  }

  #flush(): void {
    if (this.#to > this.#from) this.#buffers.push(this.#slab.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}

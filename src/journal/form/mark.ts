/**
 * The mark: the newest acknowledgements, kept outside the journal. It follows behind them (D6): what it
 * names as acknowledged must be there, and the footers of the journal tell of what came after it.
 *
 * ```
 *   mark   two slots of 256 KiB each, written in turn: slot = mark sequence mod 2
 *
 *   4  length of the content    4  CRC-32C of the content    content:
 *   8  "LKMARK02"   16 store id   8 mark sequence   8 generation   8 head sequence   8 acked LSN
 *   4x8 anchor acked, anchor in flight, vote acked, vote in flight;  8 road index of that vote
 *   8  inode of STORE   8 birth time of STORE (ns since 1970); 0 where it is not known
 *   2  count of names, each 1+n
 *   4  count of pins, each 2 name, 8 number, 32 header hash
 * ```
 *
 * The slots share no 4 KiB block, so a torn write of one never harms the other. One bad slot is
 * legal (it was being written), both bad are not.
 */
import { ByteReader, ByteWriter, FormatError } from "../../codec/binary.js";
import { crc32c } from "../../codec/crc32c.js";
import { assert } from "../../types/assert.js";
import type { FileOrigin } from "../../disk/disk.js";
import { HASH_BYTES, STORE_ID_BYTES } from "./head.js";

export const MARK_FILE = "mark";
export const MARK_SLOT_BYTES = 256 * 1024;

const MAGIC = 0x3230_4b52_414d_4b4cn;
const FRAME_BYTES = 8;

/** A block that was on its way to disk and is lost: only a block with this hash may take its number. */
export interface Pin {
  readonly name: string;
  readonly number: bigint;
  readonly hash: Uint8Array;
}

/**
 * Sequences of an A/B pair: the newest that was acknowledged, and the newest that was begun. Both 0
 * where there is none. A sequence begun and not found again stays named until a newer one is
 * acknowledged, and is never used again.
 */
export interface PairNamed {
  readonly acked: bigint;
  readonly inFlight: bigint;
}

export interface Mark {
  readonly storeId: Uint8Array;
  readonly sequence: bigint;
  /** How often the store was opened. */
  readonly generation: bigint;
  /** Sequence of the newest head whose write returned. */
  readonly headSequence: bigint;
  /** Last LSN of the newest group that was acknowledged when this mark was begun. */
  readonly acked: bigint;
  readonly anchor: PairNamed;
  readonly vote: PairNamed;
  /** Road index of the vote in flight; 0 where there is none. */
  readonly voteRoadIndex: bigint;
  /** Of the STORE beside this mark. */
  readonly origin: FileOrigin;
  readonly pins: readonly Pin[];
}

/** The sequence of the mark that init writes. */
export const FIRST_MARK_SEQUENCE = 1n;

/** The content of one mark slot. */
export type MarkSlot =
  | { readonly status: "valid"; readonly mark: Mark; readonly bytes: Uint8Array }
  | { readonly status: "bad"; readonly reason: string };

/** The offset in the file at which the mark of this sequence lies. */
export function markSlotOffset(sequence: bigint): number {
  return Number(sequence % 2n) * MARK_SLOT_BYTES;
}

/** The bytes of a mark, framed. A new buffer each time. */
export function encodeMark(mark: Mark): Uint8Array {
  const names = new Map<string, number>();
  const nameIndex = (name: string): number => {
    const known = names.get(name);
    if (known !== undefined) return known;
    names.set(name, names.size);
    return names.size - 1;
  };
  const lists = new ByteWriter(1024);
  writePins(lists, mark.pins, nameIndex);

  const writer = new ByteWriter(1024 + lists.length);
  writer.u32(0).u32(0).u64(MAGIC).bytes(mark.storeId).u64(mark.sequence);
  writer.u64(mark.generation).u64(mark.headSequence).u64(mark.acked);
  writer.u64(mark.anchor.acked).u64(mark.anchor.inFlight);
  writer.u64(mark.vote.acked).u64(mark.vote.inFlight).u64(mark.voteRoadIndex);
  writer.u64(mark.origin.inode).u64(mark.origin.bornNs);
  writer.u16(names.size);
  for (const name of names.keys()) writer.text(name);
  writer.bytes(lists.result());

  const bytes = Buffer.from(writer.result());
  assert(bytes.length <= MARK_SLOT_BYTES, "a mark fits its slot");
  bytes.writeUInt32LE(bytes.length - FRAME_BYTES, 0);
  bytes.writeUInt32LE(crc32c(bytes.subarray(FRAME_BYTES)), 4);
  return bytes;
}

/** Bytes that the mark at the start of `slot` claims to have, whatever is there. */
export function claimedMarkBytes(slot: Uint8Array): number {
  if (slot.length < FRAME_BYTES) return 0;
  return FRAME_BYTES + Buffer.from(slot.buffer, slot.byteOffset, slot.length).readUInt32LE(0);
}

/** Decodes what one slot holds. Total. Copies. */
export function decodeMark(slot: Uint8Array): MarkSlot {
  if (slot.length < FRAME_BYTES) return { status: "bad", reason: "the slot is cut short" };
  const buffer = Buffer.from(slot.buffer, slot.byteOffset, slot.length);
  const length = buffer.readUInt32LE(0);
  if (length === 0) return { status: "bad", reason: "the slot is empty" };
  if (FRAME_BYTES + length > slot.length) return { status: "bad", reason: "its length is absurd" };
  const bytes = Uint8Array.from(slot.subarray(0, FRAME_BYTES + length));
  if (buffer.readUInt32LE(4) !== crc32c(bytes.subarray(FRAME_BYTES))) {
    return { status: "bad", reason: "checksum mismatch" };
  }
  try {
    return { status: "valid", mark: readMark(bytes.subarray(FRAME_BYTES)), bytes };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { status: "bad", reason: `${error.message} at byte ${error.offset}` };
  }
}

function writePins(
  writer: ByteWriter,
  pins: readonly Pin[],
  nameIndex: (name: string) => number,
): void {
  writer.u32(pins.length);
  for (const pin of pins) writer.u16(nameIndex(pin.name)).u64(pin.number).bytes(pin.hash);
}

function readMark(content: Uint8Array): Mark {
  const reader = new ByteReader(content);
  if (reader.u64() !== MAGIC) reader.fail("this is no mark");
  const storeId = reader.bytes(STORE_ID_BYTES);
  const sequence = reader.u64();
  const generation = reader.u64();
  const headSequence = reader.u64();
  const acked = reader.u64();
  const anchor = { acked: reader.u64(), inFlight: reader.u64() };
  const vote = { acked: reader.u64(), inFlight: reader.u64() };
  const voteRoadIndex = reader.u64();
  const origin = { inode: reader.u64(), bornNs: reader.u64() };
  const names: string[] = [];
  for (let left = reader.u16(); left > 0; left--) names.push(reader.text());
  const nameAt = (): string => names[reader.u16()] ?? reader.fail("a name that is not listed");
  const pins: Pin[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    pins.push({ name: nameAt(), number: reader.u64(), hash: reader.bytes(HASH_BYTES) });
  }
  reader.end();
  return {
    storeId,
    sequence,
    generation,
    headSequence,
    acked,
    anchor,
    vote,
    voteRoadIndex,
    origin,
    pins,
  };
}

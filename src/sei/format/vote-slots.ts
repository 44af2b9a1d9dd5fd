/**
 * The A/B pair that holds the consensus votes, as sei-chain opens it: the slot that counts, and the slot
 * of the next write. A slot has the form of our own slots, without padding.
 *
 * sei-chain's rules are laxer than ours, and are kept here so that the outcome is the same: a missing
 * file counts as one that was never written, a slot may lie in the file of the other parity, and the
 * next write goes by the parity of the next sequence, even over the slot that counts.
 */
import { crc32c } from "../../codec/crc32c.js";
import type { ReadableDisk } from "../../disk/readable.js";
import { type SlotName, slotOf } from "../../disk/slots/choice.js";
import { decodeSlot, SLOT_HEAD_BYTES, type SlotState } from "../../disk/slots/form.js";
import { slotPath } from "../../disk/slots/slots.js";
import { PersisterError } from "../../types/errors.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import { scan } from "../../wire/codec/scan.js";
import { PersistedInner } from "../../wire/codec/schema.js";
import { readFile } from "./read-file.js";
import { StateError } from "./state-error.js";

/** The pair's name: `inner_a.pb` and `inner_b.pb`. */
export const VOTE_SLOTS = "inner";

/** A slot that is damaged beside one that counts. */
export interface DamagedSlot {
  readonly slot: "a" | "b";
  readonly reason: string;
  /** Whether it may hold votes that are newer than those that count. */
  readonly mayBeNewer: boolean;
}

export type VoteSlots =
  /** Nothing was ever written. */
  | (Opened & { readonly kind: "fresh" })
  | (Opened & {
      readonly kind: "loaded";
      readonly slot: SlotName;
      readonly seq: bigint;
      /** The bytes of a `PersistedInner` with sound framing. Whether it decodes is not asked here. */
      readonly message: Uint8Array;
      readonly damaged: DamagedSlot | undefined;
    });

interface Opened {
  /** The slot and the sequence of the next write. After 2^64-1 comes 0, which no reader takes. */
  readonly next: { readonly slot: SlotName; readonly seq: bigint };
  /** The files that opening would make, empty. */
  readonly missing: readonly SlotName[];
}

/** One slot: all bytes of its file, and what they hold. */
interface Found {
  readonly slot: SlotName;
  readonly bytes: Uint8Array;
  readonly state: SlotState;
}

interface Winner {
  readonly slot: SlotName;
  readonly seq: bigint;
  readonly message: Uint8Array;
}

/**
 * Opens the pair in `directory`, and changes nothing.
 *
 * @throws {StateError} `same_sequence`, `no_valid_slot`; `unmarshal` if the slot that counts holds
 * bytes that do not parse: the other slot never stands in for it.
 * @throws {PersisterError} NOT_A_STORE if there is no such directory; IO, READ_ONLY.
 */
export async function readVoteSlots(
  disk: ReadableDisk,
  directory: string,
  name: string = VOTE_SLOTS,
): Promise<VoteSlots> {
  if ((await disk.kind(directory)) !== "directory") {
    const message = `no state directory: ${directory} (check the path)`;
    throw new PersisterError("NOT_A_STORE", message, { file: directory });
  }
  const slots = [
    await readSlot(disk, "a", slotPath(directory, name, "a")),
    await readSlot(disk, "b", slotPath(directory, name, "b")),
  ];
  const missing = slots.filter(({ state }) => state.status === "missing").map(({ slot }) => slot);
  const winner = chooseWinner(slots, directory);
  if (!winner) return { kind: "fresh", next: { slot: "a", seq: 1n }, missing };
  requireParsable(winner.message, slotPath(directory, name, winner.slot));
  const nextSeq = BigInt.asUintN(64, winner.seq + 1n);
  const next = { slot: slotOf(nextSeq), seq: nextSeq };
  return { kind: "loaded", ...winner, damaged: damagedBeside(slots, winner.seq), next, missing };
}

async function readSlot(disk: ReadableDisk, slot: SlotName, path: string): Promise<Found> {
  const bytes = await readFile(disk, path);
  if (bytes === undefined) return { slot, bytes: new Uint8Array(0), state: { status: "missing" } };
  const state = decodeSlot(bytes);
  // Our own slots are preallocated with zeros; those of sei-chain are written whole or not at all.
  const isZeroed = state.status === "absent" && bytes.length > 0;
  const zeroed: SlotState = { status: "corrupt", reason: "all its bytes are zero" };
  return { slot, bytes, state: isZeroed ? zeroed : state };
}

/** The slot that counts; undefined if neither was ever written. */
function chooseWinner(slots: readonly Found[], directory: string): Winner | undefined {
  const facts = { file: directory };
  const valid = slots.flatMap(({ slot, state }): Winner[] => {
    return state.status === "valid" ? [{ slot, seq: state.seq, message: state.message }] : [];
  });
  const [one, other] = valid;
  if (one && other) {
    if (one.seq !== other.seq) return one.seq > other.seq ? one : other;
    throw new StateError("same_sequence", `both slots hold the sequence ${one.seq}`, facts);
  }
  if (one) return one;
  for (const { slot, state } of slots) {
    if (state.status !== "corrupt") continue;
    const detail = `slot ${slot} is damaged (${state.reason}), and the other holds nothing`;
    throw new StateError("no_valid_slot", detail, facts);
  }
  return undefined;
}

function damagedBeside(slots: readonly Found[], seq: bigint): DamagedSlot | undefined {
  for (const { slot, bytes, state } of slots) {
    if (state.status !== "corrupt") continue;
    return { slot, reason: state.reason, mayBeNewer: !isOlder(bytes, seq) };
  }
  return undefined;
}

/**
 * Whether the damaged slot `bytes` was written before the one with sequence `seq`: its own sequence
 * says so, and it is not the damage that makes it say so.
 */
function isOlder(bytes: Uint8Array, seq: bigint): boolean {
  if (bytes.length < SLOT_HEAD_BYTES) return false;
  const slot = Buffer.from(bytes);
  const own = slot.readBigUInt64LE(4);
  // No slot has the sequence 0: zeros say nothing.
  if (own === 0n || own >= seq) return false;
  // The only newer sequence that the pair may hold. If the checksum holds with it, it stood there.
  slot.writeBigUInt64LE(BigInt.asUintN(64, seq + 1n), 4);
  return slot.readUInt32BE(0) !== crc32c(slot.subarray(4));
}

function requireParsable(message: Uint8Array, file: string): void {
  try {
    scan(message, PersistedInner);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    const detail = `it is valid around a message that does not parse: ${cause.message}`;
    throw new StateError("unmarshal", detail, { file, cause });
  }
}

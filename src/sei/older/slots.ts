/**
 * The older revision's A/B files: `<prefix>_a.pb` for odd sequences, `<prefix>_b.pb` for even ones,
 * written in turn and in place.
 *
 *   08 <uvarint sequence> 12 <uvarint length> <message>
 *
 * That is protobuf and has no checksum: a flipped bit inside the message goes unseen, and a file cut
 * right after the sequence is sound, wins by its sequence, and holds nothing.
 */
import { slotPath, type SlotName } from "../../disk/slots.js";
import { DecodeError } from "../../wire/decode-error.js";
import { readFile, type ReadableDisk } from "../readable-disk.js";
import { decodeWrapper, type Wrapper } from "./decode.js";
import { OlderRefusal } from "./refusal.js";

/** What an open of the pair loads. */
export interface KeptMessage {
  readonly slot: SlotName;
  readonly seq: bigint;
  /** Undefined where the slot was cut after its sequence: it loads as no state. */
  readonly message: Uint8Array | undefined;
}

type Slot =
  | { readonly status: "absent" }
  | { readonly status: "corrupt"; readonly cause: DecodeError }
  | { readonly status: "valid"; readonly wrapper: Wrapper };

/**
 * The slot with the higher sequence; undefined where nothing was ever written. One unreadable slot
 * gives way to the other.
 *
 * @throws {OlderRefusal} `corrupt` where the sequences are equal, or none is readable but one should.
 * @throws {StateError} `too_large`.
 * @throws {PersisterError} IO, READ_ONLY: an error of the disk is never taken for damage.
 */
export async function loadSlots(
  disk: ReadableDisk,
  directory: string,
  prefix: string,
): Promise<KeptMessage | undefined> {
  const path = `${directory}/${prefix}`;
  const a = await readSlot(disk, slotPath(directory, prefix, "a"));
  const b = await readSlot(disk, slotPath(directory, prefix, "b"));
  const seqOf = (slot: Slot): bigint => (slot.status === "valid" ? slot.wrapper.seq : -1n);
  if (a.status === "valid" && seqOf(a) > seqOf(b)) return kept("a", a.wrapper);
  if (b.status === "valid" && seqOf(b) > seqOf(a)) return kept("b", b.wrapper);
  if (a.status === "valid") {
    throw new OlderRefusal("corrupt", path, `both slots have the sequence ${a.wrapper.seq}`);
  }
  const corrupt = [a, b].find((slot) => slot.status === "corrupt");
  if (corrupt === undefined) return undefined;
  throw new OlderRefusal("corrupt", path, "no slot is readable", corrupt.cause);
}

function kept(slot: SlotName, { seq, data }: Wrapper): KeptMessage {
  return { slot, seq, message: data };
}

async function readSlot(disk: ReadableDisk, path: string): Promise<Slot> {
  const bytes = await readFile(disk, path);
  if (bytes === undefined || bytes.length === 0) return { status: "absent" };
  try {
    return { status: "valid", wrapper: decodeWrapper(bytes) };
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    return { status: "corrupt", cause };
  }
}

/**
 * The A/B pair that holds the consensus votes, as the original opens it: which slot counts, and where
 * the next write goes. A slot has the form that ours has, without padding.
 *
 * The rules are laxer than those of our own pair, and are kept so that the verdict is the same: a
 * missing file counts as one that was never written, nothing asks whether a slot lies in the file of
 * its parity, and the next write goes by the parity of the next sequence, even over the slot that
 * counts.
 */
import { type SlotName, slotOf } from "../../disk/slots/choice.js";
import { decodeSlot, type SlotState } from "../../disk/slots/form.js";
import { slotPath } from "../../disk/slots/slots.js";
import { PersisterError } from "../../types/errors.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import { scan } from "../../wire/codec/scan.js";
import { PersistedInner } from "../../wire/codec/schema.js";
import type { ReadableDisk } from "../../disk/readable.js";
import { readFile } from "./read-file.js";
import { StateError } from "./state-error.js";

/** The pair's name: `inner_a.pb` and `inner_b.pb`. */
export const VOTE_SLOTS = "inner";

/** A slot that is damaged beside one that counts. */
export interface DamagedSlot {
  readonly slot: "a" | "b";
  readonly reason: string;
}

export type VoteSlots =
  /** Nothing was ever written. */
  | (Opened & { readonly status: "fresh" })
  | (Opened & {
      readonly status: "loaded";
      readonly slot: SlotName;
      readonly seq: bigint;
      /** The bytes of a `PersistedInner`, sound for the parser; whether it decodes is not asked here. */
      readonly message: Uint8Array;
      readonly damaged: DamagedSlot | undefined;
    });

interface Opened {
  /** Where the next write goes. After 2^64-1 comes 0, which no reader takes. */
  readonly next: { readonly slot: SlotName; readonly seq: bigint };
  /** The files that opening would make, empty. */
  readonly missing: readonly SlotName[];
}

type Valid = Extract<SlotState, { readonly status: "valid" }> & { readonly slot: SlotName };

/**
 * What opening the pair in `directory` gives.
 *
 * @throws {StateError} `same_sequence`, `no_valid_slot`; `unmarshal` where the slot that counts holds
 * bytes that do not parse: the other one never stands in for it.
 * @throws {PersisterError} NOT_A_STORE where there is no such directory; IO, READ_ONLY.
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
  const a = await readSlot(disk, slotPath(directory, name, "a"));
  const b = await readSlot(disk, slotPath(directory, name, "b"));
  const winner = chooseWinner(a, b, directory);
  const missing = (["a", "b"] as const).filter((slot) => {
    return (slot === "a" ? a : b).status === "missing";
  });
  if (!winner) return { status: "fresh", next: { slot: "a", seq: 1n }, missing };
  requireParsable(winner.message, slotPath(directory, name, winner.slot));
  const { slot, seq, message } = winner;
  const nextSeq = BigInt.asUintN(64, seq + 1n);
  const next = { slot: slotOf(nextSeq), seq: nextSeq };
  return { status: "loaded", slot, seq, message, damaged: damagedOf(a, b), next, missing };
}

async function readSlot(disk: ReadableDisk, path: string): Promise<SlotState> {
  const bytes = await readFile(disk, path);
  if (bytes === undefined) return { status: "missing" };
  const state = decodeSlot(bytes);
  // Our own slots are preallocated with zeros; the original's are written whole or not at all.
  const zeroed = state.status === "absent" && bytes.length > 0;
  return zeroed ? { status: "corrupt", reason: "all its bytes are zero" } : state;
}

/** The slot that counts; undefined where neither was ever written. */
function chooseWinner(a: SlotState, b: SlotState, directory: string): Valid | undefined {
  const facts = { file: directory };
  if (a.status === "valid" && b.status === "valid") {
    if (a.seq === b.seq) {
      throw new StateError("same_sequence", `both slots hold the sequence ${a.seq}`, facts);
    }
    return a.seq > b.seq ? { ...a, slot: "a" } : { ...b, slot: "b" };
  }
  if (a.status === "valid") return { ...a, slot: "a" };
  if (b.status === "valid") return { ...b, slot: "b" };
  const damaged = damagedOf(a, b);
  if (!damaged) return undefined;
  const detail = `slot ${damaged.slot} is damaged (${damaged.reason}), and the other holds nothing`;
  throw new StateError("no_valid_slot", detail, facts);
}

function damagedOf(a: SlotState, b: SlotState): DamagedSlot | undefined {
  if (a.status === "corrupt") return { slot: "a", reason: a.reason };
  return b.status === "corrupt" ? { slot: "b", reason: b.reason } : undefined;
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

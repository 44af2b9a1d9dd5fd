/**
 * The choice between two A/B slots, and the next sequence to write: decisions as data, pure.
 *
 * Neither knows the mark. A verdict says what the files alone tell; whether a fallback or "none" is
 * allowed is settled by the caller, against the sequence that the mark names as acknowledged.
 */
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import { U64_MAX } from "../../types/numbers.js";
import type { SlotState } from "./form.js";

export type SlotName = "a" | "b";

/** The verdict on two slots together. Every verdict but "none" and "use" is reported. */
export type SlotVerdict =
  /** Neither was ever written. */
  | { readonly verdict: "none" }
  /** `slot` holds the newest. */
  | { readonly verdict: "use"; readonly slot: SlotName }
  /** `slot` holds one, the other is damaged: right unless the mark names a newer as acknowledged. */
  | { readonly verdict: "fallback"; readonly slot: SlotName; readonly damaged: SlotName }
  /** One damaged, the other never written: a torn first write, unless the mark names one as acknowledged. */
  | { readonly verdict: "torn first"; readonly damaged: SlotName }
  /** No crash leaves this: open must refuse. */
  | { readonly verdict: "refuse"; readonly reason: string };

export interface SlotChoice {
  /** The case of the table that matched, for logs. */
  readonly label: string;
  readonly verdict: SlotVerdict;
}

type Order = "a newer" | "b newer" | "same" | "apart";
type Status = SlotState["status"];

interface SlotFacts {
  readonly a: Status;
  readonly b: Status;
  /** "apart" unless both are valid. */
  readonly order: Order;
  /** Some valid slot has the other one's parity. */
  readonly misplaced: boolean;
}

export interface SlotCase {
  readonly label: string;
  /** A fact that is left out may be anything. */
  readonly when: Partial<SlotFacts>;
  readonly says: SlotVerdict;
}

/** The first case that matches decides. Every combination matches one (checked by a test). */
export const slotCases: readonly SlotCase[] = [
  {
    label: "both files missing",
    when: { a: "missing", b: "missing" },
    says: { verdict: "refuse", reason: "both slot files are missing" },
  },
  {
    label: "file A missing",
    when: { a: "missing" },
    says: { verdict: "refuse", reason: "the file of slot A is missing" },
  },
  {
    label: "file B missing",
    when: { b: "missing" },
    says: { verdict: "refuse", reason: "the file of slot B is missing" },
  },
  {
    label: "same sequence",
    when: { order: "same" },
    says: { verdict: "refuse", reason: "both slots hold the same sequence" },
  },
  {
    label: "slot in the other's file",
    when: { misplaced: true },
    says: {
      verdict: "refuse",
      reason: "a slot lies in the other one's file (odd in A, even in B)",
    },
  },
  { label: "A newer", when: { order: "a newer" }, says: { verdict: "use", slot: "a" } },
  { label: "B newer", when: { order: "b newer" }, says: { verdict: "use", slot: "b" } },
  { label: "never written", when: { a: "absent", b: "absent" }, says: { verdict: "none" } },
  {
    label: "only A written",
    when: { a: "valid", b: "absent" },
    says: { verdict: "use", slot: "a" },
  },
  {
    // The first write goes to A: an empty A beside a valid B was torn down to zeros.
    label: "A zeroed, B holds",
    when: { a: "absent", b: "valid" },
    says: { verdict: "fallback", slot: "b", damaged: "a" },
  },
  {
    label: "A damaged, B holds",
    when: { a: "corrupt", b: "valid" },
    says: { verdict: "fallback", slot: "b", damaged: "a" },
  },
  {
    label: "B damaged, A holds",
    when: { a: "valid", b: "corrupt" },
    says: { verdict: "fallback", slot: "a", damaged: "b" },
  },
  {
    label: "A damaged, B never written",
    when: { a: "corrupt", b: "absent" },
    says: { verdict: "torn first", damaged: "a" },
  },
  {
    label: "B damaged, A never written",
    when: { a: "absent", b: "corrupt" },
    says: { verdict: "torn first", damaged: "b" },
  },
  {
    label: "both damaged",
    when: { a: "corrupt", b: "corrupt" },
    says: { verdict: "refuse", reason: "both slots are damaged, and one write harms one only" },
  },
];

/** The verdict on the two slots together, by the table above. */
export function chooseSlot(a: SlotState, b: SlotState): SlotChoice {
  const facts: SlotFacts = {
    a: a.status,
    b: b.status,
    order: orderOf(a, b),
    misplaced: isMisplaced(a, "a") || isMisplaced(b, "b"),
  };
  const found = slotCases.find(({ when }) => matches(when, facts));
  assert(found !== undefined, "the table of slots has a case for every combination");
  return { label: found.label, verdict: found.says };
}

/**
 * The next sequence to write: the smallest above every one in `named` (acknowledged, in flight, or
 * seen in a slot) whose slot is not `winner`, the one that holds the last good one.
 * @throws {PersisterError} ANCHOR_CORRUPT when none is left, which no honest history reaches.
 */
export function nextSeq(named: readonly bigint[], winner: SlotName | undefined): bigint {
  const above = named.reduce((highest, seq) => (seq > highest ? seq : highest), 0n) + 1n;
  const next = slotOf(above) === otherSlot(winner ?? "b") ? above : above + 1n;
  if (next > U64_MAX) {
    const message = `no slot sequence is left above ${above - 1n}: the slots or the mark are forged`;
    const advice = "leave the directory as it is, and run `lanekeeper inspect` on it";
    throw new PersisterError("ANCHOR_CORRUPT", `${message}; ${advice}`);
  }
  return next;
}

/** The slot that a sequence is written to: odd in A, even in B. */
export function slotOf(seq: bigint): SlotName {
  return seq % 2n === 1n ? "a" : "b";
}

export function otherSlot(slot: SlotName): SlotName {
  return slot === "a" ? "b" : "a";
}

function orderOf(a: SlotState, b: SlotState): Order {
  if (a.status !== "valid" || b.status !== "valid") return "apart";
  if (a.seq === b.seq) return "same";
  return a.seq > b.seq ? "a newer" : "b newer";
}

function isMisplaced(state: SlotState, slot: SlotName): boolean {
  return state.status === "valid" && slotOf(state.seq) !== slot;
}

function matches(when: Partial<SlotFacts>, facts: SlotFacts): boolean {
  if (when.a !== undefined && when.a !== facts.a) return false;
  if (when.b !== undefined && when.b !== facts.b) return false;
  if (when.order !== undefined && when.order !== facts.order) return false;
  return when.misplaced === undefined || when.misplaced === facts.misplaced;
}

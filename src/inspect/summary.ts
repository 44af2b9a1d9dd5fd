/** The summary at the end of an inspection: the whole store in one look. */
import { standingPins } from "../journal/begin.js";
import type { Mark, Pin } from "../journal/form/mark.js";
import type { StoreIdentity } from "../journal/form/store.js";
import type { ErrorCode } from "../types/errors.js";
import type { PairsSeen } from "./checks/anchor.js";
import type { IdentitySeen } from "./checks/identity.js";
import type { Owner } from "./owner.js";
import type { StoreKind } from "./walk/judge.js";
import type { Depth, Proven } from "./walk/proof.js";
import type { RecordCheck } from "./checks/records.js";
import type { Rehearsed } from "./rehearsal.js";
import type { SlotsSeen } from "./checks/slots.js";

/** A lane or the road, and what was found of it. */
export interface LogSummary {
  /** The lane, or "road". */
  readonly name: string;
  readonly first: bigint;
  readonly next: bigint;
  /** Records of [first, next) that were found; those that are damaged are not. */
  readonly records: number;
  /** Of their payloads. */
  readonly bytes: number;
}

/** The outcome of an open, if it were called now and nobody had the store open. */
export type Verdict =
  | { readonly opens: true }
  | { readonly opens: false; readonly class: ErrorCode; readonly message: string };

export interface JournalSummary {
  /** The head that everything was judged by. */
  readonly head:
    | { readonly file: string; readonly sequence: bigint; readonly generation: bigint }
    | undefined;
  /** Bytes of all slots, and how many there are. */
  readonly bytes: number;
  readonly slots: number;
  /** Those that the head lists, its own among the live ones; all others are spare. */
  readonly live: number;
  readonly retained: number;
}

/** A message in an A/B slot. */
export interface SlotSummary {
  readonly file: string;
  readonly sequence: bigint;
}

export interface Summary {
  readonly directory: string;
  readonly kind: StoreKind;
  readonly verdict: Verdict;
  readonly errors: number;
  readonly warnings: number;
  /** Whether somebody has the store open, as far as that is known. */
  readonly owner: Owner;
  /** Somebody wrote to the store while it was looked at: what was found may have been transient. */
  readonly changedMeanwhile: boolean;
  readonly identity: StoreIdentity | undefined;
  readonly mark: Mark | undefined;
  readonly journal: JournalSummary;
  /** As open would publish them; as far as they could be read, where it refuses. */
  readonly logs: readonly LogSummary[];
  readonly anchor: (SlotSummary & { readonly roadIndex: bigint | undefined }) | undefined;
  readonly vote: SlotSummary | undefined;
  /** Those that open would leave standing (D6). */
  readonly pins: readonly Pin[];
  /** Parts that could not be looked at: whatever is told of them, they are not known to be empty. */
  readonly unknown: ReadonlySet<"journal" | "anchor" | "vote">;
  /** Of STORE, the mark, the A/B slots and the journal; the map in index/ is not counted. */
  readonly diskBytes: number;
  /** Whether there is a map; it is made anew whenever it is missing or in doubt. */
  readonly hasIndex: boolean;
  readonly depth: Depth["kind"];
  /** Live records that were judged. */
  readonly recordsRead: number;
  /** Those of them whose payload is sealed with a key that was not given: it was not looked at. */
  readonly recordsSealed: number;
  /** How many records were proven beyond the checks of open. */
  readonly proven: Proven;
}

/** The outcome of each check. A part that does not exist is missing. */
export interface Looked {
  readonly directory: string;
  readonly depth: Depth;
  readonly owner: Owner;
  readonly changedMeanwhile: boolean;
  readonly identity: IdentitySeen;
  readonly mark: Mark | undefined;
  readonly slots: SlotsSeen | undefined;
  readonly records: RecordCheck | undefined;
  readonly pairs: PairsSeen | undefined;
  readonly rehearsed: Rehearsed;
  readonly diskBytes: number;
  readonly recordsRead: number;
  readonly proven: Proven | undefined;
}

export function summaryOf(
  looked: Looked,
  counts: { readonly errors: number; readonly warnings: number },
): Summary {
  const { directory, owner, changedMeanwhile, identity, mark, rehearsed, diskBytes } = looked;
  const logs = logsOf(looked);
  return {
    directory,
    kind: identity.kind,
    verdict: verdictOf(rehearsed),
    errors: counts.errors,
    warnings: counts.warnings,
    owner,
    changedMeanwhile,
    identity: "value" in identity.store ? identity.store.value : undefined,
    mark,
    journal: journalOf(looked),
    logs,
    anchor: anchorOf(looked.pairs),
    vote: slotOf(looked.pairs?.voteSlot),
    pins: pinsOf(looked),
    unknown: unknownOf(looked),
    diskBytes,
    hasIndex: identity.hasIndex,
    depth: looked.depth.kind,
    recordsRead: looked.recordsRead,
    recordsSealed: looked.records?.live.locked ?? 0,
    proven: looked.proven ?? { blocks: 0, commitQCs: 0 },
  };
}

function verdictOf(rehearsed: Rehearsed): Verdict {
  if (rehearsed.opens) return { opens: true };
  const { code, message } = rehearsed.refusal;
  return { opens: false, class: code, message };
}

function logsOf({ rehearsed, records }: Looked): LogSummary[] {
  const ranges = rehearsed.opens ? rehearsed.logs : [...(records?.table.states() ?? [])];
  return ranges.map(({ name, first, next }) => {
    const held = records?.live.heldOf(name, first, next) ?? { records: 0, bytes: 0 };
    return { name, first, next, ...held };
  });
}

function pinsOf({ rehearsed, records, mark }: Looked): readonly Pin[] {
  if (rehearsed.opens) return rehearsed.pins;
  return records && mark ? standingPins({ table: records.table, mark, torn: undefined }) : [];
}

function journalOf({ slots: seen, records }: Looked): JournalSummary {
  const { base, slots = [] } = seen ?? {};
  const bytes = slots.reduce((sum, slot) => sum + slot.bytes, 0);
  const counts = { bytes, slots: slots.length };
  if (!base || !records) return { head: undefined, ...counts, live: 0, retained: 0 };
  const head = {
    file: base.slot.file.path,
    sequence: base.head.sequence,
    generation: base.head.generation,
  };
  const { sealed, retainedSlots } = records;
  return { head, ...counts, live: sealed.length + 1, retained: retainedSlots.length };
}

function unknownOf({ slots, pairs }: Looked): Summary["unknown"] {
  const unknown = new Set<"journal" | "anchor" | "vote">();
  if (!slots?.base) unknown.add("journal");
  if (!pairs || (!pairs.anchorSlot && !pairs.isAnchorSettled)) unknown.add("anchor");
  if (!pairs || (!pairs.voteSlot && !pairs.isVoteSettled)) unknown.add("vote");
  return unknown;
}

function anchorOf(pairs: PairsSeen | undefined): Summary["anchor"] {
  const slot = slotOf(pairs?.anchorSlot);
  return slot && { ...slot, roadIndex: pairs?.anchor?.commitQC.vote.view.index };
}

function slotOf(slot: SlotSummary | undefined): SlotSummary | undefined {
  return slot && { file: slot.file, sequence: slot.sequence };
}

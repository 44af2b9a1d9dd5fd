/**
 * Every class of finding that an inspection tells of: its cause, what a repair makes of it, and what that costs. A
 * class that is no damage is not repaired: its error says what to do.
 */
import type { worstFirst } from "../../inspect/finding.js";

type FindingClass = (typeof worstFirst)[number];

export interface RepairRow {
  readonly cause: string;
  /** `undefined` where a repair can do nothing. */
  readonly repair: string | undefined;
  readonly loss: string;
  /** The name of its test in `test/keeping/repair`. */
  readonly test: string;
}

const NONE = "nothing: it is no damage";

export const repairs: Readonly<Record<FindingClass, RepairRow>> = {
  ACKNOWLEDGED_LOST: {
    cause: "the end of the newest segment is damaged or cut off, or the disk lied about a flush",
    repair: "keeps what verifies up to the break, and takes the rest from other sources",
    loss: "acknowledged records that no source has; how many there were may not be known",
    test: "the end of the newest segment",
  },
  MARK_CORRUPT: {
    cause: "both slots of the mark are damaged, or the mark is missing, or is another store's",
    repair: "keeps every record that verifies",
    loss: "what was acknowledged is not known any more; pins that the mark alone named",
    test: "both slots of the mark",
  },
  JOURNAL_CORRUPT: {
    cause: "a segment, or its head, is damaged, missing, or another one",
    repair:
      "keeps what verifies on both sides of the damage, and takes the rest from other sources",
    loss: "of each log with a hole: the records from the hole on",
    test: "a record of a sealed segment",
  },
  ANCHOR_CORRUPT: {
    cause: "a slot of the anchor, or of the votes, is damaged or missing",
    repair:
      "takes the newest anchor that a slot, a backup or a peer has, and the newest votes of slots and backup",
    loss: "votes; and the lanes that were pruned above the anchor that is left",
    test: "the newest slot of the anchor",
  },
  RECOVERY_MISMATCH: {
    cause: "records, or records and the anchor, contradict each other",
    repair: "keeps each log from its start as long as its records are linked",
    loss: "of each log: the records from the contradiction on",
    test: "the newest slot of the anchor",
  },
  INVALID: {
    cause: "a record is not rightly signed, though its checksums are right",
    repair: "keeps each log from its start as long as its records are proven",
    loss: "of each log: the records from the wrong one on",
    test: "a record that is not rightly signed",
  },
  WRONG_COMMITTEE: {
    cause: "the committee that was given is another chain's, or of another epoch",
    repair: undefined,
    loss: NONE,
    test: "what is no damage",
  },
  STORE_MOVED: {
    cause: "the directory was copied, or moved to another file system, and nobody has said so",
    repair: undefined,
    loss: NONE,
    test: "what is no damage",
  },
  PINNED: {
    cause: "a block was lost while it was written: no damage, and open guards it",
    repair: undefined,
    loss: NONE,
    test: "what is no damage",
  },
  GUARDED: {
    cause:
      "the store was restored or repaired, and nobody knows yet how far its validator had signed",
    repair: undefined,
    loss: NONE,
    test: "what is no damage",
  },
  RETIRED: {
    cause: "the store was handed over",
    repair: undefined,
    loss: NONE,
    test: "what is no damage",
  },
  NOT_A_STORE: {
    cause: "STORE is missing or damaged, or the path is wrong",
    repair:
      "makes STORE anew: the mark or a head names the store, a backup or --chain-id its chain; without them it refuses",
    loss: "nothing, unless more is damaged",
    test: "STORE",
  },
  FORMAT_TOO_NEW: {
    cause: "a newer version wrote it",
    repair: undefined,
    loss: NONE,
    test: "what is no damage",
  },
  KEY_WRONG: {
    cause: "a key bears the id of another one",
    repair: undefined,
    loss: NONE,
    test: "what is no damage",
  },
  KEY_MISSING: {
    cause: "a key was not given",
    repair: undefined,
    loss: NONE,
    test: "what is no damage",
  },
  IO: {
    cause: "the disk refuses to read: copy the directory to another disk first",
    repair: undefined,
    loss: NONE,
    test: "what is no damage",
  },
  READ_ONLY: {
    cause: "this user may not read or write it",
    repair: undefined,
    loss: NONE,
    test: "what is no damage",
  },
  BACKUP_CORRUPT: {
    cause: "a file of a backup is damaged",
    repair: undefined,
    loss: NONE,
    test: "what is no damage",
  },
};

/**
 * Every operating error of Lanekeeper: one class, a stable code, and the facts as fields.
 *
 * The table below is the whole list. The exit code of a command follows from the code, and the
 * README's table of codes is checked against this one by a test.
 */

/** What each code means, in a user's words, and the exit code of a command that ends with it. */
export const errorCodes = {
  OUT_OF_SEQUENCE: { exit: 10, meaning: "a number above the next one: a gap is refused" },
  DUPLICATE: {
    exit: 10,
    meaning: "the same bytes are held at this number already (out of sequence)",
  },
  CONFLICT: { exit: 11, meaning: "other bytes are held at this number: evidence of equivocation" },
  INVALID: {
    exit: 12,
    meaning: "signer, signature, payload hash, parent, lane, number or size is wrong",
  },
  PINNED: {
    exit: 14,
    meaning: "the number is pinned to another header hash after a loss in flight",
  },
  VERIFY_MISMATCH: {
    exit: 15,
    meaning: "the record that would become the first is not the expected one",
  },
  JOURNAL_CORRUPT: {
    exit: 20,
    meaning: "a journal segment is damaged, missing or not the listed one",
  },
  ACKNOWLEDGED_LOST: { exit: 21, meaning: "what the mark names as acknowledged is not on disk" },
  MARK_CORRUPT: { exit: 22, meaning: "both mark slots are damaged, or the mark is missing" },
  ANCHOR_CORRUPT: {
    exit: 23,
    meaning: "an A/B slot is damaged and no other slot may stand in for it",
  },
  RECOVERY_MISMATCH: {
    exit: 24,
    meaning: "recovered blocks, commit QCs and anchor contradict each other",
  },
  STORE_EXISTS: {
    exit: 30,
    meaning: "init was asked for a directory that holds a store or other files",
  },
  NOT_A_STORE: { exit: 31, meaning: "the directory was never initialised, or is not ours" },
  STORE_LOCKED: {
    exit: 32,
    meaning: "another process, or another open in this one, owns the store",
  },
  STORE_STOLEN: {
    exit: 33,
    meaning: "the STORE file under a running owner was replaced or removed",
  },
  WRONG_CHAIN: { exit: 34, meaning: "the store belongs to another chain" },
  FORMAT_TOO_NEW: { exit: 35, meaning: "written by a newer version of Lanekeeper" },
  READ_ONLY: { exit: 36, meaning: "the directory cannot be written" },
  DISK_FULL: { exit: 40, meaning: "no space is left: nothing was harmed, free some and try again" },
  IO: { exit: 41, meaning: "the operating system refused a file operation" },
  POISONED: { exit: 42, meaning: "a write or flush failed before: close, reopen, verify" },
  CLOSED: { exit: 43, meaning: "the store was closed" },
  ABORTED: { exit: 44, meaning: "the caller's signal ended the wait" },
  USAGE: { exit: 2, meaning: "a wrong option or argument" },
} as const satisfies Record<string, { readonly exit: number; readonly meaning: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** Where an error happened, each fact that applies as a field of its own. */
export interface ErrorFacts {
  readonly lane?: string;
  readonly blockNumber?: bigint;
  readonly roadIndex?: bigint;
  readonly file?: string;
  readonly offset?: number;
  /** The bytes held already, where the refusal is about them (D2). Not a copy. */
  readonly held?: Uint8Array;
  /** The bytes offered, where the refusal is about them (D2). Not a copy. */
  readonly offered?: Uint8Array;
  readonly cause?: unknown;
}

/**
 * An operating error. `message` says what happened, where, and what to do; `code` is stable;
 * `lane`, `blockNumber`, `roadIndex`, `file` and `offset` name the place where they apply.
 */
export class PersisterError extends Error {
  override readonly name = "PersisterError";
  readonly code: ErrorCode;
  readonly lane: string | undefined;
  readonly blockNumber: bigint | undefined;
  readonly roadIndex: bigint | undefined;
  readonly file: string | undefined;
  readonly offset: number | undefined;
  readonly held: Uint8Array | undefined;
  readonly offered: Uint8Array | undefined;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = code;
    this.lane = facts.lane;
    this.blockNumber = facts.blockNumber;
    this.roadIndex = facts.roadIndex;
    this.file = facts.file;
    this.offset = facts.offset;
    this.held = facts.held;
    this.offered = facts.offered;
  }
}

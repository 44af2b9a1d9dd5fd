/* oxlint-disable max-lines -- one table */
/**
 * Every error code of Lanekeeper: the one table from which the exit codes of commands, the README's
 * table and the advice to operators follow. A test compares the README with it.
 *
 * For each code it says:
 * - `exit`: the exit code of a command that ends with it;
 * - `status`: the gRPC status of a call that ends with it;
 * - `meaning`: what happened, in a user's words;
 * - `remedy`: what to do;
 * - `never`: what not to do. The mistakes that make a validator sign twice stand here.
 *
 * No remedy puts back a single file or an older copy: such a store has forgotten what its validator
 * signed since.
 */

export interface CodeFacts {
  readonly exit: number;
  readonly status:
    | "CANCELLED"
    | "INVALID_ARGUMENT"
    | "NOT_FOUND"
    | "ALREADY_EXISTS"
    | "PERMISSION_DENIED"
    | "RESOURCE_EXHAUSTED"
    | "FAILED_PRECONDITION"
    | "ABORTED"
    | "OUT_OF_RANGE"
    | "INTERNAL"
    | "UNAVAILABLE"
    | "DATA_LOSS"
    | "UNAUTHENTICATED";
  readonly meaning: string;
  readonly remedy: string;
  readonly never: string;
}

const afterLoss =
  "leave the directory as it is and run `lanekeeper inspect` on it; `lanekeeper repair` makes a guarded store of what is proven; or begin a new one with init, let the node catch up from its peers, and sign nothing where the old store may have signed";
const neverBack =
  "put back a single file or an older copy: the validator would forget what it signed since, and could sign twice";

/** How a refusal over damage ends. No message asks for an older copy: with it the validator may sign twice. */
export const LOOK_FIRST = "leave the directory as it is, and run `lanekeeper inspect` on it";

const table = {
  USAGE: {
    exit: 2,
    status: "INVALID_ARGUMENT",
    meaning: "an argument or an option is wrong; nothing was begun",
    remedy: "correct the argument that the message names",
    never: "repeat the call unchanged: it fails again",
  },
  OUT_OF_SEQUENCE: {
    exit: 10,
    status: "OUT_OF_RANGE",
    meaning: "the number is above the next one, or below the first: a gap is refused",
    remedy: "push what lies between first, or read a number that is held",
    never: "renumber a signed block: its signature covers the number",
  },
  DUPLICATE: {
    exit: 10,
    status: "ALREADY_EXISTS",
    meaning: "the same bytes are held at this number already",
    remedy: "nothing: the store holds them",
    never: "sign another block for this number in place of it",
  },
  CONFLICT: {
    exit: 11,
    status: "FAILED_PRECONDITION",
    meaning:
      "other bytes are held at this number: two different messages were signed for one place",
    remedy: "keep `held` and `offered`, the evidence in the error; find out who signed twice",
    never: "remove what is held to make room for what was offered",
  },
  INVALID: {
    exit: 12,
    status: "INVALID_ARGUMENT",
    meaning:
      "bytes do not decode, or the signer, signature, hash, parent, lane, number or size is wrong",
    remedy: "drop the message; ask its sender, or another peer, for a valid one",
    never: "vote for it",
  },
  SOURCE_REFUSED: {
    exit: 13,
    status: "FAILED_PRECONDITION",
    meaning:
      "a directory of sei-chain, a log of WalManager or a SQLite file of jobs is not whole, or not theirs",
    remedy:
      "stop the program that writes it, and open it once with that program; then read it again",
    never: "remove files from it until it can be read: what they hold would be missing",
  },
  PINNED: {
    exit: 14,
    status: "FAILED_PRECONDITION",
    meaning:
      "a block that was being written was lost: only that same block may be signed at its number",
    remedy:
      "get the block with the pinned hash from a peer and push it, or wait for a commit QC or an anchor that covers the number, or lift the pin with `release`",
    never: "lift a pin in order to sign another block: a peer may hold the first one",
  },
  VERIFY_MISMATCH: {
    exit: 15,
    status: "FAILED_PRECONDITION",
    meaning: "the record that would become the first is not the expected one; nothing was removed",
    remedy: "close the store and run `lanekeeper verify` on it",
    never: "remove the lower records by hand",
  },
  WRONG_COMMITTEE: {
    exit: 16,
    status: "FAILED_PRECONDITION",
    meaning:
      "the store holds messages that the committee given for their epoch did not sign; nothing is damaged",
    remedy:
      "give the committee file or the `epochOf` of this chain, with every epoch from the anchor's on",
    never: "begin a new store because of it: this one is sound",
  },
  GUARDED: {
    exit: 17,
    status: "FAILED_PRECONDITION",
    meaning:
      "the validator may have signed another message for this place: the store was restored, or a vote was lost",
    remedy:
      "leave the place to the others; while the height of a guard is unknown, give the old machine's watermarks or ask the peers, and raise the guard",
    never: "sign there all the same: two messages for one place cost the stake",
  },
  UNRESERVED: {
    exit: 87,
    status: "FAILED_PRECONDITION",
    meaning:
      "the place is not reserved for this machine: another one may sign there, or has signed",
    remedy:
      "do what the message says; where the other machine is away, take over with takeReservations()",
    never: "sign it all the same, or end the reservations while both machines have the keys",
  },
  RESERVATIONS_UNREADABLE: {
    exit: 88,
    status: "DATA_LOSS",
    meaning: "the object of the reservations is none, or is that of another validator",
    remedy:
      "see whether the address and the key are those of this validator; sign nothing until the object is right",
    never: "remove it to get going: the bounds of the other machine would be forgotten",
  },
  JOURNAL_CORRUPT: {
    exit: 20,
    status: "DATA_LOSS",
    meaning: "a journal segment is damaged, missing or not the listed one",
    remedy: afterLoss,
    never: neverBack,
  },
  ACKNOWLEDGED_LOST: {
    exit: 21,
    status: "DATA_LOSS",
    meaning: "a record that was acknowledged is not on disk",
    remedy: afterLoss,
    never: neverBack,
  },
  MARK_CORRUPT: {
    exit: 22,
    status: "DATA_LOSS",
    meaning: "both slots of the mark are damaged, or the mark is missing",
    remedy: afterLoss,
    never: `${neverBack}; nor make an empty mark`,
  },
  ANCHOR_CORRUPT: {
    exit: 23,
    status: "DATA_LOSS",
    meaning:
      "a slot of the anchor or of the vote state is damaged, and the other slot may not stand in for it",
    remedy: afterLoss,
    never: `${neverBack}; nor remove the damaged slot`,
  },
  RECOVERY_MISMATCH: {
    exit: 24,
    status: "DATA_LOSS",
    meaning: "the recovered blocks, commit QCs and anchor contradict each other",
    remedy: afterLoss,
    never: neverBack,
  },
  JOB_CORRUPT: {
    exit: 25,
    status: "DATA_LOSS",
    meaning: "the files of a job, or one of its values, are not what was written",
    remedy:
      "keep a copy of the job's folder; drop the job and fill it again from its source, other jobs go on",
    never:
      "put back a single file or an older copy, or let LevelDB repair it: rows vanish without a word",
  },
  BACKUP_CORRUPT: {
    exit: 58,
    status: "DATA_LOSS",
    meaning: "a file of a backup is damaged or missing, or no whole backup is in the directory",
    remedy: "take another one into a new directory while the store runs",
    never: "mend a manifest by hand, or put a part of a backup into a store",
  },
  JOB_FAILED: {
    exit: 46,
    status: "INTERNAL",
    meaning: "LevelDB refused a call on this job: nothing goes through it any more",
    remedy: "close the job, see the cause, open it again: the journal holds every durable write",
    never: "go on with the open job: LevelDB may acknowledge what it then loses",
  },
  JOB_BUSY: {
    exit: 57,
    status: "RESOURCE_EXHAUSTED",
    meaning: "LevelDB made no room for a write to this job for `stallMs`; it was not written",
    remedy: "look at the disk; try again when `status()` shows that the job's queue moves",
    never: "open the job's folder elsewhere to get around its queue",
  },
  JOB_NOT_FOUND: {
    exit: 47,
    status: "NOT_FOUND",
    meaning: "no job of this id is open",
    remedy: "call openJob first, or correct the id",
    never: "take it for an empty job",
  },
  STORE_EXISTS: {
    exit: 30,
    status: "FAILED_PRECONDITION",
    meaning: "init was asked for a directory that holds a store or other files",
    remedy: "open the store that is there, or give init an empty directory",
    never: "empty the directory of a validator that has signed",
  },
  NOT_A_STORE: {
    exit: 31,
    status: "FAILED_PRECONDITION",
    meaning: "there is no store in the directory",
    remedy: "check the path and the mount; run init once for a new validator",
    never: "run init because a disk is not mounted: the new store knows nothing of what was signed",
  },
  STORE_LOCKED: {
    exit: 32,
    status: "UNAVAILABLE",
    meaning: "another process, or another open in this one, owns the store",
    remedy: "stop the other owner; the lock goes with its process",
    never: "copy the directory to get around the lock: two validators would sign with one key",
  },
  STORE_STOLEN: {
    exit: 33,
    status: "INTERNAL",
    meaning: "the files under a running owner were removed, renamed or replaced",
    remedy:
      "stop the node; find out what touched the directory; put the directory itself back in its place and open it",
    never: "go on with whatever directory has the name now",
  },
  WRONG_CHAIN: {
    exit: 34,
    status: "FAILED_PRECONDITION",
    meaning: "the store belongs to another chain",
    remedy: "give the directory or the chain id that belong together",
    never: "edit STORE",
  },
  FORMAT_TOO_NEW: {
    exit: 35,
    status: "FAILED_PRECONDITION",
    meaning: "a newer version wrote it, or it holds a required type that is not known here",
    remedy: "open it with that version, or name the type in `types`",
    never: "go back to a copy from before the upgrade: it has forgotten what was signed since",
  },
  READ_ONLY: {
    exit: 36,
    status: "FAILED_PRECONDITION",
    meaning: "the directory cannot be read or written by this user",
    remedy: "mount the file system for writing, or give this user the rights",
    never: "move the store elsewhere while its owner may still run",
  },
  STORE_MOVED: {
    exit: 37,
    status: "FAILED_PRECONDITION",
    meaning: "the store was copied, or moved to another file system, since it was last open",
    remedy:
      "make sure that the original never runs again; then open this one with `moved: true`, or `--moved` on the command line",
    never:
      "start it beside the original, or say `moved` of a backup: the original may have signed since",
  },
  RETIRED: {
    exit: 60,
    status: "FAILED_PRECONDITION",
    meaning: "the store was retired: its validator goes on with another one",
    remedy: "go on with the store that took its place",
    never: "remove RETIRED: the other store may have signed since",
  },
  KEY_MISSING: {
    exit: 38,
    status: "FAILED_PRECONDITION",
    meaning: "something was written with a key that was not given",
    remedy: "give the key whose id the message names, to `read` or by `--key`",
    never: "remove what cannot be read, or begin a new store: everything is there",
  },
  KEY_WRONG: {
    exit: 39,
    status: "FAILED_PRECONDITION",
    meaning: "a key bears the id that a segment names, and is not the key of that segment",
    remedy: "find the key that the segment was written with; no record is damaged by it",
    never: "take it for damage, or change the segment",
  },
  KEY_REFUSED: {
    exit: 49,
    status: "FAILED_PRECONDITION",
    meaning:
      "a key cannot be used: its form is wrong, or others than its owner can get at its file",
    remedy: "do what the message says; `lanekeeper key new` makes a file that is right",
    never: "make the file readable for others",
  },
  DISK_FULL: {
    exit: 40,
    status: "RESOURCE_EXHAUSTED",
    meaning: "no space is left; nothing was harmed",
    remedy: "free some space, or let an anchor prune, and try again",
    never: "remove files of the store",
  },
  IO: {
    exit: 41,
    status: "INTERNAL",
    meaning: "the operating system refused a file operation",
    remedy: "do what the message advises for the error of the operating system",
    never: "go on with a device that reports errors",
  },
  POISONED: {
    exit: 42,
    status: "INTERNAL",
    meaning: "a write or flush failed before: nothing is acknowledged any more",
    remedy: "close the store, look at the disk and its log, then open the store again",
    never: "take what was waiting as durable, or as lost: the next open says which",
  },
  CLOSED: {
    exit: 43,
    status: "UNAVAILABLE",
    meaning: "the store was closed, or the lane was dropped",
    remedy: "open the store again, and repeat the call",
    never: "take a call that ended so as acknowledged",
  },
  ABORTED: {
    exit: 44,
    status: "CANCELLED",
    meaning: "the caller's signal ended the wait; the error is an `AbortError`",
    remedy: "nothing, or wait again",
    never: "take it for a refusal: what was queued may still become durable",
  },
  TOO_MANY_LANES: {
    exit: 45,
    status: "RESOURCE_EXHAUSTED",
    meaning: "the store lists as many lanes, logs and segments as its segment size has room for",
    remedy:
      "let an anchor prune, drop lanes of past epochs with `dropLanesExcept`, or reopen with larger `segmentBytes`",
    never: "drop a lane whose blocks may still be needed",
  },
  CALLBACK_FAILED: {
    exit: 48,
    status: "INTERNAL",
    meaning: "a function that the caller gave (`epochOf`, a verifier, a listener) threw",
    remedy: "mend the function; the error's `cause` is what it threw",
    never: "take it for damage: the store is sound",
  },
  FENCED: {
    exit: 50,
    status: "ABORTED",
    meaning: "another writer was let in since: the store takes nothing more from this one",
    remedy: "stop this validator, or the other one; then acquire the store anew",
    never: "sign anything with what this writer knows: the other one may sign by now",
  },
  WRITER_PRESENT: {
    exit: 51,
    status: "FAILED_PRECONDITION",
    meaning: "another writer has the store",
    remedy: "stop the other validator, and try again; or take over, and it gets nothing more",
    never: "take over from a validator that runs and signs with the same key",
  },
  LANE_FULL: {
    exit: 52,
    status: "RESOURCE_EXHAUSTED",
    meaning: "the lane has its 30 blocks above the durable anchor, and too many wait for room",
    remedy: "push an anchor, and push the block again once it is durable",
    never: "take it for a block that is wrong: the same one is taken later",
  },
  NOT_READY: {
    exit: 53,
    status: "UNAVAILABLE",
    meaning: "the service is opening its store, could not open it, or is about to end",
    remedy: "wait until it is ready, and see its status for the reason",
    never: "begin a new store because of it",
  },
  UNAUTHENTICATED: {
    exit: 54,
    status: "UNAUTHENTICATED",
    meaning: "the caller gave no token or certificate that the service knows",
    remedy: "give the client its token or its certificate",
    never: "open the service to everybody because of it",
  },
  NOT_ALLOWED: {
    exit: 55,
    status: "PERMISSION_DENIED",
    meaning: "the caller is known, and has not the role that the call needs",
    remedy: "use a token or a certificate with that role",
    never: "give a reader the role of a writer: two writers would sign with one key",
  },
  OVERLOADED: {
    exit: 56,
    status: "RESOURCE_EXHAUSTED",
    meaning: "a limit of the service is reached: streams, connections, bytes or items at once",
    remedy: "wait for the answers that are on their way, and try again",
    never: "raise the limit above what the memory of the machine holds",
  },
  UNREACHABLE: {
    exit: 59,
    status: "UNAVAILABLE",
    meaning: "the service could not be reached within the time that the client was given",
    remedy:
      "see whether the service runs and its address is right, then connect anew: the cursors say what is durable",
    never: "take what was waiting as durable, or as lost",
  },
  BUCKET_FAILED: {
    exit: 80,
    status: "UNAVAILABLE",
    meaning: "a bucket did not answer, or was busy, each of the few times that it was asked",
    remedy: "see whether the bucket can be reached; a call that is made again goes on",
    never: "take what was to be put there as there, or as missing",
  },
  BUCKET_REFUSED: {
    exit: 81,
    status: "FAILED_PRECONDITION",
    meaning:
      "a bucket refused a call: its credentials, name, region, clock or certificate is wrong",
    remedy: "do what the message says",
    never: "give the credentials more rights than to read, to list and to create",
  },
  BUCKET_UNSAFE: {
    exit: 82,
    status: "FAILED_PRECONDITION",
    meaning: "a bucket does not keep the conditions of a put: two writers would both be first",
    remedy: "use a server that keeps If-None-Match, and If-Match for reservations",
    never: "share the bucket between machines all the same",
  },
  ARCHIVE_CORRUPT: {
    exit: 83,
    status: "DATA_LOSS",
    meaning: "an object of the archive is missing, cut, swapped or altered",
    remedy: "keep the bucket as it is; see who wrote there, and whether the bucket keeps versions",
    never: "write an object of that name again: the chain of the archive names the first one",
  },
  ARCHIVE_CONFLICT: {
    exit: 84,
    status: "FAILED_PRECONDITION",
    meaning: "the archive holds another record at a number than this store: there are two truths",
    remedy: "keep both, the object under conflict/ is the store's; find out who signed twice",
    never: "remove either of them to make the other one go on",
  },
  UNFIT: {
    exit: 61,
    status: "FAILED_PRECONDITION",
    meaning: "this disk or machine is not fit for the store of a validator",
    remedy: "do what each check that is bad says, and run `lanekeeper doctor` again",
    never:
      "run a validator on memory, on another machine's disk, or where flushes do not reach the disk",
  },
  ARCHIVE_BEHIND: {
    exit: 85,
    status: "RESOURCE_EXHAUSTED",
    meaning:
      "as much is held back for the archive as may be: no block is taken until some is archived",
    remedy: "see why the bucket takes nothing; the same block is taken once the archive goes on",
    never: "give up the gate to make room: what was not archived would be gone",
  },
  INTERNAL: {
    exit: 70,
    status: "INTERNAL",
    meaning: "an invariant of Lanekeeper itself did not hold: this is a bug",
    remedy: "stop the process, keep the directory and the message, and report both",
    never: "catch it and go on",
  },
} satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof table;

/** The table by code. */
export const errorCodes: Readonly<Record<ErrorCode, CodeFacts>> = table;

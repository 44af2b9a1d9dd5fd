/**
 * From an error code of the operating system to the one error class, the same for every disk.
 */
import { constants } from "node:os";
import { type ErrorCode, PersisterError, reasonOf } from "../types/errors.js";

const NO_LOCKS = "this file system has no locks: choose another, a local one";

interface Remedy {
  readonly code: ErrorCode;
  readonly advice: string;
}

/** Codes that mean something to an operator; all else is `IO`. */
const remedies: Readonly<Record<string, Remedy>> = {
  ENOSPC: { code: "DISK_FULL", advice: "free some space and open again" },
  EDQUOT: { code: "DISK_FULL", advice: "raise the quota or free some space, and open again" },
  EROFS: { code: "READ_ONLY", advice: "mount the file system for writing" },
  EACCES: { code: "READ_ONLY", advice: "give this user the right to read and write there" },
  EPERM: { code: "READ_ONLY", advice: "give this user the right to read and write there" },
  EMFILE: { code: "IO", advice: "raise the limit of open files (ulimit -n)" },
  ENFILE: { code: "IO", advice: "raise the system's limit of open files" },
  EIO: { code: "IO", advice: "the device reports an error: check its log before going on" },
  ENOENT: { code: "IO", advice: "nothing is at that path, or its directory is missing" },
  EEXIST: { code: "IO", advice: "something is at that path already" },
  ENOTDIR: { code: "IO", advice: "a part of that path is no directory" },
  EISDIR: { code: "IO", advice: "a directory is at that path" },
  ELOOP: { code: "IO", advice: "a symbolic link there leads in a circle" },
  ENAMETOOLONG: { code: "IO", advice: "the path is longer than the file system takes" },
  EFBIG: { code: "IO", advice: "raise the limit of file sizes (ulimit -f)" },
  ENOMEM: { code: "IO", advice: "the system is out of memory: free some, and open again" },
  ETIMEDOUT: { code: "IO", advice: "the device or its server did not answer: check it" },
  ESTALE: { code: "IO", advice: "a file server has lost the file: mount it again, and open again" },
  ENODEV: { code: "IO", advice: "the device is gone: check it before going on" },
  ENXIO: { code: "IO", advice: "the device is gone: check it before going on" },
  ENOLCK: { code: "IO", advice: NO_LOCKS },
  ERR_ACCESS_DENIED: {
    code: "READ_ONLY",
    advice: "Node's permission model forbids it: allow reads and writes there, or run without it",
  },
};
const unknownRemedy: Remedy = { code: "IO", advice: "see the cause" };

/** Answers of a file system that cannot do the thing at all. */
const UNSUPPORTED = new Set(["EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"]);
const DENIED = new Set(["ERR_ACCESS_DENIED"]);
/** Advice where such an answer comes, by the word of the action that it stands for. */
const unsupported: readonly (readonly [
  answers: ReadonlySet<string>,
  action: string,
  advice: string,
])[] = [
  [UNSUPPORTED, "lock", NO_LOCKS],
  [
    UNSUPPORTED,
    "flush",
    "this file system does not flush directories: choose another, a local one",
  ],
  [DENIED, "flush", "the permission model of this Node forbids each flush: run without it"],
];

/** The error for `action` (a verb phrase: "write 12 bytes at 0") that failed at `file`. */
export function diskError(action: string, file: string, cause: unknown): PersisterError {
  if (cause instanceof PersisterError) return cause;
  const osCode = osCodeOf(cause);
  const remedy = remedyOf(action, osCode);
  const why = osCode ?? reasonOf(cause);
  const message = `could not ${action}: ${file}: ${why} (${remedy.advice})`;
  return new PersisterError(remedy.code, message, { file, cause });
}

function remedyOf(action: string, osCode: string | undefined): Remedy {
  if (osCode === undefined) return unknownRemedy;
  const row = unsupported.find(([answers, word]) => answers.has(osCode) && action.startsWith(word));
  return row ? { code: "IO", advice: row[2] } : (remedies[osCode] ?? unknownRemedy);
}

/** The error of a call on a handle that was closed. */
export function closedError(file: string): PersisterError {
  return new PersisterError("CLOSED", `the file was closed: ${file} (open it again)`, { file });
}

/** The refusal of a second lock. */
export function lockedError(file: string, cause?: unknown): PersisterError {
  const message =
    `data directory in use by another process, or by another open in this one: ${file} is locked` +
    " (stop the other owner first; the lock goes with its process)";
  return new PersisterError("STORE_LOCKED", message, { file, cause });
}

/**
 * The operating system's code ("ENOENT") in an error, where it has one. Node does not know the name of
 * every number; the table of the system does.
 */
export function osCodeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !("code" in cause)) return undefined;
  if (typeof cause.code !== "string" || !cause.code.startsWith("Unknown system error")) {
    return typeof cause.code === "string" ? cause.code : undefined;
  }
  const number = -Number(/-\d+/.exec(cause.code)?.[0]);
  const named = Object.entries(constants.errno).find(([, each]) => each === number);
  return named?.[0] ?? cause.code;
}

/** An error as the operating system would give it, for disks that have none. */
export function osError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** The error of every operation on a store. */
import { type ErrorCode, errorCodes } from "./error-codes.js";
import { LanekeeperError } from "./lanekeeper-error.js";

export { type CodeFacts, type ErrorCode, errorCodes, LOOK_FIRST } from "./error-codes.js";

/** The place where an error happened. A fact that does not apply is left out. */
export interface ErrorFacts {
  readonly lane?: string;
  readonly blockNumber?: bigint;
  readonly roadIndex?: bigint;
  readonly file?: string;
  readonly offset?: number;
  /** The bytes that are held already, if the refusal is about them (D2). Not a copy. */
  readonly held?: Uint8Array;
  /** The bytes that were offered, if the refusal is about them (D2). Not a copy. */
  readonly offered?: Uint8Array;
  readonly cause?: unknown;
}

/**
 * An operating error. `message` says what happened, where, and what to do; `code` is stable; `lane`,
 * `blockNumber`, `roadIndex`, `file` and `offset` name the place, each where it applies. `held` and
 * `offered` are not enumerable, and no part of `toJSON()`.
 */
export class PersisterError extends LanekeeperError implements ErrorFacts {
  declare readonly lane?: string;
  declare readonly blockNumber?: bigint;
  declare readonly roadIndex?: bigint;
  declare readonly file?: string;
  declare readonly offset?: number;
  declare readonly held?: Uint8Array;
  declare readonly offered?: Uint8Array;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super("PersisterError", code, message, { ...facts });
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

/** Whether `cause` is a `PersisterError` with one of `codes`. */
export function hasCode(cause: unknown, ...codes: readonly ErrorCode[]): cause is PersisterError {
  return cause instanceof PersisterError && codes.includes(cause.code);
}

/** The error of a call, a command or a document that is wrong in itself. */
export function usageError(message: string, cause?: unknown): PersisterError {
  return new PersisterError("USAGE", message, { cause });
}

/** The message of whatever was thrown. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** The error of a caller's function that threw. */
export function callbackFailed(what: string, cause: unknown): PersisterError {
  return new PersisterError("CALLBACK_FAILED", `${what} threw: ${reasonOf(cause)}`, { cause });
}

/** The disk, or the quota on it, has no room. */
export function isDiskFull(cause: unknown): cause is PersisterError {
  return hasCode(cause, "DISK_FULL");
}

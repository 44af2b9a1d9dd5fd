/**
 * The base class of every error that reaches a user. Programs tell errors apart by `code`, which is
 * stable and the same in every copy of the package, where `instanceof` holds in one copy alone.
 *
 * Facts that do not apply are not there: neither as own properties nor in print. Facts that are bytes
 * (the evidence of a conflict) are not enumerable, so that no logger prints a block of 2 MB twice.
 */
import { inspect } from "node:util";
import { type ErrorCode, errorCodes } from "./error-codes.js";

/** The facts of an error, beside its message. A fact that is `undefined` does not apply. */
export interface Facts {
  readonly [fact: string]: unknown;
  readonly cause?: unknown;
}

/** An error as JSON: numbers above 53 bits as decimal strings, the cause as text, no held bytes. */
export interface ErrorJson {
  readonly name: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly cause?: string;
  readonly [fact: string]: unknown;
}

/**
 * An error with a stable `code`. Its `name` is its class, and "AbortError" where `code` is ABORTED, as
 * the platform's own calls name theirs: `error.name === "AbortError"` works as everywhere.
 *
 * `structuredClone` and `postMessage` keep what Node keeps of any error: message, stack and cause. To
 * send all of it to another thread, send `error.toJSON()`.
 */
export abstract class LanekeeperError extends Error {
  readonly code: ErrorCode;

  /** @internal */
  constructor(name: string, code: ErrorCode, message: string, facts: Facts = {}) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    define(this, "name", code === "ABORTED" ? "AbortError" : name, false);
    this.code = code;
    for (const [fact, value] of Object.entries(facts)) {
      if (value === undefined || fact === "cause") continue;
      define(this, fact, value, !(value instanceof Uint8Array));
    }
  }

  /** For `JSON.stringify`, and for whatever copies plain values alone. */
  toJSON(): ErrorJson {
    const { name, code, message, cause } = this;
    const facts = Object.entries(this).map(([fact, value]: [string, unknown]) => {
      return [fact, typeof value === "bigint" ? String(value) : value] as const;
    });
    const why = cause === undefined ? {} : { cause: textOf(cause) };
    return { name, code, message, ...Object.fromEntries(facts), ...why };
  }
}

/** Tells whether `cause` is an error of this package: of this copy, or of another in the process. */
export function isLanekeeperError(cause: unknown): cause is LanekeeperError {
  if (cause instanceof LanekeeperError) return true;
  if (!(cause instanceof Error) || !("code" in cause) || !("toJSON" in cause)) return false;
  return typeof cause.code === "string" && Object.hasOwn(errorCodes, cause.code);
}

function define(error: Error, fact: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, fact, { value, enumerable, configurable: true, writable: true });
}

function textOf(cause: unknown): string {
  if (typeof cause === "string") return cause;
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : inspect(cause);
}

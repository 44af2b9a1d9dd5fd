/**
 * Checks of what a caller passed to a public method, made before the method begins anything. TypeScript
 * keeps most mistakes from being compiled; plain JavaScript, `any` and JSON do not.
 *
 * A wrong argument is USAGE, whatever it is: a value of another type, a number out of range, an option
 * that nobody knows, an object whose getters throw. No check changes what it was given.
 */
import { LanekeeperError } from "./lanekeeper-error.js";
import { PersisterError } from "./errors.js";
import { U64_MAX } from "./numbers.js";

/** Characters of a reason that goes on record. */
export const REASON_CHARS_MAX = 1000;
/** Characters of a value that a message repeats. */
const SHOWN_MAX = 40;

/** The error of an argument: `name` must be `wanted`, and is `value`. */
export function wrongArgument(name: string, wanted: string, value: unknown): PersisterError {
  return new PersisterError("USAGE", `${name} must be ${wanted}, not ${shown(value)}`);
}

/** @throws {PersisterError} USAGE unless `value` is a bigint of 64 bits. */
export function u64Argument(name: string, value: unknown): bigint {
  if (typeof value === "bigint" && value >= 0n && value <= U64_MAX) return value;
  throw wrongArgument(name, "a bigint from 0 to 2^64 - 1", value);
}

/** @throws {PersisterError} USAGE unless `value` is an integer of [least, most]. */
export function integerArgument(
  name: string,
  value: unknown,
  [least, most]: readonly [number, number],
): number {
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) {
    return Number(value);
  }
  throw wrongArgument(name, `an integer from ${least} to ${most}`, value);
}

/**
 * The reason for a decision that goes on record, without the blanks around it.
 *
 * @throws {PersisterError} USAGE unless it says something.
 */
export function reasonArgument(name: string, value: unknown): string {
  const reason = typeof value === "string" ? value.trim() : "";
  if (reason !== "" && String(value).length <= REASON_CHARS_MAX) return reason;
  throw wrongArgument(name, `a reason of 1 to ${REASON_CHARS_MAX} characters`, value);
}

/** A boolean argument. @throws {PersisterError} USAGE */
export function booleanArgument(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw wrongArgument(name, "true or false", value);
}

/** @throws {PersisterError} USAGE unless `value` is a `Uint8Array`; a `Buffer` is one. */
export function bytesArgument(name: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw wrongArgument(name, "a Uint8Array", value);
}

/** @throws {PersisterError} USAGE unless `value` is `undefined` or an `AbortSignal`, of any realm. */
export function signalArgument(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal || isSignalOfAnotherRealm(value)) {
    return value;
  }
  throw wrongArgument("option signal", "an AbortSignal", value);
}

/**
 * The options in `value`: each of `known` that is there. `undefined` is no options.
 *
 * @throws {PersisterError} USAGE if `value` is no object, has an option that is not known, or cannot be
 * read.
 */
export function optionsArgument<Key extends string>(
  name: string,
  value: unknown,
  known: readonly Key[],
): { readonly [key in Key]?: unknown } {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrongArgument(name, "an object", value);
  }
  const given = value as Readonly<Record<string, unknown>>;
  return readingArguments(name, () => {
    for (const key in given) {
      if (known.some((each) => each === key)) continue;
      throw new PersisterError("USAGE", `${name} has no ${key}: it has ${known.join(", ")}`);
    }
    const options: { [key in Key]?: unknown } = {};
    for (const key of known) options[key] = given[key];
    return options;
  });
}

/** Runs `read`, which reads what a caller passed: what a getter or a proxy of the caller throws is USAGE. */
export function readingArguments<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof LanekeeperError) throw cause;
    throw new PersisterError("USAGE", `${name} cannot be read: see the cause`, { cause });
  }
}

function isSignalOfAnotherRealm(value: unknown): value is AbortSignal {
  if (typeof value !== "object" || value === null) return false;
  return readingArguments("option signal", () => {
    const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
    return (
      typeof aborted === "boolean" &&
      typeof addEventListener === "function" &&
      typeof removeEventListener === "function"
    );
  });
}

/** Says in few words what a value is. Calls nothing of the value's own. */
function shown(value: unknown): string {
  if (value === null || value === undefined || typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value.slice(0, SHOWN_MAX));
  if (typeof value === "number") return `the number ${value}`;
  if (typeof value === "bigint") return `the bigint ${value.toString().slice(0, SHOWN_MAX)}`;
  if (typeof value === "object") return Array.isArray(value) ? "an array" : "an object";
  return `a ${typeof value}`;
}

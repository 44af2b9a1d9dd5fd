/**
 * Shapes of arguments: what a caller must give, checked at the door, with the path of the first wrong
 * field: "block.payload.txs[3] must be bytes (a Uint8Array), not a string". TypeScript says the same to
 * the compiler; plain JavaScript, `any` and JSON pass it by.
 */
import { types } from "node:util";
import { PersisterError } from "./errors.js";
import { isLaneId } from "./lane.js";
import { checkU64 } from "./numbers.js";

/** Throws USAGE, naming the field, unless `value` has this shape. `name` is what the caller calls it. */
export type Shape = (value: unknown, name: string) => void;

/** An argument: its shape, its value, and its name. */
export type Argument = readonly [shape: Shape, value: unknown, name: string];

/**
 * Checks arguments in their order.
 *
 * @throws {PersisterError} USAGE naming the first that is wrong.
 */
export function checkArguments(...all: readonly Argument[]): void {
  for (const [shape, value, name] of all) shape(value, name);
}

/** Tells whether `value` is a byte string, made here or in another realm (a test runner's, say). */
export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || types.isUint8Array(value);
}

/** Throws USAGE unless `holds`. */
export function must(holds: boolean, name: string, wanted: string, value: unknown): void {
  if (holds) return;
  throw new PersisterError("USAGE", `${name} must be ${wanted}, not ${kindOf(value)}`);
}

/** A value in a few words, whatever it is. */
function kindOf(value: unknown): string {
  if (value === undefined || value === null) return `${value}`;
  if (isBytes(value)) return `${value.length} bytes`;
  if (typeof value === "bigint" || typeof value === "number") return `the ${typeof value} ${value}`;
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

export const u64: Shape = (value, name) => {
  checkU64(value, name);
};

export const i64: Shape = (value, name) =>
  must(
    typeof value === "bigint" && BigInt.asIntN(64, value) === value,
    name,
    "a bigint of 64 bits",
    value,
  );

export const nanos: Shape = (value, name) =>
  must(
    Number.isInteger(value) && Number(value) >= 0 && Number(value) < 1_000_000_000,
    name,
    "an integer from 0 to 10^9 - 1",
    value,
  );

export const lane: Shape = (value, name) =>
  must(
    typeof value === "string" && isLaneId(value),
    name,
    "a lane id (80 lower-case hex digits)",
    value,
  );

export const bytes: Shape = (value, name) =>
  must(isBytes(value), name, "bytes (a Uint8Array)", value);

export function bytesOf(length: number): Shape {
  return (value, name) =>
    must(isBytes(value) && value.length === length, name, `${length} bytes (a Uint8Array)`, value);
}

/** A value that has these methods, of this copy of the package or of another. */
export function having(wanted: string, ...methods: readonly string[]): Shape {
  return (value, name) => {
    const has = (method: string) => typeof Reflect.get(value as object, method) === "function";
    must(typeof value === "object" && value !== null && methods.every(has), name, wanted, value);
  };
}

export const abortSignal: Shape = (value, name) => {
  const { aborted, addEventListener } = Object(value) as Partial<AbortSignal>;
  const isSignal = typeof aborted === "boolean" && typeof addEventListener === "function";
  must(isSignal, name, "an AbortSignal", value);
};

/** The shape of each field of `T`, none left out. */
export type Fields<T> = { readonly [K in keyof T]-?: Shape };

/** An object with these fields. Others may be there too. */
export function record(fields: Readonly<Record<string, Shape>>): Shape {
  const all = Object.entries(fields);
  return (value, name) => {
    must(isRecord(value), name, "an object", value);
    for (const [field, shape] of all)
      shape(Reflect.get(value as object, field), `${name}.${field}`);
  };
}

/** As `record`, and without any other field: a misspelt option is not ignored. May be left out. */
export function optionsOf(fields: Readonly<Record<string, Shape>>): Shape {
  const shape = record(fields);
  return (value, name) => {
    if (value === undefined) return;
    shape(value, name);
    const given = Object.keys(value as object);
    const unknown = given.find((field) => !Object.hasOwn(fields, field));
    if (unknown !== undefined) {
      const known = Object.keys(fields).join(", ");
      throw new PersisterError("USAGE", `${name} has no option ${unknown}; it has ${known}`);
    }
  };
}

export function list(shape: Shape): Shape {
  return (value, name) => {
    must(Array.isArray(value), name, "an array", value);
    for (const [at, each] of (value as readonly unknown[]).entries()) shape(each, `${name}[${at}]`);
  };
}

/** As `list`, and not empty. */
export function listWithOne(shape: Shape): Shape {
  return (value, name) => {
    list(shape)(value, name);
    must((value as readonly unknown[]).length > 0, name, "an array with an entry at least", value);
  };
}

export function maybe(shape: Shape): Shape {
  return (value, name) => {
    if (value !== undefined) shape(value, name);
  };
}

/**
 * Tells whether `value` is an object of fields. A list, an AbortSignal or a Map is none: it would pass
 * as a record without any field.
 */
export function isRecord(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object Object]";
}

/**
 * The numbers of the protocol. Block numbers, road indexes and every other count that travels as
 * u64 are plain `bigint`: a `number` loses precision above 2^53, and protobufjs encodes a `bigint`
 * as 0 unless it is converted first.
 *
 * There are no branded types: a brand is lost with the first `+ 1n`, so that every second line would
 * cast it back. Each door checks the values that it is given instead.
 */
import { PersisterError } from "./errors.js";

/** The largest value that eight bytes hold. */
export const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** `Math.max` and `Math.min` take no bigint. */
export function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

export function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

/**
 * Returns `value` if it is a bigint that fits 64 bits without a sign; `name` is told in the error.
 *
 * @throws {PersisterError} USAGE otherwise.
 */
export function checkU64(value: unknown, name: string): bigint {
  if (typeof value !== "bigint") {
    throw new PersisterError("USAGE", `${name} must be a bigint, not a ${typeof value}`);
  }
  if (value < 0n || value > U64_MAX) {
    throw new PersisterError("USAGE", `${name} must be from 0n to 2^64 - 1, not ${value}n`);
  }
  return value;
}

/**
 * The numbers of the protocol, branded so that one is never taken for another.
 *
 * Counting numbers that the protocol carries as u64 are `bigint` throughout: a `number` loses
 * precision above 2^53, and protobufjs encodes a `bigint` as 0 unless it is converted first.
 */
import { assert } from "./assert.js";

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** The place of a block in its lane, from 0. */
export type BlockNumber = Branded<bigint, "BlockNumber">;
/** The place of a commit QC on the road, from 0. */
export type RoadIndex = Branded<bigint, "RoadIndex">;

/** The largest value that eight bytes hold. */
export const U64_MAX = 0xffff_ffff_ffff_ffffn;

function u64(value: bigint, what: string): bigint {
  assert(typeof value === "bigint", `a ${what} is a bigint`);
  assert(value >= 0n && value <= U64_MAX, `a ${what} fits 64 bits without a sign`);
  return value;
}

/** Checks that `value` fits an unsigned 64-bit integer and brands it. */
export function blockNumber(value: bigint): BlockNumber {
  return u64(value, "block number") as BlockNumber;
}

/** Checks that `value` fits an unsigned 64-bit integer and brands it. */
export function roadIndex(value: bigint): RoadIndex {
  return u64(value, "road index") as RoadIndex;
}

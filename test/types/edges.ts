/** The places where a number of 64 bits meets the end of a type: of doubles, of int64, of itself. */
import * as fc from "fast-check";

/** A number beside one of `ends`. */
export function besideOf(...ends: readonly bigint[]): fc.Arbitrary<bigint> {
  return fc
    .record({ end: fc.constantFrom(...ends), beside: fc.constantFrom(-1n, 0n, 1n) })
    .map(({ end, beside }) => end + beside);
}

/** Beside each end of a type, from -1 to 2^64. */
export const edge: fc.Arbitrary<bigint> = besideOf(
  0n,
  1n,
  2n ** 8n,
  2n ** 16n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
);

/** The places where a number of 64 bits meets the end of a type: of doubles, of int64, of itself. */
import * as fc from "fast-check";

/** Each of `ends`, and the numbers right beside it. */
export function beside(...ends: readonly bigint[]): readonly bigint[] {
  return [...new Set(ends.flatMap((end) => [end - 1n, end, end + 1n]))];
}

/** Beside each end of a type, from -1 to 2^64. */
export const edges = beside(
  0n,
  2n ** 8n,
  2n ** 16n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
);

export const edge: fc.Arbitrary<bigint> = fc.constantFrom(...edges);

/**
 * How large the campaigns of the tests are. `LANEKEEPER_SCALE` is the part of their full size that a run
 * tries: 1 in `npm run test:all`, a tenth in `npm test` (vitest.config.ts sets it).
 */
export const SCALE = Number(process.env["LANEKEEPER_SCALE"] ?? 1);
if (!(SCALE > 0)) throw new Error("LANEKEEPER_SCALE is a number above 0");

/** The size of `npm test` or less: a campaign that has a short form for each of its parts tries that one. */
export const IS_SHORT = SCALE <= 0.1;

/** An exhaustive test of few places, each of which costs much, tries one in so many of them. */
export const STRIDE = IS_SHORT ? 3 : 1;

/**
 * An exhaustive test tries one in so many of its places: all of them at full size. The number is odd and
 * no part of a header's length, so that the places are not the same ones in each record.
 */
export const ONE_IN = SCALE < 1 ? 2 * Math.round(0.5 / SCALE) + 1 : 1;

/** The places that a run tries, the first among them. */
export function sampled<T>(places: Iterable<T>): T[] {
  return [...places].filter((_, at) => at % ONE_IN === 0);
}

/** The scaled size of a campaign whose full size is `full`; `variable` may name another one. */
export function campaignSize(full: number, variable?: string): number {
  const asked = variable === undefined ? undefined : process.env[variable];
  const size = asked === undefined ? Math.ceil(full * SCALE) : Number(asked);
  if (!Number.isSafeInteger(size) || size < 1) throw new Error(`${variable} is a whole number`);
  return size;
}

/**
 * How large the campaigns of the tests are. `LANEKEEPER_SCALE` is the part of their full size that a run
 * tries: 1 in `npm run test:all`, a tenth in `npm test` (vitest.config.ts sets it).
 */
export const SCALE = Number(process.env["LANEKEEPER_SCALE"] ?? 1);
if (!(SCALE > 0)) throw new Error("LANEKEEPER_SCALE is a number above 0");

/** The scaled size of a campaign whose full size is `full`; `variable` may name another one. */
export function campaignSize(full: number, variable?: string): number {
  const asked = variable === undefined ? undefined : process.env[variable];
  const size = asked === undefined ? Math.ceil(full * SCALE) : Number(asked);
  if (!Number.isSafeInteger(size) || size < 1) throw new Error(`${variable} is a whole number`);
  return size;
}

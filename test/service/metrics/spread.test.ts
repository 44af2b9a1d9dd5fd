/** Spreads: their buckets count exactly, and their quantiles are close. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Spread } from "../../../src/service/metrics/spread.js";
import { property } from "../../harness/property.js";

const bounds = [1, 2, 4, 8, 16];
const values = fc.array(
  fc.oneof(fc.double({ min: 0, max: 40, noNaN: true }), fc.constantFrom(...bounds)),
);

function spreadOf(all: readonly number[]): Spread {
  const spread = new Spread(bounds);
  for (const value of all) spread.note(value);
  return spread;
}

property([values])("each bucket counts the values up to its bound, and no other", (all) => {
  const spread = spreadOf(all);
  const expected = bounds.map((bound) => {
    return { bound, count: all.filter((value) => value <= bound).length };
  });
  expect(spread.cumulative()).toEqual(expected);
  expect(spread.now.count).toBe(all.length);
  expect(spread.now.sum).toBeCloseTo(
    all.reduce((sum, value) => sum + value, 0),
    6,
  );
});

property([fc.array(fc.double({ min: 0.01, max: 16, noNaN: true }), { minLength: 1 }), values])(
  "a quantile of what came since a moment is at most 9 % too high",
  (since, before) => {
    const spread = spreadOf(before);
    const moment = spread.now;
    for (const value of since) spread.note(value);
    const sorted = [...since].sort((a, b) => a - b);
    for (const share of [0.5, 0.99, 1]) {
      const [found] = spread.quantilesSince(moment, [share]) ?? [];
      const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
      expect(found).toBeGreaterThanOrEqual(exact * 0.999_999);
      expect(found).toBeLessThanOrEqual(exact * 1.091);
    }
  },
);

test("nothing that came has no quantile; a value above all bounds counts as the largest", () => {
  const spread = new Spread(bounds);
  expect(spread.quantilesSince(undefined, [0.5])).toBe(undefined);
  spread.note(1000);
  expect(spread.quantilesSince(undefined, [0.5])).toEqual([16]);
});

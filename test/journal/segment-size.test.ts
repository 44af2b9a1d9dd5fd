import { describe, expect, test } from "vitest";
import { wantedSegmentBytes } from "../../src/journal/segment-size.js";

const MIB = 1024 * 1024;
const LEAST = 4 * MIB;

const cases = [
  { label: "an empty store", live: 0, group: 0, wanted: 4 },
  { label: "a small one", live: 16, group: 1, wanted: 4 },
  { label: "a quarter of what is live, in doublings of the least", live: 64, group: 1, wanted: 16 },
  { label: "the nearest doubling", live: 31, group: 1, wanted: 8 },
  { label: "two of the largest groups", live: 0, group: 16, wanted: 32 },
  { label: "never more than sixteen of the least", live: 4096, group: 16, wanted: 64 },
];

describe("the size of a new slot", () => {
  test.each(cases)("$label: $live MiB live, groups of $group MiB", ({ live, group, wanted }) => {
    const facts = { liveBytes: live * MIB, groupBytes: group * MIB };
    expect(wantedSegmentBytes(LEAST, facts)).toBe(wanted * MIB);
  });
});

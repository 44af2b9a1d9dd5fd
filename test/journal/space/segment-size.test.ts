import { describe, expect, test } from "vitest";
import { wantedSegmentBytes } from "../../../src/journal/space/segment-size.js";

const MIB = 1024 * 1024;

const cases = [
  { label: "an empty store", live: 0, group: 0, now: 4, wanted: 4 },
  { label: "a small one", live: 16, group: 1, now: 4, wanted: 4 },
  { label: "a quarter of what is live, in doublings of the least", live: 64, now: 4, wanted: 16 },
  { label: "the nearest doubling", live: 31, now: 4, wanted: 8 },
  { label: "it stays while what is live moves a little up", live: 51, now: 8, wanted: 8 },
  { label: "and a little down", live: 20, now: 8, wanted: 8 },
  { label: "it falls with what is live", live: 16, now: 64, wanted: 4 },
  { label: "two of the largest groups", live: 0, group: 16, now: 4, wanted: 32 },
  { label: "two groups, where a quarter of what is live is less", live: 64, group: 16, wanted: 32 },
  { label: "never more than sixteen of the least", live: 4096, group: 16, now: 64, wanted: 64 },
];

describe("the size of a new slot", () => {
  test.each([16, 64, 256])("never more than 64 MiB, unless the least is: %d MiB", (least) => {
    const bytes = wantedSegmentBytes({
      leastBytes: least * MIB,
      nowBytes: least * MIB,
      liveBytes: 1024 * 1024 * MIB,
      groupBytes: MIB,
    });
    expect(bytes).toBe(Math.max(64, least) * MIB);
  });

  test.each(cases)("$label: $live MiB live", ({ live, group = 1, now = 4, wanted }) => {
    const bytes = wantedSegmentBytes({
      leastBytes: 4 * MIB,
      nowBytes: now * MIB,
      liveBytes: live * MIB,
      groupBytes: group * MIB,
    });
    expect(bytes).toBe(wanted * MIB);
  });
});

import { expect, test } from "vitest";
import { counted, formatSize, parseSize } from "../../../src/cli/terminal/sizes.js";

test.each([
  ["0", 0],
  ["4096", 4096],
  ["12B", 12],
  ["16KiB", 16384],
  ["16KB", 16000],
  ["2MiB", 2097152],
  ["2MB", 2000000],
  ["1GiB", 1073741824],
])("%s is read as a size", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(["", "KiB", "16 KiB", "16kib", "1.5KiB", "-1", "0x10", "16KiBs", "1e3", "9999999GiB"])(
  "%j is no size",
  (text) => {
    expect(parseSize(text)).toBeUndefined();
  },
);

test("sizes are written with three digits", () => {
  expect([0, 1023, 1024, 16384, 200 * 1024, 5 * 1024 ** 3].map(formatSize)).toEqual([
    "0 B",
    "1023 B",
    "1.00 KiB",
    "16.0 KiB",
    "200 KiB",
    "5.00 GiB",
  ]);
});

test("one of a thing has no plural", () => {
  expect([0, 1, 1n, 2].map((count) => counted(count, "object"))).toEqual([
    "0 objects",
    "1 object",
    "1 object",
    "2 objects",
  ]);
});

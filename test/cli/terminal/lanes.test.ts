import { expect, test } from "vitest";
import { isNamedBy, laneDigits, shortLane } from "../../../src/cli/terminal/lanes.js";
import { laneIdOf } from "../../../src/types/lane.js";

const key = Uint8Array.from({ length: 32 }, (_, at) => at);

test("a lane of the first epoch is shown by the first digits of its key", () => {
  expect(shortLane(laneIdOf(key, 0n))).toBe("00010203");
});

test("a key that joined once more is told apart by its epoch", () => {
  expect(shortLane(laneIdOf(key, 12n))).toBe("00010203@12");
});

test.each([
  ["0", true],
  ["00010203", true],
  ["00010203@12", true],
  [laneIdOf(key, 12n), true],
  ["00010203@1", false],
  ["01", false],
])("a lane is named by %s: %s", (digits, isNamed) => {
  expect(isNamedBy(laneDigits(digits), laneIdOf(key, 12n))).toBe(isNamed);
});

test.each(["", "xyz", "0001 ", "@12", "00@", `${laneIdOf(key, 0n)}0`])(
  "%j names no lane",
  (text) => {
    expect(() => laneDigits(text)).toThrow("--lane takes the first hex digits of a lane");
  },
);

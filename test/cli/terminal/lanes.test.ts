import { expect, test } from "vitest";
import { shortLane } from "../../../src/cli/terminal/lanes.js";
import { laneIdOf } from "../../../src/types/lane.js";

const key = Uint8Array.from({ length: 32 }, (_, at) => at);

test("a lane of the first epoch is shown by the first digits of its key", () => {
  expect(shortLane(laneIdOf(key, 0n))).toBe("00010203");
});

test("a key that joined once more is told apart by its epoch", () => {
  expect(shortLane(laneIdOf(key, 12n))).toBe("00010203@12");
});

/** Colours are for terminals, and for those who want them. */
import { expect, test } from "vitest";
import { painter, showsColor } from "../../../src/cli/terminal/paint.js";

test.each([
  [true, {}, true],
  [true, { NO_COLOR: "" }, true],
  [true, { NO_COLOR: "1" }, false],
  [true, { NO_COLOR: "0" }, false],
  [false, {}, false],
])("a terminal: %s, %j: %s", (isTTY, env, shown) => {
  expect(showsColor({ isTTY }, env)).toBe(shown);
});

test("a pipe says nothing of itself, and gets no colour", () => {
  expect(showsColor({}, {})).toBe(false);
  expect(painter(false)("red", "word")).toBe("word");
});

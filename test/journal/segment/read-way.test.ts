import { expect, test } from "vitest";
import { ReadWay } from "../../../src/journal/segment/read-way.js";

test("small reads block, until one of them stalls; a second later they block again", () => {
  const way = new ReadWay();
  expect(way.at(0)).toBe("blocking");
  way.note(5, 100);
  expect(way.at(100)).toBe("blocking");
  way.note(5.1, 200);
  expect([way.at(200), way.at(1199), way.at(1200)]).toEqual(["pool", "pool", "blocking"]);
});

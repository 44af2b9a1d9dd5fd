import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LeastRecent } from "../../src/types/least-recent.js";
import { property } from "../harness/property.js";

test("what was asked for longest ago goes first", () => {
  const map = new LeastRecent<number>(2);
  map.set("a", 1);
  map.set("b", 2);
  expect(map.get("a")).toBe(1);
  map.set("c", 3);
  expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([1, undefined, 3]);
});

test("an entry that is heavier than all may be is not kept, and takes its older value away", () => {
  const map = new LeastRecent<string>(3, ({ length }) => length);
  map.set("a", "one");
  map.set("a", "four");
  expect([map.get("a"), map.weight]).toEqual([undefined, 0]);
});

const operations = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.nat({ max: 6 })));

property([operations, fc.nat({ max: 10 })])(
  "it holds the newest entries that fit, and knows their weight",
  (sets, weightMax) => {
    const map = new LeastRecent<number>(weightMax, (value) => value);
    let model: (readonly [string, number])[] = [];
    for (const [key, value] of sets) {
      map.set(key, value);
      model = model.filter(([each]) => each !== key);
      if (value <= weightMax) model.push([key, value]);
      while (model.reduce((sum, [, each]) => sum + each, 0) > weightMax) model.shift();
    }
    expect(map.weight).toBe(model.reduce((sum, [, each]) => sum + each, 0));
    for (const [key, value] of model) expect(map.get(key)).toBe(value);
  },
);

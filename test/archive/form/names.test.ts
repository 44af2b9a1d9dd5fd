import * as fc from "fast-check";
import { expect, test } from "vitest";
import { checkName } from "../../../src/archive/bucket/bucket.js";
import {
  chainPart,
  linkName,
  logFolder,
  logInName,
  objectName,
  rangeInName,
} from "../../../src/archive/form/names.js";
import { lane } from "../kit.js";
import { property } from "../../harness/property.js";

const chainId = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 255,
});

property([chainId, chainId])("no two chain ids have the same part of names", (one, other) => {
  checkName(chainPart(one));
  expect(chainPart(one) === chainPart(other)).toBe(one === other);
});

property([chainId, fc.bigInt(0n, 2n ** 64n - 2n)])(
  "a name gives back its log and range",
  (id, first) => {
    const folder = logFolder(id, lane);
    const name = objectName(folder, first, first + 1n);
    expect(logInName(id, name)).toBe(lane);
    expect(rangeInName(name)).toEqual({ first, next: first + 1n });
  },
);

test("names are in the order of their numbers", () => {
  const folder = logFolder("c", "road");
  expect(objectName(folder, 9n, 10n) < objectName(folder, 10n, 11n)).toBe(true);
  expect(linkName(folder, 9) < linkName(folder, 10)).toBe(true);
  expect(objectName(folder, 0n, 7n)).toBe("c/road/00000000000000000000-00000000000000000007");
  expect(rangeInName(linkName(folder, 9))).toBeUndefined();
  expect(logInName("c", "d/road/x")).toBeUndefined();
});

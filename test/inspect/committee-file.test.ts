import { expect, test } from "vitest";
import { parseCommittees } from "../../src/inspect/committee-file.js";
import { laneIdOf } from "../../src/types/lane.js";
import { U64_MAX } from "../../src/types/numbers.js";

const keyOf = (digit: string): string => digit.repeat(64);
const member = (digit: string, weight: unknown = 1) => ({ key: keyOf(digit), weight });
const first = { index: 0, firstRoad: 0, nextRoad: "500", members: [member("a"), member("b", "7")] };
const second = { index: "1", firstRoad: 500, nextRoad: null, members: [member("b"), member("c")] };
const parse = (...epochs: readonly unknown[]) => parseCommittees(JSON.stringify({ epochs }));

test("epochs with roads, weights, and the lanes of members who stay or join", () => {
  const [one, other] = parse(first, second);
  expect(one).toMatchObject({ index: 0n, firstRoad: 0n, nextRoad: 500n });
  expect(other).toMatchObject({ index: 1n, firstRoad: 500n, nextRoad: U64_MAX });
  expect(one?.committee.total).toBe(8n);
  const lane = (digit: string, joined: bigint) =>
    laneIdOf(Buffer.from(keyOf(digit), "hex"), joined);
  expect(one?.committee.members.map((each) => each.lane)).toEqual([lane("a", 0n), lane("b", 0n)]);
  expect(other?.committee.members.map((each) => each.lane)).toEqual([lane("b", 0n), lane("c", 1n)]);
});

test.each([
  ["no epochs", []],
  ["a first epoch that is not 0", [second]],
  ["a gap between roads", [first, { ...second, firstRoad: 501 }]],
  ["an epoch left out", [first, { ...second, index: 2 }]],
  ["roads that end before they begin", [first, { ...second, nextRoad: 400 }]],
  ["an epoch after one that does not end", [{ ...first, nextRoad: null }, second]],
  ["a key twice", [{ ...first, members: [member("a"), member("a")] }]],
  ["a key that is too short", [{ ...first, members: [{ key: "ab", weight: 1 }] }]],
  ["a weight below 0", [{ ...first, members: [member("a", -1)] }]],
  ["a weight above 64 bits", [{ ...first, members: [member("a", `${U64_MAX + 1n}`)] }]],
  ["a number that lost its precision", [{ ...first, members: [member("a", 2 ** 60)] }]],
  ["weights of 0 alone", [{ ...first, members: [member("a", 0)] }]],
  ["a field that nobody knows", [{ ...first, extra: 1 }]],
])("refused: %s", (_, epochs) => {
  expect(() => parse(...epochs)).toThrow(/--committee|zero_weight/);
});

test("what is no JSON is refused", () => {
  expect(() => parseCommittees("{")).toThrow(SyntaxError);
});

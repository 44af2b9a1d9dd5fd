import { expect, test } from "vitest";
import { guardsText, type GuardsView } from "../../../../src/cli/look/view/guards.js";
import { TestChain } from "../../../model/chain.js";
import { laneAt } from "../../../node/kit.js";

const chain = new TestChain(2);
const [lane, other] = [laneAt(chain, 0), laneAt(chain, 1)];
const [short, shortOther] = [lane.slice(0, 8), other.slice(0, 8)];
const unknown: GuardsView = {
  lanes: "unknown",
  byLane: {},
  votes: "unknown",
  by: "restored",
  reason: "backup 2",
};

test("lanes of one height share a sentence", () => {
  expect(guardsText(unknown)).toBe(
    "no new block may be signed, no new vote; since the store was restored: backup 2",
  );
  const same: GuardsView = { ...unknown, lanes: 9n, byLane: { [lane]: 9n }, votes: 12n };
  expect(guardsText({ ...same, by: "watermarks", reason: "of host a" })).toBe(
    "blocks from 9 on may be signed, votes from road index 12 on; by watermarks: of host a",
  );
});

test("lanes of different heights are named, each with its own", () => {
  const byLane = { [lane]: 78n, [other]: 61n };
  expect(guardsText({ ...unknown, lanes: 0n, byLane })).toContain(
    `blocks may be signed from 78 on in ${short}, from 61 on in ${shortOther}, from 0 on in other lanes, no`,
  );
  expect(guardsText({ ...unknown, byLane: { [lane]: 78n } })).toContain(
    `blocks may be signed from 78 on in ${short}, none in other lanes, no new vote`,
  );
});

test("a source that this version does not know is told by its name", () => {
  expect(guardsText({ ...unknown, by: "stars" })).toMatch(/; by stars: backup 2$/);
});

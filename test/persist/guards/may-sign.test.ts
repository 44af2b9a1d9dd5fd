/** The table that says what may be signed: one case for each row, and the cases beside it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type LaneFacts,
  laneRules,
  maySignInLane,
  maySignOnRoad,
  type Place,
  roadRules,
} from "../../../src/persist/guards/may-sign.js";
import { decided, NO_GUARDS, type Heights, raised } from "../../../src/persist/guards/heights.js";
import { TestChain } from "../../model/chain.js";
import { laneAt } from "../../node/kit.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);
const [hashA, hashB] = [chain.block(lane, 7n).hash, chain.block(lane, 7n, 1).hash];

const open: LaneFacts = {
  first: 0n,
  durable: 7n,
  held: undefined,
  pin: undefined,
  height: 0n,
  proven: 0n,
  reserved: undefined,
};
const block: Extract<Place, { kind: "block" }> = { kind: "block", lane, number: 7n };
const laneVote: Extract<Place, { kind: "laneVote" }> = {
  kind: "laneVote",
  lane,
  number: 7n,
  headerHash: hashA,
};

function inLane(place: typeof block | typeof laneVote, facts: Partial<LaneFacts>): string {
  const verdict = maySignInLane(place, { ...open, ...facts });
  return verdict.may ? "may" : `${verdict.code} ${verdict.rule}`;
}

describe("a place in a lane", () => {
  const held = { durable: 8n, held: hashA };
  const cases: [string, typeof block | typeof laneVote, Partial<LaneFacts>, string][] = [
    ["a block above every guard", block, {}, "may"],
    ["a vote for a durable block", laneVote, held, "may"],
    ["a block that is not the pinned one", block, { pin: hashA }, "PINNED pinned"],
    ["the pinned block itself", { ...block, headerHash: hashA }, { pin: hashA }, "may"],
    ["a pruned number", block, { first: 8n, durable: 8n }, "OUT_OF_SEQUENCE passed"],
    [
      "another block than the held one",
      { ...block, headerHash: hashB },
      held,
      "CONFLICT held-other",
    ],
    ["a new block at a held number", block, held, "CONFLICT held-other"],
    ["a vote for another block", { ...laneVote, headerHash: hashB }, held, "CONFLICT held-other"],
    [
      "a vote before the block is durable",
      laneVote,
      { held: hashA },
      "OUT_OF_SEQUENCE not-durable",
    ],
    ["a block below the guard", block, { height: 8n }, "GUARDED guarded-block"],
    ["a block at the guard", block, { height: 7n }, "may"],
    ["a block while the guard is unknown", block, { height: "unknown" }, "GUARDED guarded-block"],
    [
      "the held block below the guard",
      { ...block, headerHash: hashA },
      { ...held, height: "unknown" },
      "may",
    ],
    [
      "a vote for a block that came after the restore",
      laneVote,
      { ...held, height: 8n, proven: 7n },
      "GUARDED guarded-lane-vote",
    ],
    ["a vote for a restored block", laneVote, { ...held, height: "unknown", proven: 8n }, "may"],
    ["a vote for a block at the guard", laneVote, { ...held, height: 7n }, "may"],
    ["a block that is reserved", block, { reserved: { first: 7n, next: 8n } }, "may"],
    ["a block at the bound", block, { reserved: { first: 0n, next: 7n } }, "UNRESERVED unreserved"],
    [
      "a block below this machine's reach",
      block,
      { reserved: { first: 8n, next: 9n } },
      "UNRESERVED unreserved",
    ],
    [
      "the held block, whichever machine has signed it",
      { ...block, headerHash: hashA },
      { ...held, reserved: { first: 8n, next: 9n } },
      "may",
    ],
    [
      "a vote for a block that is not reserved",
      laneVote,
      { ...held, reserved: { first: 8n, next: 9n } },
      "UNRESERVED unreserved",
    ],
  ];

  test.each(cases)("%s", (_, place, facts, verdict) => {
    expect(inLane(place, facts)).toBe(verdict);
  });

  test("every rule has a case", () => {
    const found = cases.map(([, , , verdict]) => verdict.split(" ")[1]);
    expect(new Set(found.filter(Boolean))).toEqual(new Set(laneRules.map(({ rule }) => rule)));
  });
});

describe("a place on the road", () => {
  const vote: Place = { kind: "vote", roadIndex: 5n };
  const appVote: Place = { kind: "appVote", roadIndex: 5n };
  const facts = {
    durable: 5n,
    height: 0n,
    abstainThrough: undefined,
    reserved: undefined,
  } as const;
  const cases = [
    ["a vote above every guard", vote, facts, "may"],
    ["a vote below the guard", vote, { ...facts, height: 6n }, "guarded-vote"],
    ["a vote at the guard", vote, { ...facts, height: 5n }, "may"],
    ["a vote while the guard is unknown", vote, { ...facts, height: "unknown" }, "guarded-vote"],
    [
      "a vote below the guard where a commit QC is held",
      vote,
      { ...facts, durable: 6n, height: 6n },
      "guarded-vote",
    ],
    ["a vote where one was lost", vote, { ...facts, abstainThrough: 5n }, "abstaining"],
    ["a vote above one that was lost", vote, { ...facts, abstainThrough: 4n }, "may"],
    ["an app vote of an undecided road", appVote, { ...facts, height: 6n }, "guarded-app-vote"],
    [
      "an app vote of a decided road",
      appVote,
      { ...facts, durable: 6n, height: "unknown", abstainThrough: 5n },
      "may",
    ],
    ["a vote that is reserved", vote, { ...facts, reserved: { first: 5n, next: 6n } }, "may"],
    ["a vote at the bound", vote, { ...facts, reserved: { first: 0n, next: 5n } }, "unreserved"],
    [
      "an app vote, which both machines sign alike",
      appVote,
      { ...facts, reserved: { first: 0n, next: 0n } },
      "may",
    ],
  ] as const;

  test.each(cases)("%s", (_, place, given, expected) => {
    const verdict = maySignOnRoad(place, given);
    expect(verdict.may ? "may" : verdict.rule).toBe(expected);
    const code = expected === "unreserved" ? "UNRESERVED" : "GUARDED";
    if (!verdict.may) expect(verdict.code).toBe(code);
  });

  test("every rule has a case", () => {
    const found = new Set<string>(cases.map(([, , , verdict]) => verdict));
    for (const { rule } of roadRules) expect(found).toContain(rule);
  });
});

describe("heights", () => {
  const guarded: Heights = {
    lanes: "unknown",
    byLane: new Map([[other, 9n]]),
    votes: "unknown",
  };

  test("an unknown height takes the one that is given, a known one only a higher one", () => {
    const once = raised(guarded, { lanes: 4n, byLane: new Map([[lane, 6n]]) });
    expect(once).toEqual({
      lanes: 4n,
      byLane: new Map([
        [other, 9n],
        [lane, 6n],
      ]),
      votes: "unknown",
    });
    expect(raised(once, { lanes: 3n, byLane: new Map([[lane, 5n]]), votes: 0n })).toEqual({
      ...once,
      votes: 0n,
    });
  });

  test("an operator's height stands as given", () => {
    const high = { lanes: 100n, byLane: new Map([[lane, 200n]]), votes: 300n };
    expect(decided(high, { votes: 3n })).toEqual({ ...high, votes: 3n });
    expect(decided(high, { lanes: 1n })).toEqual({ lanes: 1n, byLane: new Map(), votes: 300n });
  });

  test("a raise lowers no height, and the same raise again changes nothing", () => {
    const height = fc.option(fc.bigInt(0n, 20n), { nil: undefined });
    const raise = fc.record({
      lanes: height,
      byLane: fc
        .dictionary(fc.constantFrom(lane, other), fc.bigInt(0n, 20n))
        .map(
          (each) => new Map(Object.entries(each)) as Heights["byLane"] & Map<typeof lane, bigint>,
        ),
      votes: height,
    });
    fc.assert(
      fc.property(fc.array(raise, { maxLength: 5 }), raise, (before, last) => {
        const from = before.reduce<Heights>((all, each) => raised(all, each), NO_GUARDS);
        const to = raised(from, last);
        for (const each of [lane, other]) {
          const was = from.byLane.get(each) ?? from.lanes;
          const is = to.byLane.get(each) ?? to.lanes;
          expect(is >= was).toBe(true);
          expect(is >= (last.byLane.get(each) ?? last.lanes ?? 0n)).toBe(true);
        }
        expect(raised(to, last)).toEqual(to);
      }),
    );
  });
});

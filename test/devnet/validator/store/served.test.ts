/** The word of a validator to its peers about its store: when the end of its own lane bounds all that it signed. */
import { expect, test } from "vitest";
import { servedBy, type Store } from "../../../../src/devnet/validator/store/store.js";
import { TestChain } from "../../../model/chain.js";
import { laneAt } from "../../../node/kit.js";

const chain = new TestChain(3);
const own = laneAt(chain, 0);
const other = laneAt(chain, 1);

interface Case {
  readonly durable?: bigint;
  readonly pinned?: readonly bigint[];
  readonly guards?: object;
  readonly reservations?: object;
}

function toldOf({ durable = 20n, pinned = [], guards, reservations }: Case) {
  const live = { first: 5n, durable, pinned };
  const status = {
    lanes: new Map([own, other].map((lane) => [lane, live])),
    road: { first: 2n, durable: 9n },
    retained: { lanes: new Map([[other, { first: 1n, next: 5n }]]), road: undefined },
    guards,
    reservations,
  };
  return servedBy({ status: () => status } as unknown as Store, chain.lanes, own);
}

test("the ranges that can be read, retained ones included", () => {
  const told = toldOf({});
  expect(told.road).toEqual({ first: 2n, next: 9n });
  expect(told.lanes).toMatchObject([
    { lane: own, first: 5n, next: 20n },
    { lane: other, first: 1n, next: 20n },
    { first: 0n, next: 0n },
  ]);
});

const guard = (lanes: bigint | "unknown", byLane: [string, bigint | "unknown"][] = []) => ({
  guards: { lanes, byLane: new Map(byLane), votes: 0n, standing: [] },
});

test.each<readonly [string, boolean, Case]>([
  ["of a store that was never restored", true, {}],
  ["of one whose guard has no height", false, guard("unknown")],
  ["of one that is below its guard", false, guard(21n)],
  ["of one that has reached it", true, guard(20n)],
  ["of one whose lane has a height of its own, not reached", false, guard(0n, [[own, 30n]])],
  ["of one whose lane has a height of its own, reached", true, guard("unknown", [[own, 20n]])],
  ["of one that lost a block, which may have been acknowledged", false, { pinned: [20n] }],
  ["of the machine that holds the reservations", true, { reservations: { state: "holding" } }],
  ["of the one that stands by", false, { reservations: { state: "standing by" } }],
])("the end of its own lane is a word about all that was signed: %s: %s", (_, isWhole, given) => {
  expect(toldOf(given).isWhole).toBe(isWhole);
});

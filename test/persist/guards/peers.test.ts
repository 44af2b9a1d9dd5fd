/** Heights by the word of peers: the other life signed nothing at or above them, whoever lies. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { heightsFromPeers, type PeerAnswer } from "../../../src/persist/guards/peers.js";
import type { LaneId } from "../../../src/types/lane.js";
import { TestChain } from "../../model/chain.js";
import { laneAt } from "../../node/kit.js";

const chain = new TestChain(7);
const { committee, lanes } = chain;
const own = laneAt(chain, 0);
const { total, faulty } = committee;

function answer(votedNext: bigint, end: bigint, heldNext = end): PeerAnswer {
  return { votedNext, laneEnds: new Map(lanes.map((lane) => [lane, end])), heldNext };
}

function answersOf(of: (lane: LaneId, index: number) => PeerAnswer | undefined) {
  const found = lanes.flatMap((lane, index) => {
    const given = of(lane, index);
    return given ? [[lane, given] as const] : [];
  });
  return new Map(found);
}

test("too little weight gives no height; our own word does not count", () => {
  const few = answersOf((_, index) => (index < 5 ? answer(4n, 20n) : undefined));
  expect(heightsFromPeers(committee, own, few)).toBeUndefined();
  const enough = answersOf((_, index) => (index < 6 ? answer(4n, 20n) : undefined));
  const heights = heightsFromPeers(committee, own, enough);
  expect(heights?.isComplete).toBe(false);
  expect(heights?.raise.votes).toBe(5n);
  expect(heights?.raise.byLane?.get(own)).toBe(50n);
});

test("if every member answers, our lane goes on where nobody holds a block", () => {
  const all = answersOf((_, index) => answer(4n, 20n, index === 3 ? 23n : 20n));
  const heights = heightsFromPeers(committee, own, all);
  expect(heights?.isComplete).toBe(true);
  expect(heights?.raise.byLane?.get(own)).toBe(23n);
  expect(heights?.raise.byLane?.get(laneAt(chain, 1))).toBe(50n);
  expect(heights?.raise.lanes).toBe(30n);
});

test("a peer that may have forgotten what it heard of our lane answers for votes alone", () => {
  const forgetful = { ...answer(9n, 20n), heldNext: undefined };
  const all = answersOf((_, index) => (index === 3 ? forgetful : answer(4n, 20n, 23n)));
  const heights = heightsFromPeers(committee, own, all);
  expect(heights?.isComplete).toBe(false);
  expect(heights?.raise.votes).toBe(10n);
  expect(heights?.raise.byLane?.get(own)).toBe(50n);
});

test("a block of ours that a commit QC covers is below the height, whatever peers hold", () => {
  const all = answersOf(() => answer(4n, 20n, 12n));
  expect(heightsFromPeers(committee, own, all)?.raise.byLane?.get(own)).toBe(20n);
});

/**
 * A history in small. Each road before `road` was decided by a quorum, and each member that voted there knows
 * the commit QCs below. The other life of validator 0 votes at `road`, and its newest anchor is at `anchor`.
 * Faulty members say what they like.
 */
const histories = fc.record({
  road: fc.bigInt(1n, 12n),
  /** How far behind its anchor is. */
  lag: fc.bigInt(1n, 4n),
  /** The members that did not vote at each road: never more than f. */
  absent: fc.array(fc.uniqueArray(fc.nat(6), { maxLength: Number(faulty) }), {
    minLength: 12,
    maxLength: 12,
  }),
  liars: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: Number(faulty) }),
  silent: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 6 - Number(total - faulty) }),
  blocksPerRoad: fc.bigInt(0n, 10n),
});

test("the other life signed nothing at or above the heights, whoever lies or is silent", () => {
  fc.assert(
    fc.property(histories, ({ road, lag, absent, liars, silent, blocksPerRoad }) => {
      const votedNext = lanes.map(() => 0n);
      const ends = lanes.map(() => 0n);
      for (let index = 0n; index < road; index++) {
        const away = new Set(absent[Number(index)]);
        for (const member of lanes.keys()) {
          if (away.has(member)) continue;
          // A vote at a road follows from the commit QC of the road before.
          votedNext[member] = index + 1n;
          ends[member] = index * blocksPerRoad;
        }
      }
      const answers = answersOf((_, index) => {
        if (index === 0 || silent.includes(index)) return undefined;
        if (liars.includes(index)) return answer(0n, 0n);
        return answer(votedNext[index] ?? 0n, ends[index] ?? 0n);
      });
      const heights = heightsFromPeers(committee, own, answers);
      expect(heights).toBeDefined();
      expect(road < (heights?.raise.votes ?? 0n)).toBe(true);
      const anchor = road - lag;
      const highest = anchor < 0n ? 29n : anchor * blocksPerRoad + 29n;
      const height = heights?.raise.byLane?.get(laneAt(chain, 1)) ?? heights?.raise.lanes ?? 0n;
      expect(highest < height).toBe(true);
    }),
  );
});

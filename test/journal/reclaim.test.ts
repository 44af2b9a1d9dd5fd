/** What is reclaimed, as the pure decision that it is. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  planReclaim,
  type ReclaimPlan,
  type SegmentFacts,
  slotsAllowed,
  type SpaceFacts,
} from "../../src/journal/reclaim.js";
import { SPARE_SLOTS } from "../../src/journal/space.js";

const MIB = 1024 * 1024;
const SEGMENT = 4 * MIB;

/** A sealed segment with this much live in it. */
function live(sequence: bigint, bytes: number, slotBytes = SEGMENT): SegmentFacts {
  return { sequence, slotBytes, live: { records: bytes > 0 ? 1 : 0, bytes }, retained: false };
}

function dead(sequence: bigint): SegmentFacts {
  return live(sequence, 0);
}

function retained(sequence: bigint, slotBytes = SEGMENT): SegmentFacts {
  return { ...live(sequence, 0, slotBytes), retained: true };
}

/** Facts that belong together: one segment is current, and all that is live lies in the sealed ones. */
function facts(given: Partial<SpaceFacts> & Pick<SpaceFacts, "segments">): SpaceFacts {
  const freeSlots = given.freeSlots ?? SPARE_SLOTS;
  return {
    segmentBytes: SEGMENT,
    freeSlots,
    slots: given.segments.length + 1 + freeSlots,
    liveBytes: given.segments.reduce((sum, segment) => sum + segment.live.bytes, 0),
    room: SEGMENT,
    rotationNear: false,
    diskFull: false,
    ...given,
  };
}

const NOTHING: ReclaimPlan = { relocate: [], copyBytes: 0, release: [], surplus: 0 };

interface Case {
  readonly label: string;
  readonly facts: SpaceFacts;
  readonly plan: Partial<ReclaimPlan>;
}

const cases: readonly Case[] = [
  { label: "a new store: nothing to do", facts: facts({ segments: [] }), plan: {} },
  {
    label: "one sealed segment with little in it: its slot is within the bound",
    facts: facts({ segments: [live(1n, 100)] }),
    plan: {},
  },
  {
    label: "the same with a rotation near: it would be one too many",
    facts: facts({ segments: [live(1n, 100)], rotationNear: true }),
    plan: { relocate: [1n], copyBytes: 100 },
  },
  {
    label: "a straggler that the current segment cannot take stays",
    facts: facts({ segments: [live(1n, 100)], rotationNear: true, room: 99 }),
    plan: {},
  },
  {
    label: "of several stragglers the emptiest go first, as many as are in excess",
    facts: facts({ segments: [live(1n, 300), live(2n, 100), live(3n, 200)], rotationNear: true }),
    plan: { relocate: [2n, 3n, 1n], copyBytes: 600 },
  },
  {
    label: "of several stragglers as many as find room",
    facts: facts({
      segments: [live(1n, 300), live(2n, 100), live(3n, 200)],
      rotationNear: true,
      room: 599,
    }),
    plan: { relocate: [2n, 3n], copyBytes: 300 },
  },
  {
    label: "full segments are what the bound is for: none is moved",
    facts: facts({ segments: [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n].map((each) => live(each, SEGMENT)) }),
    plan: {},
  },
  {
    label: "a dead segment within the bound waits for the next head",
    facts: facts({ segments: [dead(1n)] }),
    plan: {},
  },
  {
    label: "a dead segment beyond the bound is released",
    facts: facts({ segments: [dead(1n), dead(2n)] }),
    plan: { release: [1n, 2n] },
  },
  {
    label: "a dead segment is released where a spare is lacking",
    facts: facts({ segments: [dead(1n)], freeSlots: 1 }),
    plan: { release: [1n] },
  },
  {
    label: "free slots beyond the bound are surplus, two stay",
    facts: facts({ segments: [], freeSlots: 9 }),
    plan: { surplus: 6 },
  },
  {
    label: "retained segments are kept beside what is live",
    facts: facts({ segments: [1n, 2n, 3n, 4n].map((each) => retained(each)) }),
    plan: {},
  },
  {
    label: "retained segments yield to a full disk, the oldest first, as many as are lacking",
    facts: facts({
      segments: [retained(1n), retained(2n), retained(3n)],
      freeSlots: 0,
      diskFull: true,
    }),
    plan: { release: [1n, 2n] },
  },
  {
    label: "what is dead yields before what is retained",
    facts: facts({ segments: [retained(1n), dead(2n)], freeSlots: 1, diskFull: true }),
    plan: { release: [2n] },
  },
  {
    label: "a full disk with both spares takes nothing from anybody",
    facts: facts({ segments: [retained(1n), live(2n, 100)], diskFull: true }),
    plan: {},
  },
  {
    label: "a full disk relocates for a lacking spare where nothing else yields",
    facts: facts({
      segments: [live(1n, SEGMENT), live(2n, 100), live(3n, 50)],
      freeSlots: 1,
      diskFull: true,
    }),
    plan: { relocate: [3n], copyBytes: 50 },
  },
];

describe("the table of what is reclaimed", () => {
  test.each(cases)("$label", (each) => {
    expect(planReclaim(each.facts)).toEqual({ ...NOTHING, ...each.plan });
  });
});

test("the bound is 1.5 times what is kept and a floor, and four segments at least", () => {
  const allowed = (segments: readonly SegmentFacts[], segmentBytes = SEGMENT): number =>
    slotsAllowed(facts({ segments, segmentBytes }));
  expect(allowed([])).toBe(4);
  expect(allowed([live(1n, 4 * SEGMENT)])).toBe(6 + 4);
  expect(allowed([live(1n, 2 * SEGMENT), retained(2n), retained(3n)])).toBe(6 + 4);
  // Tiny segments have a floor of four of them, not of 16 MiB.
  expect(allowed([live(1n, 24 * 1024, 24 * 1024)], 24 * 1024)).toBe(5);
});

test("large segments have room beside what is live: three more than it takes", () => {
  const segmentBytes = 64 * MIB;
  for (let count = 0; count < 20; count++) {
    const segments = Array.from({ length: count }, (_, at) =>
      live(BigInt(at), segmentBytes, segmentBytes),
    );
    const given = facts({ segments, segmentBytes, room: segmentBytes });
    expect(slotsAllowed(given)).toBeGreaterThanOrEqual(count + 3);
    expect(planReclaim(given)).toEqual(NOTHING);
  }
});

const share = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 4000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: SEGMENT }) },
);

const anyFacts: fc.Arbitrary<SpaceFacts> = fc
  .record({
    shares: fc.array(fc.record({ share, retained: fc.boolean() }), { maxLength: 24 }),
    freeSlots: fc.nat({ max: 8 }),
    current: fc.integer({ min: 0, max: SEGMENT }),
    room: fc.integer({ min: -8192, max: SEGMENT }),
    rotationNear: fc.boolean(),
    diskFull: fc.boolean(),
  })
  .map(({ shares, current, ...rest }) => {
    const segments = shares.map((each, at) =>
      each.retained ? retained(BigInt(at)) : live(BigInt(at), each.share),
    );
    const given = facts({ segments, ...rest });
    return { ...given, liveBytes: given.liveBytes + current };
  });

test("a plan never relocates more than there is room for, and what is retained or dead not at all", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      const chosen = planReclaim(given).relocate.map((each) => segmentOf(given, each));
      const bytes = chosen.reduce((sum, segment) => sum + segment.live.bytes, 0);
      expect(bytes).toBe(planReclaim(given).copyBytes);
      expect(bytes).toBeLessThanOrEqual(Math.max(0, given.room));
      expect(chosen.every((segment) => segment.live.records > 0)).toBe(true);
      expect(new Set(chosen).size).toBe(chosen.length);
    }),
    { numRuns: 1000 },
  );
});

test("a plan never releases what is live, and what is retained only on a full disk", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      const chosen = planReclaim(given).release.map((each) => segmentOf(given, each));
      expect(chosen.every((segment) => segment.live.records === 0)).toBe(true);
      const yielded = chosen.filter((segment) => segment.retained);
      if (!given.diskFull) expect(yielded).toEqual([]);
      expect(yielded.length).toBeLessThanOrEqual(Math.max(0, SPARE_SLOTS - given.freeSlots));
      const oldest = given.segments.filter((segment) => segment.retained);
      expect(yielded).toEqual(oldest.slice(0, yielded.length));
    }),
    { numRuns: 1000 },
  );
});

test("what is surplus is free already, and leaves two spares", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      const { surplus } = planReclaim(given);
      expect(surplus).toBeGreaterThanOrEqual(0);
      if (surplus > 0) expect(given.freeSlots - surplus).toBeGreaterThanOrEqual(SPARE_SLOTS);
      expect(given.slots - surplus).toBeGreaterThanOrEqual(
        Math.min(given.slots, slotsAllowed(given)),
      );
    }),
    { numRuns: 1000 },
  );
});

test("plan after plan ends: within the bound, or with nothing that finds room", () => {
  const seen = { within: 0, full: 0 };
  fc.assert(
    fc.property(anyFacts, (given) => {
      let now = given;
      let steps = 0;
      for (let plan = planReclaim(now); !isNothing(plan); plan = planReclaim(now)) {
        now = carriedOut(now, plan);
        steps += 1;
        expect(steps).toBeLessThanOrEqual(given.segments.length + 3);
      }
      expect(now.liveBytes).toBe(given.liveBytes);
      const within = now.slots <= slotsAllowed(now) || now.freeSlots <= SPARE_SLOTS;
      expect(within).toBe(true);
      // What is live in the sealed segments is in excess only where the emptiest finds no room.
      const held = now.segments.filter(
        ({ live: { records }, retained: kept }) => records > 0 || kept,
      );
      const excess = held.length + (now.rotationNear ? 2 : 1) + SPARE_SLOTS - slotsAllowed(now);
      const stragglers = held.filter(({ live: { records } }) => records > 0);
      const emptiest = Math.min(...stragglers.map(({ live: { bytes } }) => bytes));
      if (excess > 0 && stragglers.length > 0) expect(emptiest).toBeGreaterThan(now.room);
      seen[excess > 0 ? "full" : "within"] += 1;
    }),
    { numRuns: 1000 },
  );
  expect(seen.within).toBeGreaterThan(100);
  expect(seen.full).toBeGreaterThan(10);
});

function segmentOf({ segments }: SpaceFacts, sequence: bigint): SegmentFacts {
  const found = segments.find((segment) => segment.sequence === sequence);
  if (!found) throw new Error(`the plan names segment ${sequence}, which is not there`);
  return found;
}

function isNothing({ relocate, release, surplus }: ReclaimPlan): boolean {
  return relocate.length + release.length + surplus === 0;
}

/** The order in which a journal does it: copies, then releases, then what is given back. */
function carriedOut(before: SpaceFacts, plan: ReclaimPlan): SpaceFacts {
  if (plan.relocate.length > 0) {
    const moved = plan.relocate.map((each) => segmentOf(before, each));
    const bytes = moved.reduce((sum, segment) => sum + segment.live.bytes, 0);
    const segments = before.segments.map((segment) =>
      moved.includes(segment) ? { ...segment, live: { records: 0, bytes: 0 } } : segment,
    );
    return { ...before, segments, room: before.room - bytes };
  }
  if (plan.release.length > 0) {
    const segments = before.segments.filter(({ sequence }) => !plan.release.includes(sequence));
    return { ...before, segments, freeSlots: before.freeSlots + plan.release.length };
  }
  const { surplus } = plan;
  return { ...before, slots: before.slots - surplus, freeSlots: before.freeSlots - surplus };
}

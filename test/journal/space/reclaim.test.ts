/** Reclaiming as a pure decision. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bytesAllowed,
  planReclaim,
  type ReclaimPlan,
  type SegmentFacts,
  type SpaceFacts,
} from "../../../src/journal/space/reclaim.js";
import { type FreeSlot, SPARE_SLOTS } from "../../../src/journal/space/slots.js";

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

/** `count` free slots, numbered from 100. */
function free(count: number, bytes = SEGMENT): FreeSlot[] {
  return Array.from({ length: count }, (_, at) => ({ slot: 100 + at, bytes }));
}

/** Facts that belong together: one segment is current, and all that is live lies in the sealed ones. */
function facts(given: Partial<SpaceFacts> & Pick<SpaceFacts, "segments">): SpaceFacts {
  const wantedBytes = given.wantedBytes ?? SEGMENT;
  return {
    leastBytes: SEGMENT,
    wantedBytes,
    currentBytes: wantedBytes,
    free: free(SPARE_SLOTS, wantedBytes),
    liveBytes: given.segments.reduce((sum, segment) => sum + segment.live.bytes, 0),
    room: wantedBytes,
    rotationNear: false,
    rotationSlots: 1,
    diskFull: false,
    ...given,
  };
}

const NOTHING: ReclaimPlan = { relocate: [], copyBytes: 0, release: [], make: 0, surplus: [] };

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
    facts: facts({ segments: [dead(1n)], free: free(1) }),
    plan: { release: [1n] },
  },
  {
    label: "free slots beyond the bound are surplus, two stay",
    facts: facts({ segments: [], free: free(9) }),
    plan: { surplus: [108, 107, 106, 105, 104, 103] },
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
      free: [],
      diskFull: true,
    }),
    plan: { release: [1n, 2n] },
  },
  {
    label: "what is dead yields before what is retained",
    facts: facts({ segments: [retained(1n), dead(2n)], free: free(1), diskFull: true }),
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
      free: free(1),
      diskFull: true,
    }),
    plan: { relocate: [3n], copyBytes: 50 },
  },
  {
    label: "with a rotation near, a slot is made where none is free",
    facts: facts({ segments: [], free: [], rotationNear: true, rotationSlots: 3 }),
    plan: { make: 3 },
  },
  {
    label: "with a rotation near, a slot is made where all that are free are too small",
    facts: facts({ segments: [], wantedBytes: 4 * SEGMENT, free: free(2), rotationNear: true }),
    plan: { make: 1 },
  },
  {
    label: "one of the wanted size is enough, and takes the place of a small one",
    facts: facts({
      segments: [],
      wantedBytes: 4 * SEGMENT,
      free: [...free(2), { slot: 1, bytes: 4 * SEGMENT }],
      rotationNear: true,
    }),
    plan: { surplus: [101] },
  },
  {
    label: "nothing is made on a full disk",
    facts: facts({ segments: [], free: free(2, 1), rotationNear: true, diskFull: true }),
    plan: {},
  },
  {
    label: "spares that have become too large are replaced: a smaller one is made first",
    facts: facts({ segments: [], free: free(2, 16 * SEGMENT) }),
    plan: { make: 1 },
  },
  {
    label: "and then the worst fit is given back",
    facts: facts({ segments: [], free: [...free(2, 16 * SEGMENT), { slot: 7, bytes: SEGMENT }] }),
    plan: { surplus: [101] },
  },
  {
    label: "slots that are too small to be used are no spares, and are given back",
    facts: facts({
      segments: [],
      free: [...free(2), { slot: 7, bytes: SEGMENT - 1 }, { slot: 8, bytes: SEGMENT / 2 }],
    }),
    plan: { surplus: [8, 7] },
  },
  {
    label: "a segment in a larger slot than the current one's is emptied in parts",
    facts: facts({
      segments: [live(1n, 2 * SEGMENT, 16 * SEGMENT)],
      room: SEGMENT / 2,
    }),
    plan: { relocate: [1n], copyBytes: SEGMENT / 2 },
  },
];

describe("the table of what is reclaimed", () => {
  test.each(cases)("$label", (each) => {
    expect(planReclaim(each.facts)).toEqual({ ...NOTHING, ...each.plan });
  });
});

test("the bound is 1.5 times what is kept and a floor, and four segments at least", () => {
  const allowed = (segments: readonly SegmentFacts[], wantedBytes = SEGMENT): number =>
    bytesAllowed(facts({ segments, wantedBytes })) / wantedBytes;
  expect(allowed([])).toBe(4);
  expect(allowed([live(1n, 4 * SEGMENT)])).toBe(6 + 4);
  expect(allowed([live(1n, 2 * SEGMENT), retained(2n), retained(3n)])).toBe(6 + 4);
  // Tiny segments have a floor of four of them, not of 16 MiB.
  expect(allowed([live(1n, 24 * 1024, 24 * 1024)], 24 * 1024)).toBe(5.5);
});

test("large segments have room beside what is live: three more than it takes", () => {
  const wantedBytes = 64 * MIB;
  for (let count = 0; count < 20; count++) {
    const segments = Array.from({ length: count }, (_, at) =>
      live(BigInt(at), wantedBytes, wantedBytes),
    );
    const given = facts({ segments, wantedBytes });
    expect(bytesAllowed(given)).toBeGreaterThanOrEqual((count + 3) * wantedBytes);
    expect(planReclaim(given)).toEqual(NOTHING);
  }
});

const share = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 4000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: SEGMENT }) },
);

/** Slots of a few sizes, also one that is too small to be used. */
const slotBytes = fc.constantFrom(SEGMENT / 2, SEGMENT, SEGMENT, 2 * SEGMENT, 8 * SEGMENT);

const anyFacts: fc.Arbitrary<SpaceFacts> = fc
  .record({
    shares: fc.array(fc.record({ share, retained: fc.boolean(), slotBytes }), { maxLength: 24 }),
    sizes: fc.array(slotBytes, { maxLength: 8 }),
    wantedBytes: fc.constantFrom(SEGMENT, SEGMENT, 2 * SEGMENT, 8 * SEGMENT),
    currentBytes: fc.constantFrom(SEGMENT, SEGMENT, 2 * SEGMENT, 8 * SEGMENT),
    current: fc.integer({ min: 0, max: SEGMENT }),
    room: fc.integer({ min: -8192, max: SEGMENT }),
    rotationNear: fc.boolean(),
    rotationSlots: fc.integer({ min: 1, max: 3 }),
    diskFull: fc.boolean(),
  })
  .map(({ shares, sizes, current, ...rest }) => {
    const segments = shares.map((each, at) => {
      const bytes = Math.max(SEGMENT, each.slotBytes);
      if (each.retained) return retained(BigInt(at), bytes);
      return live(BigInt(at), Math.min(each.share, bytes), bytes);
    });
    const slots = sizes.map((bytes, slot) => ({ slot, bytes }));
    const given = facts({ segments, free: slots, ...rest });
    return { ...given, liveBytes: given.liveBytes + current };
  });

test("a plan never relocates more than there is room for, and what is retained or dead not at all", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      const { relocate, copyBytes } = planReclaim(given);
      const chosen = relocate.map((each) => segmentOf(given, each));
      const bytes = chosen.reduce((sum, segment) => sum + segment.live.bytes, 0);
      const isWhole = chosen.every((segment) => segment.slotBytes <= given.currentBytes);
      if (isWhole) expect(bytes).toBe(copyBytes);
      expect(copyBytes).toBeLessThanOrEqual(bytes);
      if (relocate.length > 0) expect(copyBytes).toBeLessThanOrEqual(given.room);
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
      expect(yielded.length).toBeLessThanOrEqual(Math.max(0, SPARE_SLOTS - sparesOf(given)));
      const oldest = given.segments.filter((segment) => segment.retained);
      expect(yielded).toEqual(oldest.slice(0, yielded.length));
    }),
    { numRuns: 1000 },
  );
});

test("what is surplus is free already, leaves two spares, and is too small or beyond the bound", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      const { surplus } = planReclaim(given);
      const gone = given.free.filter(({ slot }) => surplus.includes(slot));
      expect(gone).toHaveLength(surplus.length);
      const after = { ...given, free: given.free.filter((each) => !gone.includes(each)) };
      const spares = Math.min(SPARE_SLOTS, sparesOf(given));
      expect(sparesOf(after)).toBeGreaterThanOrEqual(spares);
      const last = given.free.find(({ slot }) => slot === surplus.at(-1));
      if (last && last.bytes >= given.wantedBytes) {
        expect(usedBytes(after) + last.bytes).toBeGreaterThan(bytesAllowed(given));
      }
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
        expect(steps).toBeLessThanOrEqual(given.segments.length + given.free.length + 8);
      }
      expect(now.liveBytes).toBe(given.liveBytes);
      // Free slots are beyond the bound only as far as two spares are.
      const within = usedBytes(now) <= bytesAllowed(now) || sparesOf(now) <= SPARE_SLOTS;
      expect(within).toBe(true);
      // Live records in sealed segments are in excess only if the emptiest segment's records find no room.
      const held = now.segments.filter(
        ({ live: { records }, retained: kept }) => records > 0 || kept,
      );
      const heldBytes = held.reduce((sum, each) => sum + each.slotBytes, now.currentBytes);
      const beside = SPARE_SLOTS + (now.rotationNear ? 1 : 0);
      const excess = heldBytes + beside * now.wantedBytes - bytesAllowed(now);
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

function sparesOf({ free: slots, leastBytes }: SpaceFacts): number {
  return slots.filter(({ bytes }) => bytes >= leastBytes).length;
}

function usedBytes({ segments, free: slots, currentBytes }: SpaceFacts): number {
  const sealed = segments.reduce((sum, each) => sum + each.slotBytes, currentBytes);
  return slots.reduce((sum, { bytes }) => sum + bytes, sealed);
}

function segmentOf({ segments }: SpaceFacts, sequence: bigint): SegmentFacts {
  const found = segments.find((segment) => segment.sequence === sequence);
  if (!found) throw new Error(`the plan names segment ${sequence}, which is not there`);
  return found;
}

function isNothing({ relocate, release, make, surplus }: ReclaimPlan): boolean {
  return relocate.length + release.length + make + surplus.length === 0;
}

/** The order in which a journal does it: copies, then releases, then what is made and given back. */
function carriedOut(before: SpaceFacts, plan: ReclaimPlan): SpaceFacts {
  if (plan.relocate.length > 0) {
    const moved = plan.relocate.map((each) => segmentOf(before, each));
    let { room } = before;
    const segments = before.segments.map((segment) => {
      if (!moved.includes(segment)) return segment;
      const bytes = Math.max(0, segment.live.bytes - room);
      room -= segment.live.bytes - bytes;
      return { ...segment, live: { records: bytes > 0 ? 1 : 0, bytes } };
    });
    return { ...before, segments, room };
  }
  if (plan.release.length > 0) {
    const released = plan.release.map((each) => segmentOf(before, each));
    const segments = before.segments.filter((segment) => !released.includes(segment));
    const slots = released.map((segment) => ({
      slot: 1000 + Number(segment.sequence),
      bytes: segment.slotBytes,
    }));
    return { ...before, segments, free: [...before.free, ...slots] };
  }
  const highest = Math.max(0, ...before.free.map(({ slot }) => slot));
  const made = Array.from({ length: plan.make }, (_, at) => ({
    slot: highest + 1 + at,
    bytes: before.wantedBytes,
  }));
  const kept = before.free.filter(({ slot }) => !plan.surplus.includes(slot));
  return { ...before, free: [...kept, ...made] };
}

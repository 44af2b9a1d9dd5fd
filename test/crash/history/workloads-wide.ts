/**
 * Histories on other ground than the smallest: many lanes, blocks that fill a segment, blocks of a
 * mebibyte, retention; and histories that are drawn.
 */
import { type Random, seededRandom } from "../../../src/testing/simulated/random.js";
import type { LaneId } from "../../../src/types/lane.js";
import { SoloChain } from "./chain.js";
import { CRASH_SEGMENT_BYTES, type Session, type Stand, standard } from "./session.js";
import type { Workload } from "./workloads.js";

const MIB = 1024 * 1024;
/** Two of these fill a segment of the smallest size. */
const HALF_SEGMENT_BYTES = 5500;

/** Tiny blocks of ten lanes, three of which are dropped and begun again. */
const manyLanesWork: Workload = async ({ open, stand: { chain } }) => {
  let session = await open();
  for (let round = 0n; round < 4n; round++) {
    await session.pushAll(round);
    await session.qc(round);
    if (round % 2n === 1n) session.vote(round);
  }
  await session.settled();
  await session.anchor(2n);
  await session.settled();
  for (const lane of chain.lanes.slice(7)) await session.dropLane(lane);
  for (const lane of chain.lanes.slice(7)) await session.push(lane, 2n);
  await session.settled();
  await session.close();
  session = await open();
  await session.pushAll(4n);
  await session.qc(4n);
  await session.anchor(3n);
  session.vote(5n);
  await session.close();
};

/** Each round begins a segment; what was pruned stays as far as the budget reaches. */
const retainingWork: Workload = async ({ open }) => {
  let session = await open();
  for (let life = 0n; life < 2n; life++) {
    for (let round = life * 8n; round < life * 8n + 8n; round++) {
      await session.pushAll(round);
      await session.qc(round);
      if (round % 2n === 1n) await session.anchor(round - 1n);
      if (round % 4n === 3n) await session.settled();
    }
    await session.close();
    session = await open();
  }
  await session.close();
};

/** One lane rotates with each push; the others lie about in old segments, and are relocated. */
const brimfulWork: Workload = async ({ open, stand: { chain } }) => {
  const session = await open();
  const [full, ...others] = chain.lanes as [LaneId, ...LaneId[]];
  for (let round = 0n; round < 12n; round++) {
    await session.push(full, round);
    if (round % 4n === 0n) for (const lane of others) await session.push(lane, round / 4n);
    await session.qc(round);
    if (round === 5n) await session.anchor(0n);
    if (round === 9n) await session.anchor(1n);
    await session.settled();
  }
  session.vote(1n);
  await session.anchor(3n);
  await session.close();
};

/** Blocks of a mebibyte, two to a segment. */
const largeWork: Workload = async ({ open, stand: { chain } }) => {
  let session = await open();
  const [lane, other] = chain.lanes as [LaneId, LaneId];
  await session.push(lane, 0n);
  await session.push(other, 0n);
  await session.qc(0n);
  await session.settled();
  await session.push(lane, 1n);
  await session.push(lane, 2n);
  await session.qc(1n);
  await session.anchor(1n);
  await session.close();
  session = await open();
  await session.push(lane, 3n);
  await session.close();
};

/** Operations of one drawn history, and how many of them one life has at most. */
const OPERATIONS = 36;
const LIFE_OPERATIONS_MAX = 24;
/** D9: blocks of a lane above the anchor's start; one more would wait. */
const LANE_BLOCKS_MAX = 30n;

/** A drawn history: each seed gives another one. */
const drawnWork: Workload = async ({ open, seed }) => {
  const draws: Draws = { random: seededRandom(seed), votes: 0n, anchor: -1n };
  const { random } = draws;
  for (let left = OPERATIONS; left > 0; ) {
    const session = await open();
    const count = Math.min(left, 1 + random.below(LIFE_OPERATIONS_MAX));
    for (let each = 0; each < count; each++) await drawnOperation(session, draws);
    left -= count;
    await session.close();
  }
};

interface Draws {
  readonly random: Random;
  /** No two votes of a history are at one road index. */
  votes: bigint;
  /** The highest that was pushed: one below is ignored, and nothing to wait for. */
  anchor: bigint;
}

async function drawnOperation(session: Session, draws: Draws): Promise<void> {
  const { random } = draws;
  const { lanes } = session.chain;
  const lane = lanes[random.below(lanes.length)]!;
  const { road } = session.keeper.status();
  const dice = random.below(20);
  if (dice < 8) await pushNext(session, lane, 1 + random.below(4));
  else if (dice < 10) for (const each of lanes) await pushNext(session, each, 1);
  else if (dice < 13) await session.qc(road.next);
  else if (dice < 15) await anchorAt(session, draws, road.next + BigInt(random.below(5)) - 3n);
  else if (dice === 15) await anchorAt(session, draws, road.next + BigInt(random.below(12)));
  else if (dice === 16) session.vote(++draws.votes);
  else if (dice === 17) await session.dropLane(lane);
  else await session.settled();
}

async function pushNext(session: Session, lane: LaneId, count: number): Promise<void> {
  for (let each = 0; each < count; each++) {
    const { lanes, anchorRoadIndex = 0n } = session.keeper.status();
    const { first, next } = lanes.get(lane) ?? { first: anchorRoadIndex, next: anchorRoadIndex };
    // One below, since an anchor under way may change the start.
    if (next - first < LANE_BLOCKS_MAX - 1n) await session.push(lane, next);
  }
}

async function anchorAt(session: Session, draws: Draws, index: bigint): Promise<void> {
  if (index <= draws.anchor) return;
  draws.anchor = index;
  await session.anchor(index);
}

function standOf(form: Partial<Stand>): Stand {
  return { ...standard, ...form };
}

const mixed = new SoloChain({
  lanes: 4,
  payloadBytes: (lane, number) => [1, 300, 1500, HALF_SEGMENT_BYTES][(lane + Number(number)) % 4]!,
});

/** Each with the ground that it is played on. */
export const wideWorkloads = {
  manyLanesWork: {
    workload: manyLanesWork,
    stand: standOf({ chain: new SoloChain({ lanes: 10, payloadBytes: () => 1 }) }),
  },
  retainingWork: {
    workload: retainingWork,
    stand: standOf({
      chain: new SoloChain({ lanes: 3, payloadBytes: () => 2500 }),
      retainBytes: 4 * CRASH_SEGMENT_BYTES,
    }),
  },
  brimfulWork: {
    workload: brimfulWork,
    stand: standOf({
      chain: new SoloChain({
        lanes: 3,
        payloadBytes: (lane) => (lane === 0 ? 2 * HALF_SEGMENT_BYTES : 200 * lane),
      }),
    }),
  },
  drawnWork: { workload: drawnWork, stand: standOf({ chain: mixed }) },
  drawnRetainingWork: {
    workload: drawnWork,
    stand: standOf({ chain: mixed, retainBytes: 3 * CRASH_SEGMENT_BYTES }),
  },
  largeWork: {
    workload: largeWork,
    stand: standOf({
      chain: new SoloChain({ lanes: 2, payloadBytes: () => MIB - 1024 }),
      segmentBytes: 2.5 * MIB,
    }),
  },
} as const;

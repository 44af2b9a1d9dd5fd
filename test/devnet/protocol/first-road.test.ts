/**
 * The time to a committee's first decision, and to the next one after restarts. Lost messages are
 * said again, and views that are too short for the machine grow until they are long enough.
 */
import { describe, expect, test } from "vitest";
import { fairWeather, randomOf, SimulatedNetwork } from "./simulated-network.js";
import { campaignSize } from "../../scale.js";

const RUNS = campaignSize(10, "LANEKEEPER_RUNS");
const FIRST_SEED = Number(process.env["LANEKEEPER_SEED"] ?? 1);
const seeds = Array.from({ length: RUNS }, (_, at) => FIRST_SEED + at);
const COMMITTEE = [0, 1, 2, 3];

/** Every line in one direction: whether it is up. */
function connectAll(network: SimulatedNetwork, isUp: boolean): void {
  for (const from of COMMITTEE) for (const to of COMMITTEE) network.connect(from, to, isUp);
}

/** Does each thing at its time. */
function play(network: SimulatedNetwork, plan: readonly { atMs: number; act: () => void }[]): void {
  for (const { atMs, act } of plan.toSorted((one, other) => one.atMs - other.atMs)) {
    network.run(atMs);
    act();
  }
}

/**
 * Runs until somebody has executed a road more than anybody has now; returns how long that took.
 */
function nextRoadMs(network: SimulatedNetwork): number {
  const beginMs = network.nowMs;
  const furthest = (): bigint => network.executedNext().reduce((a, b) => (a > b ? a : b));
  const before = furthest();
  network.run(beginMs + 60_000, () => furthest() > before);
  expect(network.judge.violations).toEqual([]);
  return network.nowMs - beginMs;
}

describe("the first road", () => {
  test.each(seeds)(
    "comes soon after the last line is up, what was said before is lost: seed %i",
    (seed) => {
      const random = randomOf(seed);
      const network = new SimulatedNetwork(seed, COMMITTEE.length);
      connectAll(network, false);
      const startsMs = COMMITTEE.map(() => random() * 1_500);
      const lines = COMMITTEE.flatMap((from) => COMMITTEE.map((to) => ({ from, to })));
      play(network, [
        ...startsMs.map((atMs, index) => ({ atMs, act: () => network.start(index) })),
        ...lines.map(({ from, to }) => ({
          atMs: Math.max(startsMs[from]!, startsMs[to]!) + random() * 3_000,
          act: () => network.connect(from, to, true),
        })),
      ]);
      expect(nextRoadMs(network)).toBeLessThan(2_000);
    },
  );

  // A round that nobody gives up takes 3 to 8 s there.
  test.each(seeds)(
    "comes where every write and message waits for the processor: seed %i",
    (seed) => {
      const busy = { ...fairWeather, delayMsMax: 600, flushMsMax: 2_000 };
      const network = new SimulatedNetwork(seed, COMMITTEE.length, busy);
      for (const index of COMMITTEE) network.start(index);
      expect(nextRoadMs(network)).toBeLessThan(20_000);
    },
  );
});

describe("the next road", () => {
  test.each(seeds)(
    "comes soon after a restart, what was said meanwhile is lost: seed %i",
    (seed) => {
      const random = randomOf(seed);
      const network = new SimulatedNetwork(seed, COMMITTEE.length);
      for (const index of COMMITTEE) network.start(index);
      network.run(500 + random() * 500);
      const victim = Math.floor(random() * COMMITTEE.length);
      network.crash(victim);
      network.run(network.nowMs + random() * 1_000);
      network.start(victim);
      expect(nextRoadMs(network)).toBeLessThan(5_000);
    },
  );

  test("comes when all restart in a view that they gave up, and just a quorum is there", () => {
    const network = new SimulatedNetwork(1, COMMITTEE.length);
    const quorum = COMMITTEE.slice(1);
    connectAll(network, false);
    for (const index of quorum) network.start(index);
    network.run(1_000);
    const gaveUp = network.said.filter(({ report }) => report.what === "timeoutVote");
    expect(new Set(gaveUp.map(({ validator }) => validator))).toEqual(new Set(quorum));
    for (const index of quorum) network.crash(index);
    connectAll(network, true);
    for (const index of quorum) network.start(index);
    expect(nextRoadMs(network)).toBeLessThan(5_000);
  });
});

/**
 * The protocol over simulated links and disks: many seeds, each replayed exactly. LANEKEEPER_RUNS
 * asks for more of them, LANEKEEPER_SEED for others.
 */
import { describe, expect, test } from "vitest";
import {
  fairWeather,
  type Mutant,
  randomOf,
  SimulatedNetwork,
  type Weather,
} from "./simulated-network.js";
import { campaignSize } from "../../scale.js";

const RUNS = campaignSize(10, "LANEKEEPER_RUNS");
const FIRST_SEED = Number(process.env["LANEKEEPER_SEED"] ?? 1);
const seeds = Array.from({ length: RUNS }, (_, at) => FIRST_SEED + at);

const foulWeather: Weather = {
  ...fairWeather,
  lostShare: 0.1,
  doubledShare: 0.1,
  delayMsMax: 40,
  flushMsMax: 20,
};

interface Story {
  readonly seed: number;
  readonly crashes: number;
  readonly downMsMax: number;
  readonly weather: Weather;
  /** Four where it is left out. */
  readonly validators?: number;
}

const furthest = (network: SimulatedNetwork): bigint =>
  network.executedNext().reduce((most, next) => (next > most ? next : most));

/** One validator at a time crashes, comes back, and catches up. Then all go on together. */
function live({ seed, crashes, downMsMax, weather, validators = 4 }: Story): SimulatedNetwork {
  const network = new SimulatedNetwork(seed, validators, weather);
  const random = randomOf(seed + 1_000_000);
  for (const index of network.validators.keys()) network.start(index);
  for (let crash = 0; crash < crashes; crash++) {
    network.run(network.nowMs + random() * 800);
    const victim = Math.floor(random() * validators);
    network.crash(victim);
    network.run(network.nowMs + random() * downMsMax);
    network.start(victim);
    const reach = furthest(network);
    network.run(network.nowMs + 60_000, () => network.executedNext()[victim]! >= reach);
  }
  const goal = furthest(network) + 5n;
  network.run(network.nowMs + 60_000, () => network.executedNext().every((next) => next >= goal));
  expect(network.executedNext().every((next) => next >= goal)).toBe(true);
  return network;
}

describe("a committee of one", () => {
  test.each(seeds)("goes on by itself after crashes: seed %i", (seed) => {
    const network = live({
      seed,
      crashes: 6,
      downMsMax: 500,
      weather: fairWeather,
      validators: 1,
    });
    expect(network.judge.violations).toEqual([]);
    expect(network.validators[0]!.engine!.isBehind).toBe(false);
  });

  test("releases its pins by itself, and does not abstain: nobody else can hold what was lost", () => {
    const lives = Array.from({ length: 20 }, (_, seed) =>
      live({ seed, crashes: 6, downMsMax: 500, weather: fairWeather, validators: 1 }),
    );
    expect(lives.some(({ released }) => released > 0)).toBe(true);
    expect(lives.some(({ abstained }) => abstained > 0)).toBe(true);
  });
});

describe("a committee of four", () => {
  test("decides road after road, executes, and prunes behind itself", () => {
    const network = new SimulatedNetwork(1, 4);
    for (const index of network.validators.keys()) network.start(index);
    network.run(3_000);
    expect(network.judge.violations).toEqual([]);
    for (const [index, { store, lane }] of network.validators.entries()) {
      const executed = network.executedNext()[index]!;
      expect(executed).toBeGreaterThan(30n);
      expect(store.anchor!.commitQC.vote.view.index).toBeGreaterThan(executed - 10n);
      expect(store.first(lane)).toBeGreaterThan(0n);
    }
  });

  test("does the same again for the same seed", () => {
    const story = { seed: 3, crashes: 2, downMsMax: 500, weather: foulWeather };
    const [one, other] = [live(story), live(story)];
    expect(other.nowMs).toBe(one.nowMs);
    expect(other.judge.counts).toEqual(one.judge.counts);
  });

  test.each(seeds)("lost, doubled and reordered messages: seed %i", (seed) => {
    const network = live({ seed, crashes: 0, downMsMax: 0, weather: foulWeather });
    expect(network.judge.violations).toEqual([]);
  });

  test.each(seeds)("crashes, with what was on its way to disk there or not: seed %i", (seed) => {
    const network = live({ seed, crashes: 5, downMsMax: 1_500, weather: fairWeather });
    expect(network.judge.violations).toEqual([]);
  });

  // In two of these a road is decided in two views, the same in both.
  test.each([...seeds, 23, 26])("crashes in foul weather: seed %i", (seed) => {
    const network = live({ seed, crashes: 4, downMsMax: 1_500, weather: foulWeather });
    expect(network.judge.violations).toEqual([]);
  });

  test("stands still without a quorum, and goes on when it is there again", () => {
    const network = new SimulatedNetwork(5, 4);
    for (const index of network.validators.keys()) network.start(index);
    network.run(500);
    network.crash(0);
    network.crash(1);
    network.run(600);
    const before = furthest(network);
    network.run(6_000);
    expect(furthest(network) - before).toBeLessThanOrEqual(1n);
    network.start(0);
    network.run(60_000, () => furthest(network) > before + 10n);
    expect(furthest(network)).toBeGreaterThan(before + 10n);
    expect(network.judge.violations).toEqual([]);
  });

  test("who was away for longer than peers retain goes on behind their anchor", () => {
    const network = new SimulatedNetwork(6, 4, { ...fairWeather, retained: 4n });
    for (const index of network.validators.keys()) network.start(index);
    network.run(500);
    network.crash(2);
    network.run(10_000);
    network.start(2);
    const goal = furthest(network) + 5n;
    network.run(60_000, () => network.executedNext()[2]! >= goal);
    expect(network.executedNext()[2]).toBeGreaterThanOrEqual(goal);
    expect(network.jumps).toBeGreaterThan(0);
    expect(network.judge.violations).toEqual([]);
  });
});

describe("after a loss in flight (D6)", () => {
  /** Crashes validator 0 again and again until `hasHappened`. */
  function untilLost(hasHappened: (network: SimulatedNetwork) => boolean): SimulatedNetwork {
    for (const seed of Array.from({ length: 200 }, (_, at) => at + 1)) {
      const network = new SimulatedNetwork(seed, 4, { ...fairWeather, flushMsMax: 30 });
      for (const index of network.validators.keys()) network.start(index);
      network.run(300 + seed * 7);
      network.crash(0);
      if (hasHappened(network)) return network;
    }
    throw new Error("no crash lost what was asked for");
  }

  test("a pinned number of our own lane is released once every peer holds nothing there", () => {
    const network = untilLost(({ validators }) => validators[0]!.pins.length > 0);
    const { lane, pins, store } = network.validators[0]!;
    const pinned = pins[0]!.number;
    // While one peer is away, nobody knows what it holds.
    network.crash(3);
    network.start(0);
    network.run(network.nowMs + 2_000);
    expect(network.released).toBe(0);
    expect(store.next(lane)).toBe(pinned);
    network.start(3);
    network.run(network.nowMs + 20_000, () => store.next(lane) > pinned + 2n);
    expect(network.released).toBeGreaterThan(0);
    expect(store.next(lane)).toBeGreaterThan(pinned + 2n);
    expect(network.judge.violations).toEqual([]);
  });

  test("nothing is signed at a road index whose vote may be lost, until a commit QC covers it", () => {
    const network = untilLost(({ validators }) => {
      const { abstainThrough, store } = validators[0]!;
      return abstainThrough !== undefined && abstainThrough >= store.roadNext;
    });
    const { abstainThrough } = network.validators[0]!;
    network.start(0);
    const { engine } = network.validators[0]!;
    expect(engine!.isAbstaining).toBe(true);
    network.run(network.nowMs + 20_000, () => network.executedNext()[0]! > abstainThrough! + 3n);
    expect(engine!.isAbstaining).toBe(false);
    const said = network.said.filter(
      ({ validator, report }) =>
        validator === 0 && "index" in report.place && report.place.index === abstainThrough,
    );
    const votes = said.filter(({ report }) => report.what !== "appVote");
    expect(votes.filter(({ life }) => life > 1)).toEqual([]);
    expect(network.judge.violations).toEqual([]);
  });
});

describe("a validator that does not keep the rules is found out", () => {
  const broken = (mutant: Mutant, seed: number): Set<string> => {
    const network = new SimulatedNetwork(seed, 4, { ...fairWeather, flushMsMax: 30 });
    network.mutate(1, mutant);
    for (const index of network.validators.keys()) network.start(index);
    for (let crash = 0; crash < 40 && network.judge.violations.length === 0; crash++) {
      network.run(network.nowMs + 397);
      network.crash(1);
      network.start(1);
    }
    expect(network.judge.violations.every(({ validator }) => validator === 1)).toBe(true);
    return new Set(network.judge.violations.map(({ rule }) => rule));
  };

  test.each(seeds)("it votes before the block is durable: seed %i", (seed) => {
    expect(broken("votes before durable", seed)).toContain("ACK_LOST");
  });

  test.each(seeds)("it does not keep its votes: seed %i", (seed) => {
    expect(broken("forgets its votes", seed)).toContain("VOTES_LOST");
  });
});

/** The whole thing: validators as processes of their own, real sockets, real disks, real kills. */
import { describe, expect, test } from "vitest";
import { IS_SHORT } from "../../scale.js";
import { devnets } from "./network-kit.js";

const { networkOf } = devnets();

describe("a committee of processes", () => {
  test("goes on through kills and power cuts, loses nothing, and signs nothing twice", async () => {
    const [seconds, each] = IS_SHORT ? [1, 1] : [8, 2];
    const network = await networkOf({ seconds, roads: 4n, kills: each, powerCuts: each });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    expect(network.counts).toMatchObject({ kills: each, powerCuts: each });
    expect(network.judge.counts.compared).toBeGreaterThan(20);
    // Four at the start, the blows, four at the end; those that were cut short told nothing.
    expect(network.counts.recoveries).toBeGreaterThanOrEqual(8 + 2 * each);
  });

  test("ends early, and cleanly, when it is asked to", async () => {
    const stop = new AbortController();
    const network = await networkOf({ seconds: 600 }, stop);
    const done = network.run();
    while (network.executedNext === 0n) await new Promise((resolve) => setTimeout(resolve, 50));
    stop.abort();
    await done;
    expect(network.judge.violations).toEqual([]);
    expect(network.seats.map(({ starts }) => starts)).toEqual([1, 1, 1, 1]);
    expect(network.seats.map(({ kills }) => kills)).toEqual([0, 0, 0, 0]);
  });
});

// `npm test` has one such validator, behind a service: the one that a person restores (by-hand.test.ts).
describe.runIf(!IS_SHORT)("a committee whose validators come back from old backups", () => {
  test("signs nothing twice, and each of them signs again", async () => {
    const network = await networkOf({ seconds: 2, restores: 4 });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    expect(network.counts).toMatchObject({ restores: 4, raised: 4 });
  });
});

describe("a committee over services", () => {
  test("goes on while validators and services are killed, each by itself or together", async () => {
    const strikes = IS_SHORT ? { kills: 1, powerCuts: 1 } : { kills: 4, powerCuts: 3 };
    const seconds = IS_SHORT ? 1 : 8;
    const network = await networkOf({ service: true, seconds, roads: 4n, ...strikes });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    expect(network.counts).toMatchObject(strikes);
    expect(network.judge.counts.compared).toBeGreaterThan(20);
  });
});

describe("a committee of one", () => {
  test("comes back from kills and power cuts by itself, loses nothing, and signs nothing twice", async () => {
    const strikes = IS_SHORT ? { kills: 1, powerCuts: 1 } : { kills: 2, powerCuts: 3 };
    const seconds = IS_SHORT ? 1 : 8;
    const network = await networkOf({ validators: 1, seconds, roads: 11n, ...strikes });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    expect(network.counts).toMatchObject(strikes);
    // One recovery has six to ten of them, and on a slow machine the last one may be the only one that told.
    expect(network.judge.counts.compared).toBeGreaterThan(IS_SHORT ? 5 : 20);
    // One at the start, the strikes, one at the end; those that were cut short told nothing.
    const least = 2 + strikes.kills + strikes.powerCuts;
    expect(network.counts.recoveries).toBeGreaterThanOrEqual(least);
  });
});

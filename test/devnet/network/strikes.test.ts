import { describe, expect, test } from "vitest";
import { strikesOf, struckBy } from "../../../src/devnet/network/strikes.js";
import { randomOf } from "../protocol/simulated-network.js";

const options = { validators: 4, seconds: 30, payload: 1, kills: 20, powerCuts: 10, seed: 1 };

describe("strikes", () => {
  test("are spread over the run, in order, and reach everybody", () => {
    const strikes = strikesOf(options, randomOf(1));
    expect(strikes.filter(({ cutsPower }) => cutsPower)).toHaveLength(10);
    const moments = strikes.map(({ atMs }) => atMs);
    expect(moments).toEqual(moments.toSorted((a, b) => a - b));
    for (const [at, moment] of moments.entries()) {
      expect(moment).toBeGreaterThanOrEqual(at * 1000);
      expect(moment).toBeLessThan((at + 1) * 1000);
    }
    expect(new Set(strikes.map(({ victim }) => victim))).toEqual(new Set([0, 1, 2, 3]));
  });

  test("follow from the draws; none is none", () => {
    expect(strikesOf(options, randomOf(5))).toEqual(strikesOf(options, randomOf(5)));
    expect(strikesOf({ ...options, kills: 0, powerCuts: 0 }, randomOf(5))).toEqual([]);
  });

  test("bring validators back from old backups, in order with the others", () => {
    const strikes = strikesOf({ ...options, restores: 3 }, randomOf(1));
    expect(strikes.filter(({ store }) => store === "backup")).toHaveLength(3);
    expect(strikes.filter(({ store }) => store === "kept")).toEqual(
      strikesOf(options, randomOf(1)),
    );
    const moments = strikes.map(({ atMs }) => atMs);
    expect(moments).toEqual(moments.toSorted((a, b) => a - b));
    const onItself = strikesOf({ ...options, restores: 3, sabotage: "ignore-guards" }, randomOf(2));
    const victims = onItself.filter(({ store }) => store === "backup").map(({ victim }) => victim);
    expect(victims).toEqual([1, 1, 1]);
  });

  test("fall on a validator of a committee of one too", () => {
    const strikes = strikesOf({ ...options, validators: 1 }, randomOf(2));
    expect(new Set(strikes.map(({ victim }) => victim))).toEqual(new Set([0]));
  });

  test("come soon, and on the saboteur alone, where only a restart shows the sabotage", () => {
    const strikes = strikesOf({ ...options, sabotage: "forget-vote-state" }, randomOf(3));
    expect(new Set(strikes.map(({ victim }) => victim))).toEqual(new Set([1]));
    expect(strikes[2]?.atMs).toBeLessThan(5_000);
  });
});

describe("the processes of a seat", () => {
  /** The kinds of a hundred strikes. */
  const kinds = (service: boolean, cutsPower: boolean) => {
    const fraction = randomOf(3);
    return new Set(Array.from({ length: 100 }, () => struckBy({ service }, cutsPower, fraction)));
  };

  test("are struck each by itself, or together; a power cut is one of the service", () => {
    expect(kinds(true, false)).toEqual(new Set(["validator", "service", "both"]));
    expect(kinds(true, true)).toEqual(new Set(["service", "both"]));
  });

  test("are one without services, and no draw is made", () => {
    const fraction = () => expect.unreachable("nothing is to be drawn");
    expect(struckBy({}, false, fraction)).toBe("both");
  });
});

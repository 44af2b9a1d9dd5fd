/** Each way of breaking the contract is found out by the judge, in real processes. */
import { describe, expect, test } from "vitest";
import type { Rule } from "../../../src/devnet/judge/judge.js";
import type { NetworkOptions } from "../../../src/devnet/network/options.js";
import type { Sabotage } from "../../../src/devnet/validator/sabotage.js";
import { SCALE } from "../../scale.js";
import { devnets } from "./network-kit.js";

const { networkOf } = devnets();

interface Found {
  readonly rule: Rule;
  /** The strikes that show it. */
  readonly strikes?: Partial<NetworkOptions>;
}

const found: Readonly<Record<Sabotage, Found>> = {
  "acknowledge-before-flush": { rule: "ACK_LOST" },
  "forget-vote-state": { rule: "VOTES_LOST" },
  "forget-anchor": { rule: "ANCHOR_LOST" },
  "change-a-byte": { rule: "ACK_CHANGED" },
  "skip-verification": { rule: "FORK" },
  "sign-twice": { rule: "EQUIVOCATION" },
  "lease-by-time": { rule: "EQUIVOCATION", strikes: { kills: 2, standby: true } },
  "ignore-guards": { rule: "EQUIVOCATION", strikes: { kills: 0, restores: 3, seconds: 3 } },
};

// A committee of four takes seconds for each: `npm test` has them in a committee of one, and by the command.
describe.runIf(SCALE >= 1)("a validator that breaks the contract is found out", () => {
  test.each(Object.entries(found))("%s", async (sabotage, { rule, strikes }) => {
    const own = { sabotage: sabotage as Sabotage, ...strikes };
    const network = await networkOf({ seconds: 30, kills: 10, ...own });
    await network.run();
    const { violations } = network.judge;
    expect(violations.map((each) => each.rule)).toContain(rule);
    // A fork is told of the one that came second.
    const isItself = violations.every(({ validator }) => validator === 1);
    expect(isItself || rule === "FORK").toBe(true);
  });

  test("behind a service, too: forget-vote-state", async () => {
    const sabotage = "forget-vote-state";
    const network = await networkOf({ service: true, seconds: 30, kills: 10, sabotage });
    await network.run();
    expect(network.judge.violations.map(({ rule }) => rule)).toContain("VOTES_LOST");
  });
});

describe("in a committee of one a saboteur is found out", () => {
  const names = ["acknowledge-before-flush", "change-a-byte"] as const;
  test.each(SCALE < 1 ? names.slice(0, 1) : names)("%s", async (sabotage) => {
    const network = await networkOf({ validators: 1, seconds: 30, kills: 10, sabotage });
    await network.run();
    expect(network.judge.violations.map(({ rule }) => rule)).toContain(found[sabotage].rule);
  });
});

/** The claim of `bounds.ts` on every history of a small world, whatever the order of its steps. */
import { expect, test } from "vitest";
import { ONE_IN } from "../scale.js";
import { explore } from "./exploration.js";
import { blocks } from "./machines.js";
import type { Budgets } from "./small-world.js";

/** How often each may come in one history. Every order of them is tried, between the steps of both machines. */
const worlds: readonly Budgets[] = [
  { takes: 2, deaths: 0, closes: 0, faults: 1 },
  { takes: 2, deaths: 0, closes: 1, faults: 0 },
  { takes: 2, deaths: 1, closes: 0, faults: 0 },
  { takes: 1, deaths: 1, closes: 0, faults: 1 },
  { takes: 1, deaths: 1, closes: 1, faults: 0 },
];

/** At full size. */
const largeWorlds: readonly Budgets[] = [
  { takes: 3, deaths: 0, closes: 0, faults: 1 },
  { takes: 2, deaths: 1, closes: 1, faults: 0 },
  { takes: 2, deaths: 1, closes: 0, faults: 1 },
  { takes: 2, deaths: 0, closes: 1, faults: 1 },
  { takes: 1, deaths: 1, closes: 1, faults: 1 },
];

test.for([
  ["blocks of the own lane", blocks, false],
  ["blocks of a validator behind a service", blocks, true],
  ["votes", "road", false],
] as const)(
  "R1 no history of two machines signs twice: %s, every order of steps",
  ([, series, isRemote]) => {
    for (const budgets of ONE_IN === 1 ? [...worlds, ...largeWorlds] : worlds) {
      const { states, depth, violation } = explore({ series, places: 2n, isRemote }, budgets);
      expect(violation, JSON.stringify(budgets)).toBeUndefined();
      // Both machines get as far as a take-over and what follows from it.
      expect(states, JSON.stringify(budgets)).toBeGreaterThan(3_000);
      expect(depth, JSON.stringify(budgets)).toBeGreaterThan(12);
    }
  },
);

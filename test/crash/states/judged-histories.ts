/**
 * Every disk that a crash may leave of some histories: a kill and power cuts at each step and at each
 * acknowledgement, and inside the recoveries, two deep. Each acknowledged record is there, no open is
 * refused, and no record is pinned that was found.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { explore } from "./explore.js";
import { freezeTime } from "../history/frozen-time.js";
import { SEED, stateShare } from "./state-shares.js";
import type { sealedWorkloads } from "../history/workloads-sealed.js";
import type { workloads } from "../history/workloads.js";
import type { wideWorkloads } from "../history/workloads-wide.js";

/** Far more than it takes on a busy machine. */
const TEST_MS_MAX = 600_000;

/** A test for each of the histories; what was judged is told in the end, as that of the `kind` ones. */
export function judgeHistories(
  kind: "small" | "wide" | "sealed",
  histories: typeof workloads | typeof wideWorkloads | typeof sealedWorkloads,
): void {
  const judged = { states: 0, violations: 0, began: process.cpuUsage() };

  freezeTime();

  beforeAll(() => {
    judged.began = process.cpuUsage();
  });
  afterAll(() => {
    const { user, system } = process.cpuUsage(judged.began);
    const seconds = Math.round((user + system) / 1e6);
    const { states, violations } = judged;
    console.log(
      `distinct crash states of the ${kind} histories: ${states}, violations: ${violations}, ${seconds} s of processor time`,
    );
  });

  describe.each(Object.entries(histories))("%s", (name, history) => {
    const states = stateShare(name);
    const words = `each of ${states} distinct disks opens with all that was acknowledged`;
    test(words, { timeout: TEST_MS_MAX }, async () => {
      const campaign = await explore({ name, ...history, seed: SEED, states });
      judged.states += campaign.distinctStates;
      judged.violations += campaign.violations.length;
      expect(campaign.told).toEqual([]);
      expect(campaign.distinctStates).toBeGreaterThanOrEqual(states);
    });
  });
}

import { afterAll, describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../src/disk/simulated.js";
import { Explorer } from "./explorer.js";
import { initOn } from "./session.js";
import { workloads } from "./workloads.js";

const SEED = 7;
const STATES_MIN = 5_000;
const explorer = new Explorer(SEED);

async function born(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await initOn(disk, SEED);
  return disk.kill();
}

afterAll(() => {
  const { distinctStates, violations } = explorer;
  console.log(`crash states: ${distinctStates}, violations: ${violations.length}`);
});

describe.each(Object.entries(workloads))("%s", (_, { workload, cuts, stride }) => {
  test("a crash at any step leaves a store that opens with all that was acknowledged", async () => {
    const disk = await born();
    const whole = await explorer.run(disk, workload);
    const { steps } = whole.disk;
    for (let step = 1; step <= steps + 1; step++) {
      const stopped = await explorer.run(disk, workload, step);
      const left = explorer.crashes(stopped, cuts);
      for (const [at, state] of left.entries()) await explorer.judge(state, at < 3);
    }
    expect(explorer.violations.slice(0, 5)).toEqual([]);
  });

  test("a crash of the recovery, and of the recovery after that, loses nothing more", async () => {
    const disk = await born();
    const { steps } = (await explorer.run(disk, workload)).disk;
    for (let step = 3; step <= steps; step += stride) {
      const stopped = await explorer.run(disk, workload, step);
      // The kill, the power cut that takes everything, and two that tear.
      const left = explorer.crashes(stopped, 6);
      for (const state of [left[0], left[1], left[3], left[6]]) {
        if (!state) continue;
        const once = await explorer.crashRecovery(state, 2);
        for (const [at, left] of once.entries()) {
          await explorer.judge(left, at % 4 === 0);
          if (at % 9 !== 4) continue;
          for (const twice of await explorer.crashRecovery(left, 2)) {
            await explorer.judge(twice, false);
          }
        }
      }
    }
    expect(explorer.violations.slice(0, 5)).toEqual([]);
  });
});

test("enough distinct crash states were judged, and none broke the contract", () => {
  expect(explorer.violations).toEqual([]);
  expect(explorer.distinctStates).toBeGreaterThanOrEqual(STATES_MIN);
});

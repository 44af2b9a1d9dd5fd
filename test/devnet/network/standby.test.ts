/** Validators of two machines each: one signs, one stands by. */
import { expect, test } from "vitest";
import { IS_SHORT } from "../../scale.js";
import { devnets } from "./network-kit.js";

const { networkOf } = devnets();

test("R8 fails over from machines that go in each way, and signs nothing twice", async () => {
  const strikes = IS_SHORT ? { seconds: 1, kills: 2 } : { seconds: 20, kills: 5, powerCuts: 1 };
  const network = await networkOf({ standby: true, roads: 8n, ...strikes });
  await network.run();
  expect(network.judge.violations).toEqual([]);
  expect(network.blows.failovers).toEqual({
    killed: 1,
    powerCut: IS_SHORT ? 0 : 1,
    stopped: 1,
    cutOff: IS_SHORT ? 0 : 1,
    isolated: IS_SHORT ? 0 : 1,
    partitioned: IS_SHORT ? 0 : 1,
  });
  expect(network.judge.counts.compared).toBeGreaterThan(20);
  const lanes = network.seats.map(({ stats }) => stats?.laneNext ?? 0n);
  // The lanes of the validators that failed over go on, too.
  for (const next of lanes) expect(next).toBeGreaterThan(4n);
});

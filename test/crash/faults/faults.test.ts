/** Every call of a run fails, once or from then on; then the power goes (D1, D5, D7). */
import { afterAll, expect, test } from "vitest";
import { Campaign } from "../states/campaign.js";
import { type FaultRun, faultPlans, fortyRecords, growing, struckAt } from "./fault-points.js";
import { freezeTime } from "../history/frozen-time.js";
import { sampled } from "../../scale.js";

const SEED = 11;
const POINTS_MIN = 500;
/** The two extremes, and two that tear. */
const CUTS = 4;
/** After each so many points something more is written. */
const GO_ON_STRIDE = 40;
const TEST_MS_MAX = 300_000;
const counts = { points: 0, disks: 0, violations: 0 };

freezeTime();

afterAll(() => {
  const { points, disks, violations } = counts;
  console.log(
    `fault points: ${points}, distinct disks behind them: ${disks}, violations: ${violations}`,
  );
});

/** The ways in which a run may fail, each followed by power cuts; how many there are. */
async function strikeAll(run: FaultRun): Promise<number> {
  const campaign = new Campaign(SEED, run.stand);
  const from = await campaign.born();
  const plans = await faultPlans(from, run);
  const broken: string[] = [];
  for (const [at, plan] of sampled(plans.entries())) {
    const { frame, faults } = await struckAt(from, run, plan);
    broken.push(...faults.map((fault) => `${frame.label}: ${fault}`));
    for (const state of campaign.crashes(frame, CUTS, at)) {
      await campaign.judge(state, at % GO_ON_STRIDE === 0);
    }
  }
  counts.points += sampled(plans).length;
  counts.disks += campaign.distinctStates;
  counts.violations += broken.length + campaign.violations.length;
  expect(broken.slice(0, 8)).toEqual([]);
  expect(campaign.told).toEqual([]);
  return plans.length;
}

test("a call that fails, whichever: no failed flush is tried again, nothing acknowledged is lost", {
  timeout: TEST_MS_MAX,
}, async () => {
  expect(await strikeAll(fortyRecords)).toBeGreaterThanOrEqual(POINTS_MIN);
});

test("a slot whose name could not be flushed holds nothing that is acknowledged", {
  timeout: TEST_MS_MAX,
}, async () => {
  expect(await strikeAll(growing)).toBeGreaterThan(0);
});

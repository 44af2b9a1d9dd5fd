/** The crash states of the small histories: half of the work, so that two cores share it. */
import { expect, test } from "vitest";
import { judgeHistories } from "./judged-histories.js";
import { STATES } from "./state-shares.js";
import { workloads } from "../history/workloads.js";

judgeHistories("small", workloads);

test("the histories here and the wide ones are to judge a hundred thousand disks together", () => {
  expect(STATES).toBeGreaterThanOrEqual(100_000);
});

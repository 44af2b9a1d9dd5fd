/** The crash states of the wide histories, and those of a store with keys in the middle of rotations: the other half. */
import { describe } from "vitest";
import { judgeHistories } from "./judged-histories.js";
import { sealedWorkloads } from "../history/workloads-sealed.js";
import { wideWorkloads } from "../history/workloads-wide.js";

describe("wide histories", () => judgeHistories("wide", wideWorkloads));

describe("E16 every disk that a crash may leave of a sealed store", () => {
  judgeHistories("sealed", sealedWorkloads);
});

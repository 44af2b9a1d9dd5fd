/** The crash states of the wide histories: the other half of the work. */
import { judgeHistories } from "./judged-histories.js";
import { wideWorkloads } from "../history/workloads-wide.js";

judgeHistories("wide", wideWorkloads);

/** The rule for prune anchors: an app QC and its commit QC. */
import { type EpochOf, knownEpoch } from "../committee.js";
import type { PruneAnchor } from "../messages.js";
import type { Rule } from "../signatures/claim.js";
import { appRule, commitRule, verifyAppOf } from "./rules.js";

/** The app QC is about this very commit QC, and both have their quorum. */
export function* anchorRule({ appQC, commitQC }: PruneAnchor, epochOf: EpochOf): Rule {
  const epoch = knownEpoch(epochOf, commitQC.vote.view.epochIndex);
  verifyAppOf(appQC.vote, commitQC);
  yield* commitRule(commitQC, epoch);
  yield* appRule(appQC, epoch.committee);
}

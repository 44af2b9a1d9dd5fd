/** The rule for prune anchors: an app QC and its commit QC. */
import type { Rule } from "../signatures/claim.js";
import type { EpochOf } from "../committee.js";
import type { PruneAnchor } from "../messages.js";
import { appRule, commitRule } from "./rules.js";
import { runRule, type VerifyOptions } from "../signatures/run-rule.js";
import { verifyAppAgainstCommit } from "./verify.js";
import { VerifyError } from "../verify-error.js";

/**
 * The app QC is about this very commit QC, and both have their quorum.
 *
 * @throws {VerifyError} as the returned promise's rejection.
 */
export function verifyAnchor(
  anchor: PruneAnchor,
  epochOf: EpochOf,
  options?: VerifyOptions,
): Promise<void> {
  return runRule(anchorRule(anchor, epochOf), options);
}

export function* anchorRule({ appQC, commitQC }: PruneAnchor, epochOf: EpochOf): Rule {
  const { epochIndex } = commitQC.vote.view;
  const epoch = epochOf(epochIndex);
  if (!epoch) throw new VerifyError("epoch", `the committee of epoch ${epochIndex} is not known`);
  verifyAppAgainstCommit(appQC.vote, commitQC);
  yield* commitRule(commitQC, epoch);
  yield* appRule(appQC, epoch.committee);
}

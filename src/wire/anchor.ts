/** The rule for prune anchors: an app QC and its commit QC. */
import type { EpochOf } from "./committee.js";
import type { PruneAnchor } from "./messages.js";
import { verifyAppAgainstCommit, verifyAppQC, verifyCommitQC } from "./verify.js";
import { VerifyError } from "./verify-error.js";

/**
 * The app QC is about this very commit QC, and both have their quorum.
 *
 * @throws {VerifyError} as the returned promise's rejection.
 */
export async function verifyAnchor(anchor: PruneAnchor, epochOf: EpochOf): Promise<void> {
  const { appQC, commitQC } = anchor;
  const { epochIndex } = commitQC.vote.view;
  const epoch = epochOf(epochIndex);
  if (!epoch) throw new VerifyError("epoch", `the committee of epoch ${epochIndex} is not known`);
  verifyAppAgainstCommit(appQC.vote, commitQC);
  await verifyCommitQC(commitQC, epoch);
  await verifyAppQC(appQC, epoch.committee);
}

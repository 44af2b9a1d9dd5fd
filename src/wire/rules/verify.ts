/**
 * Verifying blocks and certificates on the calling thread, in turns of the event loop, each time
 * anew. `Verifier` does the same with a memory and a second thread.
 */
import type { Committee, Epoch } from "../committee.js";
import { payloadHash } from "../hash.js";
import type {
  AppProposal,
  AppQC,
  Block,
  CommitQC,
  FullCommitQC,
  LaneQC,
  PrepareQC,
  Signature,
  SignedBlock,
} from "../messages.js";
import { globalRange } from "./proposal.js";
import * as rules from "./rules.js";
import { runAtOnce, runRule, type VerifyOptions } from "../signatures/run-rule.js";
import { VerifyError } from "../verify-error.js";

export type { VerifyOptions } from "../signatures/run-rule.js";

/** The lane is in the committee and the header names this payload. */
export function verifyBlock(block: Block, committee: Committee): void {
  rules.verifyHeader(block.header, committee);
  rules.verifyPayloadHash(block.header, payloadHash(block.payload));
}

/** The signer is a member and the signature is its own, over `digest`. */
export function verifySignature(sig: Signature, digest: Uint8Array, committee: Committee): void {
  runAtOnce(rules.voteRule(sig, digest, committee));
}

/**
 * Everything a block must be to enter its lane, except its parent: signed by the lane's owner, of a
 * lane of the committee, with the payload that the header names, and with a valid signature.
 * All at once: a block of 2 MB takes some milliseconds.
 *
 * @throws {VerifyError} `wrong_signer`, `not_a_lane`, `payload_hash`, `bad_signature`.
 */
export function verifySignedBlock(signed: SignedBlock, committee: Committee): void {
  runAtOnce(rules.signedBlockRule(signed, committee));
}

/** Checks the header's signatures against the lane quorum; its content against nothing. */
export function verifyLaneQC(
  qc: LaneQC,
  committee: Committee,
  options?: VerifyOptions,
): Promise<void> {
  return runRule(rules.laneRule(qc, committee), options);
}

/** Checks the signatures against the quorum; the content is `verifyAppAgainstCommit`'s part. */
export function verifyAppQC(
  qc: AppQC,
  committee: Committee,
  options?: VerifyOptions,
): Promise<void> {
  return runRule(rules.appRule(qc, committee), options);
}

/** Checks the proposal against the epoch, then the signatures, then the quorum. */
export function verifyCommitQC(qc: CommitQC, epoch: Epoch, options?: VerifyOptions): Promise<void> {
  return runRule(rules.commitRule(qc, epoch), options);
}

/** As `verifyCommitQC`, for the prepare votes. */
export function verifyPrepareQC(
  qc: PrepareQC,
  epoch: Epoch,
  options?: VerifyOptions,
): Promise<void> {
  return runRule(rules.prepareRule(qc, epoch), options);
}

/** Checks the commit QC, then that the headers are the chains that its ranges end. */
export function verifyFullCommitQC(
  full: FullCommitQC,
  epoch: Epoch,
  options?: VerifyOptions,
): Promise<void> {
  return runRule(rules.fullCommitRule(full, epoch), options);
}

/** The app proposal is about this commit QC: same road, epoch and global range. */
export function verifyAppAgainstCommit(app: AppProposal, qc: CommitQC): void {
  const { view } = qc.vote;
  if (app.roadIndex !== view.index) {
    throw new VerifyError("road_index", `road ${app.roadIndex}, the commit QC's is ${view.index}`);
  }
  if (app.epochIndex !== view.epochIndex) {
    throw new VerifyError("epoch", `epoch ${app.epochIndex}, not ${view.epochIndex}`);
  }
  const range = globalRange(qc.vote);
  if (app.globalFirst !== range.first || app.globalNext !== range.next) {
    const found = `[${app.globalFirst}, ${app.globalNext})`;
    throw new VerifyError("global_range", `${found}, not [${range.first}, ${range.next})`);
  }
}

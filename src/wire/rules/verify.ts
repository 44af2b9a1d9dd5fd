/**
 * Verifying blocks and certificates on the calling thread, in turns of the event loop, each time anew.
 * `Verifier` does the same with a memory and a second thread.
 *
 * Every function throws (or rejects with) `VerifyError` for the first broken rule, and USAGE for an
 * argument of a wrong type, range or length.
 */
import { checkArguments } from "../../types/shape.js";
import { type Committee, committeeShape, type Epoch, type EpochOf } from "../committee.js";
import { payloadHash } from "../hash.js";
import type {
  AppProposal,
  AppQC,
  Block,
  CommitQC,
  FullCommitQC,
  FullProposal,
  LaneQC,
  PrepareQC,
  PruneAnchor,
  Signature,
  SignedBlock,
  TimeoutQC,
} from "../messages.js";
import * as shapes from "../shapes.js";
import { verified, verifiedAtOnce, type VerifyOptions } from "../signatures/run-rule.js";
import type { ViewStart } from "./full-proposal.js";
import * as questions from "./questions.js";
import * as rules from "./rules.js";

export type { VerifyOptions } from "../signatures/run-rule.js";

/** The lane is in the committee and the header names this payload. */
export function verifyBlock(block: Block, committee: Committee): void {
  checkArguments([shapes.block, block, "block"], [committeeShape, committee, "committee"]);
  rules.verifyHeader(block.header, committee);
  rules.verifyPayloadHash(block.header, payloadHash(block.payload));
}

/** The signer is a member and the signature is its own, over `digest`. */
export function verifySignature(sig: Signature, digest: Uint8Array, committee: Committee): void {
  verifiedAtOnce(questions.voteQuestion(sig, digest, committee));
}

/**
 * Everything a block must be to enter its lane, except its parent: signed by the lane's owner, of a
 * lane of the committee, with the payload that the header names, and with a valid signature.
 * All at once: a block of 2 MB takes some milliseconds.
 *
 * @throws {VerifyError} `wrong_signer`, `not_a_lane`, `payload_hash`, `bad_signature`.
 */
export function verifySignedBlock(signed: SignedBlock, committee: Committee): void {
  verifiedAtOnce(questions.signedBlockQuestion(signed, committee));
}

/** Checks the header's signatures against the lane quorum, and not the header itself. */
export function verifyLaneQC(
  qc: LaneQC,
  committee: Committee,
  options?: VerifyOptions,
): Promise<void> {
  return verified(questions.laneQuestion(qc, committee), options);
}

/** Checks the signatures against the quorum. `verifyAppAgainstCommit` checks the content. */
export function verifyAppQC(
  qc: AppQC,
  committee: Committee,
  options?: VerifyOptions,
): Promise<void> {
  return verified(questions.appQuestion(qc, committee), options);
}

/** Checks the proposal against the epoch, then the signatures, then the quorum. */
export function verifyCommitQC(qc: CommitQC, epoch: Epoch, options?: VerifyOptions): Promise<void> {
  return verified(questions.commitQuestion(qc, epoch), options);
}

/** As `verifyCommitQC`, for the prepare votes. */
export function verifyPrepareQC(
  qc: PrepareQC,
  epoch: Epoch,
  options?: VerifyOptions,
): Promise<void> {
  return verified(questions.prepareQuestion(qc, epoch), options);
}

/** Checks the commit QC, then that the headers are the chains that its ranges end. */
export function verifyFullCommitQC(
  full: FullCommitQC,
  epoch: Epoch,
  options?: VerifyOptions,
): Promise<void> {
  return verified(questions.fullCommitQuestion(full, epoch), options);
}

/**
 * All votes are for one view, of the road after `previous` (road 0 without one), of distinct members,
 * with valid signatures that make the quorum. If a vote names a prepare QC, the highest one named is
 * there and valid; otherwise there is none.
 */
export function verifyTimeoutQC(
  qc: TimeoutQC,
  epoch: Epoch,
  previous: CommitQC | undefined,
  options?: VerifyOptions,
): Promise<void> {
  return verified(questions.timeoutQuestion(qc, epoch, previous), options);
}

/**
 * The proposal is of this view, by its leader, in time, with its signature. It starts every lane
 * where the last commit QC ended it, and has a lane QC for the end of each range. After a timeout
 * that left a prepared proposal it is that one again, and nothing else.
 *
 * @throws {VerifyError} `view`, `global_first`, `timestamp`, `wrong_leader`, `not_a_replica`,
 * `bad_signature`; `timeout_qc` and as `verifyTimeoutQC` does; `unnecessary_lane_qc`, `reproposal`;
 * `epoch`, `road_range`, `empty_tipcut` and the other rules of proposals; `range_first`, `missing`,
 * `lane_qc_number`, `lane_qc_hash`, and as `verifyLaneQC` does.
 */
export function verifyFullProposal(
  full: FullProposal,
  start: ViewStart,
  options?: VerifyOptions,
): Promise<void> {
  return verified(questions.fullProposalQuestion(full, start), options);
}

/** The app QC is about this very commit QC, and both have their quorum. */
export function verifyAnchor(
  anchor: PruneAnchor,
  epochOf: EpochOf,
  options?: VerifyOptions,
): Promise<void> {
  return verified(questions.anchorQuestion(anchor, epochOf), options);
}

/** The app proposal is about this commit QC: same road, epoch and global range. */
export function verifyAppAgainstCommit(app: AppProposal, qc: CommitQC): void {
  checkArguments([shapes.app, app, "app"], [shapes.proposalQC, qc, "qc"]);
  rules.verifyAppOf(app, qc);
}

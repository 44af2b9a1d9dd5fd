/** The rules for timeout certificates: a quorum gave up one view, and what it had prepared. */
import type { Epoch } from "./committee.js";
import { timeoutVoteDigest } from "./hash.js";
import type { CommitQC, TimeoutQC, View } from "./messages.js";
import { inSlices, prepareRule, type Rule, Tally, verifySignature } from "./verify.js";
import { VerifyError } from "./verify-error.js";

/** Votes between two turns of the event loop; each has a digest of its own. */
const SLICE_VOTES = 8;

/**
 * All votes are for one view, of the road after `previous` (road 0 without one), of distinct
 * members with valid signatures that make the quorum; and the highest prepare QC that a vote names
 * is there, valid, and only then.
 *
 * @throws {VerifyError} as the returned promise's rejection.
 */
export function verifyTimeoutQC(
  qc: TimeoutQC,
  epoch: Epoch,
  previous: CommitQC | undefined,
): Promise<void> {
  return inSlices(timeoutRule(qc, epoch, previous));
}

function* timeoutRule(qc: TimeoutQC, epoch: Epoch, previous: CommitQC | undefined): Rule {
  const view = qc.votes[0]?.msg.view;
  if (view === undefined) throw new VerifyError("missing", "there is no vote");
  const road = previous === undefined ? 0n : BigInt.asUintN(64, previous.vote.view.index + 1n);
  if (view.index !== road) {
    throw new VerifyError("timeout_road_index", `road ${view.index}, not ${road}`);
  }
  if (view.epochIndex !== epoch.index) {
    throw new VerifyError("epoch", `epoch ${view.epochIndex}, not ${epoch.index}`);
  }
  yield* votesRule(qc, view, epoch);
  const latest = highestPrepared(qc);
  const prepareQC = qc.latestPrepareQC;
  if (latest === undefined) {
    if (prepareQC === undefined) return;
    throw new VerifyError("unnecessary_prepare_qc", "no vote names a prepare QC");
  }
  if (prepareQC === undefined) throw new VerifyError("missing", "the prepare QC is missing");
  if (!sameView(prepareQC.vote.view, { ...view, number: latest })) {
    throw new VerifyError("prepare_qc_view", `the prepare QC is not of view number ${latest}`);
  }
  yield* prepareRule(prepareQC, epoch);
}

function* votesRule(qc: TimeoutQC, view: View, epoch: Epoch): Rule {
  const { committee } = epoch;
  const tally = new Tally(committee);
  let sliced = 0;
  for (const { msg, sig } of qc.votes) {
    if (!sameView(msg.view, view)) {
      throw new VerifyError("timeout_view_mismatch", "the votes are for different views");
    }
    tally.add(sig);
    if (++sliced % SLICE_VOTES === 0) yield;
    verifySignature(sig, timeoutVoteDigest(msg), committee);
  }
  tally.mustReach(committee.commitQuorum);
}

function highestPrepared(qc: TimeoutQC): bigint | undefined {
  let highest: bigint | undefined;
  for (const { msg } of qc.votes) {
    const number = msg.latestPrepareQcViewNumber;
    if (number !== undefined && (highest === undefined || number > highest)) highest = number;
  }
  return highest;
}

function sameView(a: View, b: View): boolean {
  return a.index === b.index && a.number === b.number && a.epochIndex === b.epochIndex;
}

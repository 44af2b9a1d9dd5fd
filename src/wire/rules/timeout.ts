/** The rules for timeout certificates: a quorum gave up one view, and what it had prepared. */
import type { Rule } from "../signatures/claim.js";
import type { Epoch } from "../committee.js";
import { timeoutVoteDigest } from "../hash.js";
import type { CommitQC, TimeoutQC, View } from "../messages.js";
import { verifyView } from "./proposal.js";
import { prepareRule } from "./rules.js";
import { VerifyError } from "../verify-error.js";

/**
 * All votes are for one view, of the road after `previous` (road 0 without one), of distinct members,
 * with valid signatures that make the quorum. The prepare QC is there only if a vote names one, and it
 * is the highest that a vote names.
 */
export function* timeoutRule(qc: TimeoutQC, epoch: Epoch, previous: CommitQC | undefined): Rule {
  const view = timeoutView(qc);
  verifyView(view, epoch);
  const road = roadAfter(previous);
  if (view.index !== road) {
    throw new VerifyError("timeout_road_index", `road ${view.index}, not ${road}`);
  }
  const { committee } = epoch;
  const checks = qc.votes.map(({ msg, sig }) => ({ digest: timeoutVoteDigest(msg), sig }));
  yield { checks, committee, quorum: committee.commitQuorum };
  if (!qc.votes.every(({ msg }) => sameView(msg.view, view))) {
    throw new VerifyError("timeout_view_mismatch", "the votes are for different views");
  }
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

/** The view that was given up. */
export function timeoutView(qc: TimeoutQC): View {
  const view = qc.votes[0]?.msg.view;
  if (view === undefined) throw new VerifyError("missing", "there is no vote");
  return view;
}

/** The road index that is decided after `previous`. */
export function roadAfter(previous: CommitQC | undefined): bigint {
  return previous === undefined ? 0n : BigInt.asUintN(64, previous.vote.view.index + 1n);
}

export function sameView(a: View, b: View): boolean {
  return a.index === b.index && a.number === b.number && a.epochIndex === b.epochIndex;
}

function highestPrepared(qc: TimeoutQC): bigint | undefined {
  let highest: bigint | undefined;
  for (const { msg } of qc.votes) {
    const number = msg.latestPrepareQcViewNumber;
    if (number !== undefined && (highest === undefined || number > highest)) highest = number;
  }
  return highest;
}

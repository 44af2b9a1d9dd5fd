/**
 * The rules for the persisted consensus votes: the QCs in them are valid, and the votes are this
 * node's for the view that those QCs lead to. The original checks all of this when it opens.
 */
import { inSlices, type Steps } from "../../wire/turns.js";
import { VerifyError } from "../../wire/verify-error.js";
import type { OlderCommittee } from "./committee.js";
import type { FullTimeoutVote, PersistedInner, TimeoutQC, View } from "./messages.js";
import { commitRule, prepareRule, Signers, verifySigned } from "./verify.js";

/**
 * Checks in the original's order: commit QC, timeout QC, prepare QC, then the votes.
 *
 * @throws {VerifyError} as the returned promise's rejection.
 */
export function verifyInner(inner: PersistedInner, committee: OlderCommittee): Promise<void> {
  return inSlices(innerRule(inner, committee));
}

function* innerRule(inner: PersistedInner, committee: OlderCommittee): Steps {
  const { commitQC, timeoutQC, prepareQC, commitVote, prepareVote, timeoutVote } = inner;
  const road = commitQC === undefined ? 0n : BigInt.asUintN(64, commitQC.vote.view.index + 1n);
  if (commitQC !== undefined) yield* commitRule(commitQC, committee);
  const view: { index: bigint; number: bigint } = { index: road, number: 0n };
  if (timeoutQC !== undefined) {
    const left = viewOf(timeoutQC);
    if (left.index !== road) {
      throw new VerifyError("timeout_road_index", `road ${left.index}, not ${road}`);
    }
    yield* timeoutRule(timeoutQC, committee);
    view.number = BigInt.asUintN(64, left.number + 1n);
  }
  if (prepareQC !== undefined) {
    mustBeOf(view, prepareQC.vote.view, "prepare QC");
    yield* prepareRule(prepareQC, committee);
  } else if (commitVote !== undefined) {
    throw new VerifyError("missing", "there is a commit vote without its prepare QC");
  }
  if (commitVote !== undefined) {
    mustBeOf(view, commitVote.msg.view, "commit vote");
    verifySigned("commit_vote", commitVote, committee);
  }
  if (prepareVote !== undefined) {
    mustBeOf(view, prepareVote.msg.view, "prepare vote");
    verifySigned("prepare_vote", prepareVote, committee);
  }
  if (timeoutVote !== undefined) {
    mustBeOf(view, timeoutVote.vote.msg.view, "timeout vote");
    yield* timeoutVoteRule(timeoutVote, committee);
  }
}

/** Distinct replicas with valid signatures that make the quorum, all for one view. */
function* timeoutRule(qc: TimeoutQC, committee: OlderCommittee): Steps {
  const signers = new Signers();
  for (const vote of qc.votes) {
    signers.add(vote.sig);
    verifySigned("timeout_vote", vote, committee);
    yield;
  }
  signers.mustReach(committee.commitQuorum);
  const view = viewOf(qc);
  let highest: bigint | undefined;
  for (const { msg } of qc.votes) {
    if (!sameView(msg.view, view)) {
      throw new VerifyError("timeout_view_mismatch", "the votes are for different views");
    }
    const number = msg.latestPrepareQcViewNumber;
    if (number !== undefined && (highest === undefined || number > highest)) highest = number;
  }
  yield* latestPrepareRule({ ...qc, view, number: highest }, committee);
}

function* timeoutVoteRule(full: FullTimeoutVote, committee: OlderCommittee): Steps {
  const { view, latestPrepareQcViewNumber: number } = full.vote.msg;
  verifySigned("timeout_vote", full.vote, committee);
  yield* latestPrepareRule({ ...full, view, number }, committee);
}

/** The prepare QC is there if a view number of it is named, and then of that view and valid. */
function* latestPrepareRule(
  named: Pick<TimeoutQC, "latestPrepareQC"> & { view: View; number: bigint | undefined },
  committee: OlderCommittee,
): Steps {
  const { latestPrepareQC: qc, view, number } = named;
  if (number === undefined) {
    if (qc === undefined) return;
    throw new VerifyError("unnecessary_prepare_qc", "no vote names a prepare QC");
  }
  if (qc === undefined) throw new VerifyError("missing", "the prepare QC is missing");
  if (!sameView(qc.vote.view, { ...view, number })) {
    throw new VerifyError("prepare_qc_view", `the prepare QC is not of view number ${number}`);
  }
  yield* prepareRule(qc, committee);
}

/** The view that was given up; the original panics on a certificate without a vote. */
function viewOf(qc: TimeoutQC): View {
  const view = qc.votes[0]?.msg.view;
  if (view === undefined) throw new VerifyError("missing", "the timeout QC has no vote");
  return view;
}

type AnyView = Readonly<Record<"index" | "number", bigint>>;

function mustBeOf(current: AnyView, view: View, what: string): void {
  if (sameView(view, current)) return;
  const views = `(${view.index}, ${view.number}), not (${current.index}, ${current.number})`;
  throw new VerifyError("other", `the ${what} is of view ${views}`);
}

function sameView(a: AnyView, b: AnyView): boolean {
  return a.index === b.index && a.number === b.number;
}

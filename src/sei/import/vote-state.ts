/**
 * The rules for the consensus votes that a node keeps: every signature verifies, and all votes belong to
 * one view, the one that the commit QC and the timeout QC lead to.
 */
import type { Epoch } from "../../wire/committee.js";
import { commitVoteDigest, prepareVoteDigest, timeoutVoteDigest } from "../../wire/hash.js";
import type { FullTimeoutVote, PersistedInner, SignedProposal, View } from "../../wire/messages.js";
import { verifyView } from "../../wire/rules/proposal.js";
import { roadAfter, sameView } from "../../wire/rules/timeout.js";
import {
  verifyCommitQC,
  verifyPrepareQC,
  verifySignature,
  verifyTimeoutQC,
} from "../../wire/rules/verify.js";
import { VerifyError } from "../../wire/verify-error.js";

/** The view in which a node with these votes is, in the epoch `epochIndex`. */
export function currentView(inner: PersistedInner, epochIndex: bigint): View {
  const { commitQC, timeoutQC } = inner;
  const road = roadAfter(commitQC);
  const timedOut = timeoutQC?.votes[0]?.msg.view;
  const number = timedOut?.index === road ? BigInt.asUintN(64, timedOut.number + 1n) : 0n;
  return { index: road, number, epochIndex };
}

/** The epoch that the first message names; undefined if there is no message. */
export function epochIndexOf(inner: PersistedInner): bigint | undefined {
  const { commitQC, timeoutQC, prepareQC, commitVote, prepareVote, timeoutVote } = inner;
  const view =
    commitQC?.vote.view ??
    timeoutQC?.votes[0]?.msg.view ??
    prepareQC?.vote.view ??
    commitVote?.msg.view ??
    prepareVote?.msg.view ??
    timeoutVote?.vote.msg.view;
  return view?.epochIndex;
}

/**
 * Checks the votes against `epoch`. Any member's votes pass: nobody asks whose they are.
 *
 * @throws {VerifyError} as the returned promise's rejection.
 */
export async function verifyVoteState(inner: PersistedInner, epoch: Epoch): Promise<void> {
  const { commitQC, timeoutQC, prepareQC, commitVote, prepareVote, timeoutVote } = inner;
  if (commitQC) await verifyCommitQC(commitQC, epoch);
  if (timeoutQC) {
    await verifyTimeoutQC(timeoutQC, epoch, commitQC);
    for (const { msg } of timeoutQC.votes) verifyView(msg.view, epoch);
  }
  const view = currentView(inner, epoch.index);
  if (prepareQC) {
    requireView(prepareQC.vote.view, view);
    await verifyPrepareQC(prepareQC, epoch);
  } else if (commitVote) {
    throw new VerifyError("missing", "there is a commit vote without the prepare QC it rests on");
  }
  if (commitVote) requireVote(commitVote, commitVoteDigest, view, epoch);
  if (prepareVote) requireVote(prepareVote, prepareVoteDigest, view, epoch);
  if (timeoutVote) {
    requireView(timeoutVote.vote.msg.view, view);
    await verifyTimeoutVote(timeoutVote, epoch);
  }
}

function requireVote(
  { msg, sig }: SignedProposal,
  digestOf: (proposal: SignedProposal["msg"]) => Uint8Array,
  view: View,
  epoch: Epoch,
): void {
  requireView(msg.view, view);
  verifySignature(sig, digestOf(msg), epoch.committee);
}

async function verifyTimeoutVote(full: FullTimeoutVote, epoch: Epoch): Promise<void> {
  const { msg, sig } = full.vote;
  verifyView(msg.view, epoch);
  verifySignature(sig, timeoutVoteDigest(msg), epoch.committee);
  const number = msg.latestPrepareQcViewNumber;
  const prepareQC = full.latestPrepareQC;
  if (number === undefined) {
    if (prepareQC === undefined) return;
    throw new VerifyError("unnecessary_prepare_qc", "the timeout vote names no prepare QC");
  }
  if (prepareQC === undefined) throw new VerifyError("missing", "the prepare QC is missing");
  await verifyPrepareQC(prepareQC, epoch);
  if (!sameView(prepareQC.vote.view, { ...msg.view, number })) {
    throw new VerifyError("prepare_qc_view", `the prepare QC is not of view number ${number}`);
  }
}

function requireView(found: View, wanted: View): void {
  if (sameView(found, wanted)) return;
  const detail = `it is of view ${textOf(found)}, and the current one is ${textOf(wanted)}`;
  throw new VerifyError("other", detail);
}

function textOf({ index, number, epochIndex }: View): string {
  return `${index}/${number} of epoch ${epochIndex}`;
}

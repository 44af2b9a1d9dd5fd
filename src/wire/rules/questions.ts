/**
 * Every verification once: the rule that decides it, and the arguments of the call. The functions of
 * `verify.ts` and the methods of `Verifier` ask the same questions.
 */
import { type Argument, maybe, type Shape } from "../../types/shape.js";
import {
  type Committee,
  committeeShape,
  type Epoch,
  type EpochOf,
  epochOfShape,
  epochShape,
} from "../committee.js";
import type {
  AppQC,
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
import type { Rule } from "../signatures/claim.js";
import { anchorRule } from "./anchor.js";
import { fullProposalRule, type ViewStart, viewStartShape } from "./full-proposal.js";
import * as rules from "./rules.js";
import { timeoutRule } from "./timeout.js";

export interface Question {
  /** Begins the rule: nothing of the arguments is looked at before. */
  readonly begin: () => Rule;
  readonly given: readonly Argument[];
}

function ask(begin: () => Rule, ...given: readonly Argument[]): Question {
  return { begin, given };
}

function ofCommittee(committee: Committee): Argument {
  return [committeeShape, committee, "committee"];
}

function ofEpoch(epoch: Epoch): Argument {
  return [epochShape, epoch, "epoch"];
}

const maybeCommitQC: Shape = maybe(shapes.proposalQC);

export function voteQuestion(sig: Signature, digest: Uint8Array, committee: Committee): Question {
  return ask(
    () => rules.voteRule(sig, digest, committee),
    [shapes.signature, sig, "sig"],
    [shapes.hash, digest, "digest"],
    ofCommittee(committee),
  );
}

export function signedBlockQuestion(signed: SignedBlock, committee: Committee): Question {
  const given: Argument = [shapes.signedBlock, signed, "signed"];
  return ask(() => rules.signedBlockRule(signed, committee), given, ofCommittee(committee));
}

export function laneQuestion(qc: LaneQC, committee: Committee): Question {
  const given: Argument = [shapes.laneQC, qc, "qc"];
  return ask(() => rules.laneRule(qc, committee), given, ofCommittee(committee));
}

export function appQuestion(qc: AppQC, committee: Committee): Question {
  const given: Argument = [shapes.appQC, qc, "qc"];
  return ask(() => rules.appRule(qc, committee), given, ofCommittee(committee));
}

export function commitQuestion(qc: CommitQC, epoch: Epoch): Question {
  return ask(() => rules.commitRule(qc, epoch), [shapes.proposalQC, qc, "qc"], ofEpoch(epoch));
}

export function prepareQuestion(qc: PrepareQC, epoch: Epoch): Question {
  return ask(() => rules.prepareRule(qc, epoch), [shapes.proposalQC, qc, "qc"], ofEpoch(epoch));
}

export function fullCommitQuestion(full: FullCommitQC, epoch: Epoch): Question {
  const given: Argument = [shapes.fullCommitQC, full, "full"];
  return ask(() => rules.fullCommitRule(full, epoch), given, ofEpoch(epoch));
}

export function timeoutQuestion(
  qc: TimeoutQC,
  epoch: Epoch,
  previous: CommitQC | undefined,
): Question {
  return ask(() => timeoutRule(qc, epoch, previous), [shapes.timeoutQC, qc, "qc"], ofEpoch(epoch), [
    maybeCommitQC,
    previous,
    "previous",
  ]);
}

export function fullProposalQuestion(full: FullProposal, start: ViewStart): Question {
  return ask(
    () => fullProposalRule(full, start),
    [shapes.fullProposal, full, "full"],
    [viewStartShape, start, "start"],
  );
}

export function anchorQuestion(anchor: PruneAnchor, epochOf: EpochOf): Question {
  return ask(
    () => anchorRule(anchor, epochOf),
    [shapes.anchor, anchor, "anchor"],
    [epochOfShape, epochOf, "epochOf"],
  );
}

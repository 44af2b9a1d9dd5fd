/**
 * The older revision's rules for blocks and certificates. A certificate is its signatures: each of
 * another replica and valid, as many as the quorum. What the proposal under them says (lanes,
 * ranges) was checked when it was proposed, against the one before, and never again.
 *
 * The rules are generators that pause after each signature, so that the event loop has its turn.
 */
import { verify as verifyEd25519 } from "../../wire/ed25519.js";
import { sameBytes } from "../../wire/hash.js";
import type { Signature, Signed } from "../../wire/messages.js";
import { inSlices, type Steps } from "../../wire/turns.js";
import { VerifyError } from "../../wire/verify-error.js";
import type { OlderCommittee } from "./committee.js";
import { msgDigest, payloadHash } from "./hash.js";
import {
  type AppProposal,
  type AppQC,
  type Arm,
  type Arms,
  type CommitQC,
  globalRange,
  laneKeyOf,
  type Msg,
  type PrepareQC,
  type SignedBlock,
} from "./messages.js";

/**
 * Everything a block must be to enter its lane, except its parent: signed by the lane's owner, a
 * replica, with the payload that the header names, and with a valid signature.
 *
 * @throws {VerifyError} `wrong_signer`, `not_a_lane`, `payload_hash` or `bad_signature`.
 */
export function verifySignedBlock(signed: SignedBlock, committee: OlderCommittee): void {
  const { header, payload } = signed.msg;
  if (laneKeyOf(signed.sig.key) !== header.lane) {
    const detail = `${laneKeyOf(signed.sig.key)} does not own lane ${header.lane}`;
    throw new VerifyError("wrong_signer", detail);
  }
  if (!committee.has(header.lane)) {
    throw new VerifyError("not_a_lane", `lane ${header.lane} is not in the committee`);
  }
  if (!sameBytes(payloadHash(payload), header.payloadHash)) {
    throw new VerifyError("payload_hash", "the header names another payload");
  }
  verifySigned("lane_proposal", signed, committee);
}

/** Checks the signatures against the quorum. */
export function verifyCommitQC(qc: CommitQC, committee: OlderCommittee): Promise<void> {
  return inSlices(commitRule(qc, committee));
}

/** Checks the signatures against the quorum; the content is `verifyAppAgainstCommit`'s part. */
export function verifyAppQC(qc: AppQC, committee: OlderCommittee): Promise<void> {
  const digest = digestOf("app_vote", qc.vote);
  return inSlices(signaturesRule(qc.sigs, digest, committee));
}

/** The app proposal is about one block of this commit QC. */
export function verifyAppAgainstCommit(app: AppProposal, qc: CommitQC): void {
  const road = qc.vote.view.index;
  if (app.roadIndex !== road) {
    throw new VerifyError("road_index", `road ${app.roadIndex}, the commit QC's is ${road}`);
  }
  const { first, next } = globalRange(qc.vote);
  if (app.globalNumber < first || app.globalNumber >= next) {
    const detail = `global number ${app.globalNumber} is not in [${first}, ${next})`;
    throw new VerifyError("global_range", detail);
  }
}

export function commitRule(qc: CommitQC, committee: OlderCommittee): Steps {
  return signaturesRule(qc.sigs, digestOf("commit_vote", qc.vote), committee);
}

export function prepareRule(qc: PrepareQC, committee: OlderCommittee): Steps {
  return signaturesRule(qc.sigs, digestOf("prepare_vote", qc.vote), committee);
}

/** The signer is a replica and the signature is its own, over the message under `arm`. */
export function verifySigned<A extends Arm>(
  arm: A,
  signed: Signed<Arms[A]>,
  committee: OlderCommittee,
): void {
  verifySignature(signed.sig, digestOf(arm, signed.msg), committee);
}

function* signaturesRule(
  sigs: readonly Signature[],
  digest: Uint8Array,
  committee: OlderCommittee,
): Steps {
  const signers = new Signers();
  for (const sig of sigs) {
    signers.add(sig);
    verifySignature(sig, digest, committee);
    yield;
  }
  signers.mustReach(committee.commitQuorum);
}

/** Who signed a certificate, each once. */
export class Signers {
  readonly #keys = new Set<string>();

  /** @throws {VerifyError} `duplicate_signer`. */
  add(sig: Signature): void {
    const key = laneKeyOf(sig.key);
    if (this.#keys.has(key)) throw new VerifyError("duplicate_signer", `${key} signed twice`);
    this.#keys.add(key);
  }

  /** @throws {VerifyError} `quorum`. */
  mustReach(quorum: number): void {
    if (this.#keys.size >= quorum) return;
    throw new VerifyError("quorum", `${this.#keys.size} signatures, needed ${quorum}`);
  }
}

function verifySignature(sig: Signature, digest: Uint8Array, committee: OlderCommittee): void {
  const key = laneKeyOf(sig.key);
  if (!committee.has(key)) {
    throw new VerifyError("not_a_replica", `${key} is not in the committee`);
  }
  if (!verifyEd25519(digest, sig)) {
    throw new VerifyError("bad_signature", `the signature of ${key} is wrong`);
  }
}

function digestOf<A extends Arm>(arm: A, value: Arms[A]): Uint8Array {
  return msgDigest({ arm, value } as Msg);
}

/**
 * Certificates from votes: the signatures of a quorum over one message. Each function checks what it
 * makes: all votes are over the same message, by distinct members, with valid signatures and the weight
 * of the quorum. So a certificate that comes out verifies everywhere.
 */
import { PersisterError } from "../types/errors.js";
import {
  abortSignal,
  checkArguments,
  type Fields,
  listWithOne,
  maybe,
  optionsOf,
  type Shape,
} from "../types/shape.js";
import type { Committee, Epoch } from "./committee.js";
import { encodeAppProposal, encodeBlockHeader, encodeProposal } from "./codec/encode.js";
import { sameBytes } from "./hash.js";
import type {
  AppProposal,
  AppQC,
  BlockHeader,
  Certificate,
  CommitQC,
  LaneQC,
  PrepareQC,
  Proposal,
  Signed,
} from "./messages.js";
import { verifyAppQC, verifyCommitQC, verifyLaneQC, verifyPrepareQC } from "./rules/verify.js";
import * as shapes from "./shapes.js";
import { type Verifier, verifierShape } from "./verifier.js";

/** How a certificate is checked. */
export interface CertifyOptions {
  /** Verifies with this verifier: votes that it has verified already are not verified again. */
  readonly verifier?: Verifier | undefined;
  /** Ends the verification with ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The lane QC of votes for one block.
 *
 * @throws {PersisterError} USAGE for wrong types, no votes, or votes for different blocks; ABORTED.
 * @throws {VerifyError} as `verifyLaneQC` does: `quorum`, `duplicate_signer`, `not_a_replica`,
 * `bad_signature`.
 */
export async function certifyLane(
  votes: readonly Signed<BlockHeader>[],
  committee: Committee,
  options?: CertifyOptions,
): Promise<LaneQC> {
  const qc = collected(votes, shapes.signedHeader, encodeBlockHeader);
  await by(options).verifyLaneQC(qc, committee, { signal: options?.signal });
  return qc;
}

/**
 * The prepare QC of prepare votes.
 *
 * @throws {PersisterError} as `certifyLane`.
 * @throws {VerifyError} as `verifyPrepareQC` does.
 */
export async function certifyPrepare(
  votes: readonly Signed<Proposal>[],
  epoch: Epoch,
  options?: CertifyOptions,
): Promise<PrepareQC> {
  const qc = collected(votes, shapes.signedProposal, encodeProposal);
  await by(options).verifyPrepareQC(qc, epoch, { signal: options?.signal });
  return qc;
}

/**
 * The commit QC of commit votes.
 *
 * @example
 * const votes = members.map((keys) => signCommitVote(proposal, keys));
 * const qc = await certifyCommit(votes, epoch);
 *
 * @throws {PersisterError} as `certifyLane`.
 * @throws {VerifyError} as `verifyCommitQC` does.
 */
export async function certifyCommit(
  votes: readonly Signed<Proposal>[],
  epoch: Epoch,
  options?: CertifyOptions,
): Promise<CommitQC> {
  const qc = collected(votes, shapes.signedProposal, encodeProposal);
  await by(options).verifyCommitQC(qc, epoch, { signal: options?.signal });
  return qc;
}

/**
 * The app QC of votes for one result of execution.
 *
 * @throws {PersisterError} as `certifyLane`.
 * @throws {VerifyError} as `verifyAppQC` does.
 */
export async function certifyApp(
  votes: readonly Signed<AppProposal>[],
  committee: Committee,
  options?: CertifyOptions,
): Promise<AppQC> {
  const qc = collected(votes, shapes.signedApp, encodeAppProposal);
  await by(options).verifyAppQC(qc, committee, { signal: options?.signal });
  return qc;
}

const optionsShape = optionsOf({
  verifier: maybe(verifierShape),
  signal: maybe(abortSignal),
} satisfies Fields<CertifyOptions>);

/** The functions that verify each time anew. */
const anew = { verifyLaneQC, verifyPrepareQC, verifyCommitQC, verifyAppQC };

/** The caller's verifier, or the functions. */
function by(options: CertifyOptions | undefined): Pick<Verifier, keyof typeof anew> {
  optionsShape(options, "options");
  return options?.verifier ?? anew;
}

function collected<T>(
  votes: readonly Signed<T>[],
  shape: Shape,
  encode: (msg: T) => Uint8Array,
): Certificate<T> {
  checkArguments([listWithOne(shape), votes, "votes"]);
  const [first] = votes as readonly [Signed<T>, ...Signed<T>[]];
  const message = encode(first.msg);
  for (const [at, { msg }] of votes.entries()) {
    if (sameBytes(encode(msg), message)) continue;
    throw new PersisterError("USAGE", `votes[${at}] must be for the same message as votes[0]`);
  }
  return { vote: first.msg, sigs: votes.map(({ sig }) => sig) };
}

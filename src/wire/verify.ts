/**
 * The rules for blocks and certificates, each in a fixed order, so that the first failure decides:
 * the proposal (epoch, road, empty, ranges), the signatures in the order given, the quorum, and
 * what hangs on it. A bad signature fails even where the others would do.
 *
 * Certificates are checked in slices: the rules are generators that pause where the event loop may
 * have its turn, and the exported functions await between the slices.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Committee, Epoch } from "./committee.js";
import { verifyFast, verifySlowly } from "./ed25519.js";
import { encodeMsg } from "./envelope.js";
import {
  appVoteDigest,
  commitVoteDigest,
  headerHash,
  laneVoteDigest,
  payloadHash,
  prepareVoteDigest,
  sameBytes,
  sha256,
} from "./hash.js";
import type {
  AppProposal,
  AppQC,
  Block,
  BlockHeader,
  CommitQC,
  FullCommitQC,
  LaneQC,
  PrepareQC,
  Signature,
  SignedBlock,
} from "./messages.js";
import { globalRange, rangeLength, verifyProposal } from "./proposal.js";
import { VerifyError } from "./verify-error.js";

/** Signatures between two turns of the event loop: about 2 ms where libsodium accepts them. */
const SLICE_SIGNATURES = 16;

/** A rule that pauses between slices and throws `VerifyError`. */
export type Rule = Generator<void, void, void>;

/** Runs `rule` to its end, giving way between slices. */
export async function inSlices(rule: Rule): Promise<void> {
  while (rule.next().done !== true) await nextTurn();
}

/** A header's lane must be one of the committee's: key and joined epoch. */
export function verifyHeader(header: BlockHeader, committee: Committee): void {
  if (committee.memberOfLane(header.lane) === undefined) {
    throw new VerifyError("not_a_lane", `lane ${header.lane} is not in the committee`);
  }
}

/** The lane is in the committee and the header names this payload. */
export function verifyBlock(block: Block, committee: Committee): void {
  verifyHeader(block.header, committee);
  if (!sameBytes(payloadHash(block.payload), block.header.payloadHash)) {
    throw new VerifyError("payload_hash", "the header names another payload");
  }
}

/** The signer is a member and the signature is its own, over `digest`. */
export function verifySignature(sig: Signature, digest: Uint8Array, committee: Committee): void {
  weightOf(sig, committee);
  if (!verifyFast(digest, sig) && !verifySlowly(digest, sig)) throw badSignature(sig);
}

/**
 * Everything a block must be to enter its lane, except its parent: signed by the lane's owner, of a
 * lane of the committee, with the payload that the header names, and with a valid signature.
 *
 * @throws {VerifyError} `wrong_signer`, `not_a_lane`, `payload_hash`, `bad_signature`.
 */
export function verifySignedBlock(signed: SignedBlock, committee: Committee): void {
  const { msg, sig } = signed;
  if (!msg.header.lane.startsWith(hex(sig.key))) {
    throw new VerifyError("wrong_signer", `${hex(sig.key)} does not own lane ${msg.header.lane}`);
  }
  verifyBlock(msg, committee);
  verifySignature(sig, sha256(encodeMsg({ arm: "lane_proposal", value: msg })), committee);
}

/** Checks the header's signatures against the lane quorum; its content against nothing. */
export function verifyLaneQC(qc: LaneQC, committee: Committee): Promise<void> {
  const digest = laneVoteDigest(qc.vote);
  return inSlices(signaturesRule(qc.sigs, digest, committee, committee.laneQuorum));
}

/** Checks the signatures against the quorum; the content is `verifyAppAgainstCommit`'s part. */
export function verifyAppQC(qc: AppQC, committee: Committee): Promise<void> {
  const digest = appVoteDigest(qc.vote);
  return inSlices(signaturesRule(qc.sigs, digest, committee, committee.commitQuorum));
}

/** Checks the proposal against the epoch, then the signatures, then the quorum. */
export function verifyCommitQC(qc: CommitQC, epoch: Epoch): Promise<void> {
  return inSlices(commitRule(qc, epoch));
}

/** As `verifyCommitQC`, for the prepare votes. */
export function verifyPrepareQC(qc: PrepareQC, epoch: Epoch): Promise<void> {
  return inSlices(prepareRule(qc, epoch));
}

/** Checks the commit QC, then that the headers are the chains that its ranges end. */
export async function verifyFullCommitQC(full: FullCommitQC, epoch: Epoch): Promise<void> {
  await verifyCommitQC(full.qc, epoch);
  verifyHeaders(full, epoch.committee);
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

/** The rule of `verifyCommitQC`, for callers that slice time themselves. */
export function* commitRule(qc: CommitQC, epoch: Epoch): Rule {
  verifyProposal(qc.vote, epoch);
  const { committee } = epoch;
  yield* signaturesRule(qc.sigs, commitVoteDigest(qc.vote), committee, committee.commitQuorum);
}

/** The rule of `verifyPrepareQC`. */
export function* prepareRule(qc: PrepareQC, epoch: Epoch): Rule {
  verifyProposal(qc.vote, epoch);
  const { committee } = epoch;
  yield* signaturesRule(qc.sigs, prepareVoteDigest(qc.vote), committee, committee.commitQuorum);
}

function* signaturesRule(
  sigs: readonly Signature[],
  digest: Uint8Array,
  committee: Committee,
  quorum: bigint,
): Rule {
  const tally = new Tally(committee);
  let sliced = 0;
  for (const sig of sigs) {
    tally.add(sig);
    if (++sliced > SLICE_SIGNATURES) {
      yield;
      sliced = 1;
    }
    if (verifyFast(digest, sig)) continue;
    // The judge takes a millisecond or more: it gets a slice of its own.
    yield;
    if (!verifySlowly(digest, sig)) throw badSignature(sig);
    yield;
    sliced = 0;
  }
  tally.mustReach(quorum);
}

/** The weight of distinct members, summed as signatures come. */
export class Tally {
  readonly #committee: Committee;
  readonly #seen = new Set<string>();
  #weight = 0n;

  constructor(committee: Committee) {
    this.#committee = committee;
  }

  /** @throws {VerifyError} `duplicate_signer` or `not_a_replica`. */
  add(sig: Signature): void {
    const key = hex(sig.key);
    if (this.#seen.has(key)) throw new VerifyError("duplicate_signer", `${key} signed twice`);
    this.#seen.add(key);
    this.#weight += weightOf(sig, this.#committee);
  }

  /** @throws {VerifyError} `quorum`. */
  mustReach(quorum: bigint): void {
    if (this.#weight >= quorum) return;
    throw new VerifyError("quorum", `weight ${this.#weight}, needed ${quorum}`);
  }
}

function weightOf(sig: Signature, committee: Committee): bigint {
  const member = committee.memberOf(sig.key);
  if (member === undefined) {
    throw new VerifyError("not_a_replica", `${hex(sig.key)} is not in the committee`);
  }
  return member.weight;
}

function badSignature(sig: Signature): VerifyError {
  return new VerifyError("bad_signature", `the signature of ${hex(sig.key)} is wrong`);
}

/** Per lane, in committee order, from the range's last hash backwards through the parents. */
function verifyHeaders(full: FullCommitQC, committee: Committee): void {
  const { first, next } = globalRange(full.qc.vote);
  const count = BigInt.asUintN(64, next - first);
  if (BigInt(full.headers.length) !== count) {
    throw new VerifyError("headers_length", `${full.headers.length} headers, not ${count}`);
  }
  let start = 0;
  for (const { lane } of committee.members) {
    const range = full.qc.vote.laneRanges.find((candidate) => candidate.lane === lane);
    if (range === undefined) continue;
    const length = Number(rangeLength(range));
    let wanted = range.lastHash;
    for (let index = start + length - 1; index >= start; index--) {
      const header = full.headers[index];
      if (header === undefined || !sameBytes(headerHash(header), wanted)) {
        throw new VerifyError("header_hash", `header ${index} is not the one in the chain`);
      }
      wanted = header.parentHash;
    }
    start += length;
  }
}

function hex(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("hex");
}

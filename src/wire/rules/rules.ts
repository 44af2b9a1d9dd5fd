/**
 * The rules for blocks and certificates, each in a fixed order, so that the first failure decides:
 * the proposal (epoch, road, empty, ranges), the signatures in the order given, the quorum, and the rest.
 * A bad signature fails even if the others have the quorum.
 */
import { createHash } from "node:crypto";
import { hex } from "../../codec/hex.js";
import { certificateClaim, memberClaim, type Rule } from "../signatures/claim.js";
import type { Committee, Epoch } from "../committee.js";
import { lendEnvelope, payloadWithin } from "../codec/envelope.js";
import {
  appVoteDigest,
  commitVoteDigest,
  headerHash,
  laneVoteDigest,
  prepareVoteDigest,
  sameBytes,
  sha256,
} from "../hash.js";
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
} from "../messages.js";
import { globalRange, rangeLength, verifyProposal } from "./proposal.js";
import { VerifyError } from "../verify-error.js";

/** Bytes that are hashed at once: half a millisecond on a processor without instructions for it. */
const HASH_PIECE_BYTES = 256 * 1024;

/** A header's lane must be one of the committee's: key and joined epoch. */
export function verifyHeader(header: BlockHeader, committee: Committee): void {
  if (committee.memberOfLane(header.lane) === undefined) {
    throw new VerifyError("not_a_lane", `lane ${header.lane} is not in the committee`);
  }
}

/** The header names the payload with this hash. */
export function verifyPayloadHash(header: BlockHeader, payloadHash: Uint8Array): void {
  if (sameBytes(payloadHash, header.payloadHash)) return;
  throw new VerifyError("payload_hash", "the header names another payload");
}

/** A member has signed. */
export function* voteRule(sig: Signature, digest: Uint8Array, committee: Committee): Rule {
  yield memberClaim(digest, sig, committee);
}

/** Signed by the lane's owner, lane, payload, signature. */
export function* signedBlockRule({ msg, sig }: SignedBlock, committee: Committee): Rule {
  const { header } = msg;
  if (!header.lane.startsWith(hex(sig.key))) {
    throw new VerifyError("wrong_signer", `${hex(sig.key)} does not own lane ${header.lane}`);
  }
  verifyHeader(header, committee);
  const digest = yield* blockDigest(msg);
  yield memberClaim(digest, sig, committee);
}

/** The digest that is signed, of a block whose header names its payload. */
function* blockDigest(block: Block): Generator<undefined, Uint8Array, void> {
  const envelope = lendEnvelope(block);
  try {
    yield;
    verifyPayloadHash(block.header, yield* sha256InPieces(payloadWithin(envelope.bytes)));
    return yield* sha256InPieces(envelope.bytes);
  } finally {
    envelope.giveBack();
  }
}

function* sha256InPieces(bytes: Uint8Array): Generator<undefined, Uint8Array, void> {
  if (bytes.length <= HASH_PIECE_BYTES) return sha256(bytes);
  const hash = createHash("sha256");
  for (let at = 0; at < bytes.length; at += HASH_PIECE_BYTES) {
    hash.update(bytes.subarray(at, at + HASH_PIECE_BYTES));
    yield;
  }
  return new Uint8Array(hash.digest());
}

/** The signatures against the lane quorum; the header against nothing. */
export function* laneRule({ vote, sigs }: LaneQC, committee: Committee): Rule {
  yield certificateClaim(laneVoteDigest(vote), sigs, committee, committee.laneQuorum);
}

/** The signatures against the quorum; the content is `verifyAppAgainstCommit`'s part. */
export function* appRule({ vote, sigs }: AppQC, committee: Committee): Rule {
  yield certificateClaim(appVoteDigest(vote), sigs, committee, committee.commitQuorum);
}

/** The app proposal is about this commit QC: same road, epoch and global range. */
export function verifyAppOf(app: AppProposal, qc: CommitQC): void {
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

/** The proposal against the epoch, then the signatures. */
export function* commitRule({ vote, sigs }: CommitQC, epoch: Epoch): Rule {
  verifyProposal(vote, epoch);
  const { committee } = epoch;
  yield certificateClaim(commitVoteDigest(vote), sigs, committee, committee.commitQuorum);
}

/** As `commitRule`, for the prepare votes. */
export function* prepareRule({ vote, sigs }: PrepareQC, epoch: Epoch): Rule {
  verifyProposal(vote, epoch);
  const { committee } = epoch;
  yield certificateClaim(prepareVoteDigest(vote), sigs, committee, committee.commitQuorum);
}

/** The commit QC, then per lane, in committee order, the chain of headers that its range ends. */
export function* fullCommitRule({ qc, headers }: FullCommitQC, epoch: Epoch): Rule {
  yield* commitRule(qc, epoch);
  const { first, next } = globalRange(qc.vote);
  const count = BigInt.asUintN(64, next - first);
  if (BigInt(headers.length) !== count) {
    throw new VerifyError("headers_length", `${headers.length} headers, not ${count}`);
  }
  const ranges = new Map(qc.vote.laneRanges.map((range) => [range.lane, range]));
  let start = 0;
  for (const { lane } of epoch.committee.members) {
    const range = ranges.get(lane);
    if (range === undefined) continue;
    const end = start + Number(rangeLength(range));
    verifyChain(headers, { start, end, lastHash: range.lastHash });
    start = end;
    yield;
  }
}

/** Backwards from the last hash through the parents; the first one's parent is not followed. */
function verifyChain(
  headers: readonly BlockHeader[],
  range: { readonly start: number; readonly end: number; readonly lastHash: Uint8Array },
): void {
  let wanted = range.lastHash;
  for (let index = range.end - 1; index >= range.start; index--) {
    const header = headers[index];
    if (header === undefined || !sameBytes(headerHash(header), wanted)) {
      throw new VerifyError("header_hash", `header ${index} is not the one in the chain`);
    }
    wanted = header.parentHash;
  }
}

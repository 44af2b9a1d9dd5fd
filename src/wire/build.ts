/** Making signed messages and certificates from values and keys. */
import { type KeyPair, sign } from "./signatures/ed25519.js";
import {
  appVoteDigest,
  commitVoteDigest,
  headerHash,
  laneProposalDigest,
  laneVoteDigest,
  payloadHash,
  prepareVoteDigest,
  proposalDigest,
  timeoutVoteDigest,
} from "./hash.js";
import {
  type AppProposal,
  type AppQC,
  type Block,
  type BlockHeader,
  type Certificate,
  type CommitQC,
  type LaneQC,
  type LaneRange,
  type Payload,
  type PrepareQC,
  type Proposal,
  type SignedAppVote,
  type SignedBlock,
  type SignedBlockHeader,
  type SignedProposal,
  type SignedTimeoutVote,
  type TimeoutVote,
  ZERO_HASH,
} from "./messages.js";
import { verifyPayloadLimits } from "./rules/proposal.js";
import type { LaneId } from "../types/lane.js";
import { checkU64 } from "../types/numbers.js";

/**
 * The block of `lane` at `number` with `payload`, on the block with header hash `parentHash`
 * (32 zero bytes under the first).
 *
 * @throws {VerifyError} `limit.txs` or `limit.bytes` when the payload is too large.
 */
export function buildBlock(place: {
  readonly lane: LaneId;
  readonly blockNumber: bigint;
  readonly parentHash: Uint8Array;
  readonly payload: Payload;
}): Block {
  const { payload, ...header } = place;
  verifyPayloadLimits(payload);
  return { header: { ...header, payloadHash: payloadHash(payload) }, payload };
}

/**
 * The range of consecutive `headers` of one lane; the empty one at `first` without any.
 *
 * @throws {PersisterError} USAGE when the range does not end within 64 bits.
 */
export function laneRangeOf(
  lane: LaneId,
  first: bigint,
  headers: readonly BlockHeader[],
): LaneRange {
  const last = headers.at(-1);
  const next = checkU64(first + BigInt(headers.length), "the end of a lane range");
  return { lane, first, next, lastHash: last === undefined ? ZERO_HASH : headerHash(last) };
}

export function signBlock(block: Block, keys: KeyPair): SignedBlock {
  return { msg: block, sig: sign(keys, laneProposalDigest(block)) };
}

export function signLaneVote(header: BlockHeader, keys: KeyPair): SignedBlockHeader {
  return { msg: header, sig: sign(keys, laneVoteDigest(header)) };
}

export function signProposal(proposal: Proposal, keys: KeyPair): SignedProposal {
  return { msg: proposal, sig: sign(keys, proposalDigest(proposal)) };
}

export function signPrepareVote(proposal: Proposal, keys: KeyPair): SignedProposal {
  return { msg: proposal, sig: sign(keys, prepareVoteDigest(proposal)) };
}

export function signCommitVote(proposal: Proposal, keys: KeyPair): SignedProposal {
  return { msg: proposal, sig: sign(keys, commitVoteDigest(proposal)) };
}

export function signTimeoutVote(vote: TimeoutVote, keys: KeyPair): SignedTimeoutVote {
  return { msg: vote, sig: sign(keys, timeoutVoteDigest(vote)) };
}

export function signAppVote(app: AppProposal, keys: KeyPair): SignedAppVote {
  return { msg: app, sig: sign(keys, appVoteDigest(app)) };
}

/** A certificate with one signature of each key, in the order given; no quorum is asked for. */
function certified<T>(vote: T, digest: Uint8Array, keys: readonly KeyPair[]): Certificate<T> {
  return { vote, sigs: keys.map((pair) => sign(pair, digest)) };
}

export function buildLaneQC(header: BlockHeader, keys: readonly KeyPair[]): LaneQC {
  return certified(header, laneVoteDigest(header), keys);
}

export function buildPrepareQC(proposal: Proposal, keys: readonly KeyPair[]): PrepareQC {
  return certified(proposal, prepareVoteDigest(proposal), keys);
}

export function buildCommitQC(proposal: Proposal, keys: readonly KeyPair[]): CommitQC {
  return certified(proposal, commitVoteDigest(proposal), keys);
}

export function buildAppQC(app: AppProposal, keys: readonly KeyPair[]): AppQC {
  return certified(app, appVoteDigest(app), keys);
}

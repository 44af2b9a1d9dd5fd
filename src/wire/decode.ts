/**
 * Messages from bytes. Every decoder is total: it returns a value or throws `DecodeError`, whatever
 * the bytes. Unknown fields are dropped, timestamps normalised and lane ranges sorted, so encoding
 * the value again gives its canonical bytes, which need not be the bytes it was read from.
 *
 * Keys, hashes, signatures and app hashes are copies; transactions are views of the bytes given,
 * valid as long as the caller leaves those unchanged.
 */
import { blockNumber, roadIndex } from "../types/numbers.js";
import { sortedRanges } from "./encode.js";
import {
  bytesOf,
  fixedOf,
  laneIdFrom,
  lendAllOf,
  manyOf,
  maybeMessageOf,
  maybeVarintOf,
  messageOf,
  publicKeyFrom,
  refuse,
  varintOf,
} from "./fields.js";
import {
  type AppProposal,
  type AppQC,
  type Block,
  type BlockHeader,
  type Certificate,
  type CommitQC,
  type FullCommitQC,
  type FullProposal,
  type FullTimeoutVote,
  HASH_BYTES,
  type LaneQC,
  type LaneRange,
  type Payload,
  type PersistedInner,
  type PrepareQC,
  type Proposal,
  type PruneAnchor,
  SIGNATURE_BYTES,
  type Signature,
  type Signed,
  type SignedProposal,
  type SignedTimeoutVote,
  type TimeoutQC,
  type TimeoutVote,
  type Timestamp,
  type View,
} from "./messages.js";
import { type RawMessage, scan } from "./scan.js";
import * as schemas from "./schema.js";

/** Makes a value of a scanned message, or refuses it. */
export type From<T> = (raw: RawMessage) => T;

function decoder<T>(schema: schemas.Schema, from: From<T>): (bytes: Uint8Array) => T {
  return (bytes) => from(scan(bytes, schema));
}

const NANOS_PER_SECOND = 1_000_000_000n;

/** Nanos are 32 bits with a sign; what is outside `[0, 10^9)` is carried, wrapping at 64 bits. */
const timestampFrom: From<Timestamp> = (raw) => {
  const seconds = varintOf(raw, 1, "seconds");
  const nanos = BigInt.asIntN(32, varintOf(raw, 2, "nanos"));
  const below = ((nanos % NANOS_PER_SECOND) + NANOS_PER_SECOND) % NANOS_PER_SECOND;
  const carry = (nanos - below) / NANOS_PER_SECOND;
  return { seconds: BigInt.asIntN(64, seconds + carry), nanos: Number(below) };
};

export const signatureFrom: From<Signature> = (raw) => ({
  key: publicKeyFrom(messageOf(raw, 1, "key")),
  bytes: fixedOf(raw, 2, "sig", SIGNATURE_BYTES),
});

/** The hashes are looked at first, as the original does. */
export const blockHeaderFrom: From<BlockHeader> = (raw) => {
  const payloadHash = fixedOf(raw, 4, "payload_hash", HASH_BYTES);
  const parentHash = fixedOf(raw, 3, "parent_hash", HASH_BYTES);
  const lane = laneIdFrom(messageOf(raw, 5, "lane_id"));
  const number = blockNumber(varintOf(raw, 2, "block_number"));
  return { lane, blockNumber: number, parentHash, payloadHash };
};

const payloadFrom: From<Payload> = (raw) => ({
  createdAt: timestampFrom(messageOf(raw, 1, "created_at")),
  txs: lendAllOf(raw, 6),
  totalGasWanted: varintOf(raw, 7, "total_gas_wanted"),
  totalGasEstimated: varintOf(raw, 8, "total_gas_estimated"),
});

const blockFrom: From<Block> = (raw) => ({
  header: blockHeaderFrom(messageOf(raw, 1, "header")),
  payload: payloadFrom(messageOf(raw, 2, "payload")),
});

const viewFrom: From<View> = (raw) => ({
  index: roadIndex(varintOf(raw, 1, "index")),
  number: varintOf(raw, 2, "number"),
  epochIndex: varintOf(raw, 3, "epoch_index"),
});

const laneRangeFrom: From<LaneRange> = (raw) => {
  const lane = laneIdFrom(messageOf(raw, 5, "lane_id"));
  const first = blockNumber(varintOf(raw, 2, "first"));
  const next = blockNumber(varintOf(raw, 3, "next"));
  return { lane, first, next, lastHash: fixedOf(raw, 4, "last_hash", HASH_BYTES) };
};

const proposalFrom: From<Proposal> = (raw) => {
  const view = viewFrom(messageOf(raw, 1, "view"));
  const laneRanges = manyOf(raw, 3, laneRangeFrom);
  const lanes = new Set(laneRanges.map((range) => range.lane));
  if (lanes.size < laneRanges.length) {
    refuse(raw, "lane_ranges", "duplicate_lane", "a lane has two ranges");
  }
  return {
    view,
    timestamp: timestampFrom(messageOf(raw, 5, "timestamp")),
    laneRanges: sortedRanges(laneRanges),
    globalFirst: varintOf(raw, 6, "global_first"),
  };
};

const appProposalFrom: From<AppProposal> = (raw) => ({
  roadIndex: roadIndex(varintOf(raw, 2, "road_index")),
  appHash: bytesOf(raw, 3),
  epochIndex: varintOf(raw, 4, "epoch_index"),
  globalFirst: varintOf(raw, 5, "global_first"),
  globalNext: varintOf(raw, 6, "global_next"),
});

const timeoutVoteFrom: From<TimeoutVote> = (raw) => ({
  view: viewFrom(messageOf(raw, 1, "view")),
  latestPrepareQcViewNumber: maybeVarintOf(raw, 2),
});

function signed<T>(from: From<T>): From<Signed<T>> {
  return (raw) => ({
    msg: from(messageOf(raw, 1, "msg")),
    sig: signatureFrom(messageOf(raw, 2, "sig")),
  });
}

function certificate<T>(from: From<T>, sigsField: number): From<Certificate<T>> {
  return (raw) => ({
    vote: from(messageOf(raw, 1, "vote")),
    sigs: manyOf(raw, sigsField, signatureFrom),
  });
}

const signedProposalFrom: From<SignedProposal> = signed(proposalFrom);
const signedTimeoutVoteFrom: From<SignedTimeoutVote> = signed(timeoutVoteFrom);
const laneQCFrom: From<LaneQC> = certificate(blockHeaderFrom, 2);
const prepareQCFrom: From<PrepareQC> = certificate(proposalFrom, 2);
const commitQCFrom: From<CommitQC> = certificate(proposalFrom, 3);
const appQCFrom: From<AppQC> = certificate(appProposalFrom, 2);

const fullCommitQCFrom: From<FullCommitQC> = (raw) => ({
  qc: commitQCFrom(messageOf(raw, 1, "qc")),
  headers: manyOf(raw, 2, blockHeaderFrom),
});

const fullTimeoutVoteFrom: From<FullTimeoutVote> = (raw) => ({
  vote: signedTimeoutVoteFrom(messageOf(raw, 3, "vote_v2")),
  latestPrepareQC: maybeMessageOf(raw, 2, prepareQCFrom),
});

const timeoutQCFrom: From<TimeoutQC> = (raw) => {
  const votes = manyOf(raw, 3, signedTimeoutVoteFrom);
  if (votes.length === 0) refuse(raw, "votes_v2", "missing", "there is no vote");
  return { votes, latestPrepareQC: maybeMessageOf(raw, 2, prepareQCFrom) };
};

/** Of two lane QCs for one lane the later one holds. */
const fullProposalFrom: From<FullProposal> = (raw) => ({
  proposal: signedProposalFrom(messageOf(raw, 5, "proposal_v2")),
  laneQCs: [...new Map(manyOf(raw, 2, laneQCFrom).map((qc) => [qc.vote.lane, qc])).values()],
  timeoutQC: maybeMessageOf(raw, 4, timeoutQCFrom),
});

const pruneAnchorFrom: From<PruneAnchor> = (raw) => ({
  appQC: appQCFrom(messageOf(raw, 1, "app_qc")),
  commitQC: commitQCFrom(messageOf(raw, 2, "commit_qc")),
});

const persistedInnerFrom: From<PersistedInner> = (raw) => ({
  commitQC: maybeMessageOf(raw, 1, commitQCFrom),
  prepareQC: maybeMessageOf(raw, 2, prepareQCFrom),
  timeoutQC: maybeMessageOf(raw, 3, timeoutQCFrom),
  timeoutVote: maybeMessageOf(raw, 6, fullTimeoutVoteFrom),
  commitVote: maybeMessageOf(raw, 7, signedProposalFrom),
  prepareVote: maybeMessageOf(raw, 8, signedProposalFrom),
});

/** The builders that the signing envelope chooses from. */
export const armsFrom = {
  block: blockFrom,
  header: blockHeaderFrom,
  proposal: proposalFrom,
  timeoutVote: timeoutVoteFrom,
  appProposal: appProposalFrom,
} as const;

export const decodeTimestamp = decoder(schemas.Timestamp, timestampFrom);
export const decodePublicKey = decoder(schemas.PublicKey, publicKeyFrom);
export const decodeLaneId = decoder(schemas.LaneID, laneIdFrom);
export const decodeSignature = decoder(schemas.Signature, signatureFrom);
export const decodeBlockHeader = decoder(schemas.BlockHeader, blockHeaderFrom);
export const decodePayload = decoder(schemas.Payload, payloadFrom);
export const decodeBlock = decoder(schemas.Block, blockFrom);
export const decodeView = decoder(schemas.View, viewFrom);
export const decodeLaneRange = decoder(schemas.LaneRange, laneRangeFrom);
export const decodeProposal = decoder(schemas.Proposal, proposalFrom);
export const decodeAppProposal = decoder(schemas.AppProposal, appProposalFrom);
export const decodeTimeoutVote = decoder(schemas.TimeoutVote, timeoutVoteFrom);
export const decodeSignedBlock = decoder(schemas.SignedBlock, signed(blockFrom));
export const decodeSignedBlockHeader = decoder(schemas.SignedBlockHeader, signed(blockHeaderFrom));
export const decodeSignedProposal = decoder(schemas.SignedProposal, signedProposalFrom);
export const decodeSignedTimeoutVote = decoder(schemas.SignedTimeoutVote, signedTimeoutVoteFrom);
export const decodeSignedAppVote = decoder(schemas.SignedAppVote, signed(appProposalFrom));
export const decodeLaneQC = decoder(schemas.LaneQC, laneQCFrom);
export const decodePrepareQC = decoder(schemas.PrepareQC, prepareQCFrom);
export const decodeCommitQC = decoder(schemas.CommitQC, commitQCFrom);
export const decodeAppQC = decoder(schemas.AppQC, appQCFrom);
export const decodeFullCommitQC = decoder(schemas.FullCommitQC, fullCommitQCFrom);
export const decodeFullTimeoutVote = decoder(schemas.FullTimeoutVote, fullTimeoutVoteFrom);
export const decodeTimeoutQC = decoder(schemas.TimeoutQC, timeoutQCFrom);
export const decodeFullProposal = decoder(schemas.FullProposal, fullProposalFrom);
export const decodePruneAnchor = decoder(schemas.PersistedAvailPruneAnchor, pruneAnchorFrom);
export const decodePersistedInner = decoder(schemas.PersistedInner, persistedInnerFrom);

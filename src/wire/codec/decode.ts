/**
 * Messages from bytes. Every decoder is total: it returns a value or throws `DecodeError`, whatever
 * the bytes. Unknown fields are dropped, timestamps normalised and lane ranges sorted, so encoding
 * the value again gives its canonical bytes, which need not be the bytes it was read from.
 *
 * Keys, hashes, signatures and app hashes are the value's own, a certificate's as views of one copy
 * of its bytes; transactions are views of the bytes given, valid as long as those are unchanged.
 */
import type { LaneId } from "../../types/lane.js";
import { hasLaneTwice, sortedRanges } from "./encode.js";
import {
  fixedOf,
  laneIdFrom,
  maybeMessageOf,
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
} from "../messages.js";
import { RawMessage } from "./raw-message.js";
import { scan } from "./scan.js";
import * as schemas from "./schema.js";

/** Makes a value of a scanned message, or refuses it. */
export type From<T> = (raw: RawMessage) => T;

/** Reads from a copy of the bytes, which the value then consists of. */
function decoder<T>(schema: schemas.Schema, from: From<T>): (bytes: Uint8Array) => T {
  return (bytes) => from(RawMessage.of(bytes, schema, "own"));
}

/** Reads from the bytes given, and copies all but the transactions. */
function lentDecoder<T>(schema: schemas.Schema, from: From<T>): (bytes: Uint8Array) => T {
  return (bytes) => from(RawMessage.of(bytes, schema, "lent"));
}

const NANOS_PER_SECOND = 1_000_000_000n;

/** Nanos are 32 bits with a sign. Those outside `[0, 10^9)` carry into the seconds, which wrap at 64 bits. */
const timestampFrom: From<Timestamp> = (raw) => {
  const seconds = varintOf(raw, 1);
  const nanos = BigInt.asIntN(32, varintOf(raw, 2));
  const below = ((nanos % NANOS_PER_SECOND) + NANOS_PER_SECOND) % NANOS_PER_SECOND;
  const carry = (nanos - below) / NANOS_PER_SECOND;
  return { seconds: BigInt.asIntN(64, seconds + carry), nanos: Number(below) };
};

export const signatureFrom: From<Signature> = (raw) => ({
  key: publicKeyFrom(messageOf(raw, 1)),
  bytes: fixedOf(raw, 2, SIGNATURE_BYTES),
});

/** Checks the hashes first, as sei-chain does. */
export const blockHeaderFrom: From<BlockHeader> = (raw) => {
  const payloadHash = fixedOf(raw, 4, HASH_BYTES);
  const parentHash = fixedOf(raw, 3, HASH_BYTES);
  const lane = laneIdFrom(messageOf(raw, 5));
  const number = varintOf(raw, 2);
  return { lane, blockNumber: number, parentHash, payloadHash };
};

const payloadFrom: From<Payload> = (raw) => ({
  createdAt: timestampFrom(messageOf(raw, 1)),
  txs: raw.lendAll(),
  totalGasWanted: varintOf(raw, 7),
  totalGasEstimated: varintOf(raw, 8),
});

const blockFrom: From<Block> = (raw) => ({
  header: blockHeaderFrom(messageOf(raw, 1)),
  payload: payloadFrom(messageOf(raw, 2)),
});

const viewFrom: From<View> = (raw) => ({
  index: varintOf(raw, 1),
  number: varintOf(raw, 2),
  epochIndex: varintOf(raw, 3),
});

const laneRangeFrom: From<LaneRange> = (raw) => {
  const lane = laneIdFrom(messageOf(raw, 5));
  const first = varintOf(raw, 2);
  const next = varintOf(raw, 3);
  return { lane, first, next, lastHash: fixedOf(raw, 4, HASH_BYTES) };
};

const proposalFrom: From<Proposal> = (raw) => {
  const view = viewFrom(messageOf(raw, 1));
  const laneRanges = sortedRanges(raw.all(3, laneRangeFrom));
  if (hasLaneTwice(laneRanges)) {
    refuse(raw, "lane_ranges", "duplicate_lane", "a lane has two ranges");
  }
  return {
    view,
    timestamp: timestampFrom(messageOf(raw, 5)),
    laneRanges,
    globalFirst: varintOf(raw, 6),
  };
};

const appProposalFrom: From<AppProposal> = (raw) => ({
  roadIndex: varintOf(raw, 2),
  appHash: raw.bytes(3),
  epochIndex: varintOf(raw, 4),
  globalFirst: varintOf(raw, 5),
  globalNext: varintOf(raw, 6),
});

const timeoutVoteFrom: From<TimeoutVote> = (raw) => ({
  view: viewFrom(messageOf(raw, 1)),
  latestPrepareQcViewNumber: raw.varint(2),
});

function signed<T>(from: From<T>): From<Signed<T>> {
  return (raw) => ({
    msg: from(messageOf(raw, 1)),
    sig: signatureFrom(messageOf(raw, 2)),
  });
}

function certificate<T>(from: From<T>, sigsField: number): From<Certificate<T>> {
  return (raw) => ({
    vote: from(messageOf(raw, 1)),
    sigs: raw.all(sigsField, signatureFrom),
  });
}

const signedProposalFrom: From<SignedProposal> = signed(proposalFrom);
const signedTimeoutVoteFrom: From<SignedTimeoutVote> = signed(timeoutVoteFrom);
const laneQCFrom: From<LaneQC> = certificate(blockHeaderFrom, 2);
const prepareQCFrom: From<PrepareQC> = certificate(proposalFrom, 2);
const commitQCFrom: From<CommitQC> = certificate(proposalFrom, 3);
const appQCFrom: From<AppQC> = certificate(appProposalFrom, 2);

const fullCommitQCFrom: From<FullCommitQC> = (raw) => ({
  qc: commitQCFrom(messageOf(raw, 1)),
  headers: raw.all(2, blockHeaderFrom),
});

const fullTimeoutVoteFrom: From<FullTimeoutVote> = (raw) => ({
  vote: signedTimeoutVoteFrom(messageOf(raw, 3)),
  latestPrepareQC: maybeMessageOf(raw, 2, prepareQCFrom),
});

const timeoutQCFrom: From<TimeoutQC> = (raw) => {
  const votes = raw.all(3, signedTimeoutVoteFrom);
  if (votes.length === 0) refuse(raw, "votes_v2", "missing", "there is no vote");
  return { votes, latestPrepareQC: maybeMessageOf(raw, 2, prepareQCFrom) };
};

/** Of two lane QCs for one lane the later one counts. */
const fullProposalFrom: From<FullProposal> = (raw) => ({
  proposal: signedProposalFrom(messageOf(raw, 5)),
  laneQCs: [...new Map(raw.all(2, laneQCFrom).map((qc) => [qc.vote.lane, qc])).values()],
  timeoutQC: maybeMessageOf(raw, 4, timeoutQCFrom),
});

const pruneAnchorFrom: From<PruneAnchor> = (raw) => ({
  appQC: appQCFrom(messageOf(raw, 1)),
  commitQC: commitQCFrom(messageOf(raw, 2)),
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
export const decodeLaneId: (bytes: Uint8Array) => LaneId = decoder(schemas.LaneID, laneIdFrom);
export const decodeSignature = decoder(schemas.Signature, signatureFrom);
export const decodeBlockHeader = decoder(schemas.BlockHeader, blockHeaderFrom);
export const decodePayload = lentDecoder(schemas.Payload, payloadFrom);
export const decodeBlock = lentDecoder(schemas.Block, blockFrom);
export const decodeView = decoder(schemas.View, viewFrom);
export const decodeLaneRange = decoder(schemas.LaneRange, laneRangeFrom);
export const decodeProposal = decoder(schemas.Proposal, proposalFrom);
export const decodeAppProposal = decoder(schemas.AppProposal, appProposalFrom);
export const decodeTimeoutVote = decoder(schemas.TimeoutVote, timeoutVoteFrom);
export const decodeSignedBlock = lentDecoder(schemas.SignedBlock, signed(blockFrom));
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

/**
 * The first field of an encoded `PersistedInner` that no schema here knows, as a dotted path; undefined
 * if there is none. `decodePersistedInner` drops such a field, and it may be a vote.
 *
 * @throws {DecodeError} for bytes that do not parse.
 */
export function unknownFieldOfVotes(bytes: Uint8Array): string | undefined {
  return scan(bytes, schemas.PersistedInner)?.path;
}

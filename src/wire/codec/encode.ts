/**
 * Canonical bytes: fields ascending, present ones only and all of them, numbers minimal, lane
 * ranges sorted by lane. Equal values have equal bytes; hashes and signatures are over these.
 *
 * Every field is looked at as it is written (its type, its length, its range). A value of another shape
 * is refused with USAGE, which names the first wrong field. A value that the decoder returned always
 * encodes. The returned bytes are the caller's.
 */
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import { type LaneId, laneParts } from "../../types/lane.js";
import { isRecord, lane as laneShape, type Shape } from "../../types/shape.js";
import {
  type AppProposal,
  type Block,
  type BlockHeader,
  type Certificate,
  type FullCommitQC,
  type FullProposal,
  type FullTimeoutVote,
  HASH_BYTES,
  KEY_BYTES,
  type LaneRange,
  type Payload,
  type PersistedInner,
  type Proposal,
  type PruneAnchor,
  SIGNATURE_BYTES,
  type Signature,
  type Signed,
  type TimeoutQC,
  type TimeoutVote,
  type Timestamp,
  type View,
} from "../messages.js";
import * as shapes from "../shapes.js";
import { type Put, type Writer, written } from "./writer.js";

const NANOS_MAX = 1_000_000_000;
/** Bytes of a signed block besides its transactions, rounded up. */
const BLOCK_REST_BYTES = 512;

/** Bytes that a signed block with this payload takes at most. */
export function blockBytes({ txs }: Payload): number {
  let total = BLOCK_REST_BYTES;
  for (const tx of txs) total += tx.length + 5;
  return total;
}

/** Encodes a message. A value of another shape is told by its path: `name` is what it is called. */
function encoder<T>(put: Put<T>, shape: Shape, name: string): (value: T) => Uint8Array {
  return (value) => {
    try {
      return written(put, value);
    } catch (cause) {
      shape(value, name);
      throw cause;
    }
  };
}

/** As `encoder`, for a message with a payload: its size follows from the transactions. */
function blockEncoder<T>(
  put: Put<T>,
  payloadOf: (value: T) => Payload,
  ...[shape, name]: readonly [Shape, string]
): (value: T) => Uint8Array {
  return (value) => {
    try {
      return written(put, value, blockBytes(payloadOf(value)));
    } catch (cause) {
      shape(value, name);
      throw cause;
    }
  };
}

const putTimestamp: Put<Timestamp> = (writer, { seconds, nanos }) => {
  assert(BigInt.asIntN(64, seconds) === seconds, "a timestamp's seconds fit 64 bits");
  assert(Number.isInteger(nanos) && nanos >= 0 && nanos < NANOS_MAX, "nanos are below 10^9");
  writer.u64(2, BigInt(nanos));
  writer.u64(1, BigInt.asUintN(64, seconds));
};

const putPublicKey: Put<Uint8Array> = (writer, key) => writer.fixed(1, key, KEY_BYTES);

const putLaneId: Put<LaneId> = (writer, lane) => {
  const { key, joined } = laneParts(lane);
  writer.u64(2, joined);
  writer.message(1, putPublicKey, key);
};

const putSignature: Put<Signature> = (writer, sig) => {
  writer.fixed(2, sig.bytes, SIGNATURE_BYTES);
  writer.message(1, putPublicKey, sig.key);
};

export const putBlockHeader: Put<BlockHeader> = (writer, header) => {
  writer.message(5, putLaneId, header.lane);
  writer.fixed(4, header.payloadHash, HASH_BYTES);
  writer.fixed(3, header.parentHash, HASH_BYTES);
  writer.u64(2, header.blockNumber);
};

const putPayload: Put<Payload> = (writer, payload) => {
  writer.u64(8, payload.totalGasEstimated);
  writer.u64(7, payload.totalGasWanted);
  const { txs } = payload;
  assert(Array.isArray(txs), "transactions are an array");
  for (let index = txs.length - 1; index >= 0; index--) writer.bytes(6, txs[index] as Uint8Array);
  writer.message(1, putTimestamp, payload.createdAt);
};

export const putBlock: Put<Block> = (writer, block) => {
  writer.message(2, putPayload, block.payload);
  writer.message(1, putBlockHeader, block.header);
};

const putView: Put<View> = (writer, view) => {
  writer.u64(3, view.epochIndex);
  writer.u64(2, view.number);
  writer.u64(1, view.index);
};

const putLaneRange: Put<LaneRange> = (writer, range) => {
  writer.message(5, putLaneId, range.lane);
  writer.fixed(4, range.lastHash, HASH_BYTES);
  writer.u64(3, range.next);
  writer.u64(2, range.first);
};

export const putAppProposal: Put<AppProposal> = (writer, app) => {
  writer.u64(6, app.globalNext);
  writer.u64(5, app.globalFirst);
  writer.u64(4, app.epochIndex);
  if (app.appHash !== undefined) {
    assert(app.appHash.length <= HASH_BYTES, "an app hash has at most 32 bytes");
    writer.bytes(3, app.appHash);
  }
  writer.u64(2, app.roadIndex);
};

/** `ranges` sorted by lane. It returns `ranges` itself if they are sorted. */
export function sortedRanges(ranges: readonly LaneRange[]): readonly LaneRange[] {
  return isSorted(ranges) ? ranges : [...ranges].sort((a, b) => (a.lane < b.lane ? -1 : 1));
}

function isSorted(ranges: readonly LaneRange[]): boolean {
  return ranges.every((range, at) => at === 0 || (ranges[at - 1] as LaneRange).lane <= range.lane);
}

/** Tells whether a lane has two ranges; `sorted` is sorted by lane. */
export function hasLaneTwice(sorted: readonly LaneRange[]): boolean {
  return sorted.some((range, at) => sorted[at - 1]?.lane === range.lane);
}

export const putProposal: Put<Proposal> = (writer, proposal) => {
  writer.u64(6, proposal.globalFirst);
  writer.message(5, putTimestamp, proposal.timestamp);
  assert(Array.isArray(proposal.laneRanges), "lane ranges are an array");
  const ranges = sortedRanges(proposal.laneRanges);
  if (hasLaneTwice(ranges)) {
    throw new PersisterError("USAGE", "a proposal must have one range per lane, and not two");
  }
  writer.messages(3, putLaneRange, ranges);
  writer.message(1, putView, proposal.view);
};

export const putTimeoutVote: Put<TimeoutVote> = (writer, vote) => {
  const number = vote.latestPrepareQcViewNumber;
  if (number !== undefined) writer.u64(2, number);
  writer.message(1, putView, vote.view);
};

function signed<T>(put: Put<T>): Put<Signed<T>> {
  return (writer, { msg, sig }) => {
    writer.message(2, putSignature, sig);
    writer.message(1, put, msg);
  };
}

function certificate<T>(put: Put<T>, sigsField: number): Put<Certificate<T>> {
  return (writer, { vote, sigs }) => {
    writer.messages(sigsField, putSignature, sigs);
    writer.message(1, put, vote);
  };
}

function maybe<T>(writer: Writer, field: number, put: Put<T>, value: T | undefined): void {
  if (value !== undefined) writer.message(field, put, value);
}

const putSignedProposal = signed(putProposal);
const putSignedTimeoutVote = signed(putTimeoutVote);
const putLaneQC = certificate(putBlockHeader, 2);
const putPrepareQC = certificate(putProposal, 2);
const putCommitQC = certificate(putProposal, 3);
const putAppQC = certificate(putAppProposal, 2);

const putFullTimeoutVote: Put<FullTimeoutVote> = (writer, value) => {
  writer.message(3, putSignedTimeoutVote, value.vote);
  maybe(writer, 2, putPrepareQC, value.latestPrepareQC);
};

const putTimeoutQC: Put<TimeoutQC> = (writer, qc) => {
  assert(qc.votes.length > 0, "a timeout QC has a vote");
  writer.messages(3, putSignedTimeoutVote, qc.votes);
  maybe(writer, 2, putPrepareQC, qc.latestPrepareQC);
};

const putFullCommitQC: Put<FullCommitQC> = (writer, full) => {
  writer.messages(2, putBlockHeader, full.headers);
  writer.message(1, putCommitQC, full.qc);
};

const putFullProposal: Put<FullProposal> = (writer, full) => {
  writer.message(5, putSignedProposal, full.proposal);
  maybe(writer, 4, putTimeoutQC, full.timeoutQC);
  const { laneQCs } = full;
  const isList: boolean = Array.isArray(laneQCs);
  assert(isList, "lane QCs are an array");
  const byLane = [...laneQCs].sort((a, b) => (a.vote.lane < b.vote.lane ? -1 : 1));
  writer.messages(2, putLaneQC, byLane);
};

const putPruneAnchor: Put<PruneAnchor> = (writer, anchor) => {
  writer.message(2, putCommitQC, anchor.commitQC);
  writer.message(1, putAppQC, anchor.appQC);
};

const putPersistedInner: Put<PersistedInner> = (writer, inner) => {
  // All fields may be absent: a list or a string would pass as a node that has never voted.
  assert(isRecord(inner), "votes are a record");
  maybe(writer, 8, putSignedProposal, inner.prepareVote);
  maybe(writer, 7, putSignedProposal, inner.commitVote);
  maybe(writer, 6, putFullTimeoutVote, inner.timeoutVote);
  maybe(writer, 3, putTimeoutQC, inner.timeoutQC);
  maybe(writer, 2, putPrepareQC, inner.prepareQC);
  maybe(writer, 1, putCommitQC, inner.commitQC);
};

export const encodeTimestamp = encoder(putTimestamp, shapes.timestamp, "timestamp");
export const encodePublicKey = encoder(putPublicKey, shapes.key, "key");
export const encodeLaneId = encoder(putLaneId, laneShape, "lane");
export const encodeSignature = encoder(putSignature, shapes.signature, "signature");
export const encodeBlockHeader = encoder(putBlockHeader, shapes.header, "header");
export const encodePayload = blockEncoder(
  putPayload,
  (payload) => payload,
  shapes.payload,
  "payload",
);
export const encodeBlock = blockEncoder(putBlock, ({ payload }) => payload, shapes.block, "block");
export const encodeView = encoder(putView, shapes.view, "view");
export const encodeLaneRange = encoder(putLaneRange, shapes.laneRange, "range");
export const encodeProposal = encoder(putProposal, shapes.proposal, "proposal");
export const encodeAppProposal = encoder(putAppProposal, shapes.app, "app");
export const encodeTimeoutVote = encoder(putTimeoutVote, shapes.timeoutVote, "vote");
export const encodeSignedBlock = blockEncoder(
  signed(putBlock),
  ({ msg }) => msg.payload,
  shapes.signedBlock,
  "block",
);
export const encodeSignedBlockHeader = encoder(
  signed(putBlockHeader),
  shapes.signedHeader,
  "header",
);
export const encodeSignedProposal = encoder(putSignedProposal, shapes.signedProposal, "proposal");
export const encodeSignedTimeoutVote = encoder(
  putSignedTimeoutVote,
  shapes.signedTimeoutVote,
  "vote",
);
export const encodeSignedAppVote = encoder(signed(putAppProposal), shapes.signedApp, "vote");
export const encodeLaneQC = encoder(putLaneQC, shapes.laneQC, "qc");
export const encodePrepareQC = encoder(putPrepareQC, shapes.proposalQC, "qc");
export const encodeCommitQC = encoder(putCommitQC, shapes.proposalQC, "qc");
export const encodeAppQC = encoder(putAppQC, shapes.appQC, "qc");
export const encodeFullCommitQC = encoder(putFullCommitQC, shapes.fullCommitQC, "qc");
export const encodeFullTimeoutVote = encoder(putFullTimeoutVote, shapes.fullTimeoutVote, "vote");
export const encodeTimeoutQC = encoder(putTimeoutQC, shapes.timeoutQC, "qc");
export const encodeFullProposal = encoder(putFullProposal, shapes.fullProposal, "proposal");
export const encodePruneAnchor = encoder(putPruneAnchor, shapes.anchor, "anchor");
export const encodePersistedInner = encoder(putPersistedInner, shapes.votes, "votes");

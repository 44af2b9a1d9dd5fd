/**
 * Canonical bytes of the older revision's messages: fields ascending, present ones only and all of
 * them, numbers minimal, lane ranges sorted by lane. Hashes and signatures are over these, and what
 * the original wrote is these too. The returned bytes are the caller's.
 */
import { assert } from "../../types/assert.js";
import { encodePublicKey, encodeSignature, encodeTimestamp } from "../../wire/encode.js";
import { type Certificate, HASH_BYTES, type Signature, type Signed } from "../../wire/messages.js";
import { type Put, Writer } from "../../wire/writer.js";
import {
  type AppProposal,
  type Arm,
  type Arms,
  type Block,
  type BlockHeader,
  type FullTimeoutVote,
  keyOfLane,
  type LaneKey,
  type LaneRange,
  type Msg,
  type Payload,
  type PersistedInner,
  type Proposal,
  type PruneAnchor,
  type TimeoutQC,
  type TimeoutVote,
  type View,
} from "./messages.js";

const CAPACITY_BYTES = 1024;

function encoder<T>(put: Put<T>): (value: T) => Uint8Array {
  return (value) => {
    const writer = new Writer(CAPACITY_BYTES);
    put(writer, value);
    return writer.finish();
  };
}

function maybe<T>(writer: Writer, field: number, put: Put<T>, value: T | undefined): void {
  if (value !== undefined) writer.message(field, put, value);
}

function putI64(writer: Writer, field: number, value: bigint): void {
  assert(BigInt.asIntN(64, value) === value, "a signed number fits 64 bits");
  writer.u64(field, BigInt.asUintN(64, value));
}

function putLane(writer: Writer, field: number, lane: LaneKey): void {
  writer.bytes(field, encodePublicKey(keyOfLane(lane)));
}

const putBlockHeader: Put<BlockHeader> = (writer, header) => {
  writer.fixed(4, header.payloadHash, HASH_BYTES);
  writer.fixed(3, header.parentHash, HASH_BYTES);
  writer.u64(2, header.blockNumber);
  putLane(writer, 1, header.lane);
};

const putPayload: Put<Payload> = (writer, payload) => {
  for (const tx of payload.txs.toReversed()) writer.bytes(6, tx);
  putI64(writer, 5, payload.basefee);
  if (payload.coinbase !== undefined) writer.bytes(4, payload.coinbase);
  putI64(writer, 3, payload.edgeCount);
  writer.u64(2, payload.totalGas);
  writer.bytes(1, encodeTimestamp(payload.createdAt));
};

const putBlock: Put<Block> = (writer, block) => {
  writer.message(2, putPayload, block.payload);
  writer.message(1, putBlockHeader, block.header);
};

const putView: Put<View> = (writer, view) => {
  writer.u64(2, view.number);
  writer.u64(1, view.index);
};

const putLaneRange: Put<LaneRange> = (writer, range) => {
  writer.fixed(4, range.lastHash, HASH_BYTES);
  writer.u64(3, range.next);
  writer.u64(2, range.first);
  putLane(writer, 1, range.lane);
};

const putAppProposal: Put<AppProposal> = (writer, app) => {
  if (app.appHash !== undefined) writer.bytes(3, app.appHash);
  writer.u64(2, app.roadIndex);
  writer.u64(1, app.globalNumber);
};

/** The ranges, sorted by lane. */
export function rangesByLane(ranges: Iterable<LaneRange>): readonly LaneRange[] {
  return [...ranges].sort((a, b) => (a.lane < b.lane ? -1 : 1));
}

const putProposal: Put<Proposal> = (writer, proposal) => {
  maybe(writer, 4, putAppProposal, proposal.app);
  writer.messages(3, putLaneRange, rangesByLane(proposal.laneRanges));
  writer.bytes(2, encodeTimestamp(proposal.createdAt));
  writer.message(1, putView, proposal.view);
};

const putTimeoutVote: Put<TimeoutVote> = (writer, vote) => {
  const number = vote.latestPrepareQcViewNumber;
  if (number !== undefined) writer.u64(2, number);
  writer.message(1, putView, vote.view);
};

const putMsg: Put<Msg> = (writer, msg) => {
  switch (msg.arm) {
    case "lane_proposal":
      writer.message(1, putBlock, msg.value);
      return;
    case "lane_vote":
      writer.message(2, putBlockHeader, msg.value);
      return;
    case "proposal":
      writer.message(3, putProposal, msg.value);
      return;
    case "prepare_vote":
      writer.message(4, putProposal, msg.value);
      return;
    case "commit_vote":
      writer.message(5, putProposal, msg.value);
      return;
    case "timeout_vote":
      writer.message(6, putTimeoutVote, msg.value);
      return;
    case "app_vote":
      writer.message(7, putAppProposal, msg.value);
  }
};

/** The wrapper that all signed messages share: the envelope that was signed, and the signature. */
function signed<A extends Arm>(arm: A): Put<Signed<Arms[A]>> {
  return (writer, { msg, sig }) => {
    writer.bytes(2, encodeSignature(sig));
    writer.message(1, putMsg, { arm, value: msg } as Msg);
  };
}

function putSignatures(writer: Writer, field: number, sigs: readonly Signature[]): void {
  for (const sig of sigs.toReversed()) writer.bytes(field, encodeSignature(sig));
}

function certificate<T>(put: Put<T>, sigsField: number): Put<Certificate<T>> {
  return (writer, { vote, sigs }) => {
    putSignatures(writer, sigsField, sigs);
    writer.message(1, put, vote);
  };
}

const putPrepareQC = certificate(putProposal, 2);
const putCommitQC = certificate(putProposal, 3);
const putAppQC = certificate(putAppProposal, 2);
const putSignedTimeoutVote = signed("timeout_vote");

const putTimeoutQC: Put<TimeoutQC> = (writer, qc) => {
  maybe(writer, 2, putPrepareQC, qc.latestPrepareQC);
  writer.messages(1, putSignedTimeoutVote, qc.votes);
};

const putFullTimeoutVote: Put<FullTimeoutVote> = (writer, value) => {
  maybe(writer, 2, putPrepareQC, value.latestPrepareQC);
  writer.message(1, putSignedTimeoutVote, value.vote);
};

const putPruneAnchor: Put<PruneAnchor> = (writer, anchor) => {
  writer.message(2, putCommitQC, anchor.commitQC);
  writer.message(1, putAppQC, anchor.appQC);
};

const putPersistedInner: Put<PersistedInner> = (writer, inner) => {
  maybe(writer, 6, putFullTimeoutVote, inner.timeoutVote);
  maybe(writer, 5, signed("prepare_vote"), inner.prepareVote);
  maybe(writer, 4, signed("commit_vote"), inner.commitVote);
  maybe(writer, 3, putTimeoutQC, inner.timeoutQC);
  maybe(writer, 2, putPrepareQC, inner.prepareQC);
  maybe(writer, 1, putCommitQC, inner.commitQC);
};

export const encodeBlockHeader = encoder(putBlockHeader);
export const encodePayload = encoder(putPayload);
/** The envelope of which the digest is made. */
export const encodeMsg = encoder(putMsg);
export const encodeSignedBlock = encoder(signed("lane_proposal"));
export const encodeCommitQC = encoder(putCommitQC);
export const encodePruneAnchor = encoder(putPruneAnchor);
export const encodePersistedInner = encoder(putPersistedInner);

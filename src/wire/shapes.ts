/**
 * The shape of every message as a value, for callers without a compiler. Encoders look at each field
 * that they write, so the hot path asks nothing here: a shape is asked when a call has failed, to tell
 * a caller's mistake (USAGE) from a fault of ours.
 */
import {
  bytes,
  bytesOf,
  isBytes,
  must,
  i64,
  lane,
  list,
  listWithOne,
  maybe,
  nanos,
  record,
  type Shape,
  u64,
  type Fields,
} from "../types/shape.js";
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
} from "./messages.js";

export const key: Shape = bytesOf(KEY_BYTES);
export const hash: Shape = bytesOf(HASH_BYTES);
const timestamp = record({ seconds: i64, nanos } satisfies Fields<Timestamp>);
export const signature: Shape = record({
  key,
  bytes: bytesOf(SIGNATURE_BYTES),
} satisfies Fields<Signature>);
export const header: Shape = record({
  lane,
  blockNumber: u64,
  parentHash: hash,
  payloadHash: hash,
} satisfies Fields<BlockHeader>);
export const payload: Shape = record({
  createdAt: timestamp,
  txs: list(bytes),
  totalGasWanted: u64,
  totalGasEstimated: u64,
} satisfies Fields<Payload>);
export const block: Shape = record({ header, payload } satisfies Fields<Block>);
export const view: Shape = record({
  index: u64,
  number: u64,
  epochIndex: u64,
} satisfies Fields<View>);
const range = record({ lane, first: u64, next: u64, lastHash: hash } satisfies Fields<LaneRange>);
export const proposal: Shape = record({
  view,
  timestamp,
  laneRanges: list(range),
  globalFirst: u64,
} satisfies Fields<Proposal>);
const appHash: Shape = (value, name) =>
  must(
    isBytes(value) && value.length <= HASH_BYTES,
    name,
    `up to ${HASH_BYTES} bytes (a Uint8Array)`,
    value,
  );

export const app: Shape = record({
  roadIndex: u64,
  appHash: maybe(appHash),
  epochIndex: u64,
  globalFirst: u64,
  globalNext: u64,
} satisfies Fields<AppProposal>);
export const timeoutVote: Shape = record({
  view,
  latestPrepareQcViewNumber: maybe(u64),
} satisfies Fields<TimeoutVote>);

export function signed(msg: Shape): Shape {
  return record({ msg, sig: signature } satisfies Fields<Signed<unknown>>);
}

function certificate(vote: Shape): Shape {
  return record({ vote, sigs: list(signature) } satisfies Fields<Certificate<unknown>>);
}

export const signedBlock: Shape = signed(block);
export const signedProposal: Shape = signed(proposal);
const signedTimeoutVote = signed(timeoutVote);
export const laneQC: Shape = certificate(header);
/** A commit QC or a prepare QC. */
export const proposalQC: Shape = certificate(proposal);
export const appQC: Shape = certificate(app);
export const fullCommitQC: Shape = record({
  qc: proposalQC,
  headers: list(header),
} satisfies Fields<FullCommitQC>);
export const fullTimeoutVote: Shape = record({
  vote: signedTimeoutVote,
  latestPrepareQC: maybe(proposalQC),
} satisfies Fields<FullTimeoutVote>);
export const timeoutQC: Shape = record({
  votes: listWithOne(signedTimeoutVote),
  latestPrepareQC: maybe(proposalQC),
} satisfies Fields<TimeoutQC>);
export const fullProposal: Shape = record({
  proposal: signedProposal,
  laneQCs: list(laneQC),
  timeoutQC: maybe(timeoutQC),
} satisfies Fields<FullProposal>);
export const anchor: Shape = record({ appQC, commitQC: proposalQC } satisfies Fields<PruneAnchor>);
export const votes: Shape = record({
  commitQC: maybe(proposalQC),
  prepareQC: maybe(proposalQC),
  timeoutQC: maybe(timeoutQC),
  timeoutVote: maybe(fullTimeoutVote),
  commitVote: maybe(signedProposal),
  prepareVote: maybe(signedProposal),
} satisfies Fields<PersistedInner>);
export const headers: Shape = list(header);
export const signedHeader: Shape = signed(header);
export const signedApp: Shape = signed(app);
export { range as laneRange, signedTimeoutVote, timestamp };

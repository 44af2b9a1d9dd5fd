/**
 * Messages of the older revision from bytes. Every decoder is total: a value or a `DecodeError`.
 * They accept what the original accepts, which is more than ours does elsewhere: nothing is limited,
 * fields may repeat (`scan.ts`), and of two ranges for one lane the later one holds.
 *
 * Fields are looked at in the original's order, so that the first fault is its first fault, also
 * where it panics (`schema.ts`). Unknown fields are dropped and timestamps normalised; encoding the
 * value again gives its canonical bytes. Transactions are views of the bytes given, all else copies.
 */
import { blockNumber, roadIndex } from "../../types/numbers.js";
import {
  bytesOf,
  fixedOf,
  lendAllOf,
  lendOf,
  manyOf,
  maybeMessageOf,
  maybeVarintOf,
  messageOf,
  publicKeyFrom,
  refuse,
  varintOf,
} from "./fields.js";
import {
  type Certificate,
  HASH_BYTES,
  SIGNATURE_BYTES,
  type Signature,
  type Signed,
  type Timestamp,
} from "../../wire/messages.js";
import { rangesByLane } from "./encode.js";
import {
  type AppProposal,
  type AppQC,
  type Arm,
  type Arms,
  type Block,
  type BlockHeader,
  type CommitQC,
  type FullTimeoutVote,
  type LaneKey,
  type LaneRange,
  laneKeyOf,
  type Msg,
  type Payload,
  type PersistedInner,
  type PrepareQC,
  type Proposal,
  type PruneAnchor,
  type TimeoutQC,
  type TimeoutVote,
  type View,
} from "./messages.js";
import type { RawMessage } from "./raw-tree.js";
import { scanMerging } from "./scan.js";
import * as schemas from "./schema.js";

/** Makes a value of a message, or refuses it. */
type From<T> = (raw: RawMessage) => T;

function decoder<T>(schema: schemas.OlderSchema, from: From<T>): (bytes: Uint8Array) => T {
  return (bytes) => from(scanMerging(bytes, schema));
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

const signatureFrom: From<Signature> = (raw) => ({
  key: publicKeyFrom(messageOf(raw, 1, "key")),
  bytes: fixedOf(raw, 2, "sig", SIGNATURE_BYTES),
});

function laneOf(raw: RawMessage): LaneKey {
  return laneKeyOf(publicKeyFrom(messageOf(raw, 1, "lane")));
}

const blockHeaderFrom: From<BlockHeader> = (raw) => {
  const payloadHash = fixedOf(raw, 4, "payload_hash", HASH_BYTES);
  const parentHash = fixedOf(raw, 3, "parent_hash", HASH_BYTES);
  const lane = laneOf(raw);
  const number = blockNumber(varintOf(raw, 2, "block_number"));
  return { lane, blockNumber: number, parentHash, payloadHash };
};

const payloadFrom: From<Payload> = (raw) => ({
  createdAt: timestampFrom(messageOf(raw, 1, "created_at")),
  totalGas: varintOf(raw, 2, "total_gas"),
  edgeCount: BigInt.asIntN(64, varintOf(raw, 3, "edge_count")),
  basefee: BigInt.asIntN(64, varintOf(raw, 5, "basefee")),
  coinbase: bytesOf(raw, 4),
  txs: lendAllOf(raw, 6),
});

const blockFrom: From<Block> = (raw) => ({
  header: blockHeaderFrom(messageOf(raw, 1, "header")),
  payload: payloadFrom(messageOf(raw, 2, "payload")),
});

const viewFrom: From<View> = (raw) => ({
  index: roadIndex(varintOf(raw, 1, "index")),
  number: varintOf(raw, 2, "number"),
});

const laneRangeFrom: From<LaneRange> = (raw) => ({
  lane: laneOf(raw),
  first: blockNumber(varintOf(raw, 2, "first")),
  next: blockNumber(varintOf(raw, 3, "next")),
  lastHash: fixedOf(raw, 4, "last_hash", HASH_BYTES),
});

const appProposalFrom: From<AppProposal> = (raw) => ({
  globalNumber: varintOf(raw, 1, "global_number"),
  roadIndex: roadIndex(varintOf(raw, 2, "road_index")),
  appHash: bytesOf(raw, 3),
});

/** A proposal without a view is of view (0, 0). */
const proposalFrom: From<Proposal> = (raw) => {
  const view = maybeMessageOf(raw, 1, viewFrom) ?? { index: roadIndex(0n), number: 0n };
  const ranges = manyOf(raw, 3, laneRangeFrom);
  return {
    view,
    laneRanges: rangesByLane(new Map(ranges.map((range) => [range.lane, range])).values()),
    createdAt: timestampFrom(messageOf(raw, 2, "created_at")),
    app: maybeMessageOf(raw, 4, appProposalFrom),
  };
};

const timeoutVoteFrom: From<TimeoutVote> = (raw) => ({
  view: viewFrom(messageOf(raw, 1, "view")),
  latestPrepareQcViewNumber: maybeVarintOf(raw, 2),
});

/** The scan leaves one arm. */
const msgFrom: From<Msg> = (raw) => {
  const field = raw.values.findIndex((values) => values !== undefined && values.length > 0);
  const take = <T>(from: From<T>): T => from(messageOf(raw, field, "arm"));
  switch (field) {
    case 1:
      return { arm: "lane_proposal", value: take(blockFrom) };
    case 2:
      return { arm: "lane_vote", value: take(blockHeaderFrom) };
    case 3:
      return { arm: "proposal", value: take(proposalFrom) };
    case 4:
      return { arm: "prepare_vote", value: take(proposalFrom) };
    case 5:
      return { arm: "commit_vote", value: take(proposalFrom) };
    case 6:
      return { arm: "timeout_vote", value: take(timeoutVoteFrom) };
    case 7:
      return { arm: "app_vote", value: take(appProposalFrom) };
    default:
      return refuse(raw, "arm", "empty", "there is no arm");
  }
};

/** A signed message of the arm asked for; another one is refused once all of it is sound. */
function signedFrom<A extends Arm>(arm: A): From<Signed<Arms[A]>> {
  return (raw) => {
    const msg = msgFrom(messageOf(raw, 1, "msg"));
    const sig = signatureFrom(messageOf(raw, 2, "sig"));
    if (msg.arm !== arm) refuse(raw, arm, "missing", `the message is a ${msg.arm}`);
    return { msg: msg.value as Arms[A], sig };
  };
}

function certificate<T>(from: From<T>, sigsField: number): From<Certificate<T>> {
  return (raw) => ({
    vote: from(messageOf(raw, 1, "vote")),
    sigs: manyOf(raw, sigsField, signatureFrom),
  });
}

const prepareQCFrom: From<PrepareQC> = certificate(proposalFrom, 2);
const commitQCFrom: From<CommitQC> = certificate(proposalFrom, 3);
const appQCFrom: From<AppQC> = certificate(appProposalFrom, 2);
const signedTimeoutVoteFrom = signedFrom("timeout_vote");

const timeoutQCFrom: From<TimeoutQC> = (raw) => ({
  votes: manyOf(raw, 1, signedTimeoutVoteFrom),
  latestPrepareQC: maybeMessageOf(raw, 2, prepareQCFrom),
});

const fullTimeoutVoteFrom: From<FullTimeoutVote> = (raw) => ({
  vote: signedTimeoutVoteFrom(messageOf(raw, 1, "vote")),
  latestPrepareQC: maybeMessageOf(raw, 2, prepareQCFrom),
});

const pruneAnchorFrom: From<PruneAnchor> = (raw) => {
  const appQC = messageOf(raw, 1, "app_qc");
  const commitQC = messageOf(raw, 2, "commit_qc");
  return { appQC: appQCFrom(appQC), commitQC: commitQCFrom(commitQC) };
};

const persistedInnerFrom: From<PersistedInner> = (raw) => ({
  commitQC: maybeMessageOf(raw, 1, commitQCFrom),
  prepareQC: maybeMessageOf(raw, 2, prepareQCFrom),
  timeoutQC: maybeMessageOf(raw, 3, timeoutQCFrom),
  commitVote: maybeMessageOf(raw, 4, signedFrom("commit_vote")),
  prepareVote: maybeMessageOf(raw, 5, signedFrom("prepare_vote")),
  timeoutVote: maybeMessageOf(raw, 6, fullTimeoutVoteFrom),
});

/** What an A/B file holds. Nothing is required: a file cut after the sequence is sound. */
export interface Wrapper {
  readonly seq: bigint;
  /** A view of the bytes given. */
  readonly data: Uint8Array | undefined;
}

const wrapperFrom: From<Wrapper> = (raw) => ({
  seq: maybeVarintOf(raw, 1) ?? 0n,
  data: lendOf(raw, 2),
});

export const decodeMsg = decoder(schemas.Msg, msgFrom);
export const decodeSignedBlock = decoder(schemas.SignedMsg, signedFrom("lane_proposal"));
export const decodeCommitQC = decoder(schemas.CommitQC, commitQCFrom);
export const decodePruneAnchor = decoder(schemas.PersistedAvailPruneAnchor, pruneAnchorFrom);
export const decodePersistedInner = decoder(schemas.PersistedInner, persistedInnerFrom);
export const decodeWrapper = decoder(schemas.PersistedWrapper, wrapperFrom);

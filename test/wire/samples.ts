/** One fixed value of every message, with all its fields set, and the keys and committee behind them. */
import { laneIdOf } from "../../src/types/lane.js";
import * as certificates from "../../src/testing/certificates.js";
import * as build from "../../src/wire/build.js";
import { Committee, type Epoch } from "../../src/wire/committee.js";
import * as decode from "../../src/wire/codec/decode.js";
import { type KeyPair, keyPairFromSeed } from "../../src/wire/signatures/signer.js";
import * as encode from "../../src/wire/codec/encode.js";
import { decodeMsg, encodeMsg, type Msg } from "../../src/wire/codec/envelope.js";
import { type LaneQC, type LaneRange, type Proposal, ZERO_HASH } from "../../src/wire/messages.js";
import { globalRange } from "../../src/wire/rules/proposal.js";
import { seedOf } from "./bytes.js";

/** Four validators; of their equal weights three decide. */
export const keys: readonly KeyPair[] = ["node-0", "node-1", "node-2", "node-3"].map((name) =>
  keyPairFromSeed(seedOf(name)),
);
export const [first, second, third] = keys as [KeyPair, KeyPair, KeyPair];
export const quorum = [first, second, third];
export const stranger: KeyPair = keyPairFromSeed(seedOf("stranger"));

export const committee: Committee = Committee.genesis(
  keys.map(({ publicKey }) => ({ key: publicKey, weight: 1n })),
);
export const epoch: Epoch = {
  index: 0n,
  firstRoad: 0n,
  nextRoad: 100n,
  committee,
};

export const lane = laneIdOf(first.publicKey, 0n);
const timestamp = { seconds: 1_700_000_000n, nanos: 5 };

/** Two blocks of the first validator's lane. */
export const payload = {
  createdAt: timestamp,
  txs: [Uint8Array.from(Buffer.from("tx"))],
  totalGasWanted: 21_000n,
  totalGasEstimated: 21_000n,
};
export const block = build.buildBlock({
  lane,
  blockNumber: 0n,
  parentHash: ZERO_HASH,
  payload,
});
const range: LaneRange = build.laneRangeOf(lane, 0n, [block.header]);
/** Second in the order of lanes: the sample shows that the ranges come out sorted. */
const otherRange: LaneRange = build.laneRangeOf(laneIdOf(second.publicKey, 0n), 7n, []);

const view = { index: 3n, number: 2n, epochIndex: 0n };
export const proposal: Proposal = {
  view,
  timestamp,
  laneRanges: [otherRange, range],
  globalFirst: 7n,
};
export const app = {
  roadIndex: view.index,
  appHash: Uint8Array.of(1, 2, 3),
  epochIndex: view.epochIndex,
  globalFirst: globalRange(proposal).first,
  globalNext: globalRange(proposal).next,
};
export const timeoutVote = { view, latestPrepareQcViewNumber: 1n };

export const laneQC: LaneQC = certificates.buildLaneQC(block.header, [first, second]);
export const prepareQC = certificates.buildPrepareQC(
  { ...proposal, view: { ...view, number: 1n } },
  quorum,
);
export const commitQC = certificates.buildCommitQC(proposal, quorum);
export const appQC = certificates.buildAppQC(app, quorum);
export const fullCommitQC = { qc: commitQC, headers: [block.header] };
export const timeoutQC = {
  votes: quorum.map((pair) => build.signTimeoutVote(timeoutVote, pair)),
  latestPrepareQC: prepareQC,
};
const signedBlock = build.signBlock(block, first);
const signedTimeoutVote = build.signTimeoutVote(timeoutVote, first);
const fullTimeoutVote = { vote: signedTimeoutVote, latestPrepareQC: prepareQC };

/** One message under each arm of the signing envelope. */
export const messages: readonly Msg[] = [
  { kind: "lane_proposal", value: block },
  { kind: "lane_vote", value: block.header },
  { kind: "proposal", value: proposal },
  { kind: "prepare_vote", value: proposal },
  { kind: "commit_vote", value: proposal },
  { kind: "timeout_vote", value: timeoutVote },
  { kind: "app_vote", value: app },
];

export interface Sample {
  readonly encoded: Uint8Array;
  readonly value: unknown;
  readonly decode: (bytes: Uint8Array) => unknown;
}

function sample<T>(
  value: T,
  toBytes: (value: T) => Uint8Array,
  fromBytes: (bytes: Uint8Array) => T,
): Sample {
  return { encoded: toBytes(value), value, decode: fromBytes };
}

/** Every message type by name. */
export const samples: Readonly<Record<string, Sample>> = {
  Timestamp: sample(timestamp, encode.encodeTimestamp, decode.decodeTimestamp),
  PublicKey: sample(first.publicKey, encode.encodePublicKey, decode.decodePublicKey),
  LaneID: sample(lane, encode.encodeLaneId, decode.decodeLaneId),
  Signature: sample(signedBlock.sig, encode.encodeSignature, decode.decodeSignature),
  BlockHeader: sample(block.header, encode.encodeBlockHeader, decode.decodeBlockHeader),
  Payload: sample(payload, encode.encodePayload, decode.decodePayload),
  Block: sample(block, encode.encodeBlock, decode.decodeBlock),
  View: sample(view, encode.encodeView, decode.decodeView),
  LaneRange: sample(range, encode.encodeLaneRange, decode.decodeLaneRange),
  Proposal: sample(proposal, encode.encodeProposal, decode.decodeProposal),
  AppProposal: sample(app, encode.encodeAppProposal, decode.decodeAppProposal),
  TimeoutVote: sample(timeoutVote, encode.encodeTimeoutVote, decode.decodeTimeoutVote),
  SignedBlock: sample(signedBlock, encode.encodeSignedBlock, decode.decodeSignedBlock),
  SignedBlockHeader: sample(
    build.signLaneVote(block.header, second),
    encode.encodeSignedBlockHeader,
    decode.decodeSignedBlockHeader,
  ),
  SignedProposal: sample(
    build.signProposal(proposal, first),
    encode.encodeSignedProposal,
    decode.decodeSignedProposal,
  ),
  SignedTimeoutVote: sample(
    signedTimeoutVote,
    encode.encodeSignedTimeoutVote,
    decode.decodeSignedTimeoutVote,
  ),
  SignedAppVote: sample(
    build.signAppVote(app, first),
    encode.encodeSignedAppVote,
    decode.decodeSignedAppVote,
  ),
  LaneQC: sample(laneQC, encode.encodeLaneQC, decode.decodeLaneQC),
  PrepareQC: sample(prepareQC, encode.encodePrepareQC, decode.decodePrepareQC),
  CommitQC: sample(commitQC, encode.encodeCommitQC, decode.decodeCommitQC),
  AppQC: sample(appQC, encode.encodeAppQC, decode.decodeAppQC),
  FullCommitQC: sample(fullCommitQC, encode.encodeFullCommitQC, decode.decodeFullCommitQC),
  FullTimeoutVote: sample(
    fullTimeoutVote,
    encode.encodeFullTimeoutVote,
    decode.decodeFullTimeoutVote,
  ),
  TimeoutQC: sample(timeoutQC, encode.encodeTimeoutQC, decode.decodeTimeoutQC),
  FullProposal: sample(
    { proposal: build.signProposal(proposal, first), laneQCs: [laneQC], timeoutQC },
    encode.encodeFullProposal,
    decode.decodeFullProposal,
  ),
  PersistedAvailPruneAnchor: sample(
    { appQC, commitQC },
    encode.encodePruneAnchor,
    decode.decodePruneAnchor,
  ),
  PersistedInner: sample(
    {
      commitQC,
      prepareQC,
      timeoutQC,
      timeoutVote: fullTimeoutVote,
      commitVote: build.signCommitVote(proposal, first),
      prepareVote: build.signPrepareVote(proposal, first),
    },
    encode.encodePersistedInner,
    decode.decodePersistedInner,
  ),
  Msg: sample<Msg>({ kind: "app_vote", value: app }, encodeMsg, decodeMsg),
};

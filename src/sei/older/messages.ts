/**
 * The messages of sei's older revision (sei-chain 11419398f, 2026-03-24) as values. A lane is its
 * owner's key, without an epoch; a payload has other fields; a proposal may carry an app proposal.
 *
 * The same block has other bytes, and so another hash, in the newer revision: no block, certificate
 * or signature of the older one can become one of the newer. All of this folder only reads and
 * verifies history.
 */
import { assert } from "../../types/assert.js";
import type { BlockNumber, RoadIndex } from "../../types/numbers.js";
import { type Certificate, KEY_BYTES, type Signed, type Timestamp } from "../../wire/messages.js";

declare const laneBrand: unique symbol;
/** A lane: its owner's 32-byte key as 64 lower-case hex digits. */
export type LaneKey = string & { readonly [laneBrand]: "LaneKey" };

/** The lane of the validator with `key`. */
export function laneKeyOf(key: Uint8Array): LaneKey {
  assert(key.length === KEY_BYTES, "a lane's key has 32 bytes");
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("hex") as LaneKey;
}

/** The key of a lane's owner. */
export function keyOfLane(lane: LaneKey): Uint8Array {
  return Uint8Array.from(Buffer.from(lane, "hex"));
}

export interface BlockHeader {
  readonly lane: LaneKey;
  readonly blockNumber: BlockNumber;
  readonly parentHash: Uint8Array;
  readonly payloadHash: Uint8Array;
}

/** `edgeCount` and `basefee` are signed. An absent `coinbase` is not an empty one. */
export interface Payload {
  readonly createdAt: Timestamp;
  readonly totalGas: bigint;
  readonly edgeCount: bigint;
  readonly coinbase: Uint8Array | undefined;
  readonly basefee: bigint;
  readonly txs: readonly Uint8Array[];
}

export interface Block {
  readonly header: BlockHeader;
  readonly payload: Payload;
}

/** The blocks `[first, next)` of a lane; `lastHash` is the header hash of block `next - 1`. */
export interface LaneRange {
  readonly lane: LaneKey;
  readonly first: BlockNumber;
  readonly next: BlockNumber;
  readonly lastHash: Uint8Array;
}

export interface View {
  readonly index: RoadIndex;
  readonly number: bigint;
}

/** The app hash at one block of a commit QC. An absent `appHash` is not an empty one. */
export interface AppProposal {
  readonly globalNumber: bigint;
  readonly roadIndex: RoadIndex;
  readonly appHash: Uint8Array | undefined;
}

/** A proposal; `laneRanges` names each lane at most once and is sorted by lane. */
export interface Proposal {
  readonly view: View;
  readonly createdAt: Timestamp;
  readonly laneRanges: readonly LaneRange[];
  readonly app: AppProposal | undefined;
}

export interface TimeoutVote {
  readonly view: View;
  readonly latestPrepareQcViewNumber: bigint | undefined;
}

/** What may be signed, by the name of its arm. */
export interface Arms {
  readonly lane_proposal: Block;
  readonly lane_vote: BlockHeader;
  readonly proposal: Proposal;
  readonly prepare_vote: Proposal;
  readonly commit_vote: Proposal;
  readonly timeout_vote: TimeoutVote;
  readonly app_vote: AppProposal;
}

export type Arm = keyof Arms;

/** The signing envelope: a message under one of seven arms. */
export type Msg = { [A in Arm]: { readonly arm: A; readonly value: Arms[A] } }[Arm];

export type SignedBlock = Signed<Block>;
export type SignedProposal = Signed<Proposal>;
export type SignedTimeoutVote = Signed<TimeoutVote>;

export type PrepareQC = Certificate<Proposal>;
export type CommitQC = Certificate<Proposal>;
export type AppQC = Certificate<AppProposal>;

export interface FullTimeoutVote {
  readonly vote: SignedTimeoutVote;
  readonly latestPrepareQC: PrepareQC | undefined;
}

export interface TimeoutQC {
  readonly votes: readonly SignedTimeoutVote[];
  readonly latestPrepareQC: PrepareQC | undefined;
}

/** The pair below which everything may be forgotten. */
export interface PruneAnchor {
  readonly appQC: AppQC;
  readonly commitQC: CommitQC;
}

/** The consensus votes that had to survive a restart. */
export interface PersistedInner {
  readonly commitQC: CommitQC | undefined;
  readonly prepareQC: PrepareQC | undefined;
  readonly timeoutQC: TimeoutQC | undefined;
  readonly commitVote: SignedProposal | undefined;
  readonly prepareVote: SignedProposal | undefined;
  readonly timeoutVote: FullTimeoutVote | undefined;
}

/** Where `lane`'s range begins in a proposal; a lane that is not named has an empty range at 0. */
export function firstOfLane(proposal: Proposal, lane: LaneKey): bigint {
  return proposal.laneRanges.find((range) => range.lane === lane)?.first ?? 0n;
}

/** The global numbers `[first, next)` of a proposal's blocks: sums over its ranges, modulo 2^64. */
export function globalRange(proposal: Proposal): { readonly first: bigint; readonly next: bigint } {
  let first = 0n;
  let next = 0n;
  for (const range of proposal.laneRanges) {
    first += range.first;
    next += range.next;
  }
  return { first: BigInt.asUintN(64, first), next: BigInt.asUintN(64, next) };
}

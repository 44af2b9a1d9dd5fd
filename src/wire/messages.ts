/**
 * The messages of the protocol as values. Numbers that travel as u64 or i64 are `bigint`, a lane is
 * its `LaneId`, keys and hashes are byte strings of fixed length. All fields are read-only; byte
 * strings belong to the maker of the value, who does not change them any more.
 *
 * Field names follow the schema in `proto/autobahn.proto`; the bytes are made by `encode.ts` and
 * read by `decode.ts`.
 */
import type { LaneId } from "../types/lane.js";

export const KEY_BYTES = 32;
export const HASH_BYTES = 32;
export const SIGNATURE_BYTES = 64;
/** The most entries of a certificate, and of a proposal's ranges: one per validator. */
export const VALIDATORS_MAX = 100;
export const TXS_MAX = 2_000;
/** Bytes of all transactions of one payload together. */
export const TXS_BYTES_MAX = 2_048_000;
export const HEADERS_MAX = 1_000;
/** The most blocks of one lane that one proposal finalises. */
export const RANGE_BLOCKS_MAX = 10n;
/** The most blocks of a lane that are held above the start that the anchor gives it (D9). */
export const LANE_BLOCKS_MAX = 30n;

/** The parent of a lane's first block, and the last hash of an empty range. */
export const ZERO_HASH: Uint8Array = new Uint8Array(HASH_BYTES);

/** A point in time: `seconds` since 1970 as a signed 64-bit value, `nanos` in `[0, 10^9)`. */
export interface Timestamp {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** A 64-byte signature and the 32-byte key that made it. */
export interface Signature {
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A message of type `T` with its signer's signature. */
export interface Signed<T> {
  readonly msg: T;
  readonly sig: Signature;
}

export interface BlockHeader {
  readonly lane: LaneId;
  readonly blockNumber: bigint;
  readonly parentHash: Uint8Array;
  readonly payloadHash: Uint8Array;
}

export interface Payload {
  readonly createdAt: Timestamp;
  readonly txs: readonly Uint8Array[];
  readonly totalGasWanted: bigint;
  readonly totalGasEstimated: bigint;
}

export interface Block {
  readonly header: BlockHeader;
  readonly payload: Payload;
}

/** The blocks `[first, next)` of a lane; `lastHash` is the header hash of block `next - 1`. */
export interface LaneRange {
  readonly lane: LaneId;
  readonly first: bigint;
  readonly next: bigint;
  readonly lastHash: Uint8Array;
}

export interface View {
  readonly index: bigint;
  readonly number: bigint;
  readonly epochIndex: bigint;
}

/** A proposal; `laneRanges` names each lane at most once and is sorted by lane. */
export interface Proposal {
  readonly view: View;
  readonly timestamp: Timestamp;
  readonly laneRanges: readonly LaneRange[];
  readonly globalFirst: bigint;
}

/** The result of executing a commit QC's blocks. An absent `appHash` is not an empty one. */
export interface AppProposal {
  readonly roadIndex: bigint;
  readonly appHash: Uint8Array | undefined;
  readonly epochIndex: bigint;
  readonly globalFirst: bigint;
  readonly globalNext: bigint;
}

export interface TimeoutVote {
  readonly view: View;
  readonly latestPrepareQcViewNumber: bigint | undefined;
}

export type SignedBlock = Signed<Block>;
export type SignedBlockHeader = Signed<BlockHeader>;
export type SignedProposal = Signed<Proposal>;
export type SignedTimeoutVote = Signed<TimeoutVote>;
export type SignedAppVote = Signed<AppProposal>;

/** A vote with the signatures of a quorum, in the order in which they were collected. */
export interface Certificate<T> {
  readonly vote: T;
  readonly sigs: readonly Signature[];
}

export type LaneQC = Certificate<BlockHeader>;
export type PrepareQC = Certificate<Proposal>;
export type CommitQC = Certificate<Proposal>;
export type AppQC = Certificate<AppProposal>;

export interface FullCommitQC {
  readonly qc: CommitQC;
  readonly headers: readonly BlockHeader[];
}

export interface FullTimeoutVote {
  readonly vote: SignedTimeoutVote;
  readonly latestPrepareQC: PrepareQC | undefined;
}

export interface TimeoutQC {
  readonly votes: readonly SignedTimeoutVote[];
  readonly latestPrepareQC: PrepareQC | undefined;
}

export interface FullProposal {
  readonly proposal: SignedProposal;
  readonly laneQCs: readonly LaneQC[];
  readonly timeoutQC: TimeoutQC | undefined;
}

/** The pair that allows pruning: an app QC and the commit QC of the same road index. */
export interface PruneAnchor {
  readonly appQC: AppQC;
  readonly commitQC: CommitQC;
}

/** The consensus votes that must survive a restart before they are sent. */
export interface PersistedInner {
  readonly commitQC: CommitQC | undefined;
  readonly prepareQC: PrepareQC | undefined;
  readonly timeoutQC: TimeoutQC | undefined;
  readonly timeoutVote: FullTimeoutVote | undefined;
  readonly commitVote: SignedProposal | undefined;
  readonly prepareVote: SignedProposal | undefined;
}

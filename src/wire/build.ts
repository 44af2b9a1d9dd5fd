/** Making blocks and votes, each signed by one validator. Certificates are made of votes: `certify.ts`. */
import type { LaneId } from "../types/lane.js";
import { readSignedBlockHeader } from "./codec/block-header.js";
import { checkU64 } from "../types/numbers.js";
import { checkArguments, lane as laneShape, record, u64, type Fields } from "../types/shape.js";
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
  type Block,
  type BlockHeader,
  type LaneRange,
  type Payload,
  type Proposal,
  type Signed,
  type TimeoutVote,
  ZERO_HASH,
} from "./messages.js";
import { verifyPayloadLimits } from "./rules/proposal.js";
import * as shapes from "./shapes.js";
import { type Made, type Signer, signedBy } from "./signatures/signer.js";

/** Everything of a block but the hash of its payload. */
export interface NewBlock {
  readonly lane: LaneId;
  readonly blockNumber: bigint;
  /** The header hash of the block before; 32 zero bytes under the first. */
  readonly parentHash: Uint8Array;
  readonly payload: Payload;
}

const newBlock = record({
  lane: laneShape,
  blockNumber: u64,
  parentHash: shapes.hash,
  payload: shapes.payload,
} satisfies Fields<NewBlock>);

/**
 * A block, not yet signed.
 *
 * @example
 * const block = buildBlock({ lane, blockNumber: 0n, parentHash: ZERO_HASH, payload });
 *
 * @throws {PersisterError} USAGE naming the first wrong field.
 * @throws {VerifyError} `limit.txs` or `limit.bytes` if the payload is too large.
 */
export function buildBlock(block: NewBlock): Block {
  checkArguments([newBlock, block, "block"]);
  const { payload, lane, blockNumber, parentHash } = block;
  verifyPayloadLimits(payload);
  const header = { lane, blockNumber, parentHash, payloadHash: payloadHash(payload) };
  return { header, payload };
}

/**
 * The range of consecutive `headers` of one lane, from `first` on; an empty range if there are none.
 *
 * @throws {PersisterError} USAGE naming the first wrong argument.
 */
export function laneRangeOf(
  lane: LaneId,
  first: bigint,
  headers: readonly BlockHeader[],
): LaneRange {
  checkArguments(
    [laneShape, lane, "lane"],
    [u64, first, "first"],
    [shapes.headers, headers, "headers"],
  );
  const last = headers.at(-1);
  const next = checkU64(first + BigInt(headers.length), "the end of the range");
  return { lane, first, next, lastHash: last === undefined ? ZERO_HASH : headerHash(last) };
}

/** Signs the owner's block. */
export function signBlock<S extends Signer>(block: Block, signer: S): Made<Signed<Block>, S> {
  return signed(block, laneProposalDigest(block), signer);
}

/** Signs a vote for a block: its header. */
export function signLaneVote<S extends Signer>(
  header: BlockHeader,
  signer: S,
): Made<Signed<BlockHeader>, S> {
  return signed(header, laneVoteDigest(header), signer);
}

/** Signs a proposal as the leader of its view. */
export function signProposal<S extends Signer>(
  proposal: Proposal,
  signer: S,
): Made<Signed<Proposal>, S> {
  return signed(proposal, proposalDigest(proposal), signer);
}

/** Signs a prepare vote. The commit vote for the same proposal is another message. */
export function signPrepareVote<S extends Signer>(
  proposal: Proposal,
  signer: S,
): Made<Signed<Proposal>, S> {
  return signed(proposal, prepareVoteDigest(proposal), signer);
}

/** Signs a commit vote. */
export function signCommitVote<S extends Signer>(
  proposal: Proposal,
  signer: S,
): Made<Signed<Proposal>, S> {
  return signed(proposal, commitVoteDigest(proposal), signer);
}

/** Signs a timeout vote: this validator gives the view up. */
export function signTimeoutVote<S extends Signer>(
  vote: TimeoutVote,
  signer: S,
): Made<Signed<TimeoutVote>, S> {
  return signed(vote, timeoutVoteDigest(vote), signer);
}

/** Signs what execution made of a commit QC's blocks. */
export function signAppVote<S extends Signer>(
  app: AppProposal,
  signer: S,
): Made<Signed<AppProposal>, S> {
  return signed(app, appVoteDigest(app), signer);
}

/** At once with a key pair; a promise if the signer answers with one. */
function signed<T, S extends Signer>(msg: T, digest: Uint8Array, signer: S): Made<Signed<T>, S> {
  return signedBy(signer, digest, (sig): Signed<T> => ({ msg, sig })) as Made<Signed<T>, S>;
}

/**
 * The hash that a block at `number` names as its parent, where it is not `known`. `before` finds the bytes of the block before it, and is
 * asked only where there is one.
 */
export async function parentHashAt(
  number: bigint,
  known: Uint8Array | undefined,
  before: () => Promise<Uint8Array | undefined>,
): Promise<Uint8Array | undefined> {
  if (known) return Uint8Array.from(known);
  if (number === 0n) return Uint8Array.from(ZERO_HASH);
  const bytes = await before();
  return bytes && Uint8Array.from(headerHash(readSignedBlockHeader(bytes)));
}

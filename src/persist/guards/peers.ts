/**
 * The heights of guards by the word of peers: how far the other life of this validator can have gone, as
 * those say who were there.
 *
 * # The argument
 *
 * The other life has ended before the first peer is asked. W is the weight of the committee, of which at most
 * f is faulty; a certificate has W - f. Peers with W - f answer, we not among them. So each certificate and the
 * answers share weight W - 2f > f: an honest validator that is not us, and that remembers what it signed. A
 * peer whose own guard stands has forgotten some of that, and must not answer.
 *
 * - Votes. The other life voted at road R only with the commit QC of R - 1. An honest peer that answers has
 *   voted there: R - 1 < its `votedNext`. So R < `votedNext` + 1.
 * - Blocks and lane votes. The other life held a block only below the start of its lane under its newest
 *   anchor, plus 30 (D9). That start is the begin of the lane's range in a commit QC of road A. An honest peer
 *   that answers has voted at A, so it holds the commit QC of A - 1 or a later one, in which the lane's range
 *   ends at that begin or above. So the block's number is below its `laneEnds` + 30.
 * - Our own lane. Its blocks follow each other, so a lane that may go on at its height alone stands still if
 *   a block below was lost. If every member answers, the height is the first number of which none of them knows
 *   a block or a vote, or above. For this the argument needs more: no peer lies or has forgotten what reached it,
 *   and nothing that the other life has sent is on its way to one. A peer that hides a block could show later that
 *   we signed two.
 *
 * A peer that was started anew may have forgotten. Not all that it has heard is on its disk:
 * 1. The other life signs block 20. Peer P alone hears of it: the vote, or the block, which is on its way to P's disk.
 * 2. P is killed, and starts again without a word of block 20. 3. The other life ends, and its store comes back from
 * a backup. 4. P answers that it knows nothing of block 20, as all the others do, and we sign another one.
 * So P answers for our lane only if the other life has told P, since P's own start, where our lane ended. All that it
 * had sent before lies below that end, and P remembers what it sent behind that. The word of a life whose own guard
 * stands is none: an earlier life may have gone further. Otherwise P leaves `heldNext` out. Its word on votes counts
 * all the same: those are on its disk.
 *
 * A quorum is not enough for our own lane. A block without a certificate binds us, too: one peer that alone has it
 * proves a double signature by showing it beside ours.
 * 1. The other life signs block 20, and it reaches peer P alone. 2. P is away; all the others answer that they hold the
 * lane up to 19. 3. We sign another block 20. 4. P is back, and holds two of our signatures for one number.
 * With votes the quorum helps since a vote at R needs the commit QC of R - 1, which a quorum made; block 20 needs
 * nothing that anybody else has seen. LANE_BLOCKS_MAX bounds how far the other life went, but a lane cannot skip
 * numbers: to go on behind that bound we would have to sign the numbers below it. So without every answer the height
 * stands above them, and our lane waits for P's blocks, or for an operator who takes the risk.
 *
 * All roads since the backup are of one epoch. If not, ask the committee of each, and raise by all of them.
 */
import type { LaneId } from "../../types/lane.js";
import type { Committee } from "../../wire/committee.js";
import { LANE_BLOCKS_MAX } from "../../wire/messages.js";
import type { Raise } from "./heights.js";

/** The word of one peer. */
export interface PeerAnswer {
  /** The first road index at which the peer has signed nothing. */
  readonly votedNext: bigint;
  /** The end of each lane's range in the newest commit QC that the peer holds. */
  readonly laneEnds: ReadonlyMap<LaneId, bigint>;
  /**
   * The first number of our lane of which the peer knows nothing: it holds no block, has none on its way to disk,
   * and has heard no vote for one. A vote for a block is a word about it, and may come before the block.
   * `undefined` from a peer that may have forgotten some of that: since it was started, it has not heard how far the
   * other life had gone.
   */
  readonly heldNext: bigint | undefined;
}

/** The heights that peers tell of, and whether every member of the committee has answered for our lane. */
export interface PeerHeights {
  readonly raise: Raise;
  readonly isComplete: boolean;
}

/**
 * The heights that follow from `answers`, by the lanes of those who gave them; `undefined` while their weight
 * is not enough. `own` is the lane of the validator that asks.
 */
export function heightsFromPeers(
  committee: Committee,
  own: LaneId,
  answers: ReadonlyMap<LaneId, PeerAnswer>,
): PeerHeights | undefined {
  const peers = committee.members.filter(({ lane }) => lane !== own);
  const answered = peers.flatMap(({ lane, weight }) => {
    const answer = answers.get(lane);
    return answer ? [{ answer, weight }] : [];
  });
  const weight = answered.reduce((sum, each) => sum + each.weight, 0n);
  if (weight < committee.commitQuorum) return undefined;
  const highest = (of: (answer: PeerAnswer) => bigint): bigint =>
    answered.map(({ answer }) => of(answer)).reduce((a, b) => (a > b ? a : b), 0n);
  const endOf = (lane: LaneId): bigint => highest(({ laneEnds }) => laneEnds.get(lane) ?? 0n);
  const byLane = committee.members.map(
    ({ lane }) => [lane, endOf(lane) + LANE_BLOCKS_MAX] as const,
  );
  const isComplete =
    answered.length === peers.length &&
    answered.every(({ answer }) => answer.heldNext !== undefined);
  const held = highest(({ heldNext }) => heldNext ?? 0n);
  const end = endOf(own);
  const ownHeight = [own, held > end ? held : end] as const;
  return {
    raise: {
      lanes: LANE_BLOCKS_MAX,
      byLane: new Map(isComplete ? [...byLane, ownHeight] : byLane),
      votes: highest(({ votedNext }) => votedNext) + 1n,
    },
    isComplete,
  };
}

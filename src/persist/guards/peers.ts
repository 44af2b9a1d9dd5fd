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
 *   a block below was lost. If every member answers, the height is the first number that none of them holds,
 *   or above. For this the argument needs more: no peer lies, and nothing that the other life has sent is on its
 *   way to one. A peer that hides a block could show later that we signed two.
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
  /** The first number of our lane at which the peer holds no block, and has none on its way to disk. */
  readonly heldNext: bigint;
}

/** The heights that peers tell of, and whether every member of the committee has answered. */
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
  const isComplete = answered.length === peers.length;
  const held = highest(({ heldNext }) => heldNext);
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

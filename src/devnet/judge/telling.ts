/** Messages, vote states and anchors as reports show them: by their places and digests. */
import {
  appVoteDigest,
  commitVoteDigest,
  headerHash,
  prepareVoteDigest,
  proposalDigest,
  timeoutVoteDigest,
} from "../../wire/hash.js";
import type { PersistedInner, Proposal, PruneAnchor, View } from "../../wire/messages.js";
import type { Message } from "../protocol/message.js";
import { type Digest, digestOf, type LaneStart, type Report, type SignedPlace } from "./report.js";

export type Says = Extract<Report, { kind: "says" }>;

/** The signed content of a message; undefined if the message is not its sender's own word. */
export function saying(message: Message): Says | undefined {
  switch (message.kind) {
    case "block":
    case "laneVote": {
      const header = message.kind === "block" ? message.header : message.vote.msg;
      const place = { lane: header.lane, number: header.blockNumber };
      return says(message.kind, place, headerHash(header));
    }
    case "proposal": {
      const { msg } = message.proposal.proposal;
      return says(message.kind, placeIn(msg.view), proposalDigest(msg));
    }
    case "prepareVote":
    case "commitVote": {
      const { msg } = message.vote;
      const digest = message.kind === "commitVote" ? commitVoteDigest : prepareVoteDigest;
      return says(message.kind, placeIn(msg.view), digest(msg));
    }
    case "timeoutVote": {
      const { msg } = message.vote.vote;
      return says(message.kind, placeIn(msg.view), timeoutVoteDigest(msg));
    }
    case "appVote": {
      const { msg } = message.vote;
      return says(message.kind, { index: msg.roadIndex, view: 0n }, appVoteDigest(msg));
    }
    case "hello":
    case "status":
    case "askRoad":
    case "askLane":
    case "askHeld":
    case "held":
    case "askSigned":
    case "signed":
    case "timeoutQC":
    case "commitQC":
    case "anchor":
      return undefined;
  }
}

/** The messages that a durable vote state allows: the prepared proposal may be proposed too. */
export function signedIn({ prepareVote, commitVote, timeoutVote }: PersistedInner): Digest[] {
  const digests: Uint8Array[] = [];
  if (prepareVote)
    digests.push(prepareVoteDigest(prepareVote.msg), proposalDigest(prepareVote.msg));
  if (commitVote) digests.push(commitVoteDigest(commitVote.msg));
  if (timeoutVote) digests.push(timeoutVoteDigest(timeoutVote.vote.msg));
  return digests.map(digestOf);
}

/**
 * The decision of a commit QC of this proposal. A proposal that was prepared in one view and
 * proposed again in a later one may be decided in both: the same, but for the number of the view.
 */
export function decisionOf(proposal: Proposal): Digest {
  return digestOf(proposalDigest({ ...proposal, view: { ...proposal.view, number: 0n } }));
}

/** The starts of the lanes under an anchor. */
export function startsOf({ commitQC }: PruneAnchor): LaneStart[] {
  return commitQC.vote.laneRanges.map(({ lane, first }) => ({ lane, first }));
}

function placeIn({ index, number }: View): SignedPlace {
  return { index, view: number };
}

function says(what: Says["what"], place: SignedPlace, digest: Uint8Array): Says {
  return { kind: "says", what, place, digest: digestOf(digest) };
}

/** The seven arms of the signing envelope: which object each carries, and the digest of it. */
import * as decode from "../../../src/wire/codec/decode.js";
import type { Msg } from "../../../src/wire/codec/envelope.js";
import * as hash from "../../../src/wire/hash.js";

interface Arm {
  /** The type of the bare object. */
  readonly type: string;
  /** The envelope around an encoded object. */
  readonly msg: (object: Uint8Array) => Msg;
  /** The digest of an encoded object under this arm. */
  readonly digest: (object: Uint8Array) => Uint8Array;
}

interface Reading<T> {
  readonly type: string;
  readonly from: (bytes: Uint8Array) => T;
}

function arm<T>(
  { type, from }: Reading<T>,
  msg: (value: T) => Msg,
  digest: (value: T) => Uint8Array,
): Arm {
  return {
    type,
    msg: (object) => msg(from(object)),
    digest: (object) => digest(from(object)),
  };
}

const proposal = { type: "Proposal", from: decode.decodeProposal };

const arms: Readonly<Record<Msg["kind"], Arm>> = {
  lane_proposal: arm(
    { type: "Block", from: decode.decodeBlock },
    (value) => ({ kind: "lane_proposal", value }),
    hash.laneProposalDigest,
  ),
  lane_vote: arm(
    { type: "BlockHeader", from: decode.decodeBlockHeader },
    (value) => ({ kind: "lane_vote", value }),
    hash.laneVoteDigest,
  ),
  proposal: arm(proposal, (value) => ({ kind: "proposal", value }), hash.proposalDigest),
  prepare_vote: arm(proposal, (value) => ({ kind: "prepare_vote", value }), hash.prepareVoteDigest),
  commit_vote: arm(proposal, (value) => ({ kind: "commit_vote", value }), hash.commitVoteDigest),
  timeout_vote: arm(
    { type: "TimeoutVote", from: decode.decodeTimeoutVote },
    (value) => ({ kind: "timeout_vote", value }),
    hash.timeoutVoteDigest,
  ),
  app_vote: arm(
    { type: "AppProposal", from: decode.decodeAppProposal },
    (value) => ({ kind: "app_vote", value }),
    hash.appVoteDigest,
  ),
};

export const armNames = Object.keys(arms) as readonly Msg["kind"][];

export function armOf(name: Msg["kind"]): Arm {
  return arms[name];
}

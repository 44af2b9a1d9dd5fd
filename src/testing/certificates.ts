/**
 * Certificates from secret keys, for tests: no validator has the keys of all the others. They are not
 * checked, so that a test can make a bad one.
 */
import {
  appVoteDigest,
  commitVoteDigest,
  laneVoteDigest,
  prepareVoteDigest,
} from "../wire/hash.js";
import type {
  AppProposal,
  AppQC,
  BlockHeader,
  Certificate,
  CommitQC,
  LaneQC,
  PrepareQC,
  Proposal,
} from "../wire/messages.js";
import type { KeyPair } from "../wire/signatures/signer.js";

/** One signature of each key, in the order given; no quorum is asked for. */
function certified<T>(vote: T, digest: Uint8Array, keys: readonly KeyPair[]): Certificate<T> {
  return { vote, sigs: keys.map((pair) => pair.sign(digest)) };
}

export function buildLaneQC(header: BlockHeader, keys: readonly KeyPair[]): LaneQC {
  return certified(header, laneVoteDigest(header), keys);
}

export function buildPrepareQC(proposal: Proposal, keys: readonly KeyPair[]): PrepareQC {
  return certified(proposal, prepareVoteDigest(proposal), keys);
}

export function buildCommitQC(proposal: Proposal, keys: readonly KeyPair[]): CommitQC {
  return certified(proposal, commitVoteDigest(proposal), keys);
}

export function buildAppQC(app: AppProposal, keys: readonly KeyPair[]): AppQC {
  return certified(app, appVoteDigest(app), keys);
}

/** Certificates from votes: what comes out verifies; what would not is refused. */
import { describe, expect, it } from "vitest";
import {
  signAppVote,
  signCommitVote,
  signLaneVote,
  signPrepareVote,
} from "../../src/wire/build.js";
import { certifyApp, certifyCommit, certifyLane, certifyPrepare } from "../../src/wire/certify.js";
import {
  verifyAppQC,
  verifyCommitQC,
  verifyLaneQC,
  verifyPrepareQC,
} from "../../src/wire/rules/verify.js";
import { Verifier } from "../../src/wire/verifier.js";
import * as s from "./samples.js";

const commitVotes = s.quorum.map((keys) => signCommitVote(s.proposal, keys));

describe("the votes of a quorum make a certificate that verifies", () => {
  it("for a block", async () => {
    const votes = [s.first, s.second].map((keys) => signLaneVote(s.block.header, keys));
    const qc = await certifyLane(votes, s.committee);
    await verifyLaneQC(qc, s.committee);
    expect(qc).toEqual(s.laneQC);
  });

  it("prepared, committed, executed", async () => {
    const prepared = s.quorum.map((keys) => signPrepareVote(s.proposal, keys));
    await verifyPrepareQC(await certifyPrepare(prepared, s.epoch), s.epoch);
    const commitQC = await certifyCommit(commitVotes, s.epoch);
    await verifyCommitQC(commitQC, s.epoch);
    expect(commitQC).toEqual(s.commitQC);
    const executed = s.quorum.map((keys) => signAppVote(s.app, keys));
    await verifyAppQC(await certifyApp(executed, s.committee), s.committee);
  });

  it("votes that a verifier knows are not verified again", async () => {
    await using verifier = new Verifier({ worker: "none" });
    await certifyCommit(commitVotes, s.epoch, { verifier });
    const { signatures } = verifier.counts;
    await certifyCommit(commitVotes, s.epoch, { verifier });
    expect(verifier.counts.signatures).toBe(signatures);
  });
});

describe("no certificate comes of", () => {
  const [first, second, third] = commitVotes;
  if (!first || !second || !third) throw new Error("a quorum has three votes");
  const other = signCommitVote({ ...s.proposal, globalFirst: 8n }, s.third);

  it.each([
    ["no votes", "USAGE", undefined, []],
    ["votes for different messages", "USAGE", undefined, [first, second, other]],
    ["too few votes", "INVALID", "quorum", [first, second]],
    ["a vote twice", "INVALID", "duplicate_signer", [first, second, second]],
    [
      "a vote of a stranger",
      "INVALID",
      "not_a_replica",
      [first, second, signCommitVote(s.proposal, s.stranger)],
    ],
    [
      "a prepare vote among commit votes",
      "INVALID",
      "bad_signature",
      [first, second, signPrepareVote(s.proposal, s.third)],
    ],
  ] as const)("%s", async (_, code, errorClass, votes) => {
    const error = { code, ...(errorClass ? { errorClass } : {}) };
    await expect(certifyCommit(votes, s.epoch)).rejects.toMatchObject(error);
  });
});

/** Messages built from values and keys keep the rules of the protocol. */
import { describe, expect, it } from "vitest";
import { buildBlock, signBlock } from "../../src/wire/build.js";
import { ZERO_HASH } from "../../src/wire/messages.js";
import {
  verifyAppAgainstCommit,
  verifyAppQC,
  verifyCommitQC,
  verifyFullCommitQC,
  verifyLaneQC,
  verifyPrepareQC,
  verifySignedBlock,
  verifyTimeoutQC,
} from "../../src/wire/rules/verify.js";
import * as s from "./samples.js";

describe("what is built verifies", () => {
  it("a signed block", () => {
    verifySignedBlock(signOf(s.first), s.committee);
  });

  it("every certificate", async () => {
    const previous = { ...s.commitQC, vote: { ...s.proposal, view: before(s.proposal.view) } };
    await verifyLaneQC(s.laneQC, s.committee);
    await verifyPrepareQC(s.prepareQC, s.epoch);
    await verifyCommitQC(s.commitQC, s.epoch);
    await verifyFullCommitQC(s.fullCommitQC, s.epoch);
    await verifyTimeoutQC(s.timeoutQC, s.epoch, previous);
    await verifyAppQC(s.appQC, s.committee);
    verifyAppAgainstCommit(s.app, s.commitQC);
  });
});

describe("a payload over the limits is not built", () => {
  const place = { lane: s.lane, blockNumber: 0n, parentHash: ZERO_HASH };

  it.for([
    { count: 2_000, bytes: 0 },
    { count: 1, bytes: 2_048_000 },
  ])("$count transactions of $bytes bytes are allowed", ({ count, bytes }) => {
    const payload = {
      ...s.payload,
      txs: Array.from({ length: count }, () => new Uint8Array(bytes)),
    };
    expect(buildBlock({ ...place, payload }).payload).toBe(payload);
  });

  it.for([
    { count: 2_001, bytes: 0, reason: "limit.txs" },
    { count: 1, bytes: 2_048_001, reason: "limit.bytes" },
    { count: 2_000, bytes: 1_025, reason: "limit.bytes" },
  ])("$count transactions of $bytes bytes are not: $reason", ({ count, bytes, reason }) => {
    const payload = {
      ...s.payload,
      txs: Array.from({ length: count }, () => new Uint8Array(bytes)),
    };
    expect(() => buildBlock({ ...place, payload })).toThrow(
      expect.objectContaining({ name: "VerifyError", errorClass: reason }),
    );
  });
});

function signOf(keys: typeof s.first) {
  return signBlock(s.block, keys);
}

function before(view: typeof s.proposal.view) {
  return { ...view, index: view.index - 1n };
}

/**
 * Certificates from votes, execution in order, anchors only behind it, and lanes within capacity.
 */
import { describe, expect, test } from "vitest";
import { appHashOf, Execution } from "../../../src/devnet/protocol/execution.js";
import { Lanes } from "../../../src/devnet/protocol/lanes.js";
import type { Output } from "../../../src/devnet/protocol/step.js";
import { Tally } from "../../../src/devnet/protocol/tally.js";
import * as certificates from "../../../src/testing/certificates.js";
import * as build from "../../../src/wire/build.js";
import { headerHash } from "../../../src/wire/hash.js";
import { type Block, type CommitQC, ZERO_HASH } from "../../../src/wire/messages.js";
import { globalRange } from "../../../src/wire/rules/proposal.js";
import {
  block,
  committee,
  epoch,
  first,
  keys,
  lane,
  quorum,
  stranger,
} from "../../wire/samples.js";
import { nothing } from "./start.js";

const signer = { keys: first, epoch };
const signed = (by: number, digest: Uint8Array) => {
  const { msg, sig } = build.signLaneVote({ ...block.header, payloadHash: digest }, keys[by]!);
  return { digest, vote: msg, sig };
};

describe("a tally", () => {
  const a = new Uint8Array(32).fill(1);
  const b = new Uint8Array(32).fill(2);
  const add = (tally: Tally<unknown>, { digest, vote, sig }: ReturnType<typeof signed>) =>
    tally.add(digest, vote, sig);

  test("gives the certificate once, with the vote that completes the quorum", () => {
    const tally = new Tally<unknown>(committee, 3n);
    expect(add(tally, signed(0, a))).toBeUndefined();
    expect(add(tally, signed(1, a))).toBeUndefined();
    expect(add(tally, signed(2, a))?.sigs).toHaveLength(3);
    expect(add(tally, signed(3, a))).toBeUndefined();
  });

  test("counts a signer once, also where it says two things", () => {
    const tally = new Tally<unknown>(committee, 2n);
    add(tally, signed(0, a));
    expect(add(tally, signed(0, a))).toBeUndefined();
    expect(add(tally, signed(0, b))).toBeUndefined();
    expect(add(tally, signed(1, b))).toBeUndefined();
    expect(add(tally, signed(2, b))?.vote).toEqual(signed(1, b).vote);
  });

  test("does not count who is not in the committee", () => {
    const tally = new Tally<unknown>(committee, 1n);
    const { sig } = build.signLaneVote(block.header, stranger);
    expect(tally.add(a, "vote", sig)).toBeUndefined();
  });
});

/** The commit QC of road `index`, which finalises one block of our lane. */
function qcAt(index: bigint, number = 0n): CommitQC {
  const range = build.laneRangeOf(lane, index, [block.header]);
  const view = { index, number, epochIndex: 0n };
  const proposal = {
    view,
    timestamp: { seconds: 1n, nanos: 0 },
    laneRanges: [range],
    globalFirst: index,
  };
  return certificates.buildCommitQC(proposal, quorum);
}

const appHash = new Uint8Array(32).fill(7);

function appVotes(index: bigint) {
  const { first: globalFirst, next: globalNext } = globalRange(qcAt(index).vote);
  const app = { roadIndex: index, appHash, epochIndex: 0n, globalFirst, globalNext };
  return keys.slice(1).map((pair) => build.signAppVote(app, pair));
}

describe("execution", () => {
  const kindsOf = (out: readonly Output[]) =>
    out.map((output) => (output.kind === "broadcast" ? output.message.kind : output.kind));

  test("takes roads in order, one at a time, when their blocks are durable", () => {
    const execution = new Execution(signer, nothing);
    const out: Output[] = [];
    execution.committed(qcAt(1n));
    execution.execute(() => true, out);
    execution.committed(qcAt(0n));
    execution.execute(() => false, out);
    expect(out).toEqual([]);
    execution.execute(() => true, out);
    execution.execute(() => true, out);
    expect(out).toEqual([{ kind: "execute", qc: qcAt(0n), parent: ZERO_HASH }]);
    execution.executed({ kind: "executed", index: 0n, appHash, mayVote: true }, out);
    execution.execute(() => true, out);
    expect(out.at(-1)).toEqual({ kind: "execute", qc: qcAt(1n), parent: appHash });
  });

  test("a quorum ahead of us makes no anchor before we have executed too", () => {
    const execution = new Execution(signer, nothing);
    const out: Output[] = [];
    execution.committed(qcAt(0n));
    for (const vote of appVotes(0n)) execution.takeVote(vote, out);
    expect(out).toEqual([]);
    execution.execute(() => true, out);
    execution.executed({ kind: "executed", index: 0n, appHash, mayVote: true }, out);
    expect(kindsOf(out)).toEqual(["execute", "appVote", "storeAnchor"]);
  });

  test("goes on behind the anchor after a restart, on the state that it certifies", () => {
    const [appQC] = appVotes(4n).map(({ msg }) => certificates.buildAppQC(msg, quorum));
    const anchor = { appQC: appQC!, commitQC: qcAt(4n) };
    const qcs = [qcAt(4n), qcAt(5n)];
    const execution = new Execution(signer, { ...nothing, anchor, road: { first: 4n, qcs } });
    const out: Output[] = [];
    execution.execute(() => true, out);
    expect(out).toEqual([{ kind: "execute", qc: qcAt(5n), parent: appHash }]);
  });

  test("jumps to a peer's anchor with the commit QC that is held, where that was made in another view", () => {
    const [appQC] = appVotes(4n).map(({ msg }) => certificates.buildAppQC(msg, quorum));
    const theirs = { appQC: appQC!, commitQC: qcAt(4n, 1n) };
    const out: Output[] = [];
    const holding = new Execution(signer, nothing);
    holding.jump(theirs, true, out);
    // Ours is on its way to disk: what it says is not known here yet.
    expect(out).toEqual([]);
    holding.committed(qcAt(4n));
    holding.jump(theirs, true, out);
    // Nothing was executed, on the state of the beginning: an archive has these roads.
    const unexecuted = { next: 0n, parent: ZERO_HASH };
    const anchor = { appQC, commitQC: qcAt(4n) };
    expect(out).toEqual([{ kind: "storeAnchor", anchor, unexecuted }]);
    const empty: Output[] = [];
    new Execution(signer, nothing).jump(theirs, false, empty);
    expect(empty).toEqual([{ kind: "storeAnchor", anchor: theirs, unexecuted }]);
  });

  test("another block, order, number or state gives another hash", () => {
    const other: Block = { ...block, payload: { ...block.payload, txs: [Buffer.from("other")] } };
    const hashes = [
      appHashOf(ZERO_HASH, 0n, [block, other]),
      appHashOf(ZERO_HASH, 0n, [other, block]),
      appHashOf(ZERO_HASH, 1n, [block, other]),
      appHashOf(appHash, 0n, [block, other]),
      appHashOf(ZERO_HASH, 0n, [block]),
    ].map((hash) => Buffer.from(hash).toString("hex"));
    expect(new Set(hashes).size).toBe(hashes.length);
    const rest = appHashOf(appHashOf(ZERO_HASH, 0n, [block]), 1n, [other]);
    expect(Buffer.from(rest).toString("hex")).toBe(hashes[0]);
  });
});

describe("lanes", () => {
  test("take a lane's blocks in order, and no more than 30 above the anchor (D9)", () => {
    const lanes = new Lanes(signer, lane, nothing);
    const other = committee.members.find((member) => member.lane !== lane)!.lane;
    const out: Output[] = [];
    const take = (number: bigint) => {
      const header = { ...block.header, lane: other, blockNumber: number };
      lanes.takeBlock({ kind: "block", bytes: new Uint8Array(), header }, out);
    };
    take(1n);
    expect(out).toEqual([]);
    for (let number = 0n; number < 40n; number++) take(number);
    expect(out).toHaveLength(30);
    const range = {
      lane: other,
      first: 5n,
      next: 9n,
      lastHash: ZERO_HASH,
    };
    lanes.anchored({ ...qcAt(0n).vote, laneRanges: [range] });
    for (let number = 30n; number < 40n; number++) take(number);
    expect(out).toHaveLength(35);
  });

  test("a block that the store refused is taken again", () => {
    const lanes = new Lanes(signer, lane, nothing);
    const other = committee.members.find((member) => member.lane !== lane)!.lane;
    const out: Output[] = [];
    const header = { ...block.header, lane: other };
    const message = { kind: "block", bytes: new Uint8Array(), header } as const;
    lanes.takeBlock(message, out);
    lanes.takeBlock(message, out);
    expect(out).toHaveLength(1);
    lanes.blockRefused(other, 0n);
    lanes.takeBlock(message, out);
    expect(out).toHaveLength(2);
  });

  test("our own lane stays a few blocks ahead of the road, and makes none at a pinned number", () => {
    const out: Output[] = [];
    const lanes = new Lanes(signer, lane, nothing);
    for (let number = 0n; number < 10n; number++) {
      lanes.produce(out);
      const header = { ...block.header, blockNumber: number };
      if (out.length > number) lanes.produced(header, headerHash(header));
    }
    expect(out).toHaveLength(4);
    const pins = [{ number: 0n, headerHash: appHash }];
    const pinned = new Lanes(signer, lane, { ...nothing, pins });
    const none: Output[] = [];
    pinned.produce(none);
    expect(none).toEqual([]);
    pinned.released(0n);
    pinned.produce(none);
    expect(none).toHaveLength(1);
  });
});

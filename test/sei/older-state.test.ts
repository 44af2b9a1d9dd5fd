/** A whole state of the older revision: everything is read, everything is verified. */
import { beforeEach, describe, expect, it } from "vitest";
import { MemoryDisk } from "../../src/disk/memory.js";
import { OlderCommittee } from "../../src/sei/older/committee.js";
import { encodeSignedBlock } from "../../src/sei/older/encode.js";
import { verifyOlderState } from "../../src/sei/older/history.js";
import type {
  CommitQC,
  FullTimeoutVote,
  PersistedInner,
  SignedBlock,
  TimeoutQC,
} from "../../src/sei/older/messages.js";
import { readOlderState } from "../../src/sei/older/state.js";
import { roadIndex } from "../../src/types/numbers.js";
import { hex, toHex } from "../wire/bytes.js";
import {
  appQCAt,
  certificate,
  chainOf,
  commitQCAt,
  committee,
  keys,
  lanes,
  payload,
  proposalAt,
  range,
  signed,
  type Stored,
  stranger,
  writeState,
} from "./older-chain.js";
import { entry, lookOnly, makeDirectories, segmentName, writeFile } from "./older-files.js";

const [lane, other] = [lanes[0]!, lanes[1]!];
const anchorQC = commitQCAt(3, [range(lane, 2, 3), range(other, 0, 0)]);
const sound: Stored = {
  anchor: { appQC: appQCAt(3, 2n), commitQC: anchorQC },
  inner: {
    commitQC: commitQCAt(5),
    prepareQC: certificate("prepare_vote", proposalAt(6), keys),
    timeoutQC: undefined,
    commitVote: signed("commit_vote", proposalAt(6), keys[0]!),
    prepareVote: signed("prepare_vote", proposalAt(6), keys[0]!),
    timeoutVote: undefined,
  },
  lanes: { [lane]: chainOf(keys[0]!, 1, 6), [other]: chainOf(keys[1]!, 0, 2) },
  road: [anchorQC, commitQCAt(4), commitQCAt(5)],
};

let disk: MemoryDisk;

beforeEach(() => {
  disk = new MemoryDisk();
});

/** What is refused of `stored`, as "part number reason". */
async function refused(stored: Stored): Promise<readonly string[]> {
  await writeState(disk, "/state", stored);
  const state = await readOlderState("/state", { disk: lookOnly(disk) });
  const records = await verifyOlderState(state, committee);
  return records.map(({ part, number, reason }) => `${part} ${number ?? "whole"} ${reason}`);
}

function withBlock(place: number, change: (block: SignedBlock) => SignedBlock): Stored {
  const blocks = sound.lanes![lane]!.map((block, at) => (at === place ? change(block) : block));
  return { ...sound, lanes: { [lane]: blocks } };
}

function withQC(change: (qc: CommitQC) => CommitQC): Stored {
  return { ...sound, road: sound.road!.map((qc, place) => (place === 1 ? change(qc) : qc)) };
}

describe("reading", () => {
  it("gives the votes, the anchor, every lane and the road", async () => {
    await writeState(disk, "/state", sound);
    const state = await readOlderState("/state", { disk: lookOnly(disk) });
    expect(state.inner).toEqual({ status: "read", content: sound.inner });
    expect(state.anchor).toEqual({ status: "read", content: sound.anchor });
    expect(state.road).toMatchObject({ status: "read", content: { records: sound.road } });
    expect(new Set(state.lanes.map((each) => each.lane))).toEqual(new Set([lane, other]));
    for (const each of state.lanes) {
      const records = sound.lanes![each.lane]!;
      expect(each.log).toMatchObject({ status: "read", content: { records } });
    }
    expect(await verifyOlderState(state, committee)).toEqual([]);
  });

  it("of an empty directory gives nothing, and nothing is wrong", async () => {
    await makeDirectories(disk, "/state");
    const state = await readOlderState("/state", { disk: lookOnly(disk) });
    expect(state.inner).toEqual({ status: "read", content: undefined });
    expect(state.anchor).toEqual({ status: "read", content: undefined });
    expect([state.lanes, state.skipped]).toEqual([[], []]);
    expect(await verifyOlderState(state, committee)).toEqual([]);
  });

  it("of a directory that is not there is refused", async () => {
    const reading = readOlderState("/nowhere", { disk: lookOnly(disk) });
    await expect(reading).rejects.toMatchObject({ code: "NOT_A_STORE" });
  });

  it("knows a lane's directory by its 64 hex digits in any case, and names what it passes over", async () => {
    const upper = lane.toUpperCase();
    const record = entry(encodeSignedBlock(chainOf(keys[0]!, 0, 1)[0]!));
    await writeFile(disk, `/state/blocks/${upper}/${segmentName(1)}`, record);
    await makeDirectories(disk, `/state/blocks/${lane}0000000000000000`);
    await writeFile(disk, `/state/blocks/${lane}_7.pb`, record);
    const state = await readOlderState("/state", { disk: lookOnly(disk) });
    expect(state.lanes.map((each) => each.lane)).toEqual([lane]);
    expect(state.skipped).toEqual([`${lane}0000000000000000`, `${lane}_7.pb`].sort());
  });

  it("refuses one part and gives the others", async () => {
    await writeState(disk, "/state", { ...sound, lanes: {} });
    const records = [0, 2].map((number) =>
      entry(encodeSignedBlock(chainOf(keys[0]!, 0, 3)[number]!)),
    );
    await writeFile(disk, `/state/blocks/${lane}/${segmentName(1)}`, Buffer.concat(records));
    await writeFile(disk, "/state/avail_inner_b.pb", hex("08021200"));
    await writeFile(disk, "/state/inner_b.pb", hex("0801"));
    const state = await readOlderState("/state", { disk: lookOnly(disk) });
    expect(state.road).toMatchObject({ status: "read" });
    const found = await verifyOlderState(state, committee);
    expect(found.map(({ part, reason }) => `${part} ${reason}`)).toEqual([
      "inner corrupt",
      "anchor decode",
      "lane gap",
    ]);
  });
});

describe("a block is refused", () => {
  it("in another lane's log", async () => {
    const stored = { ...sound, lanes: { [other]: chainOf(keys[0]!, 0, 1) } };
    expect(await refused(stored)).toEqual(["lane 0 wrong_lane"]);
  });

  it("signed by another than the lane's owner", async () => {
    const stored = withBlock(4, ({ msg }) => signed("lane_proposal", msg, keys[1]!));
    expect(await refused(stored)).toEqual(["lane 5 wrong_signer"]);
  });

  it("with another payload than its header names", async () => {
    const change = ({ msg, sig }: SignedBlock) => ({ msg: { ...msg, payload: payload(99n) }, sig });
    expect(await refused(withBlock(1, change))).toEqual(["lane 2 payload_hash"]);
  });

  it("with a wrong signature", async () => {
    const change = ({ msg, sig }: SignedBlock) => {
      return { msg, sig: { ...sig, bytes: sig.bytes.map((byte) => byte ^ 1) } };
    };
    expect(await refused(withBlock(0, change))).toEqual(["lane 1 bad_signature"]);
  });

  it("that is not on the block before it; the first one's parent cannot be told", async () => {
    const change = ({ msg }: SignedBlock) => {
      const header = { ...msg.header, parentHash: new Uint8Array(32).fill(1) };
      return signed("lane_proposal", { ...msg, header }, keys[0]!);
    };
    expect(await refused(withBlock(4, change))).toEqual(["lane 5 parent_hash"]);
    disk = new MemoryDisk();
    // The block after a first one that changed is on another one.
    expect(await refused(withBlock(0, change))).toEqual(["lane 2 parent_hash"]);
  });

  it("of a lane outside the committee", async () => {
    const blocks = chainOf(stranger, 0, 1);
    const stored = { ...sound, lanes: { [blocks[0]!.msg.header.lane]: blocks } };
    expect(await refused(stored)).toEqual(["lane 0 not_a_lane"]);
  });
});

describe("a commit QC is refused", () => {
  it("below the quorum, by a stranger, twice by one, or with a wrong signature", async () => {
    const vote = proposalAt(4);
    const by = (...signers: (typeof keys)[number][]): CommitQC =>
      certificate("commit_vote", vote, signers);
    const [a, b, c] = [keys[0]!, keys[1]!, keys[2]!];
    const cases = [
      [by(a, b), "quorum"],
      [by(a, b, c, stranger), "not_a_replica"],
      [by(a, b, b, c), "duplicate_signer"],
      [certificate("prepare_vote", vote, [a, b, c]), "bad_signature"],
    ] as const;
    for (const [qc, reason] of cases) {
      disk = new MemoryDisk();
      expect(await refused(withQC(() => qc))).toEqual([`road 4 ${reason}`]);
    }
  });

  it("for its signatures only: its ranges are not looked at", async () => {
    const impossible = range(lane, 9, 2);
    expect(await refused(withQC(() => commitQCAt(4, [impossible])))).toEqual([]);
  });
});

describe("against the anchor", () => {
  it("a pair of two roads, or of another global number, is refused", async () => {
    const commitQC = anchorQC;
    const roads = { ...sound, anchor: { appQC: appQCAt(2, 2n), commitQC } };
    expect(await refused(roads)).toEqual(["anchor whole road_index"]);
    disk = new MemoryDisk();
    const number = { ...sound, anchor: { appQC: appQCAt(3, 3n), commitQC } };
    expect(await refused(number)).toEqual(["anchor whole global_range"]);
  });

  it("an app QC below the quorum is refused", async () => {
    const appQC = certificate("app_vote", appQCAt(3, 2n).vote, keys.slice(0, 2));
    expect(await refused({ ...sound, anchor: { appQC, commitQC: anchorQC } })).toEqual([
      "anchor whole quorum",
    ]);
  });

  it("the logs begin at or below it, the road one above it at the latest", async () => {
    const later = { ...sound, road: [commitQCAt(4)], lanes: { [lane]: chainOf(keys[0]!, 2, 4) } };
    expect(await refused(later)).toEqual([]);
    disk = new MemoryDisk();
    const gaps = { ...sound, road: [commitQCAt(5)], lanes: { [lane]: chainOf(keys[0]!, 3, 4) } };
    expect(await refused(gaps)).toEqual(["road 5 road_gap", "lane 3 lane_gap"]);
  });

  it("without one the logs begin at 0", async () => {
    const { inner, road } = sound;
    const stored: Stored = {
      inner: inner!,
      road: road!,
      lanes: { [lane]: chainOf(keys[0]!, 1, 2) },
    };
    expect(await refused(stored)).toEqual(["road 3 road_gap", "lane 1 lane_gap"]);
  });

  it("a lane has at most 30 blocks above it", async () => {
    const filled = { ...sound, lanes: { [lane]: chainOf(keys[0]!, 0, 32) } };
    expect(await refused(filled)).toEqual([]);
    disk = new MemoryDisk();
    const over = { ...sound, lanes: { [lane]: chainOf(keys[0]!, 0, 33) } };
    expect(await refused(over)).toEqual(["lane 2 over_capacity"]);
  });
});

describe("the consensus votes", () => {
  const at = (road: number, number: bigint) => {
    const proposal = proposalAt(road);
    return { ...proposal, view: { index: roadIndex(BigInt(road)), number } };
  };
  const vote = (number: bigint, latest: bigint | undefined) => {
    return { view: at(6, number).view, latestPrepareQcViewNumber: latest };
  };
  const timeoutQC = (latest: bigint | undefined, votes = keys): TimeoutQC => ({
    votes: votes.map((by) => signed("timeout_vote", vote(1n, latest), by)),
    latestPrepareQC:
      latest === undefined ? undefined : certificate("prepare_vote", at(6, latest), keys),
  });
  const timeoutVote = (latest: bigint | undefined, qc?: CommitQC): FullTimeoutVote => ({
    vote: signed("timeout_vote", vote(2n, latest), keys[0]!),
    latestPrepareQC: qc,
  });
  const none: PersistedInner = {
    commitQC: commitQCAt(5),
    prepareQC: undefined,
    timeoutQC: undefined,
    commitVote: undefined,
    prepareVote: undefined,
    timeoutVote: undefined,
  };
  const prepare = (number: bigint) => certificate("prepare_vote", at(6, number), keys);

  const cases: readonly [string, PersistedInner, string][] = [
    [
      "of the view after a timeout",
      { ...none, timeoutQC: timeoutQC(0n), timeoutVote: timeoutVote(1n, prepare(1n)) },
      "",
    ],
    [
      "a commit QC below the quorum",
      { ...none, commitQC: { ...none.commitQC!, sigs: [] } },
      "quorum",
    ],
    [
      "a timeout of another road",
      { ...none, commitQC: undefined, timeoutQC: timeoutQC(0n) },
      "timeout_road_index",
    ],
    ["a timeout below the quorum", { ...none, timeoutQC: timeoutQC(0n, keys.slice(2)) }, "quorum"],
    [
      "a timeout without a vote",
      { ...none, timeoutQC: { votes: [], latestPrepareQC: undefined } },
      "missing",
    ],
    [
      "a timeout without its prepare QC",
      { ...none, timeoutQC: { ...timeoutQC(0n), latestPrepareQC: undefined } },
      "missing",
    ],
    [
      "a timeout with a prepare QC for nothing",
      { ...none, timeoutQC: { ...timeoutQC(undefined), latestPrepareQC: prepare(0n) } },
      "unnecessary_prepare_qc",
    ],
    [
      "a timeout with another prepare QC",
      { ...none, timeoutQC: { ...timeoutQC(0n), latestPrepareQC: prepare(1n) } },
      "prepare_qc_view",
    ],
    [
      "a timeout of two views",
      {
        ...none,
        timeoutQC: {
          votes: [...timeoutQC(0n, keys.slice(1)).votes, timeoutVote(0n).vote],
          latestPrepareQC: prepare(0n),
        },
      },
      "timeout_view_mismatch",
    ],
    [
      "a commit vote without prepare QC",
      { ...none, commitVote: signed("commit_vote", at(6, 0n), keys[0]!) },
      "missing",
    ],
    [
      "a vote of another view",
      { ...none, prepareVote: signed("prepare_vote", at(6, 1n), keys[0]!) },
      "other",
    ],
    ["a prepare QC of another view", { ...none, prepareQC: prepare(1n) }, "other"],
    [
      "a commit vote of another view than its prepare QC",
      { ...none, prepareQC: prepare(0n), commitVote: signed("commit_vote", at(6, 1n), keys[0]!) },
      "other",
    ],
    [
      "a vote by a stranger",
      { ...none, prepareVote: signed("prepare_vote", at(6, 0n), stranger) },
      "not_a_replica",
    ],
    ["a timeout vote of another view", { ...none, timeoutVote: timeoutVote(undefined) }, "other"],
  ];

  it.for(cases)("%s", async ([, inner, reason]) => {
    const { inner: _, ...others } = sound;
    expect(await refused({ ...others, inner })).toEqual(
      reason === "" ? [] : [`inner whole ${reason}`],
    );
  });
});

describe("the committee", () => {
  it("counts replicas: f of 3f + 1 may be faulty", () => {
    const found = [1, 3, 4, 7, 10].map((count) => {
      const members = Array.from({ length: count }, (_, index) => new Uint8Array(32).fill(index));
      const { faulty, commitQuorum, laneQuorum } = new OlderCommittee(members);
      return [count, faulty, commitQuorum, laneQuorum];
    });
    expect(found).toEqual([
      [1, 0, 1, 1],
      [3, 0, 3, 1],
      [4, 1, 3, 2],
      [7, 2, 5, 3],
      [10, 3, 7, 4],
    ]);
  });

  it("counts a key that is named twice twice, and is never empty", () => {
    const twice = new OlderCommittee([keys[0]!.publicKey, keys[0]!.publicKey]);
    expect(twice.commitQuorum).toBe(2);
    expect(() => new OlderCommittee([])).toThrow("a committee has a replica");
  });

  it("draws the leader of a view from the sorted keys", () => {
    const leader = committee.leader({ index: roadIndex(7n), number: 1n });
    expect(toHex(leader)).toBe("a3fd290aee36e3df337c07ae07336e5a68987fff42ce69810d94eb148899e662");
  });
});

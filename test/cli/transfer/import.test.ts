/** `lanekeeper import`: what verifies comes into a store, what does not keeps it from being made. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeStore } from "../../../src/cli/transfer/import/store.js";
import { ImportTally } from "../../../src/cli/transfer/import/tally.js";
import { RealDisk } from "../../../src/disk/real/real.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { importSeiDirectory } from "../../../src/sei/import/import.js";
import { writeLog } from "../../../src/sei/write/write-log.js";
import { writeSeiDirectory } from "../../../src/sei/write/write-state.js";
import { type LaneId, laneIdOf } from "../../../src/types/lane.js";
import { buildBlock, laneRangeOf, signBlock } from "../../../src/wire/build.js";
import { buildAppQC, buildCommitQC } from "../../../src/testing/certificates.js";
import type { Epoch } from "../../../src/wire/committee.js";
import { encodeSlot } from "../../../src/disk/slots/form.js";
import { decodePersistedInner } from "../../../src/wire/codec/decode.js";
import { encodePersistedInner } from "../../../src/wire/codec/encode.js";
import { keyPairFromSeed } from "../../../src/wire/signatures/signer.js";
import { type PruneAnchor, type SignedBlock, ZERO_HASH } from "../../../src/wire/messages.js";
import { globalRange } from "../../../src/wire/rules/proposal.js";
import { TestChain } from "../../model/chain.js";
import { laneAt, numbered } from "../../sei/kit.js";
import { seedOf, toHex } from "../../wire/bytes.js";
import {
  afterEpochZero,
  anchorWith,
  digestsUnder,
  noVotes,
  numbersIn,
  type Numbers,
  putAnchor,
  putCommittees,
  putSei,
  votesAt,
} from "./import-kit.js";
import { programOf } from "../../harness/built.js";
import { call } from "../program-kit.js";

const chain = new TestChain();
const { epochOf } = chain;
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);

let folder = "";
let sei = "";
let store = "";
let committee = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-import-"));
  sei = join(folder, "sei");
  store = join(folder, "store");
  committee = putCommittees(join(folder, "committee.json"), [chain.epoch]);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const blocksOf = (of: LaneId, numbers: Numbers): SignedBlock[] =>
  numbersIn(numbers).map((number) => chain.block(of, number).signed);

function run(...more: string[]) {
  return call("import", "--from-sei", sei, "--committee", committee, ...more, store);
}

interface Report {
  readonly refused: readonly Record<string, unknown>[];
  readonly [name: string]: unknown;
}

async function report(...more: string[]): Promise<{ code: number; report: Report }> {
  const { code, stdout, stderr } = await run("--json", ...more);
  expect(stderr).toBe("");
  expect(stdout.endsWith("}\n")).toBe(true);
  return { code, report: JSON.parse(stdout) as Report };
}

/** Reasons of refusals, each with the index it is about. */
function reasonsIn({ refused }: Report): unknown[] {
  return refused.map(({ index, reason }) => [index, reason]);
}

/** The store has these blocks of every lane, and these commit QCs, byte for byte. */
async function expectStored(blocks: Numbers, road: Numbers, chainId = "sei"): Promise<void> {
  await using keeper = await Lanekeeper.open(store, { chainId, epochOf });
  const { lanes, road: held, pins } = keeper.recovery;
  expect([...lanes.keys()].toSorted()).toEqual([...chain.lanes].toSorted());
  expect(pins).toEqual([]);
  for (const of of chain.lanes) {
    expect(lanes.get(of)).toEqual({ first: blocks[0], next: blocks[1] });
    for (const number of numbersIn(blocks)) {
      expect(toHex(await keeper.readBlock(of, number))).toBe(toHex(chain.block(of, number).bytes));
    }
  }
  expect(held).toEqual({ first: road[0], next: road[1] });
  for (const index of numbersIn(road)) {
    expect(toHex(await keeper.readCommitQC(index))).toBe(toHex(chain.qc(index).bytes));
  }
}

/** Nothing was made beside what the test made. */
function expectNothingMade(): void {
  const made = readdirSync(folder).filter((name) => name.startsWith("store"));
  expect(made).toEqual([]);
}

describe("a sound directory", () => {
  test("from zero: every block, commit QC and vote is in the store", async () => {
    await putSei(sei, chain);
    const before = digestsUnder(sei);
    const { code, stdout, stderr } = await run();
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^road +\[0, 5\)$/m);
    expect(stdout).toMatch(/^refused +0$/m);
    expect(stdout).toMatch(/^verdict +all of it is stored\n$/m);
    await expectStored([0n, 7n], [0n, 5n]);
    await using keeper = await Lanekeeper.open(store, { chainId: "sei", epochOf });
    const { voteState = new Uint8Array(0) } = keeper.recovery;
    expect(decodePersistedInner(voteState)).toEqual(votesAt(chain, 4n));
    expect(digestsUnder(sei)).toEqual(before);
    expect(readdirSync(folder).toSorted()).toEqual(["committee.json", "sei", "store"]);
  });

  test.each(["named", "beside the directory"])("under an anchor, %s", async (where) => {
    await putSei(sei, chain);
    const isNamed = where === "named";
    const file = putAnchor(join(folder, isNamed ? "a" : "sei.anchor.pb"), chain.qc(2n).anchor);
    const { code, report: found } = await report(...(isNamed ? ["--anchor", file] : []));
    expect(code).toBe(0);
    expect(found).toMatchObject({
      ok: true,
      stored: true,
      anchor: { roadIndex: "2", file },
      // The anchor brings its own commit QC.
      road: { first: "2", next: "5" },
      votes: { roadIndex: "5" },
      // Five blocks of each lane and two commit QCs.
      records: 17,
      refusedCount: 0,
    });
    await expectStored([2n, 7n], [2n, 5n]);
  });

  test("an anchor past everything: the store starts there, and is empty", async () => {
    await putSei(sei, chain, { lanes: [], road: [0n, 2n] });
    putAnchor(join(folder, "sei.anchor.pb"), chain.qc(4n).anchor);
    const { code, report: found } = await report("--chain-id", "other");
    expect(code).toBe(0);
    expect(found).toMatchObject({ road: { first: "4", next: "5" }, below: 2, chainId: "other" });
    await using keeper = await Lanekeeper.open(store, { chainId: "other", epochOf });
    expect(keeper.recovery.road).toEqual({ first: 4n, next: 5n });
  });

  test("into an empty directory that is there", async () => {
    await putSei(sei, chain);
    mkdirSync(store);
    expect((await run()).code).toBe(0);
    await expectStored([0n, 7n], [0n, 5n]);
  });

  test("names that sei-chain does not use are passed over, and told", async () => {
    await putSei(sei, chain);
    writeFileSync(join(sei, "blocks", "note"), "");
    const { code, report: found } = await report();
    expect([code, found["passedOver"]]).toEqual([0, [join(sei, "blocks", "note")]]);
  });
});

describe("an anchor of a later epoch", () => {
  const joining = keyPairFromSeed(seedOf("joins in epoch 1"));
  const keys = [...chain.keys, joining];
  const nextCommittee = chain.committee.after(
    1n,
    keys.map((pair) => ({ key: pair.publicKey, weight: 1n })),
  );
  const epochs: readonly Epoch[] = [
    { ...chain.epoch, nextRoad: 2n },
    { ...chain.epoch, index: 1n, firstRoad: 2n, committee: nextCommittee },
  ];
  const joined = laneIdOf(joining.publicKey, 1n);

  function joinedBlock(): SignedBlock {
    const payload = {
      createdAt: { seconds: 1_700_000_000n, nanos: 0 },
      txs: [],
      totalGasWanted: 0n,
      totalGasEstimated: 0n,
    };
    const place = { lane: joined, blockNumber: 0n, parentHash: ZERO_HASH };
    return signBlock(buildBlock({ ...place, payload }), joining);
  }

  /** The anchor of road 2, the first of epoch 1; it has one block of each lane. */
  function anchorOf(block: SignedBlock): PruneAnchor {
    const old = chain.lanes.map((of) =>
      laneRangeOf(of, 2n, [chain.block(of, 2n).signed.msg.header]),
    );
    const proposal = {
      view: { index: 2n, number: 0n, epochIndex: 1n },
      timestamp: { seconds: 1_700_000_002n, nanos: 0 },
      laneRanges: [...old, laneRangeOf(joined, 0n, [block.msg.header])],
      globalFirst: 6n,
    };
    const { first, next } = globalRange(proposal);
    const app = {
      roadIndex: 2n,
      appHash: ZERO_HASH,
      epochIndex: 1n,
      globalFirst: first,
      globalNext: next,
    };
    return { commitQC: buildCommitQC(proposal, keys), appQC: buildAppQC(app, keys) };
  }

  test("blocks of a lane that joined in it are stored", async () => {
    const block = joinedBlock();
    const old = chain.lanes.map((of) => [of, [chain.block(of, 2n).signed]] as const);
    const contents = { lanes: [...old, [joined, [block]] as const], commitQCs: [] };
    await writeSeiDirectory(sei, contents);
    putCommittees(committee, epochs);
    putAnchor(join(folder, "sei.anchor.pb"), anchorOf(block));
    const { code, report: found } = await report();
    expect(found.refused).toEqual([]);
    expect(code).toBe(0);
    const known = (index: bigint) => epochs.find((epoch) => epoch.index === index);
    await using keeper = await Lanekeeper.open(store, { chainId: "sei", epochOf: known });
    expect(keeper.recovery.lanes.get(joined)).toEqual({ first: 0n, next: 1n });
  });
});

describe("what a node that has pruned leaves", () => {
  const minimal = anchorWith(chain, { road: 2n, first: 4n, next: 9n });

  test("a lane begins anywhere in the anchor's range, and its store goes on from there", async () => {
    await putSei(sei, chain, { lanes: [[lane, [7n, 12n]]], road: [3n, 3n], votes: noVotes });
    putAnchor(join(folder, "sei.anchor.pb"), minimal);
    const { code, report: found } = await report();
    expect([code, found.refused]).toEqual([0, []]);
    for (const goesOn of [12n, 13n]) {
      await using keeper = await Lanekeeper.open(store, { chainId: "sei", epochOf });
      expect(keeper.recovery.lanes.get(lane)).toEqual({ first: 7n, next: goesOn });
      expect(toHex(await keeper.readBlock(lane, 7n))).toBe(toHex(chain.block(lane, 7n).bytes));
      await keeper.pushBlock(chain.block(lane, goesOn).signed);
      await keeper.waitForBlock(lane, goesOn);
    }
  });

  test("a lane without a block goes on at the end of the range, not where it signed before", async () => {
    await putSei(sei, chain, { lanes: [], road: [3n, 3n], votes: noVotes });
    putAnchor(join(folder, "sei.anchor.pb"), minimal);
    expect((await report()).code).toBe(0);
    await using keeper = await Lanekeeper.open(store, { chainId: "sei", epochOf });
    expect(keeper.recovery.lanes.get(lane)).toEqual({ first: 9n, next: 9n });
    await expect(keeper.pushBlock(chain.block(lane, 4n).signed)).rejects.toThrow();
    await keeper.pushBlock(chain.block(lane, 9n).signed);
    await keeper.waitForBlock(lane, 9n);
  });

  test("a full lane: of the blocks in the range only those stay that it has room for", async () => {
    await putSei(sei, chain, { lanes: [[lane, [4n, 39n]]], road: [3n, 3n], votes: noVotes });
    putAnchor(join(folder, "sei.anchor.pb"), minimal);
    const { code, report: found } = await report();
    expect(code).toBe(0);
    const held = { lane, first: "9", next: "39" };
    expect(found).toMatchObject({ below: 5, lanes: expect.arrayContaining([held]) as unknown });
    await using keeper = await Lanekeeper.open(store, { chainId: "sei", epochOf });
    expect(keeper.recovery.lanes.get(lane)).toEqual({ first: 9n, next: 39n });
  });

  test("lanes of the epoch before, while the anchor is still in it, are kept and told", async () => {
    const { epochs, commitQC } = afterEpochZero(chain, lane);
    const road = [chain.qc(0n).qc, chain.qc(1n).qc, commitQC];
    const lanes = chain.lanes.map((of) => [of, blocksOf(of, [0n, 3n])] as const);
    await writeSeiDirectory(sei, { lanes, commitQCs: road });
    putCommittees(committee, epochs);
    putAnchor(join(folder, "sei.anchor.pb"), chain.qc(0n).anchor);
    const { code, report: found } = await report();
    expect([code, found.refused]).toEqual([0, []]);
    expect(found["notes"]).toEqual([expect.stringMatching(`^lane ${lane} ended with epoch 0`)]);
    const known = (index: bigint) => epochs[Number(index)];
    await using keeper = await Lanekeeper.open(store, { chainId: "sei", epochOf: known });
    expect(keeper.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 3n });
    expect(keeper.recovery.warnings).toMatchObject([expect.stringContaining(lane)]);
  });
});

describe("a damaged slot of the votes", () => {
  const files = { older: "inner_a.pb", newer: "inner_b.pb" } as const;

  /** Both slots were written; `file` is damaged by `change`. */
  async function putPair(file: string, change: (bytes: Buffer) => Uint8Array): Promise<void> {
    await putSei(sei, chain);
    for (const [at, name] of Object.values(files).entries()) {
      const message = encodePersistedInner(votesAt(chain, 3n + BigInt(at)));
      const bytes = encodeSlot(BigInt(at + 5), message, 12 + message.length);
      writeFileSync(join(sei, name), name === file ? change(Buffer.from(bytes)) : bytes);
    }
  }
  const torn = (bytes: Buffer) => bytes.subarray(0, bytes.length - 7);

  test("that says it is the older one is an ordinary state, with a line", async () => {
    await putPair(files.older, torn);
    const { code, report: found } = await report();
    expect([code, found.refused]).toEqual([0, []]);
    expect(found["notes"]).toEqual([expect.stringContaining("slot a of the votes is torn")]);
    expect(found["votes"]).toEqual({ roadIndex: "5" });
    rmSync(store, { recursive: true });
    expect((await run()).stdout).toMatch(/^note +slot a of the votes is torn/m);
  });

  test.each<readonly [string, string, (bytes: Buffer) => Uint8Array]>([
    ["the newer one", files.newer, torn],
    ["too short to say which", files.older, (bytes) => bytes.subarray(0, 11)],
    ["nothing but zeros", files.older, (bytes) => Buffer.alloc(bytes.length)],
    ["the newer one, by a flipped bit of its sequence", files.newer, flipped(4, 4)],
  ])("that is %s may have held newer votes: no store is made", async (_, file, change) => {
    await putPair(file, change);
    const { code, report: found } = await report();
    expect(code).toBe(12);
    expect(found.refused).toMatchObject([{ reason: "damaged_slot" }]);
    expectNothingMade();
  });
});

/** Flips the bits of `mask` in byte `at`. */
function flipped(at: number, mask: number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    bytes[at] = (bytes[at] ?? 0) ^ mask;
    return bytes;
  };
}

describe("something refused", () => {
  /** Puts the log of one lane, or of the road, with these payloads in the place of the sound one. */
  async function putLog(path: string, first: bigint, payloads: Uint8Array[]): Promise<void> {
    rmSync(join(sei, path), { recursive: true });
    await writeLog(new RealDisk(), join(sei, path), numbered(first, payloads));
  }
  const bytesOf = (numbers: Numbers) =>
    numbersIn(numbers).map((number) => chain.block(lane, number).bytes);

  test("no store is made, every refusal is told, and the exit code is 12", async () => {
    await putSei(sei, chain);
    const forged = Uint8Array.from(chain.block(lane, 3n).bytes);
    // The last byte is one of the signature.
    forged[forged.length - 1]! ^= 1;
    await putLog(`blocks/${lane}`, 0n, [...bytesOf([0n, 3n]), forged, ...bytesOf([4n, 6n])]);
    const { code, report: found } = await report();
    expect(code).toBe(12);
    expect(found).toMatchObject({ ok: false, stored: false, exitCode: 12, refusedCount: 3 });
    expect(reasonsIn(found)).toEqual([
      ["3", "bad_signature"],
      ["4", "after_refused"],
      ["5", "after_refused"],
    ]);
    const file = expect.stringContaining(join(sei, "blocks", lane)) as string;
    expect(found.refused[0]).toMatchObject({ lane, number: "3", file });
    expectNothingMade();
    const { code: same, stdout } = await run();
    expect(same).toBe(12);
    expect(stdout).toMatch(/^refused bad_signature: .*, byte \d+, lane [0-9a-f]{80}, number 3$/m);
    expect(stdout).toMatch(/^store +not made$/m);
  });

  test("--partial stores what verifies, and only that", async () => {
    await putSei(sei, chain);
    await putLog(`blocks/${lane}`, 0n, [...bytesOf([0n, 3n]), chain.orphan(lane, 3n).bytes]);
    const { code, report: found } = await report("--partial");
    expect(code).toBe(0);
    expect(reasonsIn(found)).toEqual([["3", "parent_hash"]]);
    expect(found).toMatchObject({ ok: true, stored: true, refusedCount: 1 });
    await using keeper = await Lanekeeper.open(store, { chainId: "sei", epochOf });
    expect(keeper.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 3n });
    expect(keeper.recovery.lanes.get(other)).toEqual({ first: 0n, next: 7n });
  });

  test.each<readonly [string, string, string, bigint, () => Uint8Array[]]>([
    ["a commit QC of another committee", "commitqcs", "not_a_lane", 0n, () => [foreignQC()]],
    ["a gap in the road", "commitqcs", "road_gap", 1n, () => [chain.qc(1n).bytes]],
    ["a lane that starts too high", `blocks/${lane}`, "lane_gap", 1n, () => bytesOf([1n, 2n])],
    ["a block of another lane", `blocks/${lane}`, "wrong_lane", 0n, () => [blockOfOther()]],
    ["bytes that are no block", `blocks/${lane}`, "record_does_not_decode", 0n, () => [junk]],
    ["more blocks than a lane may hold", `blocks/${lane}`, "over_capacity", 0n, () => tooMany()],
  ])("%s", async (_, path, reason, first, payloads) => {
    await putSei(sei, chain, { votes: votesAt(chain, 0n) });
    await putLog(path, first, payloads());
    const { code, report: found } = await report();
    expect(code).toBe(12);
    expect(found.refused.map((each) => each["reason"])).toContain(reason);
    expectNothingMade();
  });
  const junk = Uint8Array.of(1, 2, 3);
  const foreignQC = () => new TestChain(4).qc(0n).bytes;
  const blockOfOther = () => chain.block(other, 0n).bytes;
  const tooMany = () => bytesOf([0n, 31n]);

  test("a lane that begins above the anchor's range has lost blocks", async () => {
    await putSei(sei, chain, { lanes: [[lane, [4n, 6n]]] });
    putAnchor(join(folder, "sei.anchor.pb"), chain.qc(2n).anchor);
    const { code, report: found } = await report();
    expect(code).toBe(12);
    expect(reasonsIn(found)).toEqual([
      ["4", "lane_gap"],
      ["5", "after_refused"],
    ]);
  });

  test("what an older revision left", async () => {
    await putSei(sei, chain);
    mkdirSync(join(sei, "blocks", "ab".repeat(32)));
    const { code, report: found } = await report();
    expect(code).toBe(12);
    expect(found.refused.map(({ reason }) => reason)).toEqual(["older_revision"]);
    expectNothingMade();
  });

  test("votes with a field of a later schema: it may be a vote", async () => {
    await putSei(sei, chain);
    const later = Uint8Array.of((9 << 3) | 2, 1, 0);
    const votes = encodePersistedInner(votesAt(chain, 4n));
    const message = Buffer.concat([votes, later]);
    writeFileSync(join(sei, "inner_a.pb"), encodeSlot(1n, message, 12 + message.length));
    const { code, report: found } = await report();
    expect(code).toBe(12);
    expect(found.refused).toMatchObject([{ reason: "unknown_field" }]);
    expect(found.refused[0]?.["detail"]).toContain("PersistedInner.9");
    expectNothingMade();
  });

  test("an anchor that its committee did not sign, or none at all", async () => {
    await putSei(sei, chain);
    const file = putAnchor(join(folder, "anchor"), new TestChain(4).qc(2n).anchor);
    const stranger = await run("--anchor", file);
    expect([stranger.code, stranger.stdout]).toEqual([12, ""]);
    expect(stranger.stderr).toMatch(/^lanekeeper: INVALID: prune anchor 2 is refused: [^\n]+\n$/);
    writeFileSync(file, "no anchor");
    expect((await run("--anchor", file)).code).toBe(12);
    expectNothingMade();
  });
});

describe("a wrong call changes nothing", () => {
  test.each<readonly [string, number, () => Promise<unknown>]>([
    ["without --from-sei", 2, () => call("import", "--committee", committee, store)],
    ["without --committee", 2, () => call("import", "--from-sei", sei, store)],
    ["without a directory", 2, () => call("import", "--from-sei", sei, "--committee", committee)],
    ["with an empty name", 2, () => call("import", "--from-sei", sei, "--committee", "x", "")],
    ["an anchor's file that is not there", 2, () => run("--anchor", join(folder, "none"))],
    ["an empty chain id", 2, () => run("--chain-id", "")],
    ["a directory that is not of sei-chain", 31, () => seiIs(folder)],
    ["a directory that is not there", 31, () => seiIs(join(folder, "nowhere"))],
  ])("%s", async (_, code, called) => {
    await putSei(sei, chain);
    const found = (await called()) as Awaited<ReturnType<typeof call>>;
    expect([found.code, found.stdout]).toEqual([code, ""]);
    expect(found.stderr).toMatch(/^lanekeeper: [^\n]+\n$/);
    expectNothingMade();
  });
  const seiIs = (path: string) =>
    call("import", "--from-sei", path, "--committee", committee, store);

  test("a target that is not empty is left alone, with exit code 30", async () => {
    await putSei(sei, chain);
    mkdirSync(store);
    writeFileSync(join(store, "mine"), "");
    const { code, stderr } = await run();
    expect(code).toBe(30);
    expect(stderr).toContain(store);
    expect(readdirSync(store)).toEqual(["mine"]);
    expect((await run()).code).toBe(30);
  });
});

/** Kills its process at a call to the disk, and counts the calls. */
const killer = `data:text/javascript,${encodeURIComponent(`
  import fs from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  let calls = 0;
  const counted = (of, names) => {
    for (const name of names) {
      const real = of[name];
      of[name] = (...args) => {
        calls += 1;
        if (calls === Number(process.env.KILLED_AT)) process.kill(process.pid, "SIGKILL");
        return real.apply(of, args);
      };
    }
  };
  counted(fs, ["open", "fdatasync", "fdatasyncSync", "writev", "writevSync"]);
  counted(fs.promises, ["open", "mkdir", "rename", "rm", "unlink"]);
  syncBuiltinESMExports();
  process.on("exit", () => fs.writeSync(2, "calls: " + calls + "\\n"));
`)}`;

describe("an import that was stopped", () => {
  test("leaves an unfinished directory and no store; the next one names it", async () => {
    await putSei(sei, chain);
    const expected = new ImportTally();
    for await (const item of importSeiDirectory(sei, { epochOf })) expected.take(item);
    async function* stopped() {
      for await (const item of importSeiDirectory(sei, { epochOf })) {
        if (item.kind === "block" && item.number === 3n) throw new Error("stopped");
        yield item;
      }
    }
    const { signal: stop } = new AbortController();
    const contents = { choices: { chainId: "sei", epochOf }, anchor: undefined, expected, stop };
    const making = makeStore(store, { ...contents, items: stopped(), onRecord: () => {} });
    await expect(making).rejects.toThrow("stopped");
    expect(existsSync(store)).toBe(false);
    const { code, stderr } = await run();
    expect(code).toBe(30);
    expect(stderr).toContain(`${store}.importing is there already`);
    rmSync(`${store}.importing`, { recursive: true });
    expect((await run()).code).toBe(0);
    await expectStored([0n, 7n], [0n, 5n]);
  });

  test("by a signal, at any moment: there is no store and no unfinished one, or all of it", async () => {
    await putSei(sei, chain);
    const expected = new ImportTally();
    for await (const item of importSeiDirectory(sei, { epochOf })) expected.take(item);
    for (let at = 1; at <= expected.records; at++) {
      const stop = new AbortController();
      const onRecord = (records: number): void => {
        if (records >= at) stop.abort(new Error("stopped"));
      };
      const items = importSeiDirectory(sei, { epochOf });
      const contents = { choices: { chainId: "sei", epochOf }, anchor: undefined, items, expected };
      const making = makeStore(store, { ...contents, onRecord, stop: stop.signal });
      await expect(making).rejects.toThrow("stopped");
      expect(existsSync(store)).toBe(false);
      expect(existsSync(`${store}.importing`)).toBe(false);
    }
    expect((await run()).code).toBe(0);
    await expectStored([0n, 7n], [0n, 5n]);
  });

  test("by SIGKILL, at any call to the disk: there is no store, or all of it", async () => {
    await putSei(sei, chain);
    const script = await programOf("src/cli/main.ts");
    const args = [script, "import", "--from-sei", sei, "--committee", committee, store];
    const unfinished = `${store}.importing`;
    const until = (call: number): string => {
      const env = { ...process.env, KILLED_AT: String(call) };
      return spawnSync(process.execPath, ["--import", killer, ...args], { env, encoding: "utf8" })
        .stderr;
    };
    const calls = Number(/^calls: (\d+)$/m.exec(until(0))?.[1]);
    await expectStored([0n, 7n], [0n, 5n]);
    rmSync(store, { recursive: true });
    let stopped = 0;
    for (const share of [0.2, 0.5, 0.7, 0.9, 0.97]) {
      until(Math.floor(share * calls));
      const isStored = existsSync(store);
      const isBegun = existsSync(unfinished);
      if (isStored) await expectStored([0n, 7n], [0n, 5n]);
      if (isBegun) expect((await run()).code).toBe(30);
      expect(isStored && isBegun).toBe(false);
      if (isBegun) stopped += 1;
      for (const path of [store, unfinished]) rmSync(path, { recursive: true, force: true });
    }
    expect(stopped).toBeGreaterThan(0);
  });

  test("a directory that changes while it is read gives no store", async () => {
    await putSei(sei, chain);
    const choices = { chainId: "sei", epochOf };
    const items = importSeiDirectory(sei, { epochOf });
    const expected = new ImportTally();
    const { signal: stop } = new AbortController();
    const contents = { choices, anchor: undefined, items, expected, onRecord: () => {}, stop };
    const error = {
      code: "RECOVERY_MISMATCH",
      message: expect.stringMatching(/changed/) as string,
    };
    await expect(makeStore(store, contents)).rejects.toMatchObject(error);
    expect(existsSync(store)).toBe(false);
  });
});

test("--help shows examples, the committee file, and what a stop leaves", async () => {
  const { code, stdout } = await call("import", "--help");
  expect(code).toBe(0);
  expect(stdout).toContain("$ lanekeeper import --from-sei ./sei-state");
  expect(stdout).toContain('"members": [{"key"');
  expect(stdout).toContain("<store>.importing");
});

/** `lanekeeper export`, and the way there and back: what came from sei-chain goes back unchanged. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compareExport, rehearseOpening } from "../../../src/cli/transfer/export/check.js";
import { exportedOf } from "../../../src/cli/transfer/export/contents.js";
import { RealDisk } from "../../../src/disk/real/real.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { readLayout } from "../../../src/sei/format/layout.js";
import { openLog } from "../../../src/sei/read/log-opening.js";
import { readLog } from "../../../src/sei/read/log-reading.js";
import { signPrepareVote } from "../../../src/wire/build.js";
import { encodePersistedInner, encodePruneAnchor } from "../../../src/wire/codec/encode.js";
import { goldenChain } from "../../golden/kit/chain.js";
import { golden, goldenDirectory, noGolden } from "../../golden/kit/golden.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { pushAnchor, pushBlocks, pushQCs } from "../../node/kit.js";
import { laneAt } from "../../sei/kit.js";
import { toHex } from "../../wire/bytes.js";
import { setImmediate as nextTurn } from "node:timers/promises";
import { call, callUntil } from "../program-kit.js";
import { digestsUnder, putAnchor, putCommittees, putSei, votesAt } from "./import-kit.js";

const chain = new TestChain();
const { epochOf } = chain;
const lane = laneAt(chain, 0);

let folder = "";
let sei = "";
let store = "";
let committee = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-export-"));
  sei = join(folder, "sei");
  store = join(folder, "store");
  committee = putCommittees(join(folder, "committee.json"), [chain.epoch]);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A store with blocks and commit QCs [0, 5), and the votes after; pruned where `anchor` is given. */
async function putStore(anchor?: bigint, retainBytes = 0): Promise<void> {
  await Lanekeeper.init(store, { chainId: CHAIN_ID });
  await using keeper = await Lanekeeper.open(store, { chainId: CHAIN_ID, epochOf, retainBytes });
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 5n });
  await pushQCs(keeper, chain, { to: 5n });
  await keeper.writeVoteState(encodePersistedInner(votesAt(chain, 4n)), 5n);
  if (anchor !== undefined) await pushAnchor(keeper, chain.qc(anchor).anchor);
}

async function putVotes(message: Uint8Array): Promise<void> {
  await using keeper = await Lanekeeper.open(store, { chainId: CHAIN_ID, epochOf });
  await keeper.writeVoteState(message, 6n);
}

/** Every record of a directory of sei-chain, as it lies there: by log and index, in hex. */
async function recordsIn(directory: string): Promise<Record<string, string>> {
  const disk = new RealDisk();
  const { lanes, commitQCs } = await readLayout(disk, directory);
  const found: Record<string, string> = {};
  const logs = lanes.map((each) => [each.lane, each.directory] as const);
  for (const [name, path] of [...logs, ["road", commitQCs] as const]) {
    for await (const { index, payload } of readLog(disk, await openLog(disk, path))) {
      found[`${name} ${index}`] = toHex(payload);
    }
  }
  return found;
}

/**
 * Every opening of a directory that sei-chain accepted. Epochs that overlap, as those of a case
 * with a second one do, cannot be told by a committee file.
 */
function goldenOpenings() {
  if (noGolden) return [];
  const { cases } = golden<GoldenCases>("state/cases.json");
  const ofOneEpoch = cases.filter(({ epoch1 }) => epoch1 === undefined);
  return ofOneEpoch.flatMap(({ name, opens }) => {
    const accepted = opens.filter(({ accept }) => accept);
    return accepted.map(({ anchorRoad }) => ({ name, anchorRoad }));
  });
}

interface GoldenCases {
  readonly cases: readonly {
    readonly name: string;
    readonly opens: readonly { readonly accept: boolean; readonly anchorRoad: string | null }[];
    readonly epoch1?: unknown;
  }[];
}

describe("a store", () => {
  test("comes out whole, and stays as it was", async () => {
    await putStore();
    const { code, stdout, stderr } = await call("export", "--to-sei", sei, store);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^anchor +none$/m);
    expect(stdout).toMatch(/^read back +20 blocks and commit QCs, byte for byte$/m);
    const found = await recordsIn(sei);
    expect(Object.keys(found)).toHaveLength(20);
    for (let number = 0n; number < 5n; number++) {
      expect(found[`${lane} ${number}`]).toBe(toHex(chain.block(lane, number).bytes));
      expect(found[`road ${number}`]).toBe(toHex(chain.qc(number).bytes));
    }
    expect(existsSync(`${sei}.anchor.pb`)).toBe(false);
    await using keeper = await Lanekeeper.open(store, { chainId: CHAIN_ID, epochOf });
    expect(keeper.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 5n });
  });

  test("is stopped by a signal: nothing of what it had written is left", async () => {
    await putStore();
    const stop = new AbortController();
    const done = callUntil(stop.signal, ["export", "--to-sei", sei, store]);
    while (!existsSync(sei)) await nextTurn();
    stop.abort({ exitCode: 143, line: undefined });
    const { code, stdout } = await done;
    expect({ code, stdout }).toEqual({ code: 143, stdout: "" });
    expect(existsSync(sei)).toBe(false);
    expect((await call("export", "--to-sei", sei, store)).code).toBe(0);
  });

  test("with an anchor: what it left, the anchor in a file, sei-chain's opening rehearsed", async () => {
    await putStore(2n);
    const file = join(folder, "anchor");
    const more = ["--committee", committee, "--anchor", file, "--json"];
    const { code, stdout } = await call("export", "--to-sei", `${sei}/`, ...more, store);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      directory: sei,
      anchor: { roadIndex: "2", file },
      road: { first: "2", next: "5" },
      hasVotes: true,
      records: 12,
      rehearsed: true,
    });
    expect(toHex(readFileSync(file))).toBe(toHex(encodePruneAnchor(chain.qc(2n).anchor)));
    expect(Object.keys(await recordsIn(sei))).toHaveLength(12);
  });

  test("with an anchor, and no committees to prove it by: exit code 2", async () => {
    await putStore(2n);
    const { code, stderr } = await call("export", "--to-sei", sei, store);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^lanekeeper: USAGE: .*--committee[^\n]*\n$/);
    expect(existsSync(sei)).toBe(false);
  });

  test("keeps what it retains", async () => {
    const retainBytes = 2 ** 30;
    await putStore(2n, retainBytes);
    expect((await call("export", "--to-sei", sei, "--committee", committee, store)).code).toBe(0);
    await using keeper = await Lanekeeper.open(store, { chainId: CHAIN_ID, epochOf, retainBytes });
    const retained = await keeper.readRetainedBlock(lane, 1n);
    expect(retained && toHex(retained)).toBe(toHex(chain.block(lane, 1n).bytes));
  });

  test("that is open elsewhere is refused with exit code 32, and nothing is written", async () => {
    await putStore();
    await using _ = await Lanekeeper.open(store, { chainId: CHAIN_ID, epochOf });
    expect((await call("export", "--to-sei", sei, store)).code).toBe(32);
    expect(existsSync(sei)).toBe(false);
  });

  test("that is a copy is refused with exit code 37, unless --moved says that it is the only one", async () => {
    await putStore();
    cpSync(store, `${store}-copy`, { recursive: true });
    expect((await call("export", "--to-sei", sei, `${store}-copy`)).code).toBe(37);
    expect(existsSync(sei)).toBe(false);
    expect((await call("export", "--to-sei", sei, "--moved", `${store}-copy`)).code).toBe(0);
  });

  test("with a vote of a later schema is refused: sei-chain would drop it in silence", async () => {
    await putStore();
    const later = Uint8Array.of((9 << 3) | 2, 1, 0);
    await putVotes(Buffer.concat([encodePersistedInner(votesAt(chain, 4n)), later]));
    const { code, stderr } = await call("export", "--to-sei", sei, store);
    expect(code).toBe(12);
    expect(stderr).toContain("field PersistedInner.9");
    expect(existsSync(sei)).toBe(false);
  });

  test("whose votes sei-chain refuses by the latest epoch: --committee tells it", async () => {
    await putStore();
    const [voter] = chain.keys;
    if (!voter) throw new Error("the chain has keys");
    // A vote of road 3 beside the commit QC of road 4.
    const prepareVote = signPrepareVote(chain.qc(3n).qc.vote, voter);
    await putVotes(encodePersistedInner({ ...votesAt(chain, 4n), prepareVote }));
    const { code, stderr } = await call("export", "--to-sei", sei, "--committee", committee, store);
    expect(code).toBe(15);
    expect(stderr).toMatch(/sei-chain would refuse what was written: the votes, by epoch 0: /);
    expect((await call("export", "--to-sei", `${sei}2`, store)).code).toBe(0);
  });

  test("that lost something in flight is refused: sei-chain has no pins", async () => {
    await putStore();
    await using keeper = await Lanekeeper.open(store, { chainId: CHAIN_ID, epochOf });
    const { recovery } = keeper;
    const pins = [{ lane, number: 5n, headerHash: new Uint8Array(32) }];
    const pinned = expect.objectContaining({ code: "PINNED", lane, blockNumber: 5n }) as Error;
    expect(() => exportedOf({ ...recovery, pins })).toThrow(pinned);
    const abstaining = expect.objectContaining({ code: "PINNED", roadIndex: 6n }) as Error;
    expect(() => exportedOf({ ...recovery, abstainThrough: 6n })).toThrow(abstaining);
    expect(exportedOf(recovery).records).toBe(20);
    const unreadable = expect.objectContaining({ code: "INVALID" }) as Error;
    expect(() => exportedOf({ ...recovery, voteState: Uint8Array.of(1, 2, 3) })).toThrow(
      unreadable,
    );
  });
});

describe("a target", () => {
  test("that is not empty, and an anchor's file that is there, are left alone", async () => {
    await putStore(2n);
    mkdirSync(sei);
    writeFileSync(join(sei, "mine"), "");
    const args = ["export", "--to-sei", sei, "--committee", committee, store];
    expect((await call(...args)).code).toBe(30);
    expect(readdirSync(sei)).toEqual(["mine"]);
    rmSync(join(sei, "mine"));
    writeFileSync(`${sei}.anchor.pb`, "mine");
    const { code, stderr } = await call(...args);
    expect(code).toBe(30);
    expect(stderr).toContain(`${sei}.anchor.pb is there already`);
    expect(readdirSync(sei)).toEqual([]);
    rmSync(`${sei}.anchor.pb`);
    expect((await call(...args)).code).toBe(0);
  });

  test.each([
    ["without --to-sei", 2, () => call("export", store)],
    ["without a store", 2, () => call("export", "--to-sei", sei)],
    ["a store that is none", 31, () => call("export", "--to-sei", sei, folder)],
  ] as const)("%s", async (_, code, called) => {
    const found = await called();
    expect([found.code, found.stdout]).toEqual([code, ""]);
    expect(found.stderr).toMatch(/^lanekeeper: [^\n]+\n$/);
    expect(existsSync(sei)).toBe(false);
  });
});

describe("reading back", () => {
  const contents = () => ({
    lanes: chain.lanes.map((of) => {
      const blocks = [0n, 1n, 2n].map((number) => chain.block(of, number).signed);
      return [of, blocks] as const;
    }),
    commitQCs: [0n, 1n].map((index) => chain.qc(index).qc),
    votes: votesAt(chain, 1n),
  });
  const mismatch = expect.objectContaining({ code: "VERIFY_MISMATCH" }) as Error;
  const lanes = chain.lanes.map((of) => [of, [0n, 3n] as const] as const);

  beforeEach(async () => {
    await putSei(sei, chain, { lanes, road: [0n, 2n] });
  });

  test("finds what was written, and nothing else", async () => {
    await expect(compareExport(sei, contents())).resolves.toBeUndefined();
  });

  test.each<readonly [string, () => Partial<ReturnType<typeof contents>>]>([
    ["a block more", () => ({ lanes: contents().lanes.map(([of, all]) => [of, all.slice(1)]) })],
    ["a lane more", () => ({ lanes: contents().lanes.slice(1) })],
    ["a commit QC less", () => ({ commitQCs: [0n, 1n, 2n].map((index) => chain.qc(index).qc) })],
    ["another commit QC", () => ({ commitQCs: [0n, 1n].map((at) => chain.qc(at, 1).qc) })],
    ["other votes", () => ({ votes: votesAt(chain, 0n) })],
  ])("finds %s", async (_, change) => {
    await expect(compareExport(sei, { ...contents(), ...change() })).rejects.toEqual(mismatch);
  });

  test("finds a flipped bit", async () => {
    const path = join(sei, "commitqcs", "0-0-1.wal");
    const bytes = readFileSync(path);
    bytes[60]! ^= 1;
    writeFileSync(path, bytes);
    await expect(compareExport(sei, contents())).rejects.toEqual(mismatch);
  });

  test("the rehearsal refuses what sei-chain would refuse", async () => {
    const nothingMore = { anchor: undefined, votes: undefined };
    await expect(rehearseOpening(sei, [chain.epoch], nothingMore)).resolves.toBeUndefined();
    rmSync(sei, { recursive: true });
    await putSei(sei, chain, { lanes: [], road: [1n, 3n] });
    await expect(rehearseOpening(sei, [chain.epoch], nothingMore)).rejects.toEqual(mismatch);
  });
});

describe("there and back", () => {
  /** The records that came back, and the refusals on the way there. */
  async function thereAndBack(from: string, anchor?: string) {
    const named = anchor === undefined ? [] : ["--anchor", anchor];
    const more = [...named, "--committee", committee, "--partial", "--json"];
    const there = await call("import", "--from-sei", from, ...more, store);
    expect([there.code, there.stderr]).toEqual([0, ""]);
    const to = join(folder, "back");
    const back = await call("export", "--to-sei", to, "--committee", committee, store);
    expect([back.code, back.stderr]).toEqual([0, ""]);
    const { refused } = JSON.parse(there.stdout) as { refused: Record<string, string>[] };
    return { back: await recordsIn(to), refused };
  }

  test("from zero: every record and the votes are the same bytes", async () => {
    await putSei(sei, chain);
    expect(await thereAndBack(sei)).toEqual({ back: await recordsIn(sei), refused: [] });
    const [before, after] = [digestsUnder(sei), digestsUnder(join(folder, "back"))];
    // Written by the same writer, with the same numbers: every file is the same.
    expect(after).toEqual(before);
  });

  test("under an anchor: the same bytes from there on, and the anchor itself", async () => {
    await putSei(sei, chain);
    const file = putAnchor(join(folder, "anchor"), chain.qc(2n).anchor);
    const whole = Object.entries(await recordsIn(sei));
    const kept = whole.filter(([name]) => Number(name.split(" ")[1]) >= 2);
    expect(await thereAndBack(sei, file)).toEqual({ back: Object.fromEntries(kept), refused: [] });
    expect(readFileSync(join(folder, "back.anchor.pb"))).toEqual(readFileSync(file));
  });

  if (noGolden) test.skip(`sei-chain's own directories: none in ${goldenDirectory}`, () => {});
  test.each(goldenOpenings())(
    "sei-chain's own $name, under the anchor of road $anchorRoad",
    async ({ name, anchorRoad }) => {
      const made = goldenChain();
      const { anchors } = made;
      putCommittees(committee, [made.epoch]);
      const anchor = anchorRoad === null ? undefined : anchors.get(BigInt(anchorRoad));
      const file = anchor && putAnchor(join(folder, "anchor"), anchor);
      const from = join(goldenDirectory, "state", name);
      const { back, refused } = await thereAndBack(from, file);
      // Lanes of no committee, and older forms. Nothing else that sei-chain wrote may be refused.
      const reasons = new Set(refused.map((each) => `${each["reason"]}`));
      const allowed = ["not_a_lane", "older_revision"];
      expect([...reasons].filter((reason) => !allowed.includes(reason))).toEqual([]);
      const starts = new Map([["road", anchor?.commitQC.vote.view.index ?? 0n]]);
      for (const range of anchor?.commitQC.vote.laneRanges ?? []) {
        starts.set(range.lane, range.first);
      }
      const left = new Set(refused.map((each) => `${each["lane"]} ${each["index"]}`));
      const kept = Object.entries(await recordsIn(from)).filter(([key]) => {
        const [log = "", index = ""] = key.split(" ");
        return BigInt(index) >= (starts.get(log) ?? 0n) && !left.has(key);
      });
      expect(back).toMatchObject(Object.fromEntries(kept));
      // The anchor brings its own commit QC, which sei-chain may have pruned.
      const more = Object.keys(back).filter((key) => !kept.some(([known]) => known === key));
      expect(more.filter((key) => key !== `road ${anchorRoad}`)).toEqual([]);
    },
  );
});

test("--help shows an example, and says where the anchor goes", async () => {
  const { code, stdout } = await call("export", "--help");
  expect(code).toBe(0);
  expect(stdout).toContain("$ lanekeeper export --to-sei ./new-sei-state");
  expect(stdout).toContain("<to-sei>.anchor.pb");
});

/** Watermarks: everything that a store may have signed is below them, and an import only ever raises. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeWatermarks,
  encodeWatermarks,
  raiseOf,
  type Watermarks,
} from "../../../src/keeping/watermarks/document.js";
import { findBackup } from "../../../src/keeping/backup/found.js";
import { restore } from "../../../src/keeping/restore/restore.js";
import { importWatermarks } from "../../../src/keeping/watermarks/import.js";
import { drained } from "../../crash/history/explorer.js";
import { exportWatermarks } from "../../../src/keeping/watermarks/export.js";
import {
  type Heights,
  laneHeight,
  NO_GUARDS,
  raised,
} from "../../../src/persist/guards/heights.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { signCommitVote, signPrepareVote } from "../../../src/wire/build.js";
import { encodePersistedInner } from "../../../src/wire/codec/encode.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { fresh, laneAt, opened, pushAnchor, pushBlocks, pushQCs, refusal } from "../../node/kit.js";
import { newestSegment } from "../../journal/kit.js";
import { DIRECTORY, simulatedSurroundings } from "../../node/surroundings.js";
import { STRIDE } from "../../scale.js";

const chain = new TestChain(2);
const [lane, other] = [laneAt(chain, 0), laneAt(chain, 1)];
const keys = chain.keysOf(lane);
const signer = Buffer.from(keys.publicKey).toString("hex");
const meant = { chainId: CHAIN_ID, signer: undefined, takeIncomplete: false };
const unknown: Heights = { lanes: "unknown", byLane: new Map(), votes: "unknown" };

/** A store that has voted at road 3, and holds 4 blocks of one lane and 2 of the other. */
async function store(): Promise<SimulatedDisk> {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 4n });
  await pushBlocks(keeper, chain, other, { to: 2n });
  await pushQCs(keeper, chain, { to: 3n });
  const { qc } = chain.qc(2n);
  const proposal = { ...qc.vote, view: { ...qc.vote.view, index: 3n, number: 1n } };
  const votes = encodePersistedInner({
    commitQC: qc,
    prepareQC: undefined,
    timeoutQC: undefined,
    timeoutVote: undefined,
    prepareVote: signPrepareVote(proposal, keys),
    commitVote: signCommitVote(proposal, keys),
  });
  await keeper.writeVoteState(votes, 3n);
  await keeper.close();
  return disk;
}

function exported(disk: SimulatedDisk): Promise<Watermarks> {
  return exportWatermarks({ disk, directory: DIRECTORY, keys: [], signer: undefined });
}

describe("an export", () => {
  test("names the last block of each lane, our own as proposed, and the highest votes", async () => {
    const marks = await exported(await store());
    expect(marks).toMatchObject({ chainId: CHAIN_ID, signer, isComplete: true, unread: [] });
    const hash = Buffer.from(chain.block(lane, 3n).hash).toString("hex");
    expect(marks.lanes).toContainEqual({ lane, kind: "proposed", number: 3n, headerHash: hash });
    expect(marks.lanes.filter((each) => each.lane === other).map(({ kind }) => kind)).toEqual([
      "voted",
    ]);
    const places = marks.votes.map(({ kind, roadIndex }) => `${kind} ${roadIndex}`);
    expect(places.sort()).toEqual(["any 3", "app 2", "commit 3", "prepare 3"]);
    expect(decodeWatermarks(encodeWatermarks(marks), "marks.json")).toEqual(marks);
  });

  test("gives heights above all of it", async () => {
    const raise = raiseOf(await exported(await store()), unknown, meant);
    expect(raise).toEqual({
      lanes: 0n,
      byLane: new Map([
        [lane, 4n],
        [other, 2n],
      ]),
      votes: 4n,
    });
  });

  test("goes as far as the road that the vote state was written for", async () => {
    const { disk, keeper } = await fresh(chain);
    // A field that no vote state has: whoever wrote it knows its votes, and we know its road.
    await keeper.writeVoteState(Uint8Array.of(0x7a, 2, 1, 2), 50n);
    await keeper.close();
    expect(raiseOf(await exported(disk), unknown, meant).votes).toBe(51n);
  });

  test("goes as far as the anchor where blocks were never here", async () => {
    const { disk, keeper } = await fresh(chain);
    await pushAnchor(keeper, chain.qc(5n).anchor);
    await keeper.close();
    const { byLane, votes } = raiseOf(await exported(disk), unknown, meant);
    expect(byLane?.get(lane)).toBe(5n);
    expect(votes).toBe(0n);
  });

  test("of a store that was restored says what its earlier life may have signed", async () => {
    const disk = await store();
    const keeper = await opened(disk, chain);
    await refusal(exported(disk), "STORE_LOCKED");
    const byLane = new Map([[other, 40n]]);
    await keeper.raiseGuard({ lanes: 30n, byLane, votes: 9n }, { by: "peers", reason: "asked" });
    await keeper.close();
    const raise = raiseOf(await exported(disk), unknown, meant);
    expect(raise).toMatchObject({ lanes: 30n, votes: 9n });
    expect(raise.byLane?.get(other)).toBe(40n);
  });

  test("of a damaged store takes what can be read, and is not complete", async () => {
    const disk = await store();
    const { path, bytes } = newestSegment(disk);
    for (let at = 4096 + 64; at < bytes.length; at += 512)
      disk.damage(path, at, Buffer.from("harm"));
    const marks = await exported(disk);
    expect(marks.isComplete).toBe(false);
    expect(marks.unread.join("\n")).toMatch(/JOURNAL_CORRUPT|ACKNOWLEDGED_LOST/);
    expect(raiseOf(marks, unknown, meant)).toEqual({ byLane: new Map() });
  });
});

describe("an import", () => {
  const marks: Watermarks = {
    format: "lanekeeper watermarks",
    version: 1,
    chainId: CHAIN_ID,
    signer,
    isComplete: true,
    unread: [],
    lanes: [
      { lane, kind: "proposed", number: 7n, headerHash: null },
      { lane, kind: "voted", number: 9n, headerHash: null },
      { lane: null, kind: "voted", number: 1n, headerHash: null },
    ],
    votes: [
      { kind: "timeout", roadIndex: 4n, view: 0n },
      { kind: "app", roadIndex: 90n, view: null },
    ],
  };

  test("takes the highest of several marks; an app vote raises nothing", () => {
    const raise = raiseOf(marks, NO_GUARDS, meant);
    expect(raise).toEqual({ lanes: 2n, byLane: new Map([[lane, 10n]]), votes: 5n });
  });

  test("refuses another chain, another signer, and what is no document", async () => {
    const refused = (act: () => unknown) => refusal(Promise.resolve().then(act), codes);
    const codes = ["WRONG_CHAIN", "INVALID", "FORMAT_TOO_NEW"] as const;
    const text = encodeWatermarks(marks);
    const cases: [() => unknown, (typeof codes)[number]][] = [
      [() => raiseOf(marks, NO_GUARDS, { ...meant, chainId: "other" }), "WRONG_CHAIN"],
      [() => raiseOf(marks, NO_GUARDS, { ...meant, signer: "ab".repeat(32) }), "INVALID"],
      [() => decodeWatermarks("{", "file"), "INVALID"],
      [() => decodeWatermarks("{}", "file"), "INVALID"],
      [() => decodeWatermarks(text.replace('"9"', '"18446744073709551615"'), "file"), "INVALID"],
      [() => decodeWatermarks(text.replace('"version": 1', '"version": 2'), "f"), "FORMAT_TOO_NEW"],
    ];
    for (const [act, code] of cases) expect((await refused(act)).code).toBe(code);
  });

  test("of an incomplete document leaves unknown heights unknown, unless its word is taken", () => {
    const part = { ...marks, isComplete: false };
    expect(raiseOf(part, unknown, meant)).toEqual({ byLane: new Map() });
    const known = { lanes: 3n, byLane: new Map(), votes: 3n } as const;
    expect(raiseOf(part, known, meant)).toMatchObject({ votes: 5n });
    const taken = raiseOf(part, unknown, { ...meant, takeIncomplete: true });
    expect(taken).toEqual(raiseOf(marks, unknown, meant));
  });

  test("in any order, and again, gives the same heights, and lowers none", () => {
    const document = fc
      .record({ lanes: fc.array(fc.tuple(fc.constantFrom(lane, other), fc.bigInt(0n, 9n))) })
      .map(({ lanes }): Watermarks => {
        const named = lanes.map(([each, number]) => {
          return { lane: each, kind: "voted" as const, number, headerHash: null };
        });
        return { ...marks, lanes: named };
      });
    const take = (heights: Heights, each: Watermarks): Heights =>
      raised(heights, raiseOf(each, heights, meant));
    fc.assert(
      fc.property(fc.array(document, { minLength: 1, maxLength: 4 }), (documents) => {
        const all = documents.reduce(take, unknown);
        const backwards = documents.toReversed().reduce(take, unknown);
        for (const each of [lane, other]) {
          expect(laneHeight(all, each)).toBe(laneHeight(backwards, each));
          const highest = documents
            .flatMap(({ lanes }) => lanes)
            .filter((mark) => mark.lane === each)
            .reduce((most, { number }) => (number + 1n > most ? number + 1n : most), 0n);
          expect(laneHeight(all, each)).toBe(highest);
        }
        expect(documents.reduce(take, all)).toEqual(all);
      }),
    );
  });
});

test("an import that is stopped at any step leaves the guards as they were, or raised; done again it raises them", async () => {
  const marks = await exported(await store());
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 2n });
  await keeper.backup("/backups");
  await keeper.close();
  const { randomBytes } = simulatedSurroundings(disk, 9);
  const manifest = await findBackup(disk, "/backups");
  const work = { disk, from: "/backups", manifest, guardAlways: true, nowMs: () => 1, randomBytes };
  await disk.rename(DIRECTORY, "old");
  await restore({ ...work, directory: DIRECTORY });
  const imported = async (on: SimulatedDisk): Promise<void> => {
    const again = await opened(on, chain);
    await importWatermarks(again, marks, { reason: "the old disk" });
    await again.close();
  };
  const heights = async (on: SimulatedDisk) => {
    const again = await opened(on, chain);
    const { guards } = again.status();
    // Below what was signed there, nothing new is ever allowed.
    expect(again.maySign({ kind: "vote", roadIndex: 3n })).toMatchObject({ code: "GUARDED" });
    expect(again.maySign({ kind: "block", lane, number: 2n })).toMatchObject({ code: "GUARDED" });
    await again.close();
    return guards?.votes;
  };
  const straight = disk.snapshot();
  await imported(straight);
  const seen = { unknown: 0, raised: 0 };
  for (let step = 1; step <= straight.steps + 1; step += STRIDE) {
    const crashed = disk.snapshot();
    crashed.crashAt(step);
    let isAcknowledged = false;
    const work = (async () => {
      const again = await opened(crashed, chain);
      await importWatermarks(again, marks, { reason: "the old disk" });
      isAcknowledged = true;
      await again.close();
    })();
    await Promise.race([work, crashed.stopped]);
    await drained();
    for (const left of [crashed.kill(), ...crashed.powerCuts(step, 3)]) {
      const votes = await heights(left.snapshot());
      expect(["unknown", 4n]).toContain(votes);
      if (isAcknowledged) expect(votes).toBe(4n);
      seen[votes === 4n ? "raised" : "unknown"] += 1;
      await imported(left);
      expect(await heights(left)).toBe(4n);
    }
  }
  expect(seen.unknown).toBeGreaterThan(10);
  expect(seen.raised).toBeGreaterThan(1);
});

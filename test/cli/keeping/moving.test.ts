/** A validator moves to another machine, by commands alone. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backupStore } from "../../../src/keeping/backup/calls.js";
import { watermarksOf } from "../../../src/keeping/calls.js";
import { encodeWatermarks } from "../../../src/keeping/watermarks/document.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { laneAt, pushBlocks, refusal } from "../../node/kit.js";
import { SEGMENT_BYTES } from "../../node/surroundings.js";
import { call } from "../program-kit.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);
const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: chain.epochOf };
let folder = "";
const at = (name: string): string => join(folder, name);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-moving-"));
  await Lanekeeper.init(at("a"), { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES });
  await using keeper = await Lanekeeper.open(at("a"), choices);
  await pushBlocks(keeper, chain, lane, { to: 3n });
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function verdictIn(name: string): Promise<string> {
  await using keeper = await Lanekeeper.open(at(name), choices);
  const verdict = keeper.maySign({ kind: "block", lane, number: 3n });
  return verdict.may ? "may" : verdict.rule;
}

describe("a planned move", () => {
  test("retire, restore elsewhere: it goes on without a guard, once", async () => {
    const reason = ["--reason", "to host b"];
    const asked = await call("retire", at("a"), ...reason);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain("never opens again, for good: add --yes");
    const rehearsed = await call("retire", at("a"), ...reason, "--backup", at("b"), "--dry-run");
    expect(rehearsed.code).toBe(0);
    expect(rehearsed.stdout).toContain(`take its last backup into ${at("b")}`);
    expect(existsSync(at("b"))).toBe(false);
    expect(await verdictIn("a")).toBe("may");

    const done = await call("retire", at("a"), ...reason, "--backup", at("backups"), "--yes");
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toContain("is retired; backup 1 in");
    await refusal(Lanekeeper.open(at("a"), choices), "RETIRED");

    const made = await call("restore", at("backups"), at("b"), "--json");
    expect(JSON.parse(made.stdout)).toMatchObject({ ok: true, guard: "none", sourceRetired: true });
    expect(await verdictIn("b")).toBe("may");
    const twice = await call("restore", at("backups"), at("c"), "--json");
    expect(JSON.parse(twice.stdout)).toMatchObject({ guard: "all" });
    expect(await verdictIn("c")).toBe("guarded-block");
  });

  test("a backup of the retired store elsewhere is not its last one, and is guarded", async () => {
    await call("retire", at("a"), "--reason", "moved", "--backup", at("backups"), "--yes");
    const nightly = await call("backup", at("a"), at("nightly"), "--json");
    expect(JSON.parse(nightly.stdout)).toMatchObject({ ok: true, isLast: false });
    const made = await call("restore", at("nightly"), at("b"), "--json");
    expect(JSON.parse(made.stdout)).toMatchObject({ guard: "all", sourceRetired: false });
    const again = ["retire", at("a"), "--reason", "moved", "--yes", "--backup"];
    expect((await call(...again, at("nightly"))).stdout).toContain("is not its last one");
    expect((await call(...again, at("backups"))).stdout).toContain("is its last one");
  });

  test("a retired store is retired again with its first reason, and a further backup", async () => {
    await call("retire", at("a"), "--reason", "first", "--yes");
    const more = ["--reason", "second", "--yes"];
    const again = await call("retire", at("a"), ...more, "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({ reason: "first", wasRetired: true });
    expect((await call("retire", at("a"), ...more)).stdout).toContain(
      "is retired; it was retired before, and the reason on record stays: first",
    );
  });
});

describe("an unplanned one", () => {
  beforeEach(async () => {
    await backupStore(at("a"), at("backups"));
  });

  test("a backup is guarded; watermarks of the old machine lift it to where that one went", async () => {
    await using keeper = await Lanekeeper.open(at("a"), choices);
    await pushBlocks(keeper, chain, lane, { from: 3n, to: 5n });
    await keeper.close();
    const rehearsed = await call("restore", at("backups"), at("b"), "--dry-run");
    expect(rehearsed.stdout).toContain("can become a store of chain test-chain with 1 lane,");
    expect(existsSync(at("b"))).toBe(false);
    await call("restore", at("backups"), at("b"));
    expect(await verdictIn("b")).toBe("guarded-block");

    const out = at("marks.json");
    const marks = await call("watermarks", "export", at("a"), "--out", out, "--json");
    expect(JSON.parse(marks.stdout)).toMatchObject({ isComplete: true, unread: [] });
    const refused = await call("watermarks", "import", at("b"), out, "--reason", " ");
    expect(refused.code).toBe(2);
    const taken = await call("watermarks", "import", at("b"), out, "--json");
    expect(JSON.parse(taken.stdout)).toMatchObject({
      heights: { lanes: "0", byLane: { [lane]: "5" } },
    });
    expect(await verdictIn("b")).toBe("guarded-block");
    await using second = await Lanekeeper.open(at("b"), choices);
    expect(second.maySign({ kind: "block", lane, number: 5n })).toEqual({ may: true });
    await pushBlocks(second, chain, lane, { from: 3n, to: 5n });
  });

  test("an operator sets the heights, with a reason and consent", async () => {
    await call("restore", at("backups"), at("b"));
    const asked = ["guard", at("b"), "--lanes", "3", "--votes", "9", "--reason", "told by phone"];
    expect((await call(...asked)).code).toBe(2);
    expect((await call("guard", at("b"), "--reason", "x", "--yes")).code).toBe(2);
    expect((await call(...asked, "--lane", "x=3", "--yes")).code).toBe(2);
    expect((await call(...asked, "--dry-run")).code).toBe(0);
    expect(await verdictIn("b")).toBe("guarded-block");
    const done = await call(...asked, "--lane", `${lane}=4`, "--yes", "--json");
    expect(JSON.parse(done.stdout)).toMatchObject({ lanes: "3", byLane: { [lane]: "4" } });
    expect(await verdictIn("b")).toBe("guarded-block");
    expect((await call(...asked, "--yes")).code).toBe(0);
    expect(await verdictIn("b")).toBe("may");
  });

  test("an incomplete document counts beside a complete one, in any order", async () => {
    const marks = await watermarksOf(at("a"));
    const place = { lane, kind: "voted", number: 40n, headerHash: null } as const;
    writeFileSync(at("whole.json"), encodeWatermarks(marks));
    const part = { ...marks, isComplete: false, lanes: [place] };
    writeFileSync(at("part.json"), encodeWatermarks(part));
    for (const files of [
      ["whole.json", "part.json"],
      ["part.json", "whole.json"],
    ]) {
      const store = at(files.join("-"));
      await call("restore", at("backups"), store);
      const taken = await call("watermarks", "import", store, ...files.map(at), "--json");
      expect(JSON.parse(taken.stdout)).toMatchObject({ heights: { byLane: { [lane]: "41" } } });
    }
  });

  test("a wrong document, a missing one, and a number that no backup has are refused", async () => {
    writeFileSync(at("wrong.json"), "{}");
    expect((await call("watermarks", "import", at("a"), at("wrong.json"))).code).toBe(12);
    expect((await call("watermarks", "import", at("a"), at("none.json"))).code).toBe(41);
    const out = await call("watermarks", "export", at("a"), "--out", at("wrong.json"));
    expect(out.code).toBe(41);
    const none = await call("restore", at("backups"), at("b"), "--number", "9");
    expect(none.stderr).toContain("BACKUP_CORRUPT");
    expect((await call("restore", at("backups"), at("b"), "--number", "x")).code).toBe(2);
    expect((await call("restore", at("backups"), at("a"))).code).toBe(30);
  });
});

/** `inspect` and `verify` as the command line gives them: words, JSON, exit codes. */
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { shortLane } from "../../../../src/cli/terminal/lanes.js";
import { worstFirst } from "../../../../src/inspect/finding.js";
import { Lanekeeper } from "../../../../src/node/lanekeeper.js";
import { errorCodes } from "../../../../src/types/errors.js";
import { CHAIN_ID, TestChain } from "../../../model/chain.js";
import { pushAnchor, pushBlocks, pushQCs } from "../../../node/kit.js";
import { SEGMENT_BYTES } from "../../../node/surroundings.js";
import { call } from "../../program-kit.js";
import { sceneOf } from "../../scene.js";

const chain = new TestChain();
let folder = "";
let directory = "";

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-"));
  directory = join(folder, "store");
  await Lanekeeper.init(directory, { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES });
  const { epochOf } = chain;
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf };
  const keeper = await Lanekeeper.open(directory, choices);
  for (const lane of chain.lanes) await pushBlocks(keeper, chain, lane, { to: 4n });
  await pushQCs(keeper, chain, { to: 4n });
  await pushAnchor(keeper, chain.qc(1n).anchor);
  await keeper.close();
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Report {
  readonly ok: boolean;
  readonly worst: string | null;
  readonly verdict: { readonly opens: boolean };
  readonly findings: readonly Record<string, unknown>[];
}

async function report(...args: string[]): Promise<{ code: number; report: Report }> {
  const { code, stdout, stderr } = await call(...args, "--json");
  expect(stderr).toBe("");
  expect(stdout.endsWith("}\n")).toBe(true);
  return { code, report: JSON.parse(stdout) as Report };
}

function flip(name: string, offset: number): void {
  const path = join(directory, name);
  const bytes = readFileSync(path);
  bytes[offset]! ^= 0xff;
  writeFileSync(path, bytes);
}

/** A committee file with the keys of `of`. */
function committeeFile(of: TestChain): string {
  const members = of.committee.members.map(({ key, weight }) => {
    return { key: Buffer.from(key).toString("hex"), weight: `${weight}` };
  });
  const path = join(folder, "committee.json");
  writeFileSync(
    path,
    JSON.stringify({ epochs: [{ index: 0, firstRoad: 0, nextRoad: null, members }] }),
  );
  return path;
}

test("a name from outside writes no line of its own, and no command to the terminal", async () => {
  const name = "x\nverdict     it would open\u001b[2J\u007f";
  writeFileSync(join(directory, name), "");
  rmSync(join(directory, "mark"));
  for (const command of ["inspect", "verify"]) {
    const { stdout } = await call(command, directory);
    expect(stdout).toContain("x\\u000averdict     it would open\\u001b[2J\\u007f");
    expect(stdout.split("\n").filter((line) => line.startsWith("verdict"))).toHaveLength(1);
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  }
});

test("a copy of a store would be refused, exit code 37; --moved looks at what is in it", async () => {
  const copy = join(folder, "copy");
  cpSync(directory, copy, { recursive: true });
  for (const command of ["inspect", "verify"]) {
    const { code, report: told } = await report(command, copy);
    expect([code, told.worst, told.verdict.opens]).toEqual([37, "STORE_MOVED", false]);
    expect(told.findings).toHaveLength(1);
    const { code: codeOfMoved, report: moved } = await report(command, "--moved", copy);
    expect([codeOfMoved, moved.findings, moved.verdict.opens]).toEqual([0, [], true]);
  }
});

describe("an intact store", () => {
  test("inspect: exit code 0, and the whole store in one look", async () => {
    const { code, stdout, stderr } = await call("inspect", directory);
    expect([code, stderr]).toEqual([0, ""]);
    for (const lane of chain.lanes) {
      expect(stdout).toContain(`  lane ${shortLane(lane)} [1, 4), `);
      expect(stdout).not.toContain(lane);
    }
    expect(stdout).toMatch(/^ +road \[1, 4\), /m);
    expect(stdout).toMatch(/^anchor +road index 1, /m);
    expect(stdout).toMatch(/^found +0 errors, 0 warnings$/m);
    expect(stdout).toMatch(/^verdict +it would open$/m);
  });

  test("verify: says how far it could prove", async () => {
    const alone = await call("verify", directory);
    expect(alone.code).toBe(0);
    expect(alone.stdout).toMatch(/9 blocks and 3 commit QCs proven.*quorum were not checked/);
    const known = await call("verify", directory, "--committee", committeeFile(chain));
    expect(known.code).toBe(0);
    expect(known.stdout).toMatch(/9 blocks and 3 commit QCs proven, by the committees given/);
    expect(known.stdout).not.toContain("not checked");
  });

  test("--json: one document", async () => {
    const { code, report: found } = await report("inspect", directory);
    expect(code).toBe(0);
    expect(found).toMatchObject({
      ok: true,
      exitCode: 0,
      worst: null,
      findings: [],
      verdict: { opens: true },
      store: { chainId: CHAIN_ID },
      anchor: { roadIndex: "1" },
      road: { first: "1", next: "4", records: 3 },
      pins: [],
    });
  });
});

describe("a pin", () => {
  test("is a warning: exit code 0, and 14 with --strict, for inspect and for verify", async () => {
    await using scene = await sceneOf(["./pinned-state"]);
    const store = scene.at("pinned-state");
    for (const command of ["inspect", "verify"]) {
      const { code, report: found } = await report(command, store);
      expect([command, code, found.ok]).toEqual([command, 0, true]);
      expect(found).toMatchObject({ errors: 0, warnings: 1, pins: [{ number: "2" }] });
      expect(found.findings).toMatchObject([{ class: "PINNED", severity: "warning", number: "2" }]);
    }
    const { code, report: strict } = await report("verify", "--strict", store);
    expect([code, strict.worst]).toEqual([14, "PINNED"]);
    const { stdout } = await call("inspect", store);
    expect(stdout).toMatch(/^found +0 errors, 1 warning$/m);
  });
});

describe("whether a store is in use", () => {
  test("a missing directory is told as one; nothing is said of locks", async () => {
    const missing = join(folder, "nowhere");
    const { code, stdout } = await call("inspect", missing);
    expect(code).toBe(errorCodes.NOT_A_STORE.exit);
    expect(stdout).toMatch(/^in use +no STORE can be read here$/m);
    expect(stdout).toContain("there is no such directory");
    expect(stdout).not.toContain("this system does not tell");
  });

  test("a file in its place is no directory, and no missing one", async () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "words");
    const { code, stdout } = await call("inspect", file);
    expect(code).toBe(errorCodes.NOT_A_STORE.exit);
    expect(stdout).toMatch(/^in use +no STORE can be read here$/m);
    expect(stdout).not.toContain("there is no such directory");
  });

  test("a store that somebody has open is told so, and one that nobody has", async () => {
    const { epochOf } = chain;
    const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf };
    const keeper = await Lanekeeper.open(directory, choices);
    const busy = await call("inspect", directory);
    await keeper.close();
    expect(busy.stdout).toMatch(/^in use +somebody has it open: what was found may be transient$/m);
    const idle = await call("inspect", directory);
    expect(idle.stdout).toMatch(/^in use +no lock on STORE is seen$/m);
  });
});

describe("damage", () => {
  test("each finding has class, file, offset, lane and number; the worst class decides", async () => {
    const { report: whole } = await report("inspect", directory);
    const { journal } = whole as unknown as { journal: { head: { file: string } } };
    const segment = journal.head.file.slice(directory.length + 1);
    flip(segment, 4096 + 40);
    flip("prune_anchor_a.pb", 50);
    const { code, report: found } = await report("inspect", directory);
    expect(code).toBe(errorCodes[found.worst as keyof typeof errorCodes].exit);
    expect(found.ok).toBe(false);
    expect(found.findings[0]).toMatchObject({
      class: expect.stringMatching(/^[A-Z_]+$/) as string,
      severity: "error",
      file: join(directory, segment),
      offset: 4096,
    });
    const files = new Set(found.findings.map(({ file }) => file));
    expect(files).toContain(join(directory, "prune_anchor_a.pb"));
    const { code: same, stdout } = await call("inspect", directory);
    expect(same).toBe(code);
    expect(stdout).toContain(
      `error ANCHOR_CORRUPT: ${join(directory, "prune_anchor_a.pb")}, byte 0\n`,
    );
    expect(stdout).toMatch(/^verdict +open would refuse it with /m);
  });

  test("a warning alone decides nothing, unless --strict says so", async () => {
    const { report: whole } = await report("inspect", directory);
    const { mark } = whole as unknown as { mark: { sequence: string } };
    flip("mark", BigInt(mark.sequence) % 2n === 0n ? 256 * 1024 + 20 : 20);
    const lenient = await report("inspect", directory);
    expect(lenient.code).toBe(0);
    expect(lenient.report.findings).toMatchObject([{ class: "MARK_CORRUPT", severity: "warning" }]);
    expect(lenient.report.verdict).toEqual({ opens: true });
    const strict = await report("inspect", directory, "--strict");
    expect([strict.code, strict.report.worst]).toEqual([22, "MARK_CORRUPT"]);
  });

  test("each class has its own exit code", async () => {
    truncateSync(join(directory, "mark"), 0);
    expect((await call("inspect", directory)).code).toBe(22);
    truncateSync(join(directory, "STORE"), 0);
    // The mark is the worse loss.
    expect((await call("inspect", directory)).code).toBe(22);
    rmSync(join(directory, "mark"));
    rmSync(join(directory, "journal"), { recursive: true });
    expect((await call("verify", directory)).code).toBe(31);
    expect((await call("inspect", join(folder, "nothing"))).code).toBe(31);
  });

  test("a committee that did not sign: found by verify alone", async () => {
    const strangers = committeeFile(new TestChain(2));
    const { code, report: found } = await report("verify", directory, "--committee", strangers);
    expect(code).toBe(16);
    expect(new Set(found.findings.map((each) => each["class"]))).toEqual(
      new Set(["WRONG_COMMITTEE", "INVALID"]),
    );
    expect((await call("verify", directory)).code).toBe(0);
  });
});

describe("a wrong call ends with exit code 2 and one line", () => {
  test.each([
    [["inspect"]],
    [["inspect", ""]],
    [["inspect", "one", "two"]],
    [["inspect", "one", "--committee", "file"]],
    [["verify", "one", "--committee"]],
    [["verify", "one", "--committee", "no such file"]],
    [["verify"]],
  ])("%j", async (args) => {
    const { code, stdout, stderr } = await call(...args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^lanekeeper: [^\n]+\n$/);
  });

  test("a committee file that is not one", async () => {
    const path = join(folder, "bad.json");
    writeFileSync(path, "{");
    const { code, stderr } = await call("verify", directory, "--committee", path);
    expect(code).toBe(2);
    expect(stderr).toContain(path);
  });
});

test("--help shows the exit codes from the worst, the examples, and the committee file", async () => {
  const { code, stdout } = await call("verify", "--help");
  expect(code).toBe(0);
  const order = worstFirst.map((name) => `${name} ${errorCodes[name].exit}`).join(", ");
  expect(stdout).toContain(order);
  expect(stdout).toContain("$ lanekeeper verify ./state --committee");
  expect(stdout).toContain('"members": [{"key"');
  expect((await call("inspect", "--help")).stdout).toContain("$ lanekeeper inspect ./state");
});

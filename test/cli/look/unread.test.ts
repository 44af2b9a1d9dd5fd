/** The commands that look, of a store that this user may not read as a whole: each says so, with READ_ONLY. */
import { chmodSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { errorCodes } from "../../../src/types/errors.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { SEGMENT_BYTES } from "../../node/surroundings.js";
import { call } from "../program-kit.js";
import { type Scene, sceneOf } from "../scene.js";

const chain = new TestChain();
const NOBODY = 65_534;
const UNREAD = errorCodes.READ_ONLY.exit;
let scene: Scene;
let store = "";

beforeEach(async () => {
  scene = await sceneOf(["./state"]);
  store = scene.at("state");
  // Each open begins a segment: the one before it is sealed.
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: chain.epochOf };
  await (await Lanekeeper.open(store, choices)).close();
  chmodSync(scene.at("."), 0o755);
  for (const path of everything()) {
    chmodSync(path, lstatSync(path).isDirectory() ? 0o755 : 0o644);
  }
});

afterEach(async () => {
  chmodSync(join(store, "journal"), 0o755);
  await scene[Symbol.asyncDispose]();
});

function everything(): string[] {
  const names = readdirSync(store, { recursive: true, encoding: "utf8" });
  return [store, ...names.map((name) => join(store, name))];
}

/** Calls as a user who owns nothing; as who we are where that cannot be changed. */
async function callAsNobody(...args: readonly string[]): ReturnType<typeof call> {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    return await call(...args);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

describe("a journal's folder that cannot be listed", () => {
  test.each(["inspect", "verify", "status", "dump", "du", "ls segments", "ls retained"])(
    "%s",
    async (command) => {
      chmodSync(join(store, "journal"), 0o000);
      const { code, stdout, stderr } = await callAsNobody(...command.split(" "), store);
      expect(code).toBe(UNREAD);
      expect(stdout + stderr).toContain(`${store}/journal: EACCES`);
      expect(stdout + stderr).not.toMatch(/missing|damaged|no segment/);
    },
  );
});

test.each(["inspect", "verify"])(
  "%s: what cannot be read is not known, and not none",
  async (command) => {
    const rows = async (): Promise<ReadonlyMap<string, string>> => {
      const { code, stdout } = await callAsNobody(command, store);
      expect(code).toBe(UNREAD);
      return new Map(stdout.split("\n").map((line) => [line.slice(0, 12).trim(), line.slice(12)]));
    };
    chmodSync(join(store, "prune_anchor_a.pb"), 0o000);
    const anchorless = await rows();
    expect(anchorless.get("anchor")).toBe("not known");
    expect(anchorless.get("vote state")).not.toBe("not known");
    chmodSync(join(store, "consensus_b.pb"), 0o000);
    expect((await rows()).get("vote state")).toBe("not known");
    const ofJournal = ["logs", "pins"];
    chmodSync(join(store, "journal"), 0o000);
    const unlisted = await rows();
    for (const row of ["journal", ...ofJournal]) expect(unlisted.get(row)).toBe("not known");
    chmodSync(store, 0o700);
    const closed = await rows();
    for (const row of ["store", "journal", ...ofJournal, "anchor", "vote state", "disk use"]) {
      expect(closed.get(row)).toBe("not known");
    }
  },
);

describe("a segment that cannot be read", () => {
  /** The file of a segment that holds something, by its state. */
  async function segment(state: string): Promise<string> {
    const { stdout } = await call("ls", "segments", store, "--json");
    const { segments } = JSON.parse(stdout) as { segments: { state: string; file: string }[] };
    const file = segments.find((each) => each.state === state)?.file;
    if (file === undefined) throw new Error(`no segment is ${state}`);
    return file;
  }

  const commands = ["dump", "du", "status", "ls segments", "ls retained", "ls lanes", "ls road"];
  test.each(
    ["current", "sealed"].flatMap((state) => commands.map((command) => [state, command] as const)),
  )("%s: %s", async (state, command) => {
    const file = await segment(state);
    chmodSync(file, 0o000);
    const { code, stdout } = await callAsNobody(...command.split(" "), store);
    expect(code).toBe(UNREAD);
    expect(stdout).toContain(`${file}: EACCES`);
    expect(stdout).not.toMatch(/lost|missing|damaged|other files/);
    const json = JSON.parse(
      (await callAsNobody(...command.split(" "), store, "--json")).stdout.split("\n")[0] ?? "",
    ) as object;
    if (command === "dump") expect(json).toMatchObject({ kind: "unread", file });
    else expect(json).toMatchObject({ ok: false, exitCode: UNREAD, unread: [{ file }] });
  });

  test("is counted by du as unread, and every byte is in one part", async () => {
    const whole = (await call("du", store, "--json")).stdout;
    chmodSync(await segment("sealed"), 0o000);
    const part = (await callAsNobody("du", store, "--json")).stdout;
    const [all, found] = [whole, part].map((each) => JSON.parse(each) as { bytes: number });
    expect(found).toMatchObject({
      bytes: all?.bytes,
      uses: expect.arrayContaining([
        expect.objectContaining({ part: "segments, unread", files: 1 }),
      ]) as unknown,
    });
  });
});

test.each(["mark", "consensus_a.pb"])(
  "a %s that cannot be read: pins are not known",
  async (name) => {
    const file = join(store, name);
    chmodSync(file, 0o000);
    const ls = await callAsNobody("pins", "ls", store);
    expect(ls).toMatchObject({ code: UNREAD, stdout: expect.stringContaining(file) as unknown });
    const args = ["pins", "release", store, "00", "2", "--reason", "x", "--dry-run"];
    const release = await callAsNobody(...args);
    expect(release.code).toBe(UNREAD);
    expect(release.stderr).not.toContain("nothing is pinned");
  },
);

test("a journal of records of which a segment cannot be read: its range is not known", async () => {
  const journal = scene.at("records");
  await call("init", journal, "--journal");
  for (const path of ["", "STORE", "mark", "journal"]) chmodSync(join(journal, path), 0o755);
  for (const name of readdirSync(join(journal, "journal"))) {
    chmodSync(join(journal, "journal", name), 0o644);
  }
  expect((await callAsNobody("status", journal)).code).toBe(0);
  const file = join(journal, "journal", "0001.seg");
  chmodSync(file, 0o000);
  const { code, stdout } = await callAsNobody("status", journal);
  expect(code).toBe(UNREAD);
  expect(stdout).toContain(`not all could be read: could not open a file: ${file}: EACCES`);
});

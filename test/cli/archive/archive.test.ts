import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBucket } from "../../../src/archive/open-bucket.js";
import { laneIdOf, laneParts } from "../../../src/types/lane.js";
import { ROAD } from "../../../src/persist/kinds.js";
import { CHAIN_ID } from "../../model/chain.js";
import { chain, lane, ModelSource, recordOf, writeAll, writerOf } from "../../archive/kit.js";
import { call } from "../program-kit.js";
import { putCommittees } from "../transfer/import-kit.js";

const root = mkdtempSync(join(tmpdir(), "lk-archive-"));
const bucket = `file://${root}/bucket`;
const committee = join(root, "committee.json");
const common = ["--chain-id", CHAIN_ID];
afterAll(() => rmSync(root, { recursive: true }));
beforeAll(async () => {
  putCommittees(committee, [chain.epoch]);
  const opened = await openBucket(bucket);
  const source = new ModelSource(9n);
  for (const { log } of source.logs()) await writeAll(writerOf(opened, source, log), source);
});

const verify = ["archive", "verify", bucket, ...common, "--committee", committee];

test("ls tells the range of each log", async () => {
  const { code, stdout } = await call("archive", "ls", bucket, ...common, "--json");
  expect(code).toBe(0);
  const { logs } = JSON.parse(stdout) as { readonly logs: readonly { readonly log: string }[] };
  expect(new Set(logs.map(({ log }) => log))).toEqual(new Set([...chain.lanes, ROAD]));
  for (const log of logs) expect(log).toMatchObject({ first: "0", next: "9" });
});

test("get gives a record back, as text, as JSON and as a file", async () => {
  const bytes = Buffer.from(recordOf(lane, 7n));
  const get = ["archive", "get", bucket, ...common, "--lane", lane, "--number"];
  expect(await call(...get, "7")).toMatchObject({ code: 0, stdout: `${bytes.toString("hex")}\n` });
  const out = join(root, "block");
  expect(await call(...get, "7", "--out", out)).toMatchObject({ code: 0 });
  expect(Buffer.compare(readFileSync(out), bytes)).toBe(0);
  expect((await call(...get, "7", "--out", out)).code).not.toBe(0);
  expect(await call(...get, "9")).toMatchObject({ code: 10 });
  const { stdout: table } = await call("archive", "ls", bucket, ...common);
  const [short = ""] = table.split("\n").filter((line) => line.startsWith(lane.slice(0, 8)));
  const [digits = ""] = short.split(" ");
  const byDigits = ["archive", "get", bucket, ...common, "--number", "7", "--lane"];
  expect((await call(...byDigits, digits)).stdout).toBe(`${bytes.toString("hex")}\n`);
  const neither = await call("archive", "get", bucket, ...common, "--number", "1");
  expect(neither).toMatchObject({ code: 2 });
});

test("a lane is named by its first digits, if they begin one lane and no other", async () => {
  const digits = lane.slice(0, 8);
  const proven = await call(...verify, "--lane", digits);
  expect(proven.code, proven.stderr).toBe(0);
  expect(proven.stdout).toMatch(new RegExp(`^${digits} +\\[0, 9\\) proven`));
  expect(proven.stdout.split("\n")).toHaveLength(2);
  const unknown = await call(...verify, "--lane", "0".repeat(40));
  expect(unknown).toMatchObject({ code: 10, stdout: "" });
  expect(unknown.stderr).toContain("no lane of chain");
  expect(await call(...verify, "--lane", "lane")).toMatchObject({ code: 2, stdout: "" });
});

test("digits that begin two lanes are refused, with both", async () => {
  const twins = `file://${root}/twins`;
  const opened = await openBucket(twins);
  const source = new ModelSource(2n);
  source.record = (_, number) => recordOf(lane, number);
  const [joined, later] = [laneIdOf(laneParts(lane).key, 0n), laneIdOf(laneParts(lane).key, 1n)];
  for (const log of [joined, later]) await writeAll(writerOf(opened, source, log), source);
  const get = ["archive", "get", twins, ...common, "--number", "0", "--lane"];
  const told = await call(...get, joined.slice(0, 8));
  expect(told.code).toBe(2);
  expect(told.stderr).toContain(`${joined}, ${later}`);
  expect(await call(...get, `${joined.slice(0, 8)}@0`)).toMatchObject({ code: 0 });
});

test("verify proves all of it, and names an object that is altered", async () => {
  const { code, stdout } = await call(...verify);
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/\[0, 9\) proven/);
  const folder = join(root, "bucket", CHAIN_ID, "lane", lane);
  const [name = ""] = readdirSync(folder).filter((each) => each.includes("-"));
  const before = readFileSync(join(folder, name));
  const harmed = Buffer.from(before);
  harmed.writeUInt8(harmed.readUInt8(300) ^ 1, 300);
  writeFileSync(join(folder, name), harmed);
  const told = await call(...verify);
  writeFileSync(join(folder, name), before);
  expect(told.code).toBe(83);
  expect(told.stderr).toContain(name);
});

test("verify goes on behind an altered object, and tells each harm and each log that is whole", async () => {
  const harmed = `file://${root}/harmed`;
  expect((await call("archive", "restore", bucket, harmed, ...common)).code).toBe(0);
  for (const each of chain.lanes) {
    const folder = join(root, "harmed", CHAIN_ID, "lane", each);
    const [name = ""] = readdirSync(folder).filter((file) => file.includes("-"));
    writeFileSync(join(folder, name), "altered");
  }
  const all = ["archive", "verify", harmed, ...common, "--committee", committee];
  const text = await call(...all);
  expect(text.code).toBe(83);
  expect(text.stdout).toMatch(/^road +\[0, 9\) proven/m);
  for (const each of chain.lanes) {
    expect(text.stdout).toMatch(new RegExp(`^${each.slice(0, 8)} +not proven: `, "m"));
  }
  const { code, stdout } = await call(...all, "--json");
  expect({ code, document: JSON.parse(stdout) as object }).toMatchObject({
    code: 83,
    document: {
      ok: false,
      exitCode: 83,
      error: { code: "ARCHIVE_CORRUPT" },
      logs: [{ log: ROAD, next: "9" }],
      harms: chain.lanes
        .toSorted()
        .map((each) => ({ log: each, error: { code: "ARCHIVE_CORRUPT" } })),
    },
  });
});

test("verify proves nothing where nothing is archived, and says so", async () => {
  for (const at of [`file://${root}/typo`, bucket]) {
    const chainId = at === bucket ? "another-chain" : CHAIN_ID;
    const whole = ["archive", "verify", at, "--chain-id", chainId, "--committee", committee];
    for (const log of [[], ["--road"], ["--lane", lane]]) {
      const told = await call(...whole, ...log);
      expect(told).toMatchObject({ code: 10, stdout: "" });
      expect(told.stderr).toContain("nothing is proven");
    }
  }
});

test("restore copies what is there, goes on where it was stopped, and keeps another history", async () => {
  const to = `file://${root}/copy`;
  const restore = ["archive", "restore", bucket, to, ...common];
  expect(await call(...restore, "--dry-run")).toMatchObject({ code: 0 });
  expect(await call(...restore, "--road")).toMatchObject({ code: 0 });
  expect(await call(...restore)).toMatchObject({ code: 0 });
  const copy = ["archive", "verify", to, ...common, "--committee", committee];
  expect(await call(...copy)).toMatchObject({ code: 0 });
  const opened = await openBucket(`file://${root}/other`);
  const forked = new ModelSource(9n);
  forked.record = (log, number) => {
    return log === ROAD ? chain.qc(number, 1).bytes : recordOf(log, number);
  };
  await writeAll(writerOf(opened, forked, ROAD), forked);
  const told = await call("archive", "restore", bucket, `file://${root}/other`, ...common);
  expect(told.code).toBe(84);
});

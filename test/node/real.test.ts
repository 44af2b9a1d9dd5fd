/** A store on the operating system's disk, with LevelDB's map beside the journal. */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JobStore } from "../../src/jobs/job-store.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import {
  contents,
  laneAt,
  lanesOf,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
  roadOf,
} from "./kit.js";
import { SEGMENT_BYTES } from "./surroundings.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: chain.epochOf };
const initChoices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES };
let folder = "";
let directory = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-"));
  directory = join(folder, "store");
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A closed store with many rounds in it; the anchor is at 37, the lanes and the road end at 40. */
async function lived(): Promise<void> {
  await Lanekeeper.init(directory, initChoices);
  const keeper = await Lanekeeper.open(directory, choices);
  for (let round = 0n; round < 40n; round++) {
    for (const each of chain.lanes) await keeper.pushBlock(chain.block(each, round).bytes);
    await pushQCs(keeper, chain, { from: round, to: round + 1n });
    if (round % 10n === 9n) await pushAnchor(keeper, chain.qc(round - 2n).anchor);
  }
  await keeper.waitForBlock(lane, 39n);
  await keeper.close();
}

async function expectWhole(keeper: Lanekeeper): Promise<void> {
  expect(await contents(keeper)).toEqual({
    lanes: lanesOf(chain, 37n, 40n),
    road: roadOf(chain, 37n, 40n),
    anchor: 37n,
  });
}

/** The files below a folder that others than their owner come to: none in a folder that is closed to them. */
function openToOthers(path: string): string[] {
  const stats = statSync(path);
  const isOpen = (stats.mode & 0o077) !== 0;
  if (!stats.isDirectory()) return isOpen ? [path] : [];
  return isOpen || path === folder
    ? readdirSync(path).flatMap((name) => openToOthers(join(path, name)))
    : [];
}

test("the files of a store and of jobs are their owner's alone, whatever folder they were put in", async () => {
  const root = join(folder, "jobs");
  for (const each of [directory, root]) mkdirSync(each, { mode: 0o755 });
  await lived();
  const store = await JobStore.open(root);
  const job = await store.openJob("peers");
  await job.put("scores", Buffer.from("a"), Buffer.from("b"), { durable: true });
  await store.close();
  for (const each of [directory, root]) {
    expect(statSync(each).mode & 0o777).toBe(0o755);
    expect(openToOthers(each)).toEqual([]);
  }
});

test("init, open, push, close, reopen: every byte is there, and the map is LevelDB's", async () => {
  await lived();
  for (let time = 0; time < 3; time++) {
    const keeper = await Lanekeeper.open(directory, choices);
    await expectWhole(keeper);
    expect(keeper.recovery.warnings).toEqual([]);
    expect(existsSync(join(directory, "index", "CURRENT"))).toBe(true);
    await keeper.close();
  }
  const last = await Lanekeeper.open(directory, choices);
  await pushBlocks(last, chain, lane, { from: 40n, to: 45n });
  await last.close();
});

test("an index that is deleted, or a file, or garbage, is made anew", async () => {
  await lived();
  const index = join(directory, "index");
  rmSync(index, { recursive: true });
  const deleted = await Lanekeeper.open(directory, choices);
  await expectWhole(deleted);
  await deleted.close();

  for (const name of readdirSync(index)) {
    if (name !== "LOCK") writeFileSync(join(index, name), Buffer.alloc(500, 0xa5));
  }
  const garbage = await Lanekeeper.open(directory, choices);
  await expectWhole(garbage);
  await garbage.close();

  rmSync(index, { recursive: true });
  writeFileSync(index, "a file");
  const file = await Lanekeeper.open(directory, choices);
  await expectWhole(file);
  await file.close();
});

test("a second open, here or in another process, is refused; the lock goes with its process", async () => {
  await Lanekeeper.init(directory, initChoices);
  const keeper = await Lanekeeper.open(directory, choices);
  await refusal(Lanekeeper.open(directory, choices), "STORE_LOCKED");
  await keeper.close();
  const script = [
    'import { openSync } from "node:fs";',
    'import lock from "fs-native-extensions";',
    'console.log(lock.tryLock(openSync(process.argv[1], "r+")));',
    "setInterval(() => {}, 1000);",
  ].join("\n");
  const args = ["--input-type=module", "-e", script, join(directory, "STORE")];
  const owner = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const said: readonly unknown[] = await once(owner.stdout, "data");
  expect(String(said[0])).toMatch(/true/);
  await refusal(Lanekeeper.open(directory, choices), "STORE_LOCKED");
  owner.kill("SIGKILL");
  await once(owner, "exit");
  await (await Lanekeeper.open(directory, choices)).close();
});

test("P7 a path that is nothing, or a file, is refused; init refuses what is not empty", async () => {
  await refusal(Lanekeeper.open(directory, choices), "NOT_A_STORE");
  writeFileSync(directory, "a file");
  await refusal(Lanekeeper.open(directory, choices), "NOT_A_STORE");
  await refusal(Lanekeeper.init(directory, initChoices), "STORE_EXISTS");
  await refusal(Lanekeeper.init(folder, initChoices), "STORE_EXISTS");
  await refusal(Lanekeeper.init(directory, { chainId: "" }), "USAGE");
});

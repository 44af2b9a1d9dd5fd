/** A store is where its path led when it was opened: behind links, from any directory, by any spelling. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { Journal } from "../../src/records/journal.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { laneAt, pushBlocks, refusal } from "./kit.js";
import { SEGMENT_BYTES } from "./surroundings.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: chain.epochOf };
const initChoices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES };
const here = process.cwd();
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-"));
});

afterEach(() => {
  process.chdir(here);
  rmSync(folder, { recursive: true, force: true });
});

test("a state directory behind a symbolic link is made, opened and used", async () => {
  mkdirSync(join(folder, "big"));
  symlinkSync(join(folder, "big"), join(folder, "state"));
  await Lanekeeper.init(join(folder, "state"), initChoices);
  const keeper = await Lanekeeper.open(join(folder, "state"), choices);
  await pushBlocks(keeper, chain, lane, { from: 0n, to: 3n });
  await keeper.close();
  await (await Lanekeeper.open(join(folder, "big"), choices)).close();
});

test("the journal's folder, a slot and the mark may lie behind links", async () => {
  const directory = join(folder, "state");
  await Lanekeeper.init(directory, initChoices);
  const keeper = await Lanekeeper.open(directory, choices);
  await pushBlocks(keeper, chain, lane, { from: 0n, to: 3n });
  await keeper.close();
  for (const name of [
    "mark",
    ...readdirSync(join(directory, "journal")).map((each) => `journal/${each}`),
  ]) {
    const moved = join(folder, name.replace("/", "-"));
    renameSync(join(directory, name), moved);
    symlinkSync(moved, join(directory, name));
  }
  const again = await Lanekeeper.open(directory, choices);
  expect(again.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 3n });
  await again.close();
});

test("a slot behind a link that cannot be followed is not told as missing", async () => {
  const directory = join(folder, "state");
  await Lanekeeper.init(directory, initChoices);
  const slot = join(directory, "journal", "0000.seg");
  rmSync(slot);
  symlinkSync("0000.seg", slot);
  const error = await refusal(Lanekeeper.open(directory, choices), "IO");
  expect(error.message).toContain("ELOOP");
});

test("a link to nowhere is in the way of init, and is no store", async () => {
  const directory = join(folder, "state");
  symlinkSync(join(folder, "nowhere"), directory);
  await refusal(Lanekeeper.init(directory, initChoices), "STORE_EXISTS");
  await refusal(Lanekeeper.open(directory, choices), "NOT_A_STORE");
});

test("a relative path means what it meant at open, wherever the process goes then", async () => {
  process.chdir(folder);
  await Journal.init("records", { segmentBytes: SEGMENT_BYTES });
  const journal = await Journal.open("records", { types: [1], segmentBytes: SEGMENT_BYTES });
  process.chdir(tmpdir());
  // Many rotations: each makes or looks at files by their names.
  for (let record = 0; record < 20; record++) {
    await journal.append({ type: 1, payload: Buffer.alloc(4096) });
  }
  await journal.close();
  expect(existsSync(join(folder, "records", "STORE"))).toBe(true);
  expect(existsSync(join(tmpdir(), "records"))).toBe(false);
});

test("a directory may be named by a URL or a Buffer; what is no path is USAGE", async () => {
  const directory = join(folder, "a state");
  await Lanekeeper.init(pathToFileURL(directory), initChoices);
  await (await Lanekeeper.open(Buffer.from(directory), choices)).close();
  for (const given of [undefined, 5, "", "a\0b", new URL("http://host/")]) {
    await refusal(Lanekeeper.open(given as string, choices), "USAGE");
    await refusal(Journal.init(given as string), "USAGE");
  }
});

test("files with a second name, as a hard-link backup makes them, are warned of at open", async () => {
  const directory = join(folder, "state");
  await Lanekeeper.init(directory, initChoices);
  mkdirSync(join(folder, "backup"));
  const [slot = ""] = readdirSync(join(directory, "journal"));
  for (const name of ["STORE", "mark", `journal/${slot}`]) {
    linkSync(join(directory, name), join(folder, "backup", basename(name)));
  }
  const keeper = await Lanekeeper.open(directory, choices);
  expect(keeper.recovery.warnings.join()).toMatch(/3 files have a second name.*STORE.*backup/);
  await keeper.close();
});

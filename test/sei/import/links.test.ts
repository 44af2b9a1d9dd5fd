/** A state directory of sei-chain, its folders and its files may lie behind symbolic links. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RealDisk } from "../../../src/disk/real/real.js";
import { writeLog } from "../../../src/sei/write/write-log.js";
import { TestChain } from "../../model/chain.js";
import { type Imported, importedFrom, laneAt, numbered, numbersOf } from "../kit.js";

const chain = new TestChain();
const { epochOf } = chain;
const lane = laneAt(chain, 0);
const numbers = [0n, 1n, 2n, 3n];
const log = `blocks/${lane}`;
let folder = "";
let directory = "";

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-"));
  directory = join(folder, "sei");
  mkdirSync(join(directory, "blocks"), { recursive: true });
  const blocks = numbers.map((number) => chain.block(lane, number).bytes);
  const qcs = numbers.map((index) => chain.qc(index).bytes);
  await writeLog(new RealDisk(), join(directory, log), numbered(0n, blocks));
  await writeLog(new RealDisk(), join(directory, "commitqcs"), numbered(0n, qcs));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Moves what `name` names out of the directory, and puts a link in its place. */
function linked(name: string): void {
  const moved = join(folder, name.replaceAll("/", "-"));
  renameSync(join(directory, name), moved);
  symlinkSync(moved, join(directory, name));
}

async function imported(from = directory): Promise<Imported> {
  return await importedFrom(new RealDisk(), { epochOf }, from);
}

function expectWhole(found: Imported): void {
  expect(numbersOf(found, lane)).toEqual(numbers);
  expect(found.commitQCs.map(({ qc }) => qc.vote.view.index)).toEqual(numbers);
  expect(found.refusals).toEqual([]);
}

test("a directory behind a link is imported, with and without a slash at its end", async () => {
  symlinkSync(directory, join(folder, "link"));
  expectWhole(await imported(join(folder, "link")));
  expectWhole(await imported(`${join(folder, "link")}/`));
});

test.each(["blocks", log, "commitqcs"])("its folder %s may lie behind a link", async (name) => {
  linked(name);
  expectWhole(await imported());
});

test("each of its files may lie behind a link", async () => {
  const files = [log, "commitqcs"].flatMap((each) => {
    return readdirSync(join(directory, each)).map((name) => `${each}/${name}`);
  });
  expect(files.length).toBeGreaterThan(1);
  files.forEach(linked);
  expectWhole(await imported());
});

test("a file behind a link to nowhere is not taken for an empty log", async () => {
  const [name] = readdirSync(join(directory, log));
  linked(`${log}/${name}`);
  rmSync(join(folder, `${log}/${name}`.replaceAll("/", "-")));
  const outcome = await imported().then(
    ({ refusals, blocks }) =>
      refusals.length > 0 ? "refused" : `${blocks.length} blocks, no word`,
    () => "refused",
  );
  expect(outcome).toBe("refused");
});

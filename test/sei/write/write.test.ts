import { describe, expect, test } from "vitest";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryDisk } from "../../../src/disk/memory.js";
import { RealDisk } from "../../../src/disk/real/real.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import {
  type StateContents,
  writeSeiDirectory,
  writeSeiDirectoryOn,
} from "../../../src/sei/write/write-state.js";
import type { PersistedInner } from "../../../src/wire/messages.js";
import { putFile } from "../../golden/kit/directories.js";
import { TestChain } from "../../model/chain.js";
import { type Imported, importedFrom, laneAt, numbersOf } from "../kit.js";

const chain = new TestChain();
const { epochOf } = chain;
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);
const DIRECTORY = "made";

const votes: PersistedInner = {
  commitQC: chain.qc(2n).qc,
  prepareQC: undefined,
  timeoutQC: undefined,
  timeoutVote: undefined,
  commitVote: undefined,
  prepareVote: undefined,
};
const signed = (of: typeof lane, numbers: readonly bigint[]) =>
  numbers.map((number) => chain.block(of, number).signed);
const contents: StateContents = {
  lanes: [
    [lane, signed(lane, [0n, 1n, 2n, 3n])],
    [other, signed(other, [0n, 1n])],
  ],
  commitQCs: [0n, 1n, 2n].map((index) => chain.qc(index).qc),
  votes,
};

function expectAll(found: Imported): void {
  expect(found.refusals).toEqual([]);
  expect(numbersOf(found, lane)).toEqual([0n, 1n, 2n, 3n]);
  expect(numbersOf(found, other)).toEqual([0n, 1n]);
  expect(found.commitQCs.map(({ qc }) => qc)).toEqual([0n, 1n, 2n].map((at) => chain.qc(at).qc));
  const given = found.items.filter(({ kind }) => kind === "votes");
  expect(given).toMatchObject([{ votes, roadIndex: 3n }]);
}

describe("a written state directory", () => {
  test("is imported with everything in it", async () => {
    const disk = new MemoryDisk();
    await writeSeiDirectoryOn(disk, DIRECTORY, contents);
    expectAll(await importedFrom(disk, { epochOf }, DIRECTORY));
  });

  test("lies on the real disk, for its owner alone", async () => {
    const parent = mkdtempSync(join(tmpdir(), "sei-write-"));
    try {
      const directory = join(parent, DIRECTORY);
      await writeSeiDirectory(directory, contents);
      expectAll(await importedFrom(new RealDisk(), { epochOf }, directory));
      const modes = ["", "blocks", `blocks/${lane}`, "commitqcs", "inner_a.pb", "inner_b.pb"].map(
        (name) => statSync(join(directory, name)).mode & 0o777,
      );
      expect(modes).toEqual([0o700, 0o700, 0o700, 0o700, 0o600, 0o600]);
    } finally {
      rmSync(parent, { recursive: true });
    }
  });

  test("is made into an empty directory, and into no other", async () => {
    const disk = new MemoryDisk();
    await disk.makeDirectory(DIRECTORY);
    await putFile(disk, `${DIRECTORY}/note`, new Uint8Array(1));
    const error = expect.objectContaining({ code: "STORE_EXISTS" });
    await expect(writeSeiDirectoryOn(disk, DIRECTORY, contents)).rejects.toEqual(error);
    expect((await disk.list(DIRECTORY))?.map(({ name }) => name)).toEqual(["note"]);
    await disk.remove(`${DIRECTORY}/note`);
    await writeSeiDirectoryOn(disk, DIRECTORY, contents);
    expectAll(await importedFrom(disk, { epochOf }, DIRECTORY));
  });

  test.each<readonly [string, string, Partial<StateContents>]>([
    ["a gap in a lane", "OUT_OF_SEQUENCE", { lanes: [[lane, signed(lane, [0n, 2n])]] }],
    ["a block of another lane", "INVALID", { lanes: [[lane, signed(other, [0n])]] }],
    [
      "a gap in the road",
      "OUT_OF_SEQUENCE",
      { commitQCs: [0n, 2n].map((index) => chain.qc(index).qc) },
    ],
  ])("with %s is refused, and what was made cannot be opened", async (_, code, change) => {
    const disk = new MemoryDisk();
    const error = expect.objectContaining({ code });
    const writing = writeSeiDirectoryOn(disk, DIRECTORY, { ...contents, ...change });
    await expect(writing).rejects.toEqual(error);
    const { refusals } = await importedFrom(disk, { epochOf }, DIRECTORY);
    expect(refusals).toContainEqual(expect.objectContaining({ reason: "magic", lane: undefined }));
  });

  test("is empty, refused or whole, wherever the power is cut while it is written", async () => {
    const outcomes = { empty: 0, refused: 0, whole: 0 };
    const steps = await stepsOf(new SimulatedDisk());
    for (let step = 1; step <= steps + 1; step++) {
      const disk = new SimulatedDisk();
      disk.crashAt(step);
      await Promise.race([writeSeiDirectoryOn(disk, DIRECTORY, contents), disk.stopped]);
      for (const left of disk.powerCuts(step, 4)) outcomes[await outcomeOf(left)] += 1;
    }
    expect(outcomes.empty).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
    expect(outcomes.whole).toBeGreaterThan(0);
  });
});

async function stepsOf(disk: SimulatedDisk): Promise<number> {
  await writeSeiDirectoryOn(disk, DIRECTORY, contents);
  return disk.steps;
}

/** Checks what a power cut left: it must not pass for whole if it is not. */
async function outcomeOf(disk: SimulatedDisk): Promise<"empty" | "refused" | "whole"> {
  if ((await disk.kind(DIRECTORY)) === undefined) return "empty";
  const found = await importedFrom(disk, { epochOf }, DIRECTORY);
  if (found.refusals.some(({ reason, lane: of }) => reason === "magic" && !of)) return "refused";
  if (found.blocks.length + found.commitQCs.length === 0) return "empty";
  expectAll(found);
  return "whole";
}

/** D8: when the owner of a store looks whether its names still lead to its files. */
import { expect, test } from "vitest";
import type { DiskFile } from "../../../src/disk/disk.js";
import { Ownership } from "../../../src/journal/segment/ownership.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { TestChain } from "../../model/chain.js";
import { fresh, refusal, turns } from "../../node/kit.js";
import { DIRECTORY } from "../../node/surroundings.js";

async function owned() {
  const disk = new SimulatedDisk();
  const made = async (path: string): Promise<DiskFile> => await disk.create(path);
  const [store, slot] = [await made("STORE"), await made("slot")];
  const clock = { ms: 0 };
  const parts = { disk, files: [store], current: () => slot, slots: () => [slot] };
  return { disk, clock, ownership: new Ownership({ ...parts, nowMs: () => clock.ms }) };
}

test("the first write is looked beside, then each that begins 10 ms behind a look", async () => {
  const { clock, ownership } = await owned();
  await ownership.besideWrite();
  clock.ms = 9;
  expect(ownership.besideWrite()).toBeUndefined();
  clock.ms = 10;
  await expect(ownership.besideWrite()).resolves.toBeUndefined();
  expect(ownership.besideWrite()).toBeUndefined();
});

test("with a clock that stands still, or is set back, each 65th write is looked beside", async () => {
  const { clock, ownership } = await owned();
  clock.ms = 1_000_000;
  await ownership.besideWrite();
  for (let write = 0; write < 64; write++) expect(ownership.besideWrite()).toBeUndefined();
  await expect(ownership.besideWrite()).resolves.toBeUndefined();
  clock.ms = 5;
  await expect(ownership.besideWrite()).resolves.toBeUndefined();
});

test("behind a rest the next write is looked beside, and a file that was taken is named", async () => {
  const { disk, ownership } = await owned();
  await ownership.besideWrite();
  await disk.remove("STORE");
  expect(ownership.besideWrite()).toBeUndefined();
  ownership.rested();
  await expect(ownership.besideWrite()).rejects.toMatchObject({
    code: "STORE_STOLEN",
    file: "STORE",
  });
});

test.each(["STORE", "mark", "consensus_a.pb", "consensus_b.pb", "prune_anchor_a.pb"])(
  "a vote is not acknowledged where %s was taken from under its owner",
  async (name) => {
    const { disk, keeper } = await fresh(new TestChain(1));
    await keeper.writeVoteState(Uint8Array.of(), 1n);
    await turns();
    await disk.remove(`${DIRECTORY}/${name}`);
    await refusal(keeper.writeVoteState(Uint8Array.of(), 2n), "POISONED");
    expect(keeper.status().poison?.cause).toMatchObject({ code: "STORE_STOLEN" });
  },
);

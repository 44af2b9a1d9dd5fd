/** A slot without a head holds nothing once a store is sealed: nobody would know with which key. */
import { expect, test } from "vitest";
import { BLOCK_BYTES } from "../../../src/journal/form/records.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { bornJournal, openJournal, text } from "../kit.js";
import { filesWith, key, ring } from "./kit.js";

const SECTOR_BYTES = 512;

/** The sectors behind the first block of a slot that hold anything; heads are shorter than that here. */
function sectorsOf(bytes: Uint8Array): string[] {
  const sectors: string[] = [];
  for (let at = BLOCK_BYTES; at < bytes.length; at += SECTOR_BYTES) {
    const sector = Buffer.from(bytes.subarray(at, at + SECTOR_BYTES));
    if (sector.some((byte) => byte !== 0)) sectors.push(sector.toString("latin1"));
  }
  return sectors;
}

function slotsOf(disk: SimulatedDisk): readonly (readonly [string, Uint8Array])[] {
  const slots = disk.files().filter(({ path }) => path.endsWith(".seg"));
  return slots.map(({ path }) => [path, disk.readNow(path)] as const);
}

test("a crash at any step of a sealed journal leaves no group without its head", async () => {
  /** A power cut leaves garbage too, where a write was torn. */
  const written = new Set<string>();
  const found = new Set<string>();
  let states = 0;
  const watched: SimulatedDisk = (await bornJournal()).kill({
    onStep: ({ phase, path: changed }) => {
      if (phase !== "finished" || !changed.endsWith(".seg")) return;
      for (const each of sectorsOf(watched.readNow(changed))) written.add(each);
      for (const state of watched.powerCuts(states, 12)) {
        states += 1;
        const [, bytes] = slotsOf(state).find(([path]) => path.endsWith(changed)) ?? [
          "",
          new Uint8Array(0),
        ];
        const isHeadless = bytes.subarray(0, SECTOR_BYTES).every((byte) => byte === 0);
        if (isHeadless && sectorsOf(bytes).some((each) => written.has(each))) found.add(changed);
      }
    },
  });
  const { journal, log } = await openJournal(watched, { ring: ring("a") });
  for (let number = 0n; number < 9n; number++) {
    await log().append({ number, payload: text(`${number}`.padEnd(9000, "x")) });
    if (number === 5n) await journal.rekeyer.rotate(key("b"));
  }
  await journal.rekeyer.finished();
  await journal.close();
  expect(journal.counters.rotations).toBeGreaterThan(3);
  expect(written.size).toBeGreaterThan(100);
  expect([...found]).toEqual([]);
});

test("what a crash left of a plain group is overwritten before the journal seals, whatever happens meanwhile", async () => {
  const disk = await bornJournal();
  await (await openJournal(disk)).journal.close();
  const blank = slotsOf(disk).filter(([, bytes]) => bytes.every((byte) => byte === 0));
  expect(blank.length).toBeGreaterThan(0);
  for (const [path] of blank) disk.damage(path, 20_000, text("the secret payload"));
  await (await openJournal(disk)).journal.close();
  expect(filesWith(disk, "secret")).not.toEqual([]);
  const moments: SimulatedDisk[] = [];
  const watched: SimulatedDisk = disk.kill({ onStep: () => void moments.push(watched.kill()) });
  await (await openJournal(watched, { ring: ring("a") })).journal.close();
  for (const [index, moment] of moments.entries()) {
    for (const state of [moment, ...moment.powerCuts(index, 2)]) {
      const { journal } = await openJournal(state, { ring: ring("a") });
      await journal.rekeyer.finished();
      await journal.close();
      expect(filesWith(state, "secret")).toEqual([]);
    }
  }
});

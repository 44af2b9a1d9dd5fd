/** A journal of records is backed up and restored as a store is; it signs nothing, so that nothing is guarded. */
import { describe, expect, test } from "vitest";
import { backUp } from "../../../src/keeping/backup/backup.js";
import { cutOfClosed } from "../../../src/keeping/backup/closed-cut.js";
import { findBackup } from "../../../src/keeping/backup/found.js";
import { restore } from "../../../src/keeping/restore/restore.js";
import { Journal } from "../../../src/records/journal.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { hasCode } from "../../../src/types/errors.js";
import { drained } from "../../crash/history/explorer.js";
import { inspected } from "../../inspect/kit.js";
import {
  appendTexts,
  DIRECTORY,
  fresh,
  NOTE,
  opened,
  PUT,
  refusal,
  replayed,
  SEGMENT_BYTES,
  surroundings,
} from "../../records/kit.js";
import { ONE_IN, sampled } from "../../scale.js";
import { BACKUP, noPace, verified } from "./kit.js";

const COPY = "copy";

async function backedUp(disk: SimulatedDisk): Promise<void> {
  const cut = () => cutOfClosed(disk, DIRECTORY);
  await backUp({ disk, directory: BACKUP, cut, pace: noPace(), nowMs: () => 0, keep: 2 });
}

async function restored(disk: SimulatedDisk): Promise<void> {
  const { randomBytes } = surroundings(disk);
  const manifest = await findBackup(disk, BACKUP);
  const work = { disk, from: BACKUP, manifest, directory: COPY, guardAlways: false };
  expect(await restore({ ...work, nowMs: () => 0, randomBytes })).toMatchObject({ guard: "none" });
}

async function openedCopy(disk: SimulatedDisk): Promise<Journal> {
  const choices = { types: [PUT, NOTE], segmentBytes: SEGMENT_BYTES };
  return await Journal.openOn(surroundings(disk), COPY, choices);
}

/** A life with rotations, truncations and a checkpoint; it tells how far it has come. */
async function lived(disk: SimulatedDisk): Promise<void> {
  const journal = await opened(disk);
  for (let round = 0; round < 4; round++) {
    const from = round * 8 + 1;
    await Promise.all([
      appendTexts(journal, from, from + 8),
      journal.append({ type: NOTE, payload: Buffer.alloc(20_000, round) }),
    ]);
    if (round > 0) await journal.forgetBefore(BigInt(from - 4));
  }
  await journal.close();
}

test("it may not be open, is verified, and goes on behind its restore", async () => {
  const { disk, journal } = await fresh();
  await appendTexts(journal, 1, 20);
  await refusal(backedUp(disk), "STORE_LOCKED");
  const before = await replayed(journal);
  await journal.close();
  await backedUp(disk);
  const { findings, store } = await verified(disk);
  expect(findings).toEqual([]);
  expect(store.verdict).toEqual({ opens: true });
  await restored(disk);
  expect((await inspected(disk, { kind: "forms" }, COPY)).findings).toEqual([]);
  const copy = await openedCopy(disk);
  expect(await replayed(copy)).toEqual(before);
  await appendTexts(copy, 20, 22);
  await copy.close();
  // The second open needs no word any more.
  const again = await openedCopy(disk);
  expect(await replayed(again)).toEqual([...before, "20 text 20", "21 text 21"]);
  await again.close();
  expect((await inspected(disk, { kind: "forms" }, COPY)).findings).toEqual([]);
});

test("wherever its life was crashed, a backup of what is left has what an open of it has", async () => {
  const { disk: begun, journal } = await fresh();
  await journal.close();
  const straight = begun.snapshot();
  await lived(straight);
  let records = 0;
  for (const step of sampled(Array.from({ length: straight.steps }, (_, at) => at + 1))) {
    const crashed = begun.snapshot();
    crashed.crashAt(step);
    await Promise.race([lived(crashed), crashed.stopped]);
    await drained();
    for (const left of [crashed.kill(), ...crashed.powerCuts(step, 3)]) {
      await backedUp(left);
      await restored(left);
      const original = await opened(left);
      const copy = await openedCopy(left);
      const held = await replayed(original);
      expect(await replayed(copy), `step ${step}`).toEqual(held);
      records += held.length;
      await original.close();
      await copy.close();
    }
  }
  expect(records).toBeGreaterThan(50);
});

describe("a restore of it", () => {
  test("crashed at any step leaves no journal, or the whole one, and the next one ends well", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 20);
    const before = await replayed(journal);
    await journal.close();
    await backedUp(disk);
    const straight = disk.snapshot();
    await restored(straight);
    const seen = { none: 0, whole: 0 };
    const whole = async (left: SimulatedDisk): Promise<boolean> => {
      try {
        const copy = await openedCopy(left);
        expect(await replayed(copy)).toEqual(before);
        await copy.close();
        return true;
      } catch (cause) {
        if (!hasCode(cause, "NOT_A_STORE")) throw cause;
        return false;
      }
    };
    for (const step of sampled(Array.from({ length: straight.steps + 1 }, (_, at) => at + 1))) {
      const crashed = disk.snapshot();
      crashed.crashAt(step);
      await Promise.race([restored(crashed), crashed.stopped]);
      await drained();
      for (const left of [crashed.kill(), ...crashed.powerCuts(step, 3)]) {
        const isWhole = await whole(left.snapshot());
        seen[isWhole ? "whole" : "none"] += 1;
        if (isWhole) continue;
        await restored(left);
        expect(await whole(left)).toBe(true);
      }
    }
    expect(seen.none).toBeGreaterThan(20 / ONE_IN);
  });
});

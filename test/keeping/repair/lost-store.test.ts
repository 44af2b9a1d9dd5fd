/** STORE is damaged or missing: its id stands in the mark and the heads, its chain in a backup or in the call. */
import { describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { MARK_SLOT_BYTES } from "../../../src/journal/form/mark.js";
import { CHAIN_ID } from "../../model/chain.js";
import { contents, fingerprints, opened, refusal } from "../../node/kit.js";
import { DIRECTORY } from "../../node/surroundings.js";
import { BACKUP } from "../backup/kit.js";
import {
  before,
  chain,
  harmed,
  harmPayload,
  lane,
  makeStores,
  repaired,
  sealedBlock,
} from "./kit.js";

makeStores();

const STORE = `${DIRECTORY}/STORE`;

const losses: Readonly<Record<string, (disk: SimulatedDisk) => void>> = {
  "with a byte that is another one": (disk) => disk.damage(STORE, 20, Uint8Array.of(0xff)),
  "that is empty": (disk) => disk.shorten(STORE, 0),
};

async function without(disk: SimulatedDisk, name = STORE): Promise<void> {
  await disk.remove(name);
  await disk.syncDirectory(DIRECTORY);
}

describe.each(Object.entries(losses))("STORE %s", (_, harm) => {
  test("is told, and nothing is changed by looking", async () => {
    const stand = harmed(harm);
    const prints = fingerprints(stand.disk);
    const report = await repaired(stand, { apply: false, from: BACKUP });
    expect(report.findings.map((each) => each.class)).toEqual(["NOT_A_STORE"]);
    expect(report).toMatchObject({ hasLoss: false, damaged: undefined });
    expect(report.plan).toBeDefined();
    expect(fingerprints(stand.disk)).toEqual(prints);
  });

  test("is made anew by a backup that names the chain, or by the caller's word: all is there, and guarded", async () => {
    for (const word of [{ from: BACKUP }, { chainId: CHAIN_ID }]) {
      const stand = harmed(harm);
      const { plan, hasLoss } = await repaired(stand, word);
      expect(hasLoss).toBe(false);
      expect(plan?.logs.reduce((sum, { fromBackup }) => sum + fromBackup, 0)).toBe(0);
      const keeper = await opened(stand.disk, chain, { moved: true });
      expect(await contents(keeper)).toEqual(before);
      expect(keeper.maySign({ kind: "block", lane, number: 9n })).toMatchObject({
        code: "GUARDED",
      });
      await keeper.close();
    }
  });
});

test("STORE that is missing is made anew, too, also where more is damaged", async () => {
  const stand = harmed((disk) => harmPayload(disk, sealedBlock()));
  await without(stand.disk);
  await refusal(repaired(stand, { chainId: CHAIN_ID }), "ACKNOWLEDGED_LOST");
  const { findings } = await repaired(stand, { from: BACKUP });
  const classes = findings.map((each) => each.class);
  expect(classes).toContain("NOT_A_STORE");
  expect(classes).toContain("JOURNAL_CORRUPT");
  const keeper = await opened(stand.disk, chain, { moved: true });
  expect(await contents(keeper)).toEqual(before);
  await keeper.close();
});

test("the heads name the store where the mark is damaged, too; then loss must be accepted", async () => {
  const stand = harmed((disk) => {
    disk.shorten(STORE, 0);
    for (const at of [0, MARK_SLOT_BYTES]) disk.damage(`${DIRECTORY}/mark`, at, Buffer.alloc(64));
  });
  await refusal(repaired(stand, { from: BACKUP }), "ACKNOWLEDGED_LOST");
  const { plan } = await repaired(stand, { from: BACKUP, acceptLoss: true });
  expect(plan).toMatchObject({ isEndUnknown: true });
  const keeper = await opened(stand.disk, chain, { moved: true });
  expect(await contents(keeper)).toEqual(before);
  await keeper.close();
});

describe("STORE stays lost, and the refusal says what to do", () => {
  test.each([
    ["without a word on its chain", async () => {}, {}, /name a backup of it, or the chain/],
    [
      "if the mark is missing, too",
      async (disk: SimulatedDisk) => await without(disk, `${DIRECTORY}/mark`),
      { chainId: CHAIN_ID },
      /restore a backup of it/,
    ],
  ] as const)("%s", async (_, harm, word, text) => {
    const { disk } = harmed(() => {});
    await without(disk);
    await harm(disk);
    const prints = fingerprints(disk);
    const error = await refusal(repaired({ disk }, word), "NOT_A_STORE");
    expect(error.message).toMatch(text);
    expect(fingerprints(disk)).toEqual(prints);
  });

  test("if the backup and the caller name two chains", async () => {
    const stand = harmed((disk) => disk.shorten(STORE, 0));
    const error = await refusal(repaired(stand, { from: BACKUP, chainId: "other" }), "USAGE");
    expect(error.message).toContain(`the backup is one of chain ${CHAIN_ID}, not other`);
  });
});

test("of two repairs of a store without STORE one is refused while the other works", async () => {
  const stand = harmed(() => {});
  await without(stand.disk);
  const first = repaired(stand, { from: BACKUP });
  await refusal(repaired(stand, { from: BACKUP }), "STORE_LOCKED");
  await first;
});

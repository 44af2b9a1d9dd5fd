/** A verification of a backup names every file that is missing, cut or altered. */
import { beforeAll, expect, test } from "vitest";
import { findBackup } from "../../../src/keeping/backup/found.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { TestChain } from "../../model/chain.js";
import { fresh, laneAt, pushBlocks, refusal } from "../../node/kit.js";
import { BACKUP, verified } from "./kit.js";

const chain = new TestChain(1, 9000);
let whole: SimulatedDisk;
/** The files of the backup, without the two that every reading of a backup begins with. */
let files: readonly string[];
const sums = `${BACKUP}/0000001-SHA256SUMS`;

beforeAll(async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, laneAt(chain, 0), { to: 20n });
  await keeper.backup(BACKUP);
  await keeper.close();
  whole = disk;
  files = (await findBackup(disk, BACKUP)).files.map(({ at }) => `${BACKUP}/${at}`);
});

async function named(disk: SimulatedDisk): Promise<readonly string[]> {
  const { findings } = await verified(disk);
  return findings.filter((each) => each.class === "BACKUP_CORRUPT").map(({ file }) => file);
}

test("nothing is told of a whole one", async () => {
  expect(files.filter((each) => each.endsWith(".seg")).length).toBeGreaterThan(2);
  expect((await verified(whole)).findings).toEqual([]);
});

test("each file that is missing is named, and so is each that has another byte", async () => {
  for (const file of files) {
    const without = whole.snapshot();
    await without.remove(file);
    expect(await named(without), file).toEqual([file]);
    const altered = whole.snapshot();
    altered.damage(file, 8, Uint8Array.of((altered.readNow(file)[8] ?? 0) ^ 1));
    expect(await named(altered), file).toEqual([file]);
  }
});

test("the list of sums is compared with the manifest", async () => {
  const altered = whole.snapshot();
  const [digit = 0] = altered.readNow(sums);
  altered.damage(sums, 0, Uint8Array.of(digit ^ 1));
  expect(await named(altered)).toEqual([sums]);
  const without = whole.snapshot();
  await without.remove(sums);
  await refusal(verified(without), "BACKUP_CORRUPT");
});

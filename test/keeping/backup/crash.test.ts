/** A backup that is crashed at each of its steps leaves the earlier one, or itself, and the next one goes on. */
import { expect, test } from "vitest";
import { backUp } from "../../../src/keeping/backup/backup.js";
import { finishedBackups } from "../../../src/keeping/backup/found.js";
import type { Disk } from "../../../src/disk/disk.js";
import type { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { worldsAfterPowerCut } from "../../../src/testing/simulated/power.js";
import { copyWorld, newWorld } from "../../../src/testing/simulated/world.js";
import { filmed } from "../../crash/states/film.js";
import { TestChain } from "../../model/chain.js";
import { ReferenceModel } from "../../model/reference-model.js";
import { fresh, laneAt, pushBlocks } from "../../node/kit.js";
import { sampled } from "../../scale.js";
import { BACKUP, noPace, verified } from "./kit.js";

const chain = new TestChain(1, 9000);
const lane = laneAt(chain, 0);

/** Power cuts at each moment: nothing arrived, all did, and one in between. */
const CUTS = 3;

async function backedUp(disk: Disk, keeper: Lanekeeper): Promise<number> {
  const { manifest } = await backUp({
    disk,
    directory: BACKUP,
    cut: () => keeper.cut(),
    pace: noPace(),
    nowMs: () => 0,
    keep: 1,
  });
  return manifest.number;
}

test("a backup that is crashed at any step harms no earlier one, and the next one is whole", async () => {
  const { keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 8n });
  const world = newWorld();
  await backedUp(SimulatedDisk.holding(world), keeper);
  await pushBlocks(keeper, chain, lane, { from: 8n, to: 18n });
  const shooting = { from: world, model: new ReferenceModel(), label: "backup 2", seed: 3 };
  const { frames } = await filmed(shooting, async (disk) => void (await backedUp(disk, keeper)));

  const faults: string[] = [];
  const ends = new Set<string>();
  for (const frame of sampled(frames)) {
    const cuts = [...worldsAfterPowerCut(copyWorld(frame.world), 3, CUTS)];
    for (const left of [copyWorld(frame.world), ...cuts]) {
      const disk = SimulatedDisk.holding(left).kill();
      const there = await finishedBackups(disk, BACKUP);
      ends.add(String(there));
      for (const number of there) {
        const { findings } = await verified(disk, [], number);
        faults.push(...findings.map(({ message }) => `${frame.label}: ${number}: ${message}`));
      }
      const next = await backedUp(disk, keeper);
      const { findings, manifest } = await verified(disk);
      if (next !== manifest.number || findings.length > 0) faults.push(`${frame.label}: the next`);
    }
  }
  expect(faults).toEqual([]);
  // Never none. With both, the older one was not taken away yet.
  expect(["1", "1,2", "2"]).toEqual(expect.arrayContaining([...ends]));
  expect([...ends]).toEqual(expect.arrayContaining(["1", "2"]));
  await keeper.close();
});

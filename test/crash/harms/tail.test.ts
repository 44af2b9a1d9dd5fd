/**
 * A crash, and damage right behind it: the newest records of the journal, at every moment of a history
 * (D5, D6). Each acknowledged record is there, or pinned, or the open is refused.
 */
import { afterAll, expect, test } from "vitest";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { copyWorld, type World } from "../../../src/testing/simulated/world.js";
import { PersisterError } from "../../../src/types/errors.js";
import type { ReferenceModel } from "../../model/reference-model.js";
import { Campaign } from "../states/campaign.js";
import { freezeTime } from "../history/frozen-time.js";
import { flipBit } from "./harm.js";
import { openOn, recoveredOf } from "../history/session.js";
import { workloads } from "../history/workloads.js";
import { sampled } from "../../scale.js";

const SEED = 31;
const ORDERS = 2;
/** So far before the last byte of the newest segment. */
const FLIPS = [0, 30, 600];
let states = 0;

freezeTime();

afterAll(() => {
  console.log(`crashes with a harmed tail: ${states}`);
});

test.each(Object.entries(workloads))("%s", async (name, { workload }) => {
  const campaign = new Campaign(SEED);
  const broken: string[] = [];
  for (let order = 1; order <= ORDERS; order++) {
    const { frames } = await campaign.run(await campaign.born(), workload, name, order);
    for (const frame of sampled(frames.filter(({ label }) => label.includes("at rest")))) {
      // A power cut in which nothing pending arrived, and one in which all of it did.
      for (const { world, model, label } of [...campaign.crashes(frame, 2)].slice(1)) {
        for (const back of FLIPS) {
          const faults = await faultsOf(world, model, back);
          broken.push(...faults.map((fault) => `${label}, ${back} bytes back: ${fault}`));
        }
      }
    }
  }
  expect(broken.slice(0, 8)).toEqual([]);
});

async function faultsOf(world: World, model: ReferenceModel, back: number): Promise<string[]> {
  states += 1;
  const disk = SimulatedDisk.holding(copyWorld(world));
  flipBit(disk, back);
  try {
    return model.judgeDamaged(await recoveredOf(await openOn(disk, 1_000 + states)));
  } catch (cause) {
    if (!(cause instanceof PersisterError)) throw cause;
    return model.judgeRefusal(cause.code, "journal");
  }
}

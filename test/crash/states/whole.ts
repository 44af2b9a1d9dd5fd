/** A store that has lived, whole: what it holds, and what it promised, for those who harm it. */
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { copyWorld, type World } from "../../../src/testing/simulated/world.js";
import { Campaign } from "./campaign.js";
import type { Frame } from "./film.js";
import { openOn, recoveredOf, standard } from "../history/session.js";
import type { Promised } from "../harms/verdicts.js";
import type { Workload } from "../history/workloads.js";

export interface Whole extends Promised {
  readonly world: World;
  /** The same store when it was younger. */
  readonly older: World;
}

/** `moment` says which frame of its film is taken; its end, closed, where it is left out. */
export async function livedWhole(
  seed: number,
  workload: Workload,
  moment?: (frames: readonly Frame[]) => Frame | undefined,
): Promise<Whole> {
  const campaign = new Campaign(seed);
  const { frames, end } = await campaign.run(await campaign.born(), workload, "lived", 1);
  const { world, model } = moment?.(frames) ?? end;
  const older = frames[Math.floor(frames.length / 3)]?.world ?? world;
  const keeper = await openOn(SimulatedDisk.holding(copyWorld(world)), 1);
  const recovered = await recoveredOf(keeper);
  const warnings = keeper.recovery.warnings.length;
  return { stand: standard, world, older, model, recovered, warnings };
}

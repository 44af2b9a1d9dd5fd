/** A store on a disk of the caller's: what `Lanekeeper.init` and `Lanekeeper.open` do on the real one. */
import { setImmediate } from "node:timers";
import type { Disk } from "../disk/disk.js";
import { memoryLogMap } from "../log/map/log-map.js";
import { Lanekeeper } from "../node/lanekeeper.js";
import type { Surroundings } from "../node/surroundings.js";
import type { InitChoices, OpenChoices } from "../node/options.js";
import { seededRandom } from "./simulated/random.js";

let openings = 0;

/** As `Lanekeeper.init`, on `disk`. `seed` makes the random bytes. */
export async function initOn(
  disk: Disk,
  directory: string,
  choices: InitChoices,
  seed: number = ++openings,
): Promise<void> {
  await Lanekeeper.initOn(surroundingsOn(disk, seed), directory, choices);
}

/**
 * As `Lanekeeper.open`, on `disk`. `seed` makes the random bytes: give each opening of a store another
 * one. The map of retained records is in memory.
 */
export async function openOn(
  disk: Disk,
  directory: string,
  choices: OpenChoices,
  seed: number = ++openings,
): Promise<Lanekeeper> {
  return await Lanekeeper.openOn(surroundingsOn(disk, seed), directory, choices);
}

function surroundingsOn(disk: Disk, seed: number): Surroundings {
  const random = seededRandom(seed);
  let ticks = 0;
  return {
    disk,
    openMap: () => Promise.resolve(memoryLogMap(undefined)),
    randomBytes: (count) => Uint8Array.from({ length: count }, () => random.below(256)),
    whenIdle: (task) => setImmediate(task),
    later: (task) => void setImmediate(task),
    pace: (task) => void setImmediate(task),
    nowMs: () => ticks++,
    durable: true,
  };
}

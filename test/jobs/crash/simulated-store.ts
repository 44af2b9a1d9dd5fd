/** Stores of jobs on a simulated disk, with the databases of `lossy-homes.ts`. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers";
import type { Surroundings } from "../../../src/disk/surroundings.js";
import { JobStore, type JobStoreChoices } from "../../../src/jobs/index.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import type { LossyHomes } from "./lossy-homes.js";

export const ROOT = "jobs";

export function surroundings(disk: SimulatedDisk): Surroundings {
  let draws = 0;
  return {
    disk,
    randomBytes: (count) => {
      draws += 1;
      return createHash("shake256", { outputLength: count }).update(`jobs ${draws}`).digest();
    },
    whenIdle: (task) => queueMicrotask(task),
    later: (task) => void setImmediate(task),
    pace: (task) => void setImmediate(task),
    nowMs: () => 0,
    durable: true,
  };
}

export async function openOn(
  disk: SimulatedDisk,
  homes: LossyHomes,
  choices: JobStoreChoices,
): Promise<JobStore> {
  return await JobStore.openOn(surroundings(disk), ROOT, homes, choices);
}

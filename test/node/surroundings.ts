/** The surroundings of a store in tests: a simulated disk, seeded bytes, no timers. */
import { createHash } from "node:crypto";
import type { Disk } from "../../src/disk/disk.js";
import { memoryLogMap } from "../../src/log/map/log-map.js";
import type { Surroundings } from "../../src/node/surroundings.js";

export const DIRECTORY = "store";

/** Small segments, so that a short history rotates often. */
export const SEGMENT_BYTES = 64 * 1024;

export function simulatedSurroundings(disk: Disk, seed = 1): Surroundings {
  let draws = 0;
  return {
    disk,
    openMap: () => Promise.resolve(memoryLogMap(undefined)),
    randomBytes: (count) => {
      draws += 1;
      return createHash("shake256", { outputLength: count }).update(`${seed} ${draws}`).digest();
    },
    whenIdle: (task) => queueMicrotask(task),
    later: (task) => void setImmediate(task),
    pace: (task) => void setImmediate(task),
    nowMs: () => 0,
    durable: true,
  };
}

/** Ways of groups to a disk without a clock. */
import type { WayOf } from "../../../src/disk/surroundings.js";
import { seededRandom } from "../../../src/testing/simulated/random.js";

/** Of the groups of a store none block, about every second one, or all: as `seed` draws. */
export function drawnWays(seed: number): WayOf {
  const random = seededRandom(seed);
  const blocking = random.below(3);
  return () => (random.below(2) < blocking ? "blocking" : "pool");
}

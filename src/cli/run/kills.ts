/** When the child is killed: moments drawn from the seed, spread evenly over the run. */
import type { SeededRandom } from "../random.js";

/**
 * A kill at a moment of the run (`atMs` since its start), or, where there is none or it has passed
 * when the child starts, at a `fraction` of the time that opening and recovery last took.
 */
export interface Kill {
  readonly atMs: number | undefined;
  readonly fraction: number;
}

/** One in so many kills hits the recovery from the kill before. */
const OPENING_ONE_IN = 3;

/** `count` kills over `durationMs`, in order. */
export function planKills(random: SeededRandom, count: number, durationMs: number): Kill[] {
  return Array.from({ length: count }, (_, at): Kill => {
    const moment = random.fraction();
    const fraction = random.fraction();
    const isOpening = at % OPENING_ONE_IN === 1;
    return { atMs: isOpening ? undefined : ((at + moment) / count) * durationMs, fraction };
  });
}

/**
 * Turns of the event loop for computations longer than a moment. All of them share one allowance
 * per turn of the loop, so that together they never hold it for long, however many there are.
 *
 * Right before each step, with no `await` between: `while (!hasTime("short")) await nextTurn()`.
 */
import { setImmediate } from "node:timers";
import { setImmediate as nextLoop } from "node:timers/promises";
import { throwIfAborted } from "../../async/signal.js";

/** How an error names a computation that its caller's signal ended. */
export const VERIFICATION = "the verification";

/** `short` is 0.3 ms and less, `long` up to 3 ms: noble takes as long on a busy machine. */
export type StepLength = "short" | "long";

/** The time that a turn may have spent before such a step. With the step it stays below 5 ms. */
const SPENT_MS_MAX = { short: 2, long: 0.3 } as const;

/** The time at which the first computation of this turn began; undefined if none has. */
let heldSinceMs: number | undefined;
/** The last of the computations that wait for a turn of their own. */
let line: Promise<unknown> = Promise.resolve();

/** Tells whether this turn has time left for a step of this length. */
export function hasTime(step: StepLength): boolean {
  const nowMs = performance.now();
  if (heldSinceMs === undefined) {
    heldSinceMs = nowMs;
    setImmediate(() => {
      heldSinceMs = undefined;
    });
  }
  return nowMs - heldSinceMs <= SPENT_MS_MAX[step];
}

/**
 * Resolves in a later turn, one computation in each.
 *
 * @throws {PersisterError} ABORTED by the signal.
 */
export async function nextTurn(signal?: AbortSignal): Promise<void> {
  line = line.then(() => nextLoop());
  await line;
  throwIfAborted(signal, VERIFICATION);
}

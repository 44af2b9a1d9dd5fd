/** The clean end of a devnet: every validator closes its store, if it does so in time. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Seat } from "./seat.js";

const CLOSE_MS_MAX = 20_000;
/** After a stop or a violation nobody wants to wait, and a sabotaged store may never close. */
const STOP_MS_MAX = 1_500;
const LOOK_MS = 20;

export async function closeAll(
  seats: readonly Seat[],
  { clockMs, isOver }: { readonly clockMs: () => number; readonly isOver: () => boolean },
): Promise<void> {
  const over = new AbortController();
  const closed = Promise.allSettled(seats.map((seat) => seat.close()));
  await Promise.race([closed, timeToClose()]);
  over.abort();

  async function timeToClose(): Promise<void> {
    let endMs = clockMs() + CLOSE_MS_MAX;
    while (clockMs() < endMs && !over.signal.aborted) {
      if (isOver()) endMs = Math.min(endMs, clockMs() + STOP_MS_MAX);
      await sleep(LOOK_MS);
    }
  }
}

/** Waits for work that goes on by timers which keep no process alive. */
import { clearInterval, setInterval } from "node:timers";

/** A timer that does nothing. */
const AWAKE_MS = 60_000;

/** The process stays until `work` has ended: it would end below a caller who waits for nothing else. */
export async function awakeFor<T>(work: Promise<T>): Promise<T> {
  const awake = setInterval(() => undefined, AWAKE_MS);
  try {
    return await work;
  } finally {
    clearInterval(awake);
  }
}

/**
 * Bounded attempts with full jitter, in one place for every bucket. Each wait is drawn from 0 to twice
 * the longest of the wait before it; a server that names a time gets at least that time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfAborted } from "../../async/signal.js";
import { PersisterError } from "../../types/errors.js";

/** Attempts of one call, the first included. */
export const ATTEMPTS_MAX = 5;
const FIRST_WAIT_MS = 100;
/** The longest wait, also where a server asks for more: then the call fails, and says so. */
export const WAIT_MS_MAX = 20_000;

/** Time and chance, handed in. */
export interface Pacing {
  /** From 0 to 1. */
  readonly random: () => number;
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

export const realPacing: Pacing = {
  random: Math.random,
  wait: async (ms, signal) => {
    try {
      await sleep(ms, undefined, { signal });
    } catch (cause) {
      throwIfAborted(signal, "the wait for the bucket");
      throw cause;
    }
  },
};

/** An attempt that may be made again: `why` is told if it was the last one. */
export class TryAgain {
  readonly why: string;
  readonly afterMs: number;
  readonly cause: unknown;

  constructor(why: string, facts: { readonly afterMs?: number; readonly cause?: unknown } = {}) {
    this.why = why;
    this.afterMs = facts.afterMs ?? 0;
    this.cause = facts.cause;
  }
}

/**
 * The result of `attempt`, made again while it gives `TryAgain`. `what` names the call in the error.
 *
 * @throws {PersisterError} BUCKET_FAILED behind the last attempt; ABORTED.
 */
export async function attempts<T>(
  what: string,
  attempt: (count: number) => Promise<T | TryAgain>,
  { pacing, signal }: { readonly pacing: Pacing; readonly signal: AbortSignal | undefined },
): Promise<T> {
  let longestMs = FIRST_WAIT_MS;
  for (let count = 1; ; count++) {
    throwIfAborted(signal, what);
    const result = await attempt(count);
    if (!(result instanceof TryAgain)) return result;
    const { why, afterMs, cause } = result;
    if (count === ATTEMPTS_MAX || afterMs > WAIT_MS_MAX) {
      const times = count === 1 ? "1 attempt" : `${count} attempts`;
      throw new PersisterError("BUCKET_FAILED", `${what}: ${why} (after ${times})`, { cause });
    }
    await pacing.wait(Math.max(afterMs, pacing.random() * longestMs), signal);
    longestMs = Math.min(2 * longestMs, WAIT_MS_MAX);
  }
}

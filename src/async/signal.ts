/**
 * Waits that an `AbortSignal` may end. One signal (the node's own, for its shutdown) may serve any
 * number of waits at once: it carries one listener for all of them, so that Node warns of no leak and
 * ending a thousand waits costs a thousand steps.
 */
import { PersisterError } from "../types/errors.js";

export interface WaitOptions {
  /** Ends the wait with ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

type OnAbort = () => void;

/** The functions to call when a signal aborts, in the order in which they were given. */
const asked = new WeakMap<AbortSignal, Set<OnAbort>>();
/** The one listener of a signal. */
const listeners = new WeakMap<AbortSignal, () => void>();

/**
 * Calls `onAbort` once, when `signal` aborts. Returns what takes the wish back; the signal has no
 * listener any more when the last wish was taken back. Each call needs a function of its own.
 */
export function whenAborted(signal: AbortSignal, onAbort: OnAbort): () => void {
  const wishes = asked.get(signal) ?? new Set<OnAbort>();
  if (wishes.size === 0) listen(signal, wishes);
  wishes.add(onAbort);
  return () => {
    if (wishes.delete(onAbort) && wishes.size === 0) stopListening(signal);
  };
}

function listen(signal: AbortSignal, wishes: Set<OnAbort>): void {
  const abort = (): void => {
    stopListening(signal);
    const all = [...wishes];
    wishes.clear();
    for (const onAbort of all) onAbort();
  };
  asked.set(signal, wishes);
  listeners.set(signal, abort);
  signal.addEventListener("abort", abort, { once: true });
}

function stopListening(signal: AbortSignal): void {
  const abort = listeners.get(signal);
  if (abort) signal.removeEventListener("abort", abort);
  listeners.delete(signal);
  asked.delete(signal);
}

/** The error of a wait that `signal` ended. `what` names the wait: "the wait", "the scan". */
export function aborted(signal: AbortSignal, what: string): PersisterError {
  return new PersisterError("ABORTED", `${what} was aborted by the caller's signal`, {
    cause: signal.reason,
  });
}

/** @throws {PersisterError} ABORTED where `signal` has aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw aborted(signal, what);
}

/** Ends as `work` does, or with ABORTED: the work itself goes on then, and its end is nobody's. */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  what: string,
): Promise<T> {
  if (!signal) return await work;
  let takeBack: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    takeBack = whenAborted(signal, () => reject(aborted(signal, what)));
  });
  try {
    return await Promise.race([work, ended]);
  } finally {
    takeBack?.();
  }
}

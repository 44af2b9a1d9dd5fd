/** The outcome of a call on a store. */
import type { PushResult } from "../../../../src/avail/inner.js";
import type { Waited } from "../../../../src/avail/looks.js";
import { type ErrorCode, PersisterError } from "../../../../src/types/errors.js";

/** "waits" is the outcome of a push that finds its lane full: it may still be taken later. */
export type Outcome = "taken" | "dropped" | "waits" | ErrorCode;

export interface Came {
  readonly outcome: Outcome;
  readonly error?: PersisterError;
}

/** The outcome of `call`. Throws every error that is not an operating error. */
export async function cameTo(call: Promise<PushResult | Waited | void>): Promise<Came> {
  try {
    const result = await call;
    const isDropped = typeof result === "object" && result.status === "dropped";
    return { outcome: isDropped ? "dropped" : "taken" };
  } catch (cause) {
    if (!(cause instanceof PersisterError)) throw cause;
    return { outcome: cause.code, error: cause };
  }
}

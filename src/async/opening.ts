/** The open of a store, as its caller has it in hand: it can be called off, and tells how far it is. */
import { z } from "zod";
import { signalArgument } from "../types/arguments.js";
import { callbackFailed } from "../types/errors.js";
import { isLanekeeperError } from "../types/lanekeeper-error.js";

/** One step of an open, and how long it took. */
export interface RecoveryStep {
  /**
   * In this order:
   * - "own": the lock of the store, and its identity.
   * - "judge": every record that must be there is read and checked, then the prune anchor and the vote state,
   *   and whether they contradict each other. It takes the time of reading all that is not pruned. Up to its
   *   end no byte is written: a refusal comes here.
   * - "write again": bytes that were seen and are not known to be durable are written again, in place (D1).
   * - "begin": a new segment of the journal begins, and the spare ones are made.
   * - "map": the map to retained records is opened, or begun anew. A `Journal` and a `JobStore` have none.
   */
  readonly name: "own" | "judge" | "write again" | "begin" | "map";
  readonly ms: number;
}

/** How far an open is. */
export interface OpenProgress {
  readonly step: RecoveryStep["name"];
  /** Bytes of the step that are done, of those that are to be read or written; 0 of 0 where none are counted. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface OpeningChoices {
  /**
   * Ends the open with ABORTED, wherever it is, and nothing is left open: the store is as after a kill at that
   * place, and opens again. It has no meaning for the store once that is open.
   *
   * @defaultValue none
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Hears how far the open is: at the begin of each step, and while records are read, at every 2 MiB or so.
   *
   * @defaultValue none
   */
  readonly onProgress?: ((progress: OpenProgress) => void) | undefined;
}

/** For the options of whatever can be called off. */
export const signalSchema = z
  .custom<AbortSignal>((value) => signalArgument(value) !== undefined)
  .optional();

/** For the options of whatever tells how far it is. */
export function listenerSchema<Told>() {
  const isFunction = (value: unknown): boolean => typeof value === "function";
  return z.custom<(told: Told) => void>(isFunction, "a function").optional();
}

/** For the options of an open. */
export const openingShape = { signal: signalSchema, onProgress: listenerSchema<OpenProgress>() };

/** The name of an open in errors. */
export const OPENING = "the open";

/**
 * Tells `onProgress`. A promise that it returns is nobody's to wait for.
 *
 * @throws {PersisterError} CALLBACK_FAILED where it throws; an error of this package as it is.
 */
export function tellProgress<Told>(
  onProgress: ((progress: Told) => unknown) | undefined,
  progress: Told,
): void {
  let returned: unknown;
  try {
    returned = onProgress?.(progress);
  } catch (cause) {
    throw isLanekeeperError(cause) ? cause : callbackFailed("onProgress", cause);
  }
  if (returned instanceof Promise) returned.catch(() => {});
}

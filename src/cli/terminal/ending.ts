/**
 * The end of the process. A signal, or an output that nobody reads any more, stops the command: the
 * command ends its children and removes its temporary files, and the exit code says why. This
 * module imports nothing that takes time to load: signals must be heard from the first line on.
 *
 * Exit code 1 means that the devnet found a violation. Node's own 1, for an error that nobody
 * caught, is replaced by that of INTERNAL.
 */
import { inspect } from "node:util";
import { errorCodes } from "../../types/error-codes.js";

/** Exit codes beside those of the errors (`types/error-codes.ts`). */
export const exitCodes = {
  ok: 0,
  /** The devnet's judge found that a validator broke the contract. */
  violation: 1,
  /** As a shell tells the end of a process by a signal: 128 and its number. */
  SIGHUP: 129,
  SIGINT: 130,
  SIGPIPE: 141,
  SIGTERM: 143,
} as const;

export const endingSignals = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/** The time for a stopped command to end; then the process ends without it. */
const END_MS_MAX = 2_800;

/** The cause of a stop. The signal that stops a command has it as its reason. */
export interface Ending {
  readonly exitCode: number;
  /** A line for the operator; an output that was closed is no news. */
  readonly line: string | undefined;
}

/** Aborted, with an `Ending` as its reason, when the process has to end. */
export function stopOf(of: NodeJS.Process): AbortSignal {
  const stop = new AbortController();
  const end = (ending: Ending): void => {
    if (stop.signal.aborted) return;
    // Commands take their progress off the terminal first, so that the line has a place of its own.
    stop.abort(ending);
    if (ending.line !== undefined) of.stderr.write(`lanekeeper: ${ending.line}\n`);
    setTimeout(() => of.exit(ending.exitCode), END_MS_MAX).unref();
  };
  for (const signal of endingSignals) {
    of.on(signal, () => end({ exitCode: exitCodes[signal], line: `${signal}: stopping` }));
  }
  of.stdout.on("error", (cause: NodeJS.ErrnoException) => end(outputEnding(cause)));
  // Nobody is left who could be told.
  of.stderr.on("error", () => undefined);
  of.on("uncaughtException", (cause) => {
    of.stderr.write(`${inspect(cause)}\n`);
    of.exit(errorCodes.INTERNAL.exit);
  });
  return stop.signal;
}

/** The reader is gone (a pipe was closed, a terminal hung up), or the output takes no more. */
function outputEnding({ code, message }: NodeJS.ErrnoException): Ending {
  if (code === "EPIPE" || code === "EIO") return { exitCode: exitCodes.SIGPIPE, line: undefined };
  const name = code === "ENOSPC" ? "DISK_FULL" : "IO";
  const line = `${name}: standard output could not be written: ${message}`;
  return { exitCode: errorCodes[name].exit, line };
}

/** The reason of a stop that was aborted by `stopOf`. */
export function endingOf(stop: AbortSignal): Ending {
  return stop.reason as Ending;
}

/**
 * The exit code of a command that returned `code`: a violation stays one, though it was stopped.
 */
export function codeOf(code: number, stop: AbortSignal): number {
  return stop.aborted && code !== exitCodes.violation ? endingOf(stop).exitCode : code;
}

/** Settles as `work` does, or rejects with the ending as soon as `stop` is aborted. */
export async function untilStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T> {
  let isOver = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    isOver = () => reject(stop.reason as Error);
    if (stop.aborted) isOver();
    else stop.addEventListener("abort", isOver, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    stop.removeEventListener("abort", isOver);
  }
}

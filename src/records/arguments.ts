/**
 * The arguments of a journal's methods, checked at the door: USAGE, and nothing was begun. The options
 * that a method takes are listed once, here. A record to be appended is checked in `new-record.ts`, the
 * choices of `init` and `open` in `options.ts`.
 */
import type { WaitOptions } from "../async/signal.js";
import {
  integerArgument,
  optionsArgument,
  signalArgument,
  u64Argument,
  wrongArgument,
} from "../types/arguments.js";
import { PersisterError } from "../types/errors.js";
import type { RecordHeader, RecordRange, Select } from "./replay.js";

/** The options that each method takes. */
const known = {
  wait: ["signal"],
  headers: ["from", "select"],
  replay: ["from", "select", "signal"],
  page: ["from", "select", "signal", "limit"],
} as const;

/** A range as a caller wants it. `select` is safe to call. */
export interface WantedRange {
  readonly from: bigint | undefined;
  readonly select: Select;
  readonly signal: AbortSignal | undefined;
}

/** The signal of `append` and `appendBatch`. */
export function waitArgument(options: WaitOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  return signalArgument(optionsArgument("options", options, known.wait).signal);
}

export function headersArgument(options: RecordRange | undefined): WantedRange {
  return rangeOf(optionsArgument("options", options, known.headers));
}

export function replayArgument(options: (RecordRange & WaitOptions) | undefined): WantedRange {
  return rangeOf(optionsArgument("options", options, known.replay));
}

export function pageArgument(
  options: RecordRange & WaitOptions & { readonly limit: number },
): WantedRange & { readonly limit: number } {
  const { limit, ...range } = optionsArgument("options", options, known.page);
  const most = Number.MAX_SAFE_INTEGER;
  return { ...rangeOf(range), limit: integerArgument("option limit", limit, [1, most]) };
}

function rangeOf(options: {
  readonly from?: unknown;
  readonly select?: unknown;
  readonly signal?: unknown;
}): WantedRange {
  const { from, select, signal } = options;
  return {
    from: from === undefined ? undefined : u64Argument("option from", from),
    select: select === undefined ? everything : selectOf(select),
    signal: signalArgument(signal),
  };
}

/** The caller's function, which may throw, or answer with something else than true or false. */
function selectOf(select: unknown): Select {
  if (typeof select !== "function") throw wrongArgument("option select", "a function", select);
  const ask = select as (header: RecordHeader) => unknown;
  return (header) => {
    const answer = answerOf(ask, header);
    if (typeof answer === "boolean") return answer;
    // If it is a promise, nobody else will ever look at it.
    Promise.resolve(answer).catch(() => {});
    throw wrongArgument("the answer of select", "true or false, at once,", answer);
  };
}

function answerOf(ask: (header: RecordHeader) => unknown, header: RecordHeader): unknown {
  try {
    return ask(header);
  } catch (cause) {
    const record = `select threw when it was asked about record ${header.lsn}: see the cause`;
    throw new PersisterError("USAGE", record, { cause });
  }
}

function everything(): boolean {
  return true;
}

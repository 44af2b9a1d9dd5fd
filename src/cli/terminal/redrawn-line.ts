/** One line of progress: drawn again in its place on a terminal, else a plain line now and then. */
import type { Writable } from "node:stream";

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 1000;
const ERASE_LINE = "\r\u001b[2K";

export interface RedrawnLine {
  /** Takes the line away, so that something else can be written; it comes back with the next draw. */
  readonly erase: () => void;
  readonly stop: () => void;
}

/** Shows what `text` says, until it is stopped. */
export function showLine(
  text: () => string,
  { stream, isTerminal }: { readonly stream: Writable; readonly isTerminal: boolean },
): RedrawnLine {
  let isDrawn = false;
  const erase = (): void => {
    if (isDrawn) stream.write(ERASE_LINE);
    isDrawn = false;
  };
  const draw = (): void => {
    const line = text();
    stream.write(isTerminal ? `${ERASE_LINE}${line}` : `${line}\n`);
    isDrawn = isTerminal;
  };
  const timer = setInterval(draw, isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS);
  const stop = (): void => {
    clearInterval(timer);
    erase();
  };
  return { erase, stop };
}

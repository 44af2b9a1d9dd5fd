/** How far an inspection has come: one line drawn again on a terminal, else a plain line now and then. */
import type { Writable } from "node:stream";
import type { Progress } from "../inspect/progress.js";
import { formatSize } from "./sizes.js";

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 1000;
const ERASE_LINE = "\r\u001b[2K";

export interface InspectView {
  /** Takes the line away, so that something else can be written; it comes back with the next draw. */
  readonly erase: () => void;
  readonly stop: () => void;
}

export function startInspectView(
  progress: Progress,
  output: { readonly stream: Writable; readonly isTerminal: boolean },
): InspectView {
  const { stream, isTerminal } = output;
  let isDrawn = false;
  const erase = (): void => {
    if (isDrawn) stream.write(ERASE_LINE);
    isDrawn = false;
  };
  const draw = (): void => {
    const line = lineOf(progress);
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

function lineOf({ bytesRead, bytesExpected, records }: Progress): string {
  const expected = bytesExpected > 0 ? ` of ${formatSize(Math.max(bytesExpected, bytesRead))}` : "";
  return `${formatSize(bytesRead)}${expected} read, ${records} records`;
}

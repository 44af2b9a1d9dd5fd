/** How far an inspection has come: one line drawn again on a terminal, else a plain line now and then. */
import type { Writable } from "node:stream";
import type { Progress } from "../../inspect/walk/progress.js";
import { type RedrawnLine, showLine } from "../terminal/redrawn-line.js";
import { formatSize } from "../terminal/sizes.js";

export function startInspectView(
  progress: Progress,
  output: { readonly stream: Writable; readonly isTerminal: boolean },
): RedrawnLine {
  return showLine(() => lineOf(progress), output);
}

function lineOf({ bytesRead, bytesExpected, records }: Progress): string {
  const expected = bytesExpected > 0 ? ` of ${formatSize(Math.max(bytesExpected, bytesRead))}` : "";
  return `${formatSize(bytesRead)}${expected} read, ${records} records`;
}

/** How far an import or an export has come: a line drawn again on a terminal, else one now and then. */
import type { Writable } from "node:stream";
import { type RedrawnLine, showLine } from "../terminal/redrawn-line.js";

/** What is being done, with how many records. */
export interface Stage {
  name: "reading and verifying" | "storing" | "writing" | "reading back";
  records: number;
  /** How many there will be, where that is known. */
  total: number | undefined;
}

export function showStage(
  stage: Stage,
  stream: Writable & { readonly isTTY?: boolean },
): RedrawnLine {
  return showLine(() => stageText(stage), { stream, isTerminal: stream.isTTY === true });
}

export function stageText({ name, records, total }: Stage): string {
  return `${name}: ${records}${total === undefined ? "" : ` of ${total}`} records`;
}

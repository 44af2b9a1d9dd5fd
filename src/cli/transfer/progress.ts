/** How far an import or an export has come: one line, drawn again on a terminal. */
import type { Writable } from "node:stream";
import { type RedrawnLine, showLine } from "../terminal/redrawn-line.js";

/** The work at hand, and how many records it has done. */
export interface Stage {
  name: "reading and verifying" | "storing" | "writing" | "reading back";
  records: number;
  /** How many there will be; undefined if that is not known. */
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

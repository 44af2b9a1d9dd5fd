/** How far an import or an export has come. */
import { Redraw, type TerminalStream } from "../terminal/redraw.js";

/** The work at hand, and how many records it has done. */
export interface Stage {
  name: "reading and verifying" | "storing" | "writing" | "reading back";
  records: number;
  /** How many there will be; undefined if that is not known. */
  total: number | undefined;
}

export function showStage(stage: Stage, stream: TerminalStream): Redraw {
  const plain = (): string => stageText(stage);
  return new Redraw(stream, { lines: () => [plain()], plain });
}

export function stageText({ name, records, total }: Stage): string {
  return `${name}: ${records}${total === undefined ? "" : ` of ${total}`} records`;
}

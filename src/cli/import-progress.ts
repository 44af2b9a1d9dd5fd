/** How far an import or an export has come: a line drawn again on a terminal, else one now and then. */
import type { Writable } from "node:stream";

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 1000;
const ERASE_LINE = "\r\u001b[2K";

/** What is being done, with how many records. */
export interface Stage {
  name: "reading and verifying" | "storing" | "writing" | "reading back";
  records: number;
  /** How many there will be, where that is known. */
  total: number | undefined;
}

export interface StageView {
  /** Takes the line away, so that something else can be written. */
  readonly erase: () => void;
  readonly stop: () => void;
}

export function showStage(
  stage: Stage,
  stream: Writable & { readonly isTTY?: boolean },
): StageView {
  const isTerminal = stream.isTTY === true;
  let isDrawn = false;
  const erase = (): void => {
    if (isDrawn) stream.write(ERASE_LINE);
    isDrawn = false;
  };
  const draw = (): void => {
    const line = stageText(stage);
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

export function stageText({ name, records, total }: Stage): string {
  return `${name}: ${records}${total === undefined ? "" : ` of ${total}`} records`;
}

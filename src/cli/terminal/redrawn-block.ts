/** A block of lines: drawn again in its place on a terminal, else one plain line now and then. */
import type { Writable } from "node:stream";

const TERMINAL_INTERVAL_MS = 200;
const PLAIN_INTERVAL_MS = 1000;

/** Shows `lines` on a terminal and `plain` elsewhere, until the function that it returns is called. */
export function showBlock(
  shown: { readonly lines: () => readonly string[]; readonly plain: () => string },
  { stream, isTerminal }: { readonly stream: Writable; readonly isTerminal: boolean },
): () => void {
  if (!isTerminal) {
    const timer = setInterval(() => stream.write(`${shown.plain()}\n`), PLAIN_INTERVAL_MS);
    return () => clearInterval(timer);
  }
  let drawn = 0;
  const erase = () => (drawn === 0 ? "" : `\u001b[${drawn}A\u001b[0J`);
  const draw = () => {
    const lines = shown.lines();
    stream.write(`${erase()}${lines.join("\n")}\n`);
    drawn = lines.length;
  };
  draw();
  const timer = setInterval(draw, TERMINAL_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    stream.write(erase());
    drawn = 0;
  };
}

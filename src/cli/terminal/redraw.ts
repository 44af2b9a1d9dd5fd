/**
 * Progress: on a terminal some lines that are drawn again in their place, elsewhere a plain line
 * now and then.
 *
 * A drawn line never wraps: it is cut to the terminal's columns, since the cursor moves back by
 * rows. If the terminal became narrower meanwhile, the rows are counted as the terminal shows them
 * now.
 */
import type { Writable } from "node:stream";

const TERMINAL_INTERVAL_MS = 200;
const PLAIN_INTERVAL_MS = 1000;
/** A terminal that does not tell how wide it is. */
const COLUMNS_DEFAULT = 80;

export type TerminalStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export interface Progress {
  /** The lines for a terminal. */
  readonly lines: () => readonly string[];
  /** One line for a file or a pipe. */
  readonly plain: () => string;
}

export class Redraw {
  readonly #stream: TerminalStream;
  readonly #progress: Progress;
  readonly #timer: NodeJS.Timeout;
  /** The width of each line that is drawn now. */
  #drawn: readonly number[] = [];

  /** Shows `progress` on `stream` until it is stopped. */
  constructor(stream: TerminalStream, progress: Progress) {
    this.#stream = stream;
    this.#progress = progress;
    const intervalMs = this.#isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
    this.#timer = setInterval(() => this.#draw(), intervalMs);
  }

  /** Writes `line` above what is drawn: it stays. */
  say(line: string): void {
    this.#stream.write(`${this.#erased()}${line}\n`);
    if (this.#isTerminal) this.#draw();
  }

  /**
   * Takes away what is drawn, so that something else can be written; it comes back with the next
   * draw.
   */
  erase(): void {
    const erased = this.#erased();
    if (erased !== "") this.#stream.write(erased);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.erase();
  }

  get #isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  get #columns(): number {
    const { columns = COLUMNS_DEFAULT } = this.#stream;
    return columns > 0 ? columns : COLUMNS_DEFAULT;
  }

  #draw(): void {
    if (!this.#isTerminal) {
      this.#stream.write(`${this.#progress.plain()}\n`);
      return;
    }
    // A full row would leave the cursor behind its end: some terminals wrap there, others do not.
    const lines = this.#progress.lines().map((line) => cut(line, this.#columns - 1));
    this.#stream.write(`${this.#erased()}${lines.map((line) => `${line}\n`).join("")}`);
    this.#drawn = lines.map(widthOf);
  }

  /** The sequence that moves the cursor to the first drawn row and clears all from there on. */
  #erased(): string {
    const rows = this.#drawn.reduce(
      (sum, width) => sum + Math.max(1, Math.ceil(width / this.#columns)),
      0,
    );
    this.#drawn = [];
    return rows === 0 ? "" : `\u001b[${rows}A\u001b[0J`;
  }
}

/** Colours and the like: they take no column. */
const ESCAPE = "\u001b";
const styles = new RegExp(String.raw`(${ESCAPE}\[[0-9;]*m)`);

/** The first `columns` characters of `line`, with all of its colours. */
export function cut(line: string, columns: number): string {
  let room = columns;
  return line
    .split(styles)
    .map((part) => {
      if (styles.test(part)) return part;
      const shown = part.slice(0, Math.max(0, room));
      room -= shown.length;
      return shown;
    })
    .join("");
}

function widthOf(line: string): number {
  return line.split(styles).reduce((sum, part) => sum + (styles.test(part) ? 0 : part.length), 0);
}

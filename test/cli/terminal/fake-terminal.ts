/**
 * A terminal of a few columns: shows the output of a program as rows, as a person would see them.
 */
import { Writable } from "node:stream";

const ESCAPE = "\u001b";
const sequence = new RegExp(String.raw`${ESCAPE}\[(\d*)([A-Za-z])`, "y");

export class FakeTerminal extends Writable {
  readonly isTTY = true;
  columns: number;
  /** All rows from the first one on: those that scrolled away as well. */
  #rows: string[] = [""];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    super({ decodeStrings: false });
    this.columns = columns;
  }

  /** The rows that are shown, without blanks at the ends. */
  get rows(): string[] {
    const rows = this.#rows.map((row) => row.trimEnd());
    while (rows.at(-1) === "") rows.pop();
    return rows;
  }

  /** Makes the terminal narrower, as one does that wraps anew what stands there. */
  resize(columns: number): void {
    const lines = this.rows;
    const rows = lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, "g")) ?? [""]);
    this.columns = columns;
    this.#rows = [...rows, ""];
    this.#row = rows.length;
    this.#column = 0;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    const text = String(chunk);
    for (let at = 0; at < text.length; ) {
      sequence.lastIndex = at;
      const found = sequence.exec(text);
      if (found !== null) {
        this.#obey(found[2] ?? "", Number(found[1] || 0));
        at = sequence.lastIndex;
      } else {
        this.#put(text[at] ?? "");
        at += 1;
      }
    }
    done();
  }

  #obey(command: string, count: number): void {
    if (command === "A") this.#row = Math.max(0, this.#row - count);
    else if (command === "J") {
      this.#rows.length = this.#row + 1;
      this.#rows[this.#row] = (this.#rows[this.#row] ?? "").slice(0, this.#column);
    } else if (command !== "m") throw new Error(`this terminal knows no ${command}`);
  }

  #put(character: string): void {
    if (character === "\n") return this.#newLine();
    if (character === "\r") {
      this.#column = 0;
      return;
    }
    if (this.#column === this.columns) this.#newLine();
    const row = (this.#rows[this.#row] ?? "").padEnd(this.#column);
    this.#rows[this.#row] = row.slice(0, this.#column) + character + row.slice(this.#column + 1);
    this.#column += 1;
  }

  #newLine(): void {
    this.#row += 1;
    this.#column = 0;
    this.#rows[this.#row] ??= "";
  }
}

/** A table of two columns, text from outside made safe to print, and text cut to a line. */

/** One row: a name, or an empty one under a row that it continues, and its value. */
export type Row = readonly [name: string, value: string];

/** Lines of two columns. Values are made printable. */
export function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, value]) => `${name.padEnd(width)}${printable(value)}\n`).join("");
}

/**
 * `text` with its control characters escaped: a name from outside can neither begin a line of its
 * own nor reach the terminal's commands.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** The first sentence of `text`, in one line. */
export function sentenceOf(text: string): string {
  const [sentence = ""] = text.split(/(?<=\.) /);
  return sentence.replaceAll(/\s+/g, " ");
}

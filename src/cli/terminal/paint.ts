/** Colours, where the output shows them. */

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Color = keyof typeof codes;
export type Paint = (color: Color, text: string) => string;

export function painter(hasColor: boolean): Paint {
  return (color, text) => (hasColor ? `\u001b[${codes[color]}m${text}\u001b[0m` : text);
}

/** A terminal shows colours, unless its user wants none: https://no-color.org. */
export function showsColor(
  { isTTY }: { readonly isTTY?: boolean },
  { NO_COLOR: unwanted = "" }: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTTY === true && unwanted === "";
}

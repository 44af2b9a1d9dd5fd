/** How a figure stands to its target, in words: a bench is read for what it missed. */

const text = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(2));

/** "1.42x (wanted at most 1.30x: MISSED)" */
export function atMost(value, most, unit = "") {
  const verdict = value <= most ? "met" : "MISSED";
  return `${text(value)}${unit} (wanted at most ${text(most)}${unit}: ${verdict})`;
}

export function atLeast(value, least, unit = "") {
  const verdict = value >= least ? "met" : "MISSED";
  return `${text(value)}${unit} (wanted at least ${text(least)}${unit}: ${verdict})`;
}

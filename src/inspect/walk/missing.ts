/** Finds the numbers that are missing of a contiguous range. */

/** Numbers [first, next). */
export interface NumberRange {
  readonly first: bigint;
  readonly next: bigint;
}

/**
 * The parts of [first, next) of which nothing is in `found`, in ascending order. Its cost follows what
 * was found, not the length of the range, which damage may have made absurd.
 */
export function missingRanges(
  { first, next }: NumberRange,
  found: Iterable<bigint>,
): readonly NumberRange[] {
  const missing: NumberRange[] = [];
  let from = first;
  for (const number of [...found].sort(ascending)) {
    if (number < from) continue;
    if (number >= next) break;
    if (number > from) missing.push({ first: from, next: number });
    from = number + 1n;
  }
  if (from < next) missing.push({ first: from, next });
  return missing;
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}

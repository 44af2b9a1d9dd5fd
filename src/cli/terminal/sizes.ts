/** Counts and numbers of bytes as people write them. */

const unitBytes: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["B", 1],
  ["KB", 1000],
  ["MB", 1000 ** 2],
  ["GB", 1000 ** 3],
  ["KiB", 1024],
  ["MiB", 1024 ** 2],
  ["GiB", 1024 ** 3],
]);

/** Bytes in `text` (`4096`, `16KiB`, `2MB`), or undefined where it is anything else. */
export function parseSize(text: string): number | undefined {
  const found = /^(\d+)([A-Za-z]*)$/.exec(text);
  const unit = unitBytes.get(found?.[2] ?? "?");
  if (unit === undefined) return undefined;
  const bytes = Number(found?.[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `bytes` in the largest binary unit that leaves at least 1, with three significant digits. */
export function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ${units[unit]}`;
}

/** `1 record`, `2 records`. */
export function counted(count: number | bigint, what: string): string {
  return `${count} ${what}${BigInt(count) === 1n ? "" : "s"}`;
}

/** Numbers, durations and sizes as an operator reads them. */

const grouped = new Intl.NumberFormat("en");

/** With a comma between thousands; decimal strings of any length too. */
export function count(value: number | string): string {
  return grouped.format(typeof value === "string" ? BigInt(value) : value);
}

/** Three digits at most: `0.4 ms`, `12 ms`, `1.3 s`. */
export function ms(value: number | null | undefined): string {
  if (value === undefined || value === null) return "–";
  if (value >= 1000) return `${short(value / 1000)} s`;
  return `${short(value)} ms`;
}

/** The largest unit that fits, and no smaller one: `4 s`, `12 min`, `3 h`, `5 d`. */
export function age(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 120 * 60) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

export function bytes(value: number | undefined): string {
  if (value === undefined) return "–";
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), units.length - 1);
  return `${short(value / 1024 ** power)} ${units[power]}`;
}

/** Three digits: 0.42, 4.2, 42, 421. */
export function short(value: number): string {
  if (value === 0) return "0";
  if (value < 1) return value.toFixed(2);
  return value < 9.95 ? value.toFixed(1) : grouped.format(Math.round(value));
}

/** Time of day, and the day too if it is another one. */
export function when(atMs: number): string {
  const at = new Date(atMs);
  const time = at.toLocaleTimeString("en-GB");
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? time : `${at.toISOString().slice(0, 10)} ${time}`;
}

/** "1 lane", "3 lanes". */
export function many(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

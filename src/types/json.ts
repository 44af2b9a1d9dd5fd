/**
 * Values for `JSON.stringify`, which knows no bigint and makes `{}` of a Map: a status, a recovery, a
 * summary.
 */

/**
 * Gives `value` a `toJSON` and returns it: bigints as decimal strings, maps as objects, sets as arrays,
 * bytes left out. The method is not enumerable: it is not among the fields that are listed or copied.
 */
export function withJson<T extends object>(value: T): T {
  return Object.defineProperty(value, "toJSON", { value: () => plain(value), enumerable: false });
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array) return undefined;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Set) return [...value].map(plain);
  const fields = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(fields.map(([key, each]) => [String(key), plain(each)]));
}

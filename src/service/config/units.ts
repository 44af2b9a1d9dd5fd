/** Sizes as people write them, in the configuration. */

const unitBytes: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["KiB", 1024],
  ["MiB", 1024 ** 2],
  ["GiB", 1024 ** 3],
]);

/** The bytes of "16MiB"; `undefined` for what is no size with a unit, but for 0. */
export function sizeOf(text: string): number | undefined {
  if (text === "0") return 0;
  const found = /^(\d{1,12})([KMG]iB|B)$/.exec(text);
  const unit = unitBytes.get(found?.[2] ?? "");
  return unit === undefined ? undefined : Number(found?.[1]) * unit;
}

/** `bytes` in the largest unit that divides them. */
export function sizeText(bytes: number): string {
  const [unit = "B", one = 1] =
    [...unitBytes].reverse().find(([, each]) => bytes >= each && bytes % each === 0) ?? [];
  return bytes === 0 ? "0" : `${bytes / one}${unit}`;
}

/**
 * The golden data, its folder and its reading: bytes and verdicts of sei-chain. If the data is not there,
 * its tests skip, and a warning says so.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

export { hex, seedOf, toHex } from "../../wire/bytes.js";

export const goldenDirectory: string = resolve(
  process.env["LANEKEEPER_GOLDEN"] ??
    new URL("../../../../shared/golden", import.meta.url).pathname,
);

export const noGolden: boolean = !existsSync(goldenDirectory);

if (noGolden) {
  const found = `there is no golden data in ${goldenDirectory} (LANEKEEPER_GOLDEN names another folder)`;
  console.warn(`golden was NOT run: ${found}`);
}

/** A golden file's JSON, unchecked. */
export function golden<T>(path: string): T {
  return JSON.parse(goldenText(path)) as T;
}

export function goldenText(path: string): string {
  return readFileSync(resolve(goldenDirectory, path), "utf8");
}

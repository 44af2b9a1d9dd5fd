/** Where the golden data is, and how it is read. Absent data makes its tests skip, visibly. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

const directory = resolve(
  process.env["LANEKEEPER_GOLDEN"] ?? new URL("../../../shared/golden", import.meta.url).pathname,
);

export const noGolden: boolean = !existsSync(resolve(directory, "primitives.json"));

/** A golden file's JSON; an empty object of the same shape is never needed, as tests skip first. */
export function golden<T>(path: string): T {
  return JSON.parse(goldenText(path)) as T;
}

export function goldenText(path: string): string {
  return readFileSync(resolve(directory, path), "utf8");
}

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The seed of a test key: SHA-256 of its seed string. */
export function seedOf(text: string): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(text).digest());
}

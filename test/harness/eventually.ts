/** Waits for what must come about at some moment: the time of the machine is no part of the claim. */
import { vi } from "vitest";

/** Below the time of a test, so that it is told what has not come about. */
const MS_MAX = 100_000;
const LOOK_MS = 10;

/** Resolves when `check` throws no more. */
export async function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return await vi.waitFor(check, { timeout: MS_MAX, interval: LOOK_MS });
}

/** Resolves when `isSo` holds. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(isSo, { timeout: MS_MAX, interval: LOOK_MS });
}

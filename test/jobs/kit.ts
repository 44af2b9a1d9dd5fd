/** Stores of jobs for tests: in memory, and in a folder that goes when the test ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  int,
  type Job,
  JobStore,
  type JobStoreChoices,
  key,
  type Key,
  payload,
  type Row,
} from "../../src/jobs/index.js";

/** A folder of the test's own. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "lanekeeper-jobs-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Opens a store that is closed when the test ends. */
export async function openStore(root: string, choices: JobStoreChoices = {}): Promise<JobStore> {
  const store = await JobStore.open(root, choices);
  onTestFinished(async () => {
    await Promise.allSettled([store.close()]);
  });
  return store;
}

export async function memoryStore(choices: JobStoreChoices = {}): Promise<JobStore> {
  const store = await JobStore.openMemory(choices);
  onTestFinished(async () => {
    await Promise.allSettled([store.close()]);
  });
  return store;
}

/** The code of what `call` rejects with, or throws. */
export async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return "nothing was thrown";
}

export const value = (of: number): Uint8Array => payload(int(of));
export const numbered = (of: number): Key => key(int(of));

/** Rows as text, for comparing. */
export function shown(rows: readonly Row[]): readonly string[] {
  return rows.map((row) => `${hex(row.key)}=${hex(row.value)}`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Puts five rows, numbered 0 to 4. */
export async function fill(job: Job, category = "c", count = 5): Promise<void> {
  for (let at = 0; at < count; at++) await job.put(category, numbered(at), value(at));
}

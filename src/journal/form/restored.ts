/**
 * RESTORED: a store was restored, and its guard is not in its journal yet. The file is durable before STORE
 * is. The first open puts the guard on record, and only then removes the file:
 *
 * 1. Open appends the note: durable. 2. It is killed. 3. The next open finds the file again, and appends the
 * note once more. Nothing was signed in between, as no open had returned.
 *
 * A file that cannot be read guards the whole store. A journal of records signs nothing and has no guard: the file only
 * says that it may be another one than its mark names, until its first open.
 */
import { z } from "zod";
import type { Disk } from "../../disk/disk.js";
import { RESTORED_FILE } from "./store.js";

const FILE_BYTES_MAX = 16 * 1024;

const schema = z.strictObject({
  /** "none" for the last backup of a store that was retired: nothing was signed behind it. */
  guard: z.enum(["all", "none"]),
  reason: z.string(),
  atMs: z.number().int(),
  /** Of this restore alone: tells who has taken the last backup of a retired store. */
  claim: z.string().regex(/^[0-9a-f]{32}$/),
});

export type Restored = z.output<typeof schema>;

const UNREADABLE: Restored = {
  guard: "all",
  reason: "the record of how it was restored could not be read",
  atMs: 0,
  claim: "0".repeat(32),
};

/** The record in a state directory, if there is one. */
export async function readRestored(disk: Disk, directory: string): Promise<Restored | undefined> {
  const file = await disk.openToRead(`${directory}/${RESTORED_FILE}`);
  if (!file) return undefined;
  try {
    return decoded(await file.read(0, FILE_BYTES_MAX)) ?? UNREADABLE;
  } finally {
    await file.close();
  }
}

function decoded(bytes: Uint8Array): Restored | undefined {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

export function encodeRestored(restored: Restored): Uint8Array {
  return Buffer.from(`${JSON.stringify(restored)}\n`, "utf8");
}

/** The guard is on record: the file has done its work. Durable when resolved. */
export async function forgetRestored(disk: Disk, directory: string): Promise<void> {
  await disk.remove(`${directory}/${RESTORED_FILE}`);
  await disk.syncDirectory(directory);
}

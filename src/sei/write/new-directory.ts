/** Making directories and files that were not there before: a state directory is written once. */
import type { Disk } from "../../disk/disk.js";
import { flushParent } from "../../disk/parent.js";
import { PersisterError } from "../../types/errors.js";

/**
 * Leaves an empty directory at `path`, whose name is durable.
 *
 * @throws {PersisterError} STORE_EXISTS, and nothing was changed, if anything but an empty directory is
 * there; IO if its parent is missing.
 */
export async function claimDirectory(disk: Disk, path: string): Promise<void> {
  const kind = await disk.kind(path);
  if (kind === undefined) await disk.makeDirectory(path);
  else if (kind !== "directory" || (await disk.list(path))?.length !== 0) {
    const message = `${path} is not empty: a state directory is written into an empty or a missing one`;
    throw new PersisterError("STORE_EXISTS", message, { file: path });
  }
  await flushParent(disk, path, { isOurs: kind === undefined });
}

/** Makes a file of `parts`. Its bytes are durable when resolved, its name is not. */
export async function makeFile(
  disk: Disk,
  path: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  const file = await disk.create(path);
  try {
    if (parts.length > 0) await file.writeDurable(0, parts);
  } finally {
    await file.close();
  }
}

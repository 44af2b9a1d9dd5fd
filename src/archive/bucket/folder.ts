/** The files of a bucket in a folder: the names of its objects, and the removal of what is none. */
import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Disk } from "../../disk/disk.js";
import { diskError, osCodeOf } from "../../disk/failure.js";

/** A file that has been on its way for so long was left there by a crash. */
const LEFT_MS = 3_600_000;

/**
 * Names that begin with `prefix`, in the order of their bytes. `folder` is "" or ends with "/". No part of a name
 * begins with a dot: such files are on their way, or the lock.
 */
export async function* namesIn(
  disk: Disk,
  root: string,
  prefix: string,
  folder = "",
): AsyncGenerator<string> {
  const entries = (await disk.list(join(root, folder))) ?? [];
  const names = entries
    .filter(({ name }) => !name.startsWith("."))
    .map(({ name, kind }) => (kind === "directory" ? `${folder}${name}/` : folder + name))
    .filter((name) => name.startsWith(prefix) || prefix.startsWith(name));
  for (const name of names.sort(byBytes)) {
    if (name.endsWith("/")) yield* namesIn(disk, root, prefix, name);
    else if (name.startsWith(prefix)) yield name;
  }
}

/** Removes files that a crash has left in `folder`. */
export async function removeLeft(folder: string): Promise<void> {
  try {
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const { mtimeMs } = await stat(path);
      if (Date.now() - mtimeMs > LEFT_MS) await removeFile(path);
    }
  } catch (cause) {
    // Another process has removed it, or has given it its name.
    if (osCodeOf(cause) !== "ENOENT") throw diskError("look at a folder", folder, cause);
  }
}

/** Removes a file, if it is there. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (cause) {
    if (osCodeOf(cause) !== "ENOENT") throw diskError("remove a file", path, cause);
  }
}

function byBytes(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

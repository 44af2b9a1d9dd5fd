/** The places that commands write to: directories and files that are not there yet. */
import { realpath, rename, stat } from "node:fs/promises";
import type { Disk } from "../../disk/disk.js";
import { diskError, osCodeOf } from "../../disk/failure.js";
import { parentOf } from "../../disk/parent.js";
import { absolutePath } from "../../disk/path.js";
import { PersisterError } from "../../types/errors.js";

/** @throws {PersisterError} STORE_EXISTS if anything but an empty directory is at `path`; IO. */
export async function requireEmpty(disk: Disk, path: string): Promise<void> {
  const kind = await disk.kind(path);
  if (kind === undefined) return;
  if (kind === "directory" && (await disk.list(path))?.length === 0) return;
  const message = `${path} is not empty: name a directory that is empty or not there`;
  throw new PersisterError("STORE_EXISTS", message, { file: path });
}

/** @throws {PersisterError} STORE_EXISTS, with `advice`, if anything is at `path`; IO. */
export async function requireNothing(disk: Disk, path: string, advice: string): Promise<void> {
  if ((await disk.kind(path)) === undefined) return;
  throw new PersisterError("STORE_EXISTS", `${path} is there already: ${advice}`, { file: path });
}

/**
 * A directory gets the name `path` by a rename, and a mount point cannot be replaced by a rename.
 *
 * @throws {PersisterError} USAGE if `path` is a mount point; IO.
 */
export async function requireReplaceable(disk: Disk, path: string): Promise<void> {
  if ((await disk.kind(path)) === undefined) return;
  const [own, above] = [await deviceOf(path), await deviceOf(parentOf(path))];
  if (own === above) return;
  const message = `${path} is a mount point: name a directory inside it`;
  throw new PersisterError("USAGE", message, { file: path });
}

/**
 * Gives the directory `from` the name `to`. Nothing, or an empty directory, has that name before.
 * Durable when resolved; a crash leaves the directory whole, under one of the two names.
 */
export async function renameDirectory(disk: Disk, from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (cause) {
    throw diskError(`rename a directory to ${to}`, from, cause);
  }
  await disk.syncDirectory(parentOf(to));
}

async function deviceOf(path: string): Promise<number> {
  try {
    return (await stat(path)).dev;
  } catch (cause) {
    throw diskError("look up a path", path, cause);
  }
}

/**
 * The absolute path of a directory that was named. Behind a symbolic link it is the path of the directory
 * itself, since a rename would replace the link.
 */
export async function placeOf(named: string): Promise<string> {
  const path = absolutePath(named);
  try {
    return await realpath(path);
  } catch (cause) {
    if (osCodeOf(cause) === "ENOENT") return path;
    throw diskError("look up a path", path, cause);
  }
}

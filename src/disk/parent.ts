/** The folder above a directory of ours: it holds the name, and it may belong to somebody else. */
import type { Disk } from "./disk.js";
import { osCodeOf } from "./failure.js";
import { PersisterError } from "../types/errors.js";

/** Answers of a system that does not let us flush there, or cannot: nothing of ours has failed. */
const NOT_OURS = new Set(["EACCES", "EPERM", "ERR_ACCESS_DENIED", "EINVAL", "ENOTSUP", "ENOSYS"]);

/** The directory that holds `path`. */
export function parentOf(path: string): string {
  const slash = path.replace(/\/+$/, "").lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : path.slice(0, slash);
}

/**
 * Makes the name of `directory` durable, by a flush of its parent. If `isOurs` is false, the directory
 * stood before: its name may still lie in the page cache alone, since the process that made it may have
 * been killed. But then we do not insist: a parent that we may not read (as is usual for home
 * directories), or that cannot be flushed, is left as it is. Tells whether the parent was flushed.
 *
 * @throws {PersisterError} as `syncDirectory`, for all else.
 */
export async function flushParent(
  disk: Pick<Disk, "syncDirectory">,
  directory: string,
  { isOurs }: { readonly isOurs: boolean },
): Promise<boolean> {
  try {
    await disk.syncDirectory(parentOf(directory));
    return true;
  } catch (cause) {
    const code = cause instanceof PersisterError ? osCodeOf(cause.cause) : undefined;
    if (isOurs || code === undefined || !NOT_OURS.has(code)) throw cause;
    return false;
  }
}

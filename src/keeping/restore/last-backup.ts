/**
 * The last backup of a retired store is restored without a guard once: a file beside the backup, called by the
 * token of the retirement, says who took it. A later restore is guarded, also of another backup of that store.
 *
 * A copy of the backup directory knows nothing of that file, so two restores of two copies cannot be told
 * apart. Keep one copy of a last backup, and let one operator restore it.
 */
import { z } from "zod";
import { allEnded, inTurn } from "../../async/all-ended.js";
import { osCodeOf } from "../../disk/failure.js";
import type { Disk } from "../../disk/disk.js";
import type { Retirement } from "../../journal/form/retired.js";
import { PersisterError } from "../../types/errors.js";

const FILE_BYTES_MAX = 16 * 1024;

const schema = z.object({ claim: z.string() });

/**
 * Takes the backup for the restore with `claim`; durable when resolved. False if another restore has it.
 * A restore that was interrupted comes again with its claim, and has it still.
 *
 * @throws {PersisterError} READ_ONLY, DISK_FULL, IO: nobody can take a backup in a directory that cannot be
 * written.
 */
export async function takeLastBackup(
  disk: Disk,
  directory: string,
  { token }: Retirement,
  taking: { readonly claim: string; readonly to: string; readonly atMs: number },
): Promise<boolean> {
  const path = `${directory}/TAKEN-${token}`;
  const made = await madeUnlessThere(disk, path);
  if (!made) return (await claimAt(disk, path)) === taking.claim;
  const words = Buffer.from(`${JSON.stringify(taking)}\n`, "utf8");
  const written = made.writeDurable(0, [words]);
  // Nobody has it yet: left as it is, the file would say for ever that somebody else took it.
  const undone = written.catch(() => disk.remove(path));
  await inTurn([() => allEnded([written, undone]), () => made.close()]);
  await disk.syncDirectory(directory);
  return true;
}

async function madeUnlessThere(disk: Disk, path: string) {
  try {
    return await disk.create(path);
  } catch (cause) {
    if (cause instanceof PersisterError && osCodeOf(cause.cause) === "EEXIST") return undefined;
    throw cause;
  }
}

/** `undefined` if a crash tore it: then nobody knows whose it is. */
async function claimAt(disk: Disk, path: string): Promise<string | undefined> {
  const file = await disk.openToRead(path);
  if (!file) return undefined;
  try {
    const text = Buffer.from(await file.read(0, FILE_BYTES_MAX)).toString("utf8");
    return schema.safeParse(JSON.parse(text)).data?.claim;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return undefined;
  } finally {
    await file.close();
  }
}

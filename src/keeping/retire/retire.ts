/**
 * Retires a store: no open passes it any more, in whatever version, and no import takes its place. It is
 * the first step of a move to another machine: from here on this store signs nothing, so its last backup has
 * everything that its validator signed.
 *
 * # The limits of it
 *
 * A retired store is noticed wherever its directory is. An older copy of the directory is refused as a
 * copy (STORE_MOVED). A snapshot of a whole disk or machine from before, or somebody who removes RETIRED,
 * cannot be noticed by this store: the other one knows nothing of it. Destroy such snapshots, or the key.
 */
import type { Disk } from "../../disk/disk.js";
import { readRetirement, type Retirement, writeRetirement } from "../../journal/form/retired.js";
import { ownStore } from "../../journal/form/store.js";

export interface RetireOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly reason: string;
  readonly nowMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

/**
 * Durable when resolved. A store that is retired already stays as it is, and its record is returned.
 *
 * A crash leaves the store as it was, or retired: with a record, or with a file that is empty or torn. The
 * next call makes that one whole. Nobody has seen its token.
 *
 * @throws {PersisterError} STORE_LOCKED while a process has the store open; NOT_A_STORE, FORMAT_TOO_NEW,
 * DISK_FULL, READ_ONLY, IO.
 */
export async function retire(options: RetireOptions): Promise<Retirement> {
  const { disk, directory, reason, nowMs, randomBytes } = options;
  const store = await ownStore(disk, directory, { evenRetired: true });
  try {
    const found = await readRetirement(disk, directory);
    if (found !== undefined && found !== "torn") {
      // It may be seen without being durable: its name is made so.
      await disk.syncDirectory(directory);
      return found;
    }
    const token = Buffer.from(randomBytes(16)).toString("hex");
    const retirement = { token, reason, atMs: Math.floor(nowMs()) };
    await writeRetirement(disk, directory, retirement);
    return retirement;
  } finally {
    await store.file.close();
  }
}

/**
 * The directory that backups are written to, owned by the one that is being made. A lock on BACKUP keeps
 * others out.
 */
import { osCodeOf } from "../../disk/failure.js";
import type { Disk, DiskFile } from "../../disk/disk.js";
import { flushParent } from "../../disk/parent.js";
import { PersisterError } from "../../types/errors.js";
import type { StoreIdentity } from "../../journal/form/store.js";
import { hex } from "../../codec/hex.js";
import {
  BACKUP_FILE,
  backupName,
  FINISHED_NAME,
  findBackup,
  finishedBackups,
  partsOfName,
  SEGMENTS_DIRECTORY,
} from "./found.js";
import type { BackupManifest } from "./manifest.js";

const TEXT = `This directory holds backups of a Lanekeeper store, by their numbers; they share the files in
segments. \`lanekeeper backup verify\` on this directory looks whether they are whole,
\`lanekeeper restore\` makes a store of one. Its payloads are as the store had them: keep it as safe.
`;

export class BackupTarget {
  readonly directory: string;
  readonly #disk: Disk;
  readonly #lock: DiskFile;

  private constructor(disk: Disk, directory: string, lock: DiskFile) {
    this.#disk = disk;
    this.directory = directory;
    this.#lock = lock;
  }

  /**
   * Takes `directory`, which holds backups, or is empty or missing: it is made then.
   *
   * @throws {PersisterError} USAGE where something else is in it; STORE_LOCKED while another backup is made
   * there; DISK_FULL, READ_ONLY, IO.
   */
  static async open(disk: Disk, directory: string): Promise<BackupTarget> {
    const kind = await disk.kind(directory);
    if (kind === undefined) await disk.makeDirectory(directory);
    await flushParent(disk, directory, { isOurs: kind === undefined });
    const names = (await disk.list(directory))?.map(({ name }) => name) ?? [];
    if (!names.includes(BACKUP_FILE) && names.length > 0) throw foreign(directory, names);
    const lock = await lockOn(disk, `${directory}/${BACKUP_FILE}`);
    try {
      await lock.writeDurable(0, [Buffer.from(TEXT)]);
      const segments = `${directory}/${SEGMENTS_DIRECTORY}`;
      if ((await disk.kind(segments)) === undefined) await disk.makeDirectory(segments);
      await disk.syncDirectory(segments);
      await disk.syncDirectory(directory);
      return new BackupTarget(disk, directory, lock);
    } catch (cause) {
      await lock.close();
      throw cause;
    }
  }

  /** This directory: a copy of it, or one that stands in its place, is another. */
  async place(): Promise<string> {
    const { inode, bornNs } = await this.#lock.origin();
    return `${this.directory} ${inode} ${bornNs}`;
  }

  /**
   * The newest finished backup, which must be of this store; `undefined` where there is none.
   *
   * @throws {PersisterError} USAGE for another store; BACKUP_CORRUPT.
   */
  async newest({ storeId, chainId }: StoreIdentity): Promise<BackupManifest | undefined> {
    if ((await finishedBackups(this.#disk, this.directory)).length === 0) return undefined;
    const newest = await findBackup(this.#disk, this.directory);
    if (newest.storeId === hex(storeId) && newest.chainId === chainId) return newest;
    throw new PersisterError(
      "USAGE",
      `${this.directory}: it holds backups of another store (${newest.storeId} of chain ${newest.chainId}): ` +
        "name another directory",
      { file: this.directory },
    );
  }

  /** Takes away the files of backups that were not finished. Their segments stay: the next one needs them. */
  async removeUnfinished(): Promise<void> {
    const finished = new Set(await finishedBackups(this.#disk, this.directory));
    const names = ((await this.#disk.list(this.directory)) ?? []).map(({ name }) => name);
    const left = names.filter((name) => {
      const parts = partsOfName(name);
      return parts !== undefined && !finished.has(parts.number);
    });
    await this.#remove(this.directory, left);
  }

  /**
   * Takes away the oldest backups, all but the newest `keep`, and every segment that none of those lists. The
   * name that finishes a backup goes first: from then on it is unfinished, and not damaged, wherever this stops.
   */
  async removeOld(keep: number): Promise<void> {
    const finished = await finishedBackups(this.#disk, this.directory);
    const old = finished.slice(0, Math.max(0, finished.length - keep));
    await this.#remove(
      this.directory,
      old.map((number) => backupName(number, FINISHED_NAME)),
    );
    await this.removeUnfinished();
    const listed = new Set<string>();
    for (const number of finished.slice(old.length)) {
      const { files } = await findBackup(this.#disk, this.directory, number);
      for (const { at } of files) listed.add(at);
    }
    const segments = `${this.directory}/${SEGMENTS_DIRECTORY}`;
    const names = ((await this.#disk.list(segments)) ?? []).map(({ name }) => name);
    const left = names.filter((name) => !listed.has(`${SEGMENTS_DIRECTORY}/${name}`));
    await this.#remove(segments, left);
  }

  /** Lets go of the directory. */
  close(): Promise<void> {
    return this.#lock.close();
  }

  async #remove(directory: string, names: readonly string[]): Promise<void> {
    for (const name of names) await this.#disk.remove(`${directory}/${name}`);
    if (names.length > 0) await this.#disk.syncDirectory(directory);
  }
}

async function lockOn(disk: Disk, path: string): Promise<DiskFile> {
  const file = (await disk.openToWrite(path)) ?? (await created(disk, path));
  try {
    await file.lock();
    return file;
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

/** Of two backups that begin at once, one makes the file. */
async function created(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.create(path);
  } catch (cause) {
    const isThere = cause instanceof PersisterError && osCodeOf(cause.cause) === "EEXIST";
    const file = isThere ? await disk.openToWrite(path) : undefined;
    if (!file) throw cause;
    return file;
  }
}

function foreign(directory: string, names: readonly string[]): PersisterError {
  const text = `${directory}: it holds ${names[0]}, and no backups: name a directory that is missing or empty`;
  return new PersisterError("USAGE", text, { file: directory });
}

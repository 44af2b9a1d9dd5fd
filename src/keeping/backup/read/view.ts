/**
 * A backup as the store that it would make: everything that looks at a store can look at it. It only reads.
 * Files that are opened bear the names that they have in the backup.
 */
import type {
  Disk,
  DirectoryEntry,
  DiskFile,
  EntryKind,
  FileIdentity,
} from "../../../disk/disk.js";
import { type ReadableDisk, ReadOnlyDisk } from "../../../disk/read-only.js";
import type { BackupFile } from "../manifest.js";

/** The directory of the store in a view. */
export const VIEW_DIRECTORY = "backup";

/** The store that the files of a backup in `directory` make. */
export function viewOf(
  disk: Disk,
  directory: string,
  files: readonly Pick<BackupFile, "path" | "at">[],
): Disk {
  return new ReadOnlyDisk(new BackupView(disk, directory, files), () => {});
}

class BackupView implements ReadableDisk {
  readonly #disk: Disk;
  /** The places of the files in the backup, by the paths that they have here. */
  readonly #files: ReadonlyMap<string, string>;

  constructor(disk: Disk, directory: string, files: readonly Pick<BackupFile, "path" | "at">[]) {
    this.#disk = disk;
    this.#files = new Map(
      files.map(({ path, at }) => [`${VIEW_DIRECTORY}/${path}`, `${directory}/${at}`]),
    );
  }

  async openToRead(path: string): Promise<DiskFile | undefined> {
    return await this.#disk.openToRead(this.#files.get(path) ?? path);
  }

  async kind(path: string): Promise<EntryKind | undefined> {
    const at = this.#files.get(path);
    if (at !== undefined) return await this.#disk.kind(at);
    return this.#namesIn(path).length > 0 ? "directory" : undefined;
  }

  async identity(path: string): Promise<FileIdentity | undefined> {
    const at = this.#files.get(path);
    return at === undefined ? undefined : await this.#disk.identity(at);
  }

  async list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    const names = this.#namesIn(path);
    if (names.length === 0) return undefined;
    const entries: DirectoryEntry[] = [];
    for (const name of new Set(names)) {
      const kind = await this.kind(`${path}/${name}`);
      if (kind !== undefined) entries.push({ name, kind });
    }
    return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  #namesIn(directory: string): string[] {
    return [...this.#files.keys()].flatMap((path) => {
      return path.startsWith(`${directory}/`)
        ? (path.slice(directory.length + 1).split("/")[0] ?? [])
        : [];
    });
  }
}

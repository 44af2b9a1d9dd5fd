/**
 * Makes a backup of a cut of a store, in a directory that may hold earlier ones.
 *
 * 1. The directory is taken, and files of a backup that was not finished go.
 * 2. The store is cut. Its segments are held from here on. A retired store puts on record where its last backup is.
 * 3. Each segment that is not there yet is copied, read back and compared. One that is there is compared, too.
 * 4. The small files are copied.
 * 5. The copy is read as open reads a store, without its keys: every checksum and chain, every number of every
 *    log. The manifest says what was read there.
 * 6. Manifest and sums are written, then the name FINISHED: from here on it is a backup.
 * 7. Older backups go, as many as are too many.
 *
 * # Crash safety
 *
 * A crash at any step leaves the earlier backups as they are, and the store untouched: nothing is ever written
 * to it, but for the record of its retirement. Of this backup it leaves:
 * - before step 6 is durable: files that are no backup. The next one takes the segments that are whole, and takes
 *   away the rest;
 * - behind it: the backup. All its files, and their names, were durable before the last name was made;
 * - in step 7: older backups that are whole, or unfinished.
 *
 * # Errors
 *
 * A refusal of the backup's disk harms neither the store nor an earlier backup.
 */
import { hex } from "../../codec/hex.js";
import type { Disk } from "../../disk/disk.js";
import { readContents } from "./read/contents.js";
import { type Copying, copyTo, describeFile, summed } from "./copy.js";
import type { CutFile, StoreCut } from "./cut.js";
import {
  backupName,
  encodeSums,
  FINISHED_NAME,
  MANIFEST_NAME,
  SEGMENTS_DIRECTORY,
  SUMS_NAME,
} from "./found.js";
import { type BackupFile, type BackupManifest, encodeManifest } from "./manifest.js";
import type { Pace } from "./pace.js";
import { BackupTarget } from "./target.js";
import { VIEW_DIRECTORY, viewOf } from "./read/view.js";

/** How far a backup is. */
export interface BackupProgress {
  /** Bytes that are in the backup, and bytes that it will have. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** The file that is done. */
  readonly file: string;
}

export interface BackupWork {
  readonly disk: Disk;
  /** The backup directory. */
  readonly directory: string;
  /** Cuts the store. Called once, when the directory is ready. */
  readonly cut: () => StoreCut | Promise<StoreCut>;
  readonly pace: Pace;
  readonly nowMs: () => number;
  /** Finished backups that stay in the directory, this one included. */
  readonly keep: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
}

export interface BackupMade {
  readonly manifest: BackupManifest;
  /** Bytes of all its files. */
  readonly bytes: number;
  /** Bytes that were written: the rest was in the directory. */
  readonly copiedBytes: number;
}

/**
 * Makes a backup; durable when resolved.
 *
 * @throws {PersisterError} as `BackupTarget.open`, the cut, `copyTo` and `readContents` say.
 */
export async function backUp(work: BackupWork): Promise<BackupMade> {
  const { disk, directory, keep } = work;
  const target = await BackupTarget.open(disk, directory);
  try {
    await target.removeUnfinished();
    const cut = await work.cut();
    try {
      const before = await target.newest(cut.identity);
      const isLast = cut.retired !== null && (await cut.claimLast(await target.place()));
      const made = await new Backup(work, cut, { before, isLast }).make();
      await target.removeOld(keep);
      return made;
    } finally {
      await cut.end();
    }
  } finally {
    await target.close();
  }
}

/** One backup that is being made. */
class Backup {
  readonly #work: BackupWork;
  readonly #cut: StoreCut;
  readonly #copying: Copying;
  readonly #number: number;
  readonly #takenAtMs: number;
  /** It is the last one of a retired store. */
  readonly #isLast: boolean;
  /** The sums of files that an earlier backup has, by their places. */
  readonly #known: ReadonlyMap<string, string>;
  #doneBytes = 0;
  #copiedBytes = 0;

  constructor(
    work: BackupWork,
    cut: StoreCut,
    { before, isLast }: { readonly before: BackupManifest | undefined; readonly isLast: boolean },
  ) {
    this.#work = work;
    this.#cut = cut;
    this.#isLast = isLast;
    this.#copying = { disk: work.disk, pace: work.pace, signal: work.signal };
    this.#number = (before?.number ?? 0) + 1;
    this.#takenAtMs = work.nowMs();
    this.#known = new Map(before?.files.map(({ at, sha256 }) => [at, sha256]));
  }

  async make(): Promise<BackupMade> {
    const { disk, directory } = this.#work;
    const files: BackupFile[] = [];
    for (const file of this.#cut.files) files.push(await this.#copied(file));
    await disk.syncDirectory(`${directory}/${SEGMENTS_DIRECTORY}`);
    const manifest = await this.#manifestOf(files);
    const written = await this.#write(MANIFEST_NAME, encodeManifest(manifest));
    await this.#write(SUMS_NAME, encodeSums([...files, written]));
    await disk.syncDirectory(directory);
    await this.#write(FINISHED_NAME, new Uint8Array(0));
    await disk.syncDirectory(directory);
    const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
    return { manifest, bytes, copiedBytes: this.#copiedBytes };
  }

  async #copied(file: CutFile): Promise<BackupFile> {
    const { path, bytes, segment } = file;
    const at = this.#placeOf(file);
    const to = `${this.#work.directory}/${at}`;
    const sha256 = (await this.#reused(file, at)) ?? (await copyTo(to, file, this.#copying));
    this.#doneBytes += bytes;
    const totalBytes = this.#cut.files.reduce((sum, each) => sum + each.bytes, 0);
    this.#work.onProgress?.({ doneBytes: this.#doneBytes, totalBytes, file: path });
    return { path, at, bytes, sha256, segment: segment ?? null };
  }

  /** The place of a file in the backup directory: of a segment by what never changes about it. */
  #placeOf({ path, bytes, segment }: CutFile): string {
    if (!segment) return backupName(this.#number, path);
    const { sequence, endChain } = segment;
    return `${SEGMENTS_DIRECTORY}/${sequence}-${bytes}-${endChain.toString(16).padStart(8, "0")}.seg`;
  }

  /** The sum of a file that stands at `at` already, if it is the one; another one is taken away. */
  async #reused(file: CutFile, at: string): Promise<string | undefined> {
    const { disk, directory } = this.#work;
    const path = `${directory}/${at}`;
    const found = await describeFile(path, this.#copying);
    if (found?.bytes === file.bytes) {
      const wanted = this.#known.get(at) ?? (await summed(file, this.#copying));
      if (found.sha256 === wanted) return wanted;
    }
    if (found) await disk.remove(path);
    this.#copiedBytes += file.bytes;
    return undefined;
  }

  /** The manifest says what is read in the copy. */
  async #manifestOf(files: readonly BackupFile[]): Promise<BackupManifest> {
    const { disk, directory } = this.#work;
    const { identity, generation, lsn, retired } = this.#cut;
    const { token = "", reason = "", atMs = 0 } = retired ?? {};
    const view = viewOf(disk, directory, files);
    return {
      format: "lanekeeper backup",
      version: 1,
      number: this.#number,
      chainId: identity.chainId,
      storeId: hex(identity.storeId),
      generation,
      takenAtMs: this.#takenAtMs,
      lsn,
      ...(await readContents(view, VIEW_DIRECTORY, identity)),
      retired: this.#isLast ? { token, reason, atMs } : null,
      files,
    };
  }

  /** Writes a document of this backup; durable when resolved, but for its name. */
  async #write(name: string, bytes: Uint8Array): Promise<{ at: string; sha256: string }> {
    const at = backupName(this.#number, name);
    const source = {
      bytes: bytes.length,
      read: async (position: number, length: number) => bytes.subarray(position, position + length),
    };
    const sha256 = await copyTo(`${this.#work.directory}/${at}`, source, this.#copying);
    return { at, sha256 };
  }
}

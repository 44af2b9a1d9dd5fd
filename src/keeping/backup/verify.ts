/**
 * Verifies a backup: each file by its size and SHA-256, and then the store that it would make, as an inspection
 * looks at any store. Nothing is written.
 */
import type { Disk } from "../../disk/disk.js";
import type { Finding } from "../../inspect/finding.js";
import { inspecting } from "../../inspect/inspect.js";
import type { Summary } from "../../inspect/summary.js";
import type { Progress } from "../../inspect/walk/live-records.js";
import type { Depth } from "../../inspect/walk/proof.js";
import type { KeySource } from "../../keys/source.js";
import { describeFile, sha256Of } from "./copy.js";
import { backupName, encodeSums, findBackup, MANIFEST_NAME, SUMS_NAME } from "./found.js";
import type { BackupFile, BackupManifest } from "./manifest.js";
import { VIEW_DIRECTORY, viewOf } from "./read/view.js";

/** Nobody waits for the disk but the one who verifies. */
const UNPACED = { spend: () => Promise.resolve() };

export interface VerifyOptions {
  readonly disk: Disk;
  /** The backup directory. */
  readonly directory: string;
  /** Of the backup; the newest finished one where it is left out. */
  readonly number?: number | undefined;
  readonly depth: Depth;
  /** The keys of sealed payloads: without one they are told as sealed. */
  readonly keys?: readonly KeySource[];
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

export interface VerifiedBackup {
  readonly manifest: BackupManifest;
  /** Of the store that it would make. */
  readonly store: Summary;
}

/**
 * Yields everything that is wrong, as it is found.
 *
 * @throws {PersisterError} as `findBackup`; ABORTED; KEY_REFUSED, CALLBACK_FAILED for a key.
 */
export async function* verifyBackup(
  options: VerifyOptions,
): AsyncGenerator<Finding, VerifiedBackup, void> {
  const { disk, directory, number, depth, keys = [], progress } = options;
  const manifest = await findBackup(disk, directory, number);
  for (const file of manifest.files) {
    const finding = await fileFinding(file, options);
    if (finding) yield finding;
  }
  const sums = await fileFinding(await sumsOf(manifest, options), options);
  if (sums) yield sums;
  const view = viewOf(disk, directory, manifest.files);
  const store = yield* inspecting({
    disk: view,
    directory: VIEW_DIRECTORY,
    depth,
    keys,
    progress,
    moved: true,
    isBackup: true,
  });
  return { manifest, store };
}

type Named = Pick<BackupFile, "at" | "bytes" | "sha256">;

/** The list of sums that belongs to a manifest. */
async function sumsOf(
  { number, files }: BackupManifest,
  { disk, directory, signal }: VerifyOptions,
): Promise<Named> {
  const at = backupName(number, MANIFEST_NAME);
  const own = await describeFile(`${directory}/${at}`, { disk, pace: UNPACED, signal });
  const list = encodeSums([...files, { at, sha256: own?.sha256 ?? "" }]);
  return { at: backupName(number, SUMS_NAME), bytes: list.length, sha256: sha256Of(list) };
}

/** The finding about a file of a backup, if it is not the one that the manifest names. */
async function fileFinding(
  { at, bytes, sha256 }: Named,
  { disk, directory, progress, signal }: VerifyOptions,
): Promise<Finding | undefined> {
  const file = `${directory}/${at}`;
  const found = await describeFile(file, { disk, pace: UNPACED, signal });
  progress.bytesRead += found?.bytes ?? 0;
  if (found?.bytes === bytes && found.sha256 === sha256) return undefined;
  const message = found
    ? `it has ${found.bytes} bytes with SHA-256 ${found.sha256}; the manifest names ${bytes} with ${sha256}`
    : "the file is missing";
  return { class: "BACKUP_CORRUPT", severity: "error", file, message };
}

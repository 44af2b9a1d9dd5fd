/** The backups in a directory, for those who read them. */
import type { Disk } from "../../disk/disk.js";
import { PersisterError } from "../../types/errors.js";
import { sha256Of } from "./copy.js";
import { type BackupManifest, decodeManifest } from "./manifest.js";

/** Says what the directory is. */
export const BACKUP_FILE = "BACKUP";
export const SEGMENTS_DIRECTORY = "segments";
export const MANIFEST_NAME = "manifest.json";
export const SUMS_NAME = "SHA256SUMS";
/** A name alone: unlike the bytes of a file, a name is there or not. */
export const FINISHED_NAME = "FINISHED";

const DIGITS = 7;
/** No manifest, and no list of sums, comes near it. */
const DOCUMENT_BYTES_MAX = 64 * 1024 * 1024;

/** A file of one backup, in the backup directory. */
export function backupName(number: number, name: string): string {
  return `${String(number).padStart(DIGITS, "0")}-${name}`;
}

/** The backup that a file belongs to, and the file's own name; `undefined` for a foreign name. */
export function partsOfName(
  name: string,
): { readonly number: number; readonly own: string } | undefined {
  const found = /^(\d{7})-(.+)$/.exec(name);
  return found ? { number: Number(found[1]), own: found[2] ?? "" } : undefined;
}

/** The numbers of the finished backups in `directory`, oldest first. */
export async function finishedBackups(disk: Disk, directory: string): Promise<readonly number[]> {
  const entries = (await disk.list(directory)) ?? [];
  return entries
    .flatMap(({ name }) => partsOfName(name) ?? [])
    .filter(({ own }) => own === FINISHED_NAME)
    .map(({ number }) => number)
    .sort((one, other) => one - other);
}

/**
 * The manifest of a backup in `directory`: of the newest finished one, or of that with `number`.
 *
 * @throws {PersisterError} BACKUP_CORRUPT where there is none, or its manifest is damaged; FORMAT_TOO_NEW; IO.
 */
export async function findBackup(
  disk: Disk,
  directory: string,
  number?: number,
): Promise<BackupManifest> {
  const finished = await finishedBackups(disk, directory);
  const wanted = number ?? finished.at(-1);
  if (wanted === undefined || !finished.includes(wanted)) {
    const which = number === undefined ? "no finished backup is" : `backup ${number} is not`;
    const there = finished.length > 0 ? `; there are ${finished.join(", ")}` : "";
    throw corrupt(directory, `${which} in it${there}: check the path, or take a backup`);
  }
  return await readManifest(disk, directory, wanted);
}

/** The list of the sums of a backup's files, as `sha256sum --check` takes it. The manifest comes last. */
export function encodeSums(
  files: readonly { readonly at: string; readonly sha256: string }[],
): Uint8Array {
  return Buffer.from(files.map(({ sha256, at }) => `${sha256}  ${at}\n`).join(""), "utf8");
}

async function readManifest(
  disk: Disk,
  directory: string,
  number: number,
): Promise<BackupManifest> {
  const file = `${directory}/${backupName(number, MANIFEST_NAME)}`;
  const sums = `${directory}/${backupName(number, SUMS_NAME)}`;
  const named = sumOf(await documentAt(disk, sums), backupName(number, MANIFEST_NAME));
  if (named === undefined) throw corrupt(sums, "it does not name the manifest");
  const bytes = await documentAt(disk, file);
  if (sha256Of(bytes) !== named) throw corrupt(file, `its SHA-256 is not the one in ${sums}`);
  const manifest = decodeManifest(bytes, file);
  if (manifest.number === number) return manifest;
  throw corrupt(file, `it is the manifest of backup ${manifest.number}`);
}

async function documentAt(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.openToRead(path);
  if (!file) throw corrupt(path, "the file is missing");
  try {
    return await file.read(0, Math.min(await file.size(), DOCUMENT_BYTES_MAX));
  } finally {
    await file.close();
  }
}

function sumOf(sums: Uint8Array, name: string): string | undefined {
  for (const line of Buffer.from(sums).toString("utf8").split("\n")) {
    const found = /^([0-9a-f]{64}) {2}(.+)$/.exec(line);
    if (found?.[2] === name) return found[1];
  }
  return undefined;
}

/** The error of a backup that is not whole. */
export function corrupt(file: string, why: string): PersisterError {
  return new PersisterError("BACKUP_CORRUPT", `${file}: ${why}`, { file });
}

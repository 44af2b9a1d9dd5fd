/**
 * The files of a LevelDB database, looked at before LevelDB opens them. LevelDB takes a short manifest,
 * an emptied log and a damaged table for what they are not, and removes what it does not know; so
 * damage is looked for first, and a database with any is not opened.
 *
 * | left | what is asked |
 * |---|---|
 * | closed by us | every file that was listed is there, with its size and checksum, and no other |
 * | open when the process ended | the manifest that was settled still begins with its bytes, or a later one took its place; every table that the manifest lists is there, whole |
 *
 * LevelDB's own logs are not asked: the journal holds every write that is not in a table. They are
 * removed before such a database is opened, so that nothing depends on what a crash left of them.
 */
import { join } from "node:path";
import { crc32c } from "../../codec/crc32c.js";
import type { Disk } from "../../disk/disk.js";
import { describeFolder } from "../../disk/folder-files.js";
import type { FileMark } from "../journal/job-record.js";
import { checkTable, LevelFormatError, readManifest } from "./format.js";

/** Files of LevelDB that say nothing of the values. LOCK is never opened: closing it would unlock it. */
const passedOver = new Set(["LOCK", "LOG", "LOG.old"]);
const CURRENT = "CURRENT";
const LOG_ENDING = ".log";
const tableEndings = [".ldb", ".sst"];

/** Why a database is not opened, with the file that says so; `undefined`: it may be. */
export interface FolderFault {
  readonly file: string;
  readonly reason: string;
}

/**
 * Every file of the database that says something of the values; `undefined` where the folder is missing,
 * or holds something that LevelDB does not make.
 */
export async function describeDatabase(
  disk: Disk,
  folder: string,
): Promise<readonly FileMark[] | undefined> {
  return await describeFolder(disk, folder, (name) => !passedOver.has(name));
}

/**
 * The whole edits of the manifest that CURRENT names. They are only known to be durable when the file
 * was flushed after this look at it: see `JobHome.manifest`.
 */
export async function describeManifest(disk: Disk, folder: string): Promise<FileMark> {
  const name = await currentManifest(disk, folder);
  const bytes = await readWhole(disk, join(folder, name));
  const { wholeBytes } = readManifest(bytes);
  return { name, bytes: wholeBytes, crc: crc32c(bytes.subarray(0, wholeBytes)) };
}

/** Bytes of all files of the database; 0 where there is none. */
export async function bytesOfDatabase(disk: Disk, folder: string): Promise<number> {
  let sum = 0;
  for (const { name } of (await disk.list(folder)) ?? []) {
    if (passedOver.has(name)) continue;
    const file = await disk.openToRead(join(folder, name));
    if (!file) continue;
    try {
      sum += await file.size();
    } finally {
      await file.close();
    }
  }
  return sum;
}

/** Compares a database that was closed with the list that was made of it then. */
export async function faultOfClosed(
  disk: Disk,
  folder: string,
  files: readonly FileMark[],
): Promise<FolderFault | undefined> {
  const described = await describeDatabase(disk, folder);
  if (!described)
    return { file: folder, reason: "it is missing, or holds what LevelDB does not make" };
  const found = new Map(described.map((mark) => [mark.name, mark]));
  for (const { name, bytes, crc } of files) {
    const mark = found.get(name);
    found.delete(name);
    const file = join(folder, name);
    if (!mark) return { file, reason: "it is missing" };
    if (mark.bytes !== bytes) return { file, reason: `it has ${mark.bytes} bytes, not ${bytes}` };
    if (mark.crc !== crc) return { file, reason: "its content has changed" };
  }
  const [extra] = found.keys();
  return extra === undefined
    ? undefined
    : { file: join(folder, extra), reason: "it was not there when the job was closed" };
}

/** A database that was open when its process ended. */
export type OpenFolder =
  | { readonly kind: "whole" }
  /** The last edit of the manifest was not durable yet: the file is to be cut to `bytes`. */
  | { readonly kind: "torn"; readonly file: string; readonly bytes: number }
  | { readonly kind: "damaged"; readonly fault: FolderFault };

/**
 * Looks at a database that was open when its process ended; `settled` was its manifest.
 *
 * A tail of the manifest that is not whole lies behind `settled`, or the manifest is damaged. Cutting
 * it takes back the last edit. If that was in flight, LevelDB had removed no file for it yet. If it was
 * durable and is damaged, it listed tables of writes that the journal still holds; or it had replaced
 * tables that are gone, and then one that the manifest lists is missing.
 */
export async function lookAtOpen(
  disk: Disk,
  folder: string,
  settled: FileMark,
): Promise<OpenFolder> {
  let file = join(folder, CURRENT);
  const damaged = (reason: string): OpenFolder => ({ kind: "damaged", fault: { file, reason } });
  try {
    const name = await currentManifest(disk, folder);
    file = join(folder, name);
    const bytes = await readWhole(disk, file);
    const { live, wholeBytes } = readManifest(bytes);
    const isSettled = name === settled.name;
    if (!isSettled && numberOf(name) < numberOf(settled.name)) {
      return damaged(`it is older than ${settled.name}, which was durable`);
    }
    const begin = bytes.subarray(0, settled.bytes);
    if (isSettled && (wholeBytes < settled.bytes || crc32c(begin) !== settled.crc)) {
      return damaged("it does not begin with what was durable of it");
    }
    if (wholeBytes === 0) return damaged("it holds no edit");
    const manifest = file;
    const names = new Set(((await disk.list(folder)) ?? []).map((entry) => entry.name));
    for (const { number, bytes: tableBytes } of live.values()) {
      file = join(folder, tableName(number, names));
      const table = await readWhole(disk, file);
      if (table.length !== tableBytes) {
        return damaged(`it has ${table.length} bytes, not ${tableBytes}`);
      }
      checkTable(table);
    }
    return wholeBytes === bytes.length
      ? { kind: "whole" }
      : { kind: "torn", file: manifest, bytes: wholeBytes };
  } catch (cause) {
    if (!(cause instanceof LevelFormatError)) throw cause;
    return damaged(cause.message);
  }
}

function numberOf(manifest: string): bigint {
  return BigInt(manifest.slice(manifest.indexOf("-") + 1));
}

/** The logs of LevelDB in a folder: for whoever removes them. */
export async function logFiles(disk: Disk, folder: string): Promise<readonly string[]> {
  const entries = (await disk.list(folder)) ?? [];
  return entries
    .filter(({ name }) => name.endsWith(LOG_ENDING))
    .map(({ name }) => join(folder, name));
}

/**
 * Whether a table is there that the manifest does not list, or a second log: LevelDB keeps them while an iterator
 * sees them, and removes them behind a later compaction.
 */
export async function hasOldFiles(disk: Disk, folder: string): Promise<boolean> {
  const manifest = await readWhole(disk, join(folder, await currentManifest(disk, folder)));
  const live = new Set([...readManifest(manifest).live.keys()].map(String));
  const names = ((await disk.list(folder)) ?? []).map(({ name }) => name);
  const tables = names.filter((name) => tableEndings.some((ending) => name.endsWith(ending)));
  const isListed = (name: string): boolean =>
    live.has(String(BigInt(name.slice(0, name.indexOf(".")))));
  return !tables.every(isListed) || names.filter((name) => name.endsWith(LOG_ENDING)).length > 1;
}

function tableName(number: bigint, names: ReadonlySet<string>): string {
  const stem = String(number).padStart(6, "0");
  return (
    tableEndings.map((ending) => stem + ending).find((name) => names.has(name)) ?? `${stem}.ldb`
  );
}

async function currentManifest(disk: Disk, folder: string): Promise<string> {
  const text = Buffer.from(await readWhole(disk, join(folder, CURRENT))).toString("latin1");
  const found = /^(MANIFEST-\d{6,})\n$/.exec(text)?.[1];
  if (found === undefined) throw new LevelFormatError("it names no manifest");
  return found;
}

async function readWhole(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.openToRead(path);
  if (!file) throw new LevelFormatError("it is missing");
  try {
    return await file.read(0, await file.size());
  } finally {
    await file.close();
  }
}

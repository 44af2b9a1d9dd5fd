/**
 * Writes a log in sei-chain's form. A file is made whole, under its sealed name, and is durable with that
 * name before the next file is begun. A crash leaves a log that ends early, or one whose last file is
 * refused. Only the owner may read the files.
 */
import type { Disk } from "../../disk/disk.js";
import { PersisterError } from "../../types/errors.js";
import { LOCK_NAME, liveName, sealedName } from "../format/log-name.js";
import { frameRecord, HEADER_BYTES, logHeader } from "../format/log-record.js";
import { claimDirectory, makeFile } from "./new-directory.js";

/** The size at which sei-chain's persisters seal a file. It may overshoot by one record. */
export const LOG_FILE_BYTES = 4 * 1024 * 1024;

export interface RecordToWrite {
  readonly index: bigint;
  readonly payload: Uint8Array;
}

export interface LogChoices {
  /** A file that has reached this size is sealed. @defaultValue 4 MiB */
  readonly fileBytes?: number;
  /**
   * The last file is sealed, as after closing, or live, as an open log leaves it after a flush.
   *
   * @defaultValue `"sealed"`
   */
  readonly lastFile?: "sealed" | "live";
}

/** The file that is being filled. */
interface OpenFile {
  readonly sequence: bigint;
  readonly parts: Uint8Array[];
  bytes: number;
  first: bigint | undefined;
  last: bigint | undefined;
}

/**
 * Writes `records`, whose indices rise, into `directory`, which must be missing or empty. Durable
 * when resolved. One file at a time is in memory.
 *
 * @throws {PersisterError} STORE_EXISTS, OUT_OF_SEQUENCE, DISK_FULL, READ_ONLY, IO.
 */
export async function writeLog(
  disk: Disk,
  directory: string,
  records: AsyncIterable<RecordToWrite> | Iterable<RecordToWrite>,
  choices: LogChoices = {},
): Promise<void> {
  await claimDirectory(disk, directory);
  await writeLogFiles(disk, directory, records, choices);
}

/** As `writeLog`, into a directory that holds no file of a log. */
export async function writeLogFiles(
  disk: Disk,
  directory: string,
  records: AsyncIterable<RecordToWrite> | Iterable<RecordToWrite>,
  choices: LogChoices = {},
): Promise<void> {
  const { fileBytes = LOG_FILE_BYTES, lastFile = "sealed" } = choices;
  await makeFile(disk, `${directory}/${LOCK_NAME}`, []);
  let file = begun(0n);
  let last: bigint | undefined;
  for await (const { index, payload } of records) {
    if (last !== undefined && index <= last) {
      const message = `${directory}: index ${index} is out of sequence: it does not lie above ${last}`;
      throw new PersisterError("OUT_OF_SEQUENCE", message, { file: directory });
    }
    last = index;
    append(file, index, payload);
    if (file.bytes < fileBytes) continue;
    await seal(disk, directory, file);
    file = begun(file.sequence + 1n);
  }
  if (lastFile === "live") {
    await makeFile(disk, `${directory}/${liveName(file.sequence)}`, file.parts);
    await disk.syncDirectory(directory);
  } else {
    await seal(disk, directory, file);
  }
}

function begun(sequence: bigint): OpenFile {
  const first = undefined;
  return { sequence, parts: [logHeader()], bytes: HEADER_BYTES, first, last: first };
}

function append(file: OpenFile, index: bigint, payload: Uint8Array): void {
  const record = frameRecord(index, payload);
  file.parts.push(record);
  file.bytes += record.length;
  file.first ??= index;
  file.last = index;
}

/** A file without a record is not kept. */
async function seal(disk: Disk, directory: string, file: OpenFile): Promise<void> {
  const { sequence, parts, first, last } = file;
  if (first !== undefined && last !== undefined) {
    await makeFile(disk, `${directory}/${sealedName(sequence, first, last)}`, parts);
  }
  await disk.syncDirectory(directory);
}

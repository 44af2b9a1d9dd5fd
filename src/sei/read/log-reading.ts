/**
 * The records of a log, in the order and with the refusals of sei-chain's own iteration: a file is checked
 * as a whole, and against its name, before its first record is given.
 */
import { parseLogName, sealedName } from "../format/log-name.js";
import { listLog, type LogOpening, type SealedFile } from "./log-opening.js";
import { type FramedRecord, recordsOf } from "../format/log-record.js";
import type { ReadableDisk } from "../../disk/readable.js";
import { readFile } from "../format/read-file.js";
import { StateError } from "../format/state-error.js";

/** A record of a log. */
export interface LogRecord {
  readonly index: bigint;
  /** A view of its file's bytes, which nothing else uses. */
  readonly payload: Uint8Array;
  readonly file: string;
  /** The byte of `file` at which it begins. */
  readonly offset: number;
}

/** The first and the last index by the names of the files; undefined if the log is empty. */
export function boundsOf({
  files,
}: LogOpening): { readonly first: bigint; readonly last: bigint } | undefined {
  const [oldest] = files;
  const newest = files.at(-1);
  return oldest && newest && { first: oldest.first, last: newest.last };
}

/**
 * Every record of an opened log, one file in memory at a time.
 *
 * @throws {StateError} `iterator_range` before the first record; `magic`, `version`, `sealed_corrupt`,
 * `sealed_content_mismatch`, `file_missing`, `too_large` before the first record of the file at fault.
 */
export async function* readLog(
  disk: ReadableDisk,
  opening: LogOpening,
): AsyncGenerator<LogRecord, void, void> {
  const bounds = boundsOf(opening);
  if (!bounds) return;
  if (bounds.last < bounds.first) {
    const detail = `the names of its files run from ${bounds.first} to ${bounds.last}`;
    throw new StateError("iterator_range", detail, { file: opening.directory });
  }
  for (const file of opening.files) {
    if (file.last < bounds.first || file.first > bounds.last) continue;
    const bytes = await readSealedFile(disk, file);
    for (const { index, payload, offset } of recordsOf(bytes, file.path)) {
      if (index < bounds.first) continue;
      // sei-chain takes a falling index for the end of the range, and continues with the next file.
      if (index > bounds.last) break;
      yield { index, payload, file: file.path, offset };
    }
  }
}

/** The bytes of a sealed file, all of it intact and what its name says. */
async function readSealedFile(disk: ReadableDisk, file: SealedFile): Promise<Uint8Array> {
  const bytes = await readFile(disk, file.path, file.bytes);
  if (bytes === undefined) throw new StateError("file_missing", "it is gone", { file: file.path });
  const records = recordsOf(bytes, file.path);
  let first: FramedRecord | undefined;
  let last: FramedRecord | undefined;
  let step = records.next();
  for (; step.done !== true; step = records.next()) {
    first ??= step.value;
    last = step.value;
  }
  if (step.value) {
    const { offset, detail } = step.value;
    throw new StateError("sealed_corrupt", detail, { file: file.path, offset });
  }
  if (first?.index !== file.first || last?.index !== file.last) {
    const held = first && last ? `it holds ${first.index} to ${last.index}` : "it holds no record";
    const detail = `${held}, its name says ${file.first} to ${file.last}`;
    throw new StateError("sealed_content_mismatch", detail, { file: file.path });
  }
  return bytes;
}

/**
 * The offline check of a log as it lies there: sealed files alone, by the names that their numbers
 * give. Returns everything that is wrong.
 *
 * @throws {PersisterError} IO, READ_ONLY.
 */
export async function checkSealedFiles(
  disk: ReadableDisk,
  directory: string,
): Promise<readonly StateError[]> {
  const problems: StateError[] = [];
  let before: bigint | undefined;
  for (const file of await sealedFilesOf(disk, directory)) {
    const { sequence } = file;
    if (sequence === before) {
      const detail = `two sealed files have the sequence ${sequence}`;
      problems.push(new StateError("duplicate_sequence", detail, { file: directory }));
    } else if (before !== undefined && sequence !== before + 1n) {
      const detail = `there is a gap between the sequences ${before} and ${sequence}`;
      problems.push(new StateError("sequence_gap", detail, { file: directory }));
    }
    before = sequence;
    try {
      await readSealedFile(disk, file);
    } catch (cause) {
      if (!(cause instanceof StateError)) throw cause;
      problems.push(cause);
    }
  }
  return problems;
}

async function sealedFilesOf(disk: ReadableDisk, directory: string): Promise<SealedFile[]> {
  const files: SealedFile[] = [];
  for (const [name, { kind }] of await listLog(disk, directory)) {
    const parsed = parseLogName(name);
    if (kind === "directory" || parsed?.kind !== "sealed") continue;
    const { sequence, first, last } = parsed;
    const path = `${directory}/${sealedName(sequence, first, last)}`;
    files.push({ sequence, first, last, path, bytes: undefined });
  }
  return files.sort((a, b) => (a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : 0));
}

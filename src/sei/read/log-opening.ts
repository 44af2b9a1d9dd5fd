/**
 * The changes that opening a log would make to its directory, computed and not made.
 *
 * sei-chain opens a log by changing it: it removes the leftovers of iterations and unfinished writes,
 * settles two sealed files of one sequence, seals every live file at its last intact record, and only
 * then asks whether the sequences have a gap. Here all this happens on a table of names. The bytes stay
 * in their files, and are read through the table.
 */
import { StateError } from "../format/state-error.js";
import {
  ITERATOR_NAME,
  LOCK_NAME,
  liveName,
  parseLogName,
  sealedName,
  SWAP_END,
} from "../format/log-name.js";
import { HEADER_BYTES, recordsOf } from "../format/log-record.js";
import type { ReadableDisk } from "../../disk/readable.js";
import { readFile } from "../format/read-file.js";

/** One name in the directory. */
export interface LogEntry {
  readonly kind: "file" | "directory" | "other";
  /** The path of its bytes on the disk; none for a file that opening makes. */
  readonly path: string | undefined;
  /** How many of the bytes are left; all if undefined. */
  readonly bytes: number | undefined;
}

export type LogEntries = ReadonlyMap<string, LogEntry>;

/** A sealed file, as it is or as opening would make it. */
export interface SealedFile {
  readonly sequence: bigint;
  readonly first: bigint;
  readonly last: bigint;
  readonly path: string;
  readonly bytes: number | undefined;
}

/** The end of a live file that opening would cut off and drop. */
export interface Cut {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  readonly detail: string;
}

export interface LogOpening {
  readonly directory: string;
  /** The directory's entries after opening and closing, or after the failure if it is refused. */
  readonly entries: LogEntries;
  readonly refusal: StateError | undefined;
  /** In the order of their sequences, which have no gap. Empty if the log is refused. */
  readonly files: readonly SealedFile[];
  /** The sequence of the live file that opening would make. */
  readonly nextSequence: bigint;
  /** Also of live files that held no record, and would be removed. */
  readonly cuts: readonly Cut[];
}

/** The entries of a log's directory as they are; none if there is no such directory. */
export async function listLog(disk: ReadableDisk, directory: string): Promise<LogEntries> {
  const entries = (await disk.list(directory)) ?? [];
  return new Map(
    entries.map(({ name, kind }): [string, LogEntry] => [
      name,
      { kind, path: `${directory}/${name}`, bytes: undefined },
    ]),
  );
}

/**
 * Plans the opening of the log in `directory`. `before` are the entries that an earlier opening would have
 * left; the disk's own if left out.
 *
 * @throws {PersisterError} IO, READ_ONLY. A fault of the log itself is in `refusal`.
 */
export async function planOpening(
  disk: ReadableDisk,
  directory: string,
  before?: LogEntries,
): Promise<LogOpening> {
  const entries = new Map(before ?? (await listLog(disk, directory)));
  const cuts: Cut[] = [];
  const refused = (refusal: StateError): LogOpening => ({
    directory,
    entries,
    refusal,
    files: [],
    nextSequence: 0n,
    cuts,
  });
  try {
    refuseDirectory(entries, LOCK_NAME, directory);
    if (!entries.has(LOCK_NAME)) {
      entries.set(LOCK_NAME, { kind: "file", path: undefined, bytes: undefined });
    }
    dropLeftovers(entries);
    settleTwins(entries, directory);
    await sealLiveFiles(disk, directory, entries, cuts);
    const files = sealedInOrder(entries, directory);
    const last = files.at(-1);
    const nextSequence = last === undefined ? 0n : BigInt.asUintN(64, last.sequence + 1n);
    refuseDirectory(entries, liveName(nextSequence), directory);
    return { directory, entries, refusal: undefined, files, nextSequence, cuts };
  } catch (cause) {
    if (cause instanceof StateError) return refused(cause);
    throw cause;
  }
}

/** As `planOpening`. @throws {StateError} if the opening would be refused. */
export async function openLog(disk: ReadableDisk, directory: string): Promise<LogOpening> {
  const opening = await planOpening(disk, directory);
  if (opening.refusal) throw opening.refusal;
  return opening;
}

function dropLeftovers(entries: Map<string, LogEntry>): void {
  entries.delete(ITERATOR_NAME);
  for (const [name, { kind }] of entries) {
    if (kind !== "directory" && name.endsWith(SWAP_END)) entries.delete(name);
  }
}

/**
 * Of two sealed files of one sequence the one with the smaller last index stays: only a rollback that
 * was interrupted leaves two, and the shorter is its result. The loser is removed by the name that
 * its numbers give, which is another name if its own has leading zeros.
 */
function settleTwins(entries: Map<string, LogEntry>, directory: string): void {
  const kept = new Map<bigint, { readonly first: bigint; readonly last: bigint }>();
  for (const name of [...entries.keys()].sort()) {
    const parsed = sealedNameOf(entries, name);
    if (!parsed) continue;
    const { sequence } = parsed;
    const earlier = kept.get(sequence);
    if (!earlier) {
      kept.set(sequence, parsed);
      continue;
    }
    const [keep, drop] = earlier.last <= parsed.last ? [earlier, parsed] : [parsed, earlier];
    const dropped = sealedName(sequence, drop.first, drop.last);
    refuseDirectory(entries, dropped, directory);
    entries.delete(dropped);
    kept.set(sequence, keep);
  }
}

async function sealLiveFiles(
  disk: ReadableDisk,
  directory: string,
  entries: Map<string, LogEntry>,
  cuts: Cut[],
): Promise<void> {
  for (const name of [...entries.keys()].sort()) {
    const entry = entries.get(name);
    const parsed = parseLogName(name);
    if (!entry || entry.kind === "directory" || parsed?.kind !== "live") continue;
    const { extent, cut, path } = await surveyLiveFile(disk, plainPath(entry, directory, name));
    if (cut) cuts.push(cut);
    if (!extent) {
      entries.delete(name);
      continue;
    }
    const sealed = sealedName(parsed.sequence, extent.first, extent.last);
    refuseDirectory(entries, sealed, directory);
    entries.delete(name);
    entries.set(sealed, { kind: "file", path, bytes: extent.bytes });
  }
}

interface Survey {
  readonly path: string;
  /** The extent of its intact records; undefined if it has none. */
  readonly extent:
    | { readonly first: bigint; readonly last: bigint; readonly bytes: number }
    | undefined;
  readonly cut: Cut | undefined;
}

async function surveyLiveFile(disk: ReadableDisk, path: string): Promise<Survey> {
  const bytes = await readFile(disk, path);
  if (bytes === undefined) throw new StateError("file_missing", "it is gone", { file: path });
  let extent: Survey["extent"];
  const records = recordsOf(bytes, path);
  let step = records.next();
  for (; step.done !== true; step = records.next()) {
    const { index, end } = step.value;
    extent = { first: extent?.first ?? index, last: index, bytes: end };
  }
  const offset = extent?.bytes ?? Math.min(bytes.length, HEADER_BYTES);
  const detail = step.value?.detail;
  const cut = detail && { path, offset, bytes: bytes.length - offset, detail };
  return { path, extent, cut: cut || undefined };
}

/** The sealed files by sequence. @throws {StateError} `sequence_gap`. */
function sealedInOrder(entries: LogEntries, directory: string): readonly SealedFile[] {
  const files: SealedFile[] = [];
  for (const [name, entry] of entries) {
    const parsed = sealedNameOf(entries, name);
    if (!parsed) continue;
    const path = plainPath(entry, directory, name);
    files.push({ ...parsed, path, bytes: entry.bytes });
  }
  files.sort((a, b) => (a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : 0));
  for (const [at, { sequence }] of files.entries()) {
    const before = files[at - 1];
    if (before === undefined || sequence === before.sequence + 1n) continue;
    const detail = `there is a gap between the sequences ${before.sequence} and ${sequence}`;
    throw new StateError("sequence_gap", detail, { file: directory });
  }
  return files;
}

function sealedNameOf(entries: LogEntries, name: string) {
  if (entries.get(name)?.kind === "directory") return undefined;
  const parsed = parseLogName(name);
  return parsed?.kind === "sealed" ? parsed : undefined;
}

/** The path of a log's file. A link or a device in its place is not followed. */
function plainPath({ kind, path }: LogEntry, directory: string, name: string): string {
  if (kind === "file" && path !== undefined) return path;
  throw new StateError("other", "it is no plain file", { file: `${directory}/${name}` });
}

/** sei-chain cannot make, remove or replace a file whose name a directory has, and stops there. */
function refuseDirectory(entries: LogEntries, name: string, directory: string): void {
  if (entries.get(name)?.kind !== "directory") return;
  throw new StateError("other", "a directory is in the way", { file: `${directory}/${name}` });
}

/** The name of the live file that opening would make. */
export function nextLiveName({ nextSequence }: LogOpening): string {
  return liveName(nextSequence);
}

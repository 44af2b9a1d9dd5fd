/**
 * Reading a log of tidwall/wal 1.2.1 as sei-db/wal opens it, without opening it: no file is made,
 * cut, renamed or removed. Its owner must be stopped: the format has no lock.
 *
 *   segment = entry*          entry = uvarint length, then so many bytes
 *
 * There is no checksum, no header and no index: the entry's index is the segment's plus its place.
 * Opening reads the tail alone. If that ends in a torn entry, sei-db cuts it off and opens again.
 * Older segments are read when an entry of them is asked for, and trusted to reach up to the next.
 */
import { U64_MAX } from "../../types/numbers.js";
import { type Cursor, Malformed, readLength } from "../../wire/cursor.js";
import { readFile, type ReadableDisk } from "../readable-disk.js";
import { OlderRefusal } from "./refusal.js";
import { layoutOf, type Segment } from "./segments.js";

/** A torn tail: opening cuts `file` to `length` bytes. */
export interface TornTail {
  readonly file: string;
  readonly length: number;
}

export interface TidwallLog {
  readonly directory: string;
  /** The entries have the indices `[first, next)`. Those count appends, not blocks or roads. */
  readonly first: bigint;
  readonly next: bigint;
  readonly torn: TornTail | undefined;
  readonly segments: readonly Segment[];
  /** The last segment's bytes, without a torn entry. */
  readonly tail: Uint8Array;
}

/**
 * What opening the log in `directory` gives; a directory that is not there is a new log.
 *
 * @throws {OlderRefusal} `corrupt` where opening fails.
 * @throws {StateError} `too_large`.
 * @throws {PersisterError} IO, READ_ONLY.
 */
export async function openTidwall(disk: ReadableDisk, directory: string): Promise<TidwallLog> {
  const { segments, names, contradictory } = layoutOf((await disk.list(directory)) ?? []);
  if (contradictory) {
    throw new OlderRefusal("corrupt", directory, "two truncations were begun, front and back");
  }
  const [first, last] = [segments[0], segments.at(-1)];
  if (first === undefined || last === undefined) {
    return { directory, first: 1n, next: 1n, torn: undefined, segments, tail: new Uint8Array(0) };
  }
  const path = `${directory}/${last.file}`;
  const bytes = await bytesOf(disk, path);
  const { count, end } = measure(bytes);
  const next = last.index + BigInt(count);
  if (next > U64_MAX) throw new OlderRefusal("corrupt", path, "an index exceeds 64 bits");
  const torn = end === bytes.length ? undefined : { file: last.file, length: end };
  if (torn !== undefined) mustBeRepairable(path, last, names, 2 * end === bytes.length);
  return { directory, first: first.index, next, torn, segments, tail: bytes.subarray(0, end) };
}

/**
 * sei-db cuts the file that sorts last, of all whose names are long enough to be a segment's, and it
 * leaves out the cut where the good part is as long as the rest, which it takes for an intact file.
 */
function mustBeRepairable(
  path: string,
  tail: Segment,
  names: readonly string[],
  halved: boolean,
): void {
  const cut = names.findLast((name) => Buffer.byteLength(name) >= tail.name.length);
  if (cut !== tail.name) {
    throw new OlderRefusal("corrupt", path, `the tail is torn, and ${cut} would be cut instead`);
  }
  if (halved) {
    throw new OlderRefusal("corrupt", path, "the tail is torn in its middle and would not be cut");
  }
}

/**
 * The entries in order, as the original finds them: it stays in a segment as long as that has the
 * index asked for, even beyond the next one's first, unless that is the tail. The bytes are views of
 * a buffer of their own.
 *
 * @throws {OlderRefusal} `corrupt` or `panic` at the entry that cannot be read; else as `openTidwall`.
 */
export async function* entriesOfLog(
  disk: ReadableDisk,
  log: TidwallLog,
): AsyncGenerator<Uint8Array> {
  const tail = log.segments.at(-1);
  if (tail === undefined) return;
  let index = log.first;
  while (index < tail.index) {
    const at = index;
    const segment = log.segments.findLast((candidate) => candidate.index <= at) ?? tail;
    const path = `${log.directory}/${segment.file}`;
    const bytes = await bytesOf(disk, path);
    const { count, end } = measure(bytes);
    if (end < bytes.length) {
      throw new OlderRefusal("corrupt", path, `no entry begins at byte ${end}`);
    }
    const place = index - segment.index;
    if (place >= count) {
      const detail = `it has no entry ${index}, and the next segment begins later`;
      throw new OlderRefusal("panic", path, detail);
    }
    for (const entry of entriesFrom(bytes, Number(place))) {
      if (index === tail.index) break;
      yield entry;
      index++;
    }
  }
  yield* entriesFrom(log.tail, 0);
}

async function bytesOf(disk: ReadableDisk, path: string): Promise<Uint8Array> {
  const bytes = await readFile(disk, path);
  if (bytes === undefined) throw new OlderRefusal("corrupt", path, "the file went away");
  return bytes;
}

/** How many whole entries there are from the front, and where they end. */
function measure(bytes: Uint8Array): { readonly count: number; readonly end: number } {
  const cursor: Cursor = { bytes, at: 0, end: bytes.length };
  let count = 0;
  let end = 0;
  while (end < bytes.length && passEntry(cursor)) {
    count++;
    end = cursor.at;
  }
  return { count, end };
}

/** The entries from the one at `place` on. They are not kept: in a file of zeros each byte is one. */
function* entriesFrom(bytes: Uint8Array, place: number): Generator<Uint8Array> {
  const cursor: Cursor = { bytes, at: 0, end: bytes.length };
  for (let at = 0; at < place; at++) passEntry(cursor);
  while (cursor.at < bytes.length) {
    const next = readLength(cursor);
    yield bytes.subarray(cursor.at, next);
    cursor.at = next;
  }
}

/** Goes behind the entry at the cursor; false where none begins there that is whole. */
function passEntry(cursor: Cursor): boolean {
  try {
    cursor.at = readLength(cursor);
    return true;
  } catch (cause) {
    if (!(cause instanceof Malformed)) throw cause;
    return false;
  }
}

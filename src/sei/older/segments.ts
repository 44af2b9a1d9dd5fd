/**
 * The files of a tidwall/wal log by name, and what opening does to them before it reads one.
 *
 *   <first entry's index, 20 digits>          a segment; the last one is the tail
 *   <index>.START                             what a truncation at the front left of a segment
 *   <index>.END                               what a truncation at the back left of a segment
 *
 * A START or an END is complete when it has its name. So opening finishes the truncation: it takes
 * the place of what sorts before it, or after it. Every other name is left alone.
 */
import type { DirectoryEntry } from "../../disk/disk.js";
import { U64_MAX } from "../../types/numbers.js";

export interface Segment {
  /** Index of its first entry. */
  readonly index: bigint;
  /** The name it has now, which may end in `.START` or `.END`. */
  readonly file: string;
  /** The name it has once the log is open. */
  readonly name: string;
}

export interface Layout {
  /** Ascending by index, each index once; empty where the log is new. */
  readonly segments: readonly Segment[];
  /** All names in the directory, but those of directories, once the log is open. Sorted. */
  readonly names: readonly string[];
  /** There is a START and an END: nothing is done, and opening fails. */
  readonly contradictory: boolean;
}

const segmentForm = /^(?<name>[0-9]{20})(?<kind>|\.START|\.END)$/;
const FIRST_SEGMENT = "1".padStart(20, "0");

/** The layout that opening a directory with these entries (sorted by name) leads to. */
export function layoutOf(entries: readonly DirectoryEntry[]): Layout {
  const files = entries.filter(({ kind }) => kind !== "directory").map(({ name }) => name);
  const found = files.flatMap(segmentsNamed);
  const start = found.findLastIndex(({ file }) => file.endsWith(".START"));
  const end = found.findIndex(({ file }) => file.endsWith(".END"));
  if (start >= 0 && end >= 0) return { segments: found, names: files, contradictory: true };
  const segments = finished(found, start, end);
  const others = files.filter((file) => !found.some((segment) => segment.file === file));
  const own = found.length === 0 ? [FIRST_SEGMENT] : segments.map(({ name }) => name);
  return { segments, names: [...others, ...own].sort(), contradictory: false };
}

function segmentsNamed(file: string): readonly Segment[] {
  const name = segmentForm.exec(file)?.groups?.["name"];
  if (name === undefined) return [];
  const index = BigInt(name);
  return index === 0n || index > U64_MAX ? [] : [{ index, file, name }];
}

function finished(found: readonly Segment[], start: number, end: number): readonly Segment[] {
  if (start >= 0) return found.slice(start);
  if (end < 0) return found;
  const kept = found.slice(0, end + 1);
  const index = kept[end]?.index;
  // The segment that the END was made of has its index, and the END takes its name.
  return kept.filter((segment, place) => place === end || segment.index !== index);
}

/**
 * Where the files of a log are:
 *
 *   <directory>/wal-<first LSN, 20 digits>.seg   a segment; the newest is the one that is written
 *   <directory>/wal-<first LSN, 20 digits>.dwb   its sidecar: copies of its last records
 *   <path>, <path>.dwb                           a log of older days: one file, and its sidecar
 *
 * WalManager moves a single file into `<path, its extension replaced by "d">` at the first start, and
 * looks at `<path>` at the next: what it moved is not found again. It is found here.
 *
 * Names are read strictly. The original also takes `wal-5.seg` and `wal-+7.seg`, which no writer makes:
 * such a name is refused, since passing it over could pass over records.
 */
import type { Disk } from "../disk/disk.js";
import { U64_MAX } from "../types/numbers.js";
import { WalError } from "./wal-error.js";

/** The part of a disk that looks and changes nothing. */
export type WalDisk = Pick<Disk, "kind" | "list" | "openToRead">;

export interface SegmentFile {
  readonly path: string;
  /** By its name; undefined for a single file, which has none. */
  readonly firstLsn: bigint | undefined;
  readonly sidecar: string;
}

export interface WalLayout {
  /** The directory or the single file that was found. */
  readonly path: string;
  /** By first LSN; the last one is the newest. */
  readonly segments: readonly SegmentFile[];
  /** Names in the directory that are none of these, `audit.wal` (a log of its own) among them. */
  readonly passedOver: readonly string[];
}

const SEGMENT = /^wal-(\d{20})\.seg$/;
const SIDECAR = /^wal-\d{20}\.dwb$/;
const LIKE_SEGMENT = /^wal-.*\.seg$/;

/**
 * Looks for a log at `path`, or where a migration has moved it.
 *
 * @throws {WalError} `not_a_log`, `two_logs`, `segment_name`.
 * @throws {PersisterError} IO, READ_ONLY.
 */
export async function findLog(disk: WalDisk, path: string): Promise<WalLayout> {
  const kind = await disk.kind(path);
  const migrated = withExtension(path, "d");
  const moved = migrated === path ? undefined : await layoutOf(disk, migrated);
  const isMoved = moved !== undefined && moved.segments.length > 0;
  if (kind === "file") {
    if (isMoved) throw twoLogs(path, migrated);
    const segment = { path, firstLsn: undefined, sidecar: withExtension(path, "dwb") };
    return { path, segments: [segment], passedOver: [] };
  }
  const found = await layoutOf(disk, path);
  if (isMoved) {
    const isBegunAnew = found !== undefined && found.segments.length > 0;
    if (isBegunAnew) throw twoLogs(path, migrated);
    return moved;
  }
  if (found) return found;
  throw new WalError("not_a_log", "there is no log at this path", { file: path });
}

/** The directory at `path`; undefined where there is none. */
async function layoutOf(disk: WalDisk, path: string): Promise<WalLayout | undefined> {
  if ((await disk.kind(path)) !== "directory") return undefined;
  const segments: (SegmentFile & { readonly firstLsn: bigint })[] = [];
  const passedOver: string[] = [];
  for (const { name, kind } of (await disk.list(path)) ?? []) {
    const digits = SEGMENT.exec(name)?.[1];
    const firstLsn = digits === undefined ? undefined : BigInt(digits);
    if (kind === "file" && firstLsn !== undefined && firstLsn <= U64_MAX) {
      const sidecar = `${path}/${name.slice(0, -"seg".length)}dwb`;
      segments.push({ path: `${path}/${name}`, firstLsn, sidecar });
    } else if (LIKE_SEGMENT.test(name)) {
      const detail = "no writer names a segment so: it may hold records, and is not passed over";
      throw new WalError("segment_name", detail, { file: `${path}/${name}` });
    } else if (!SIDECAR.test(name)) {
      passedOver.push(name);
    }
  }
  segments.sort((one, other) => (one.firstLsn < other.firstLsn ? -1 : 1));
  return { path, segments, passedOver };
}

function twoLogs(path: string, migrated: string): WalError {
  const detail = `another log is at ${migrated}, moved there from here: read each by its own name`;
  return new WalError("two_logs", detail, { file: path });
}

/** `path` with its last extension replaced, or with one where it has none. */
function withExtension(path: string, extension: string): string {
  return path.replace(/(?<=[^/])\.[^./]*$/, "") + `.${extension}`;
}

/**
 * The files of a log:
 *
 *   <directory>/wal-<first LSN, 20 digits>.seg   a segment; the newest is the one that is written
 *   <directory>/wal-<first LSN, 20 digits>.dwb   its sidecar: copies of its last records
 *   <path>, <path>.dwb                           a log of an older version: one file, and its sidecar
 *
 * WalManager moves a single file into `<path, its extension replaced by "d">` at the first start, and
 * looks at `<path>` at the next start, where it does not find the moved log. This reader finds it.
 *
 * Names are read strictly. WalManager also reads `wal-5.seg` and `wal-+7.seg`, which no writer makes.
 * Such a name is refused: passing over the file could pass over records.
 */
import type { Disk } from "../disk/disk.js";
import { U64_MAX } from "../types/numbers.js";
import { WalError } from "./wal-error.js";

/** The part of a disk that reads and changes nothing. */
export type WalDisk = Pick<Disk, "kind" | "list" | "openToRead">;

export interface SegmentFile {
  readonly path: string;
  /** The LSN in its name; undefined for a single file, whose name has none. */
  readonly firstLsn: bigint | undefined;
  readonly sidecar: string;
}

export interface WalLayout {
  /** The directory or the single file that was found. */
  readonly path: string;
  /** By first LSN; the last one is the newest. */
  readonly segments: readonly SegmentFile[];
  /** Other names in the directory, such as `audit.wal`, a log of its own. */
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

/** The layout of the directory at `path`; undefined if there is none. */
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
      const detail =
        "no writer gives a segment this name: it may hold records, so it is not passed over; give it its name of 20 digits, or move it away";
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

/** `path` with its last extension replaced. A path without an extension gets one. */
function withExtension(path: string, extension: string): string {
  return path.replace(/(?<=[^/])\.[^./]*$/, "") + `.${extension}`;
}

/**
 * Recovery: from the files of a journal to exactly what it holds, or a refusal that names lane,
 * number and file (D5). Nothing here writes a byte.
 *
 * The newest valid head settles what must exist. Its own records are read first, since they may
 * truncate, drop or release what lies in the sealed segments; then every other segment that it lists
 * as live must verify. A segment that is missing, emptied, renamed or replaced is never taken for
 * free space. What is merely retained is not looked at here.
 *
 * A record may be there twice, as its APPEND and as COPYs of it: the one with the lowest LSN counts,
 * since what lies above it may be a relocation that was not finished.
 */
import type { Disk, DiskFile } from "../../disk/disk.js";
import type { Head, SealedSegment } from "../form/head.js";
import type { LogTable } from "../form/log-table.js";
import type { Mark } from "../form/mark.js";
import { JOURNAL_DIRECTORY } from "../form/store.js";
import type { MarkFound } from "../segment/mark-file.js";
import type { Places } from "../segment/places.js";
import { openSlots, type Slot } from "../segment/segment.js";
import type { BrokenGroup } from "./newest.js";
import { type RecordVisitor, Scan, type UnprovenBytes } from "./scan.js";
import { type FoundHead, findHeads, newestHead, openMark } from "./start.js";

export interface Recovered {
  readonly head: Head;
  readonly mark: Mark;
  readonly markFile: DiskFile;
  readonly slots: readonly Slot[];
  /** Sealed segments, and last the newest one, which the next head will list as sealed. */
  readonly segments: readonly SealedSegment[];
  readonly retained: readonly SealedSegment[];
  readonly table: LogTable;
  readonly places: Places;
  readonly unproven: readonly UnprovenBytes[];
  readonly highestSequence: bigint;
  /** The highest LSN in a record, a footer or either mark. */
  readonly highestLsn: bigint;
  /** The last group, where it is not there whole. */
  readonly broken: BrokenGroup | undefined;
  readonly recordsRead: number;
  readonly warnings: readonly string[];
  readonly foreign: readonly string[];
  close(): Promise<void>;
}

/**
 * Reads the journal in `directory`, of the store with `storeId`.
 *
 * @throws {PersisterError} MARK_CORRUPT, JOURNAL_CORRUPT, ACKNOWLEDGED_LOST, FORMAT_TOO_NEW, IO, and
 * whatever `visit` throws. No byte was changed.
 */
export async function recoverJournal(
  disk: Disk,
  directory: string,
  storeId: Uint8Array,
  visit: RecordVisitor,
): Promise<Recovered> {
  const opened: DiskFile[] = [];
  try {
    const { markFile, found } = await openMark(disk, directory, storeId);
    opened.push(markFile);
    const { slots, foreign } = await openSlots(disk, `${directory}/${JOURNAL_DIRECTORY}`);
    opened.push(...slots.map((slot) => slot.file));
    const headsFound = await findHeads(slots, storeId);
    const newest = newestHead(headsFound, found.mark, `${directory}/${JOURNAL_DIRECTORY}`);
    const { heads } = headsFound;
    const scan = new Scan(newest, found, visit);
    await scan.readNewest(markFile.path);
    await scan.checkSealed(heads, slots);
    await scan.deliverNewest();
    scan.checkComplete();
    const retained = scan.retained().filter((segment) => isThere(segment, heads));
    const lost = scan.retained().length - retained.length;
    return {
      head: newest.head,
      mark: found.mark,
      markFile,
      slots,
      ...scan.result(),
      retained,
      unproven: [...scan.unproven(), markBytes(markFile, found)],
      highestSequence: heads.reduce(
        (highest, each) => (each.head.sequence > highest ? each.head.sequence : highest),
        found.mark.headSequence,
      ),
      warnings: [
        ...(found.otherSlotBad ? [`mark: one slot is bad: ${found.otherSlotBad}`] : []),
        ...scan.warnings(),
        ...(lost > 0 ? [`${lost} segments with retained records are not there any more`] : []),
      ],
      foreign,
      close: () => closeAll(opened),
    };
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

function isThere({ slot, sequence }: SealedSegment, heads: readonly FoundHead[]): boolean {
  return heads.some((each) => each.slot.slot === slot && each.head.sequence === sequence);
}

async function closeAll(files: readonly DiskFile[]): Promise<void> {
  for (const file of files) await file.close();
}

function markBytes(file: DiskFile, found: MarkFound): UnprovenBytes {
  return { file, offset: found.offset, bytes: found.bytes };
}

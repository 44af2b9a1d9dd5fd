/**
 * Recovery: from the files of a journal to exactly what it holds, or a refusal that names lane,
 * number and file (D5). Nothing here writes a byte.
 *
 * The newest valid head settles what must exist. Its own records are read first, since they may
 * truncate, drop or release what lies in the sealed segments; then every other segment that it lists
 * as live must verify. A segment that is missing, emptied, renamed or replaced is never taken for
 * free space. Segments that are merely retained are not read here.
 *
 * A record may be there twice, as its APPEND and as COPYs of it: the one with the lowest LSN counts,
 * since what lies above it may be a relocation that was not finished.
 */
import type { Disk, DiskFile } from "../../disk/disk.js";
import type { KeyId } from "../../keys/key.js";
import type { Head, RetainedSegment, SealedSegment } from "../form/head.js";
import type { LogTable } from "../form/log-table.js";
import type { Mark } from "../form/mark.js";
import { JOURNAL_DIRECTORY, type SoughtStore } from "../form/store.js";
import { Seals } from "../seal/seals.js";
import type { MarkFound } from "../segment/mark-file.js";
import type { Places } from "../segment/places.js";
import type { Slot } from "../segment/segment.js";
import { lookAtEach, lookAtSlots } from "../segment/slot-looks.js";
import { refuseMoved } from "./moved.js";
import type { TornGroup } from "./newest.js";
import { type RecordVisitor, Scan, type UnprovenBytes } from "./scan.js";
import { type FoundFront, findHeads, newestHead, openMark, wholeHead } from "./start.js";

export interface Recovered {
  readonly head: Head;
  readonly mark: Mark;
  readonly markFile: DiskFile;
  readonly slots: readonly Slot[];
  /** Sealed segments, and last the newest one, which the next head will list as sealed. */
  readonly segments: readonly SealedSegment[];
  /** In the order of their sequences. */
  readonly retained: readonly RetainedSegment[];
  readonly table: LogTable;
  readonly places: Places;
  /** The keys of the segments; closed with what was recovered, or with the journal that begins from it. */
  readonly seals: Seals;
  readonly unproven: readonly UnprovenBytes[];
  readonly highestSequence: bigint;
  /** The highest LSN in a record, a footer or either mark. */
  readonly highestLsn: bigint;
  /** The last group, where it is not there whole. */
  readonly torn: TornGroup | undefined;
  readonly recordsRead: number;
  readonly warnings: readonly string[];
  readonly foreign: readonly string[];
  close(): Promise<void>;
}

/**
 * Reads the journal of the store that is `sought` in `directory`. Its ring opens what is sealed.
 *
 * @throws {PersisterError} STORE_MOVED, MARK_CORRUPT, JOURNAL_CORRUPT, ACKNOWLEDGED_LOST, FORMAT_TOO_NEW,
 * KEY_MISSING, KEY_WRONG, IO, and whatever `visit` or `passed` throws. No byte was changed.
 */
export async function recoverJournal(
  disk: Disk,
  directory: string,
  { storeId, origin, ring, passed }: SoughtStore,
  visit: RecordVisitor,
): Promise<Recovered> {
  const opened: DiskFile[] = [];
  const seals = new Seals(ring);
  try {
    const { markFile, found } = await openMark(disk, directory, storeId);
    opened.push(markFile);
    if (origin) refuseMoved(directory, { named: found.mark.origin, found: origin });
    const { looks, foreign } = await lookAtSlots(disk, `${directory}/${JOURNAL_DIRECTORY}`);
    const slots = looks.map(({ slot }) => slot);
    opened.push(...slots.map((slot) => slot.file));
    const headsFound = findHeads(looks, storeId);
    const { heads } = headsFound;
    const front = newestHead(headsFound, found.mark, `${directory}/${JOURNAL_DIRECTORY}`);
    const newest = await wholeHead(front);
    for (const { slot, head } of heads) seals.found(slot.slot, head, slot.file.path);
    for (const { slot } of headsFound.unknown) seals.foundUnknown(slot);
    // Also where nothing in it is live: a store that was sealed does not become plain by itself.
    seals.openerOf(newest.slot.slot);
    const there = retainedOf(newest.head, heads);
    const scan = new Scan(newest, found, { visit, seals, passed });
    await scan.readNewest(markFile.path, there);
    await scan.checkSealed(heads, slots);
    await scan.deliverNewest();
    scan.checkComplete();
    const retainedSlots = scan.retainedSlots();
    const retained = there.filter(({ slot }) => retainedSlots.has(slot));
    const lost = retainedSlots.size - retained.length;
    await openUnretained(slots, retained);
    return {
      head: newest.head,
      mark: found.mark,
      markFile,
      slots,
      ...scan.result(),
      retained,
      seals,
      unproven: [...scan.unproven(), markBytes(markFile, found)],
      highestSequence: heads.reduce(
        (highest, each) => (each.head.sequence > highest ? each.head.sequence : highest),
        found.mark.headSequence,
      ),
      warnings: [
        ...(found.otherSlotBad ? [`mark: one slot is bad: ${found.otherSlotBad}`] : []),
        ...scan.warnings(),
        ...closedTo(seals, retained),
        ...(lost > 0 ? [`${lost} segments with retained records are not there any more`] : []),
      ],
      foreign,
      close: async () => {
        seals.close();
        await closeAll(opened);
      },
    };
  } catch (error) {
    seals.close();
    await closeAll(opened);
    throw error;
  }
}

/**
 * The retained segments that are there, in the order of their sequences. Nothing in them is promised; of two
 * slots with the same one, the second is damaged.
 */
function retainedOf(newest: Head, heads: readonly FoundFront[]): RetainedSegment[] {
  const slots = new Set(newest.retainedSlots);
  const bySequence = new Map<bigint, RetainedSegment>();
  for (const { slot, head } of heads) {
    const { sequence } = head;
    if (!slots.has(slot.slot) || sequence >= newest.sequence || bySequence.has(sequence)) continue;
    bySequence.set(sequence, { slot: slot.slot, sequence });
  }
  return [...bySequence.values()].sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
}

/**
 * Opens every slot that the journal may write into: the open is refused where one cannot be opened. A slot with
 * a retained segment is opened when that is read, or comes free.
 */
async function openUnretained(
  slots: readonly Slot[],
  retained: readonly RetainedSegment[],
): Promise<void> {
  const resting = new Set(retained.map(({ slot }) => slot));
  const others = slots.filter(({ slot }) => !resting.has(slot));
  await lookAtEach(others, ({ file }, way) => file.facts(way));
}

/** Retained records are not promised: where a key is not given, open goes on without them. */
function closedTo(seals: Seals, retained: readonly RetainedSegment[]): string[] {
  const missing = new Map<KeyId, number>();
  for (const { slot } of retained) {
    const id = seals.keyIdOf(slot);
    if (id === undefined || seals.holds(id)) continue;
    missing.set(id, (missing.get(id) ?? 0) + 1);
  }
  return [...missing].map(([id, count]) => {
    return `${count} segments with retained records are sealed with key ${id}, which was not given`;
  });
}

async function closeAll(files: readonly DiskFile[]): Promise<void> {
  for (const file of files) await file.close();
}

function markBytes(file: DiskFile, found: MarkFound): UnprovenBytes {
  return { file, offset: found.offset, bytes: found.bytes };
}

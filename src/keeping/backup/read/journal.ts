/**
 * Reads a journal as open does, without its keys: segments, chains, checksums and completeness, and no
 * payload that is sealed.
 */
import type { Disk, DiskFile } from "../../../disk/disk.js";
import { inTurn } from "../../../async/all-ended.js";
import type { Head, SealedSegment } from "../../../journal/form/head.js";
import type { LogTable } from "../../../journal/form/log-table.js";
import type { Mark } from "../../../journal/form/mark.js";
import { JOURNAL_DIRECTORY } from "../../../journal/form/store.js";
import { Scan } from "../../../journal/recovery/scan.js";
import { findHeads, newestHead, openMark, wholeHead } from "../../../journal/recovery/start.js";
import { Seals } from "../../../journal/seal/seals.js";
import type { Slot } from "../../../journal/segment/segment.js";
import { lookAtSlots } from "../../../journal/segment/slot-looks.js";

export interface JournalRead {
  readonly mark: Mark;
  /** The newest head. */
  readonly head: Head;
  /** The segments that open must find, oldest first; the last is the newest. */
  readonly segments: readonly SealedSegment[];
  readonly slots: readonly Slot[];
  readonly table: LogTable;
  /** The last group is not there whole: its footer stands somewhere behind the end. */
  readonly isTorn: boolean;
  /** The ids of the keys with which payloads are sealed. */
  readonly keyIds: readonly string[];
  close(): Promise<void>;
}

/**
 * Reads the journal of the store with `storeId` in `directory`; its files stay open.
 *
 * @throws {PersisterError} MARK_CORRUPT, JOURNAL_CORRUPT, ACKNOWLEDGED_LOST, FORMAT_TOO_NEW, IO: as open
 * refuses it.
 */
export async function readJournal(
  disk: Disk,
  directory: string,
  storeId: Uint8Array,
): Promise<JournalRead> {
  const opened: DiskFile[] = [];
  const close = (): Promise<void> => inTurn(opened.map((file) => () => file.close()));
  try {
    const { markFile, found } = await openMark(disk, directory, storeId);
    opened.push(markFile);
    const journal = `${directory}/${JOURNAL_DIRECTORY}`;
    const { looks } = await lookAtSlots(disk, journal);
    const slots = looks.map(({ slot }) => slot);
    opened.push(...slots.map(({ file }) => file));
    const headsFound = findHeads(looks, storeId);
    const { heads } = headsFound;
    const newest = await wholeHead(newestHead(headsFound, found.mark, journal));
    const seals = new Seals(undefined);
    for (const { slot, head } of heads) seals.found(slot.slot, head, slot.file.path);
    const unopened = {
      openerOf: () => undefined,
      keyIdOf: (slot: number) => seals.keyIdOf(slot),
      plainBytes: (record: { readonly slot: number; readonly length: number }) =>
        seals.plainBytes(record),
    };
    const scan = new Scan(newest, found, { visit: () => undefined, seals: unopened });
    await scan.readNewest(markFile.path, []);
    await scan.checkSealed(heads, slots);
    await scan.deliverNewest();
    scan.checkComplete();
    const { segments, table, torn } = scan.result();
    const keyIds = new Set(segments.flatMap(({ slot }) => seals.keyIdOf(slot) ?? []));
    return {
      mark: found.mark,
      head: newest.head,
      segments,
      slots,
      table,
      isTorn: torn !== undefined,
      keyIds: [...keyIds].sort(),
      close,
    };
  } catch (cause) {
    await close().catch(() => {}); // The refusal is told by `cause` alone: nothing was written.
    throw cause;
  }
}

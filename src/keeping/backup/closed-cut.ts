/**
 * The cut of a store that nobody has open. It is owned meanwhile, so that nobody opens it. Its bytes are
 * taken as they are: a tail that a crash has torn is copied with the footer that tells of it, so that an open
 * of the copy guards what an open of the store would.
 */
import { inTurn } from "../../async/all-ended.js";
import type { Disk, DiskFile } from "../../disk/disk.js";
import { ReadOnlyDisk } from "../../disk/read-only.js";
import { MARK_FILE } from "../../journal/form/mark.js";
import { claimLastBackup, readRetirement, type Retirement } from "../../journal/form/retired.js";
import {
  ownStore,
  RECORDS_CHAIN,
  RETIRED_FILE,
  STORE_FILE,
  type StoreIdentity,
} from "../../journal/form/store.js";
import { readRestored } from "../../journal/form/restored.js";
import { pairFiles } from "../../persist/checked-store.js";
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import { type CutFile, segmentFile, type StoreCut } from "./cut.js";
import { type JournalRead, readJournal } from "./read/journal.js";

/**
 * Cuts the store, or the journal of records, in `directory`.
 *
 * @throws {PersisterError} NOT_A_STORE, FORMAT_TOO_NEW; RETIRED where its retirement is torn; STORE_LOCKED where
 * somebody has it open; as `readJournal` where open would refuse it.
 */
export async function cutOfClosed(disk: Disk, directory: string): Promise<StoreCut> {
  const undo: (() => Promise<void>)[] = [];
  const end = (): Promise<void> => inTurn(undo.splice(0).reverse());
  try {
    const { file: store, identity } = await ownStore(disk, directory, { evenRetired: true });
    undo.push(() => store.close());
    const reading = new ReadOnlyDisk(disk, () => {});
    const journal = await readJournal(reading, directory, identity.storeId);
    undo.push(() => journal.close());
    const files = segmentsOf(journal);
    for (const name of [STORE_FILE, MARK_FILE, ...pairsOf(identity)]) {
      const file = await reading.openToRead(`${directory}/${name}`);
      if (!file) throw missing(`${directory}/${name}`);
      undo.push(() => file.close());
      files.push({ path: name, segment: undefined, ...(await sourceOf(file)) });
    }
    const { mark, segments } = journal;
    const lsn = (segments.at(-1)?.nextLsn ?? 1n) - 1n;
    const retired = await retirementOf(disk, directory);
    const claimLast = (place: string): Promise<boolean> => claimLastBackup(disk, directory, place);
    return { identity, generation: mark.generation, lsn, retired, claimLast, files, end };
  } catch (cause) {
    await end().catch(() => {}); // The refusal is told by `cause` alone: nothing was written.
    throw cause;
  }
}

/**
 * The record of a retired store; `null` for any other. Also for one that was restored and never opened: its
 * guard is not in its journal, so that a restore of this backup must set one.
 */
async function retirementOf(disk: Disk, directory: string): Promise<Retirement | null> {
  const found = (await readRetirement(disk, directory)) ?? null;
  const isUnopened = (await readRestored(disk, directory))?.guard === "all";
  if (found !== "torn") return isUnopened ? null : found;
  const text = `${directory}: the record of its retirement is torn: retire it again, and it is made whole`;
  throw new PersisterError("RETIRED", text, { file: `${directory}/${RETIRED_FILE}` });
}

function segmentsOf({ segments, slots, isTorn }: JournalRead): CutFile[] {
  return segments.map((segment, at): CutFile => {
    const slot = slots.find((each) => each.slot === segment.slot);
    assert(slot !== undefined, "a segment that was read lies in a slot");
    const isWhole = isTorn && at === segments.length - 1;
    const bytes = isWhole ? slot.bytes : segment.endOffset;
    return {
      ...segmentFile(segment, bytes),
      read: (position, length, into) => {
        return slot.file.read(position, Math.min(length, bytes - position), into);
      },
    };
  });
}

async function sourceOf(file: DiskFile): Promise<Pick<CutFile, "bytes" | "read">> {
  return {
    bytes: await file.size(),
    read: (position, length, into) => file.read(position, length, into),
  };
}

function missing(file: string): PersisterError {
  const text = `${file}: the file is missing; run \`lanekeeper inspect\` on the store`;
  return new PersisterError("ANCHOR_CORRUPT", text, { file });
}

/** A journal of records has no anchor and no votes. */
function pairsOf({ chainId }: StoreIdentity): readonly string[] {
  return chainId === RECORDS_CHAIN ? [] : pairFiles();
}

/**
 * Checks every slot of the journal's folder: its head, and which head is the newest. Everything else
 * depends on that one.
 */
import type { Disk, DirectoryEntry } from "../../disk/disk.js";
import type { HeadFound } from "../../journal/form/head.js";
import type { Mark } from "../../journal/form/mark.js";
import { readHead, type Slot } from "../../journal/segment/segment.js";
import { isBlank, openSlot } from "../../journal/segment/slot-looks.js";
import { type FoundHead, newestHead } from "../../journal/recovery/start.js";
import { slotOfName } from "../../journal/form/records.js";
import { JOURNAL_DIRECTORY } from "../../journal/form/store.js";
import { assert } from "../../types/assert.js";
import { attempted, type Finding, findingOf } from "../finding.js";

/** Stands for the folder itself among the slots, where it cannot be listed. */
const ALL_SLOTS = -1;

/** The contents of the journal's folder. The slots stay open until `close`. */
export interface SlotsSeen {
  readonly findings: readonly Finding[];
  readonly slots: readonly Slot[];
  /** The heads of this store, in no order. */
  readonly heads: readonly FoundHead[];
  /**
   * The slots that could not be read, and why; among them those that a newer version wrote. A segment that should
   * lie there is unknown, and not missing. A folder that could not be listed stands here as one.
   */
  readonly unread: ReadonlyMap<number, Finding>;
  /** Why a slot has no head of this store, by slot. */
  readonly headless: ReadonlyMap<number, string>;
  /** The head by which the rest is checked; `undefined` if there is none. */
  readonly base: BaseHead | undefined;
  close(): Promise<void>;
}

export interface BaseHead extends FoundHead {
  /** False if a newer head is missing or cannot be read: it may have freed what this one lists. */
  readonly isNewest: boolean;
}

interface SlotHead {
  readonly slot: Slot;
  readonly found: HeadFound;
  /** Nothing was ever written at the place of the head. */
  readonly isBlank: boolean;
}

/** Opens every slot and reads its head. `storeId` is the store's, if it is known. */
export async function checkSlots(
  disk: Disk,
  directory: string,
  known: { readonly storeId: Uint8Array | undefined; readonly mark: Mark | undefined },
): Promise<SlotsSeen> {
  const journal = `${directory}/${JOURNAL_DIRECTORY}`;
  const findings: Finding[] = [];
  const { seen, unread } = await openAll(disk, journal, findings);
  const storeId = known.storeId ?? known.mark?.storeId ?? newestOf(headsIn(seen))?.head.storeId;
  const heads = headsIn(seen).filter(({ head }) => isSame(head.storeId, storeId));
  // A head that cannot be read is not missing.
  const isUnknown = unread.size > 0;
  const mark = isUnknown ? undefined : known.mark;
  const broken = seen.filter((each) => each.found.status === "none" && !each.isBlank);
  const headsFound = { heads, broken: broken.map(({ slot }) => slot) };
  const refusal = await attempted(() => mark && newestHead(headsFound, mark, journal));
  if ("error" in refusal) findings.push(findingOf(refusal.error, "error", { file: journal }));
  const base = baseOf(heads, known.mark, isUnknown);
  if (!base && !known.mark && !isUnknown) {
    const message = "no segment has a head";
    findings.push({ class: "JOURNAL_CORRUPT", severity: "error", file: journal, message });
  }
  const isMissed = !isUnknown && base?.isNewest !== true;
  const listed = new Set(isMissed ? [] : listedBy(base));
  for (const each of seen) {
    if (!listed.has(each.slot.slot)) findings.push(...headFindings(each, isMissed));
  }
  return {
    findings,
    slots: seen.map(({ slot }) => slot),
    heads,
    unread,
    headless: new Map(seen.map(({ slot, found }) => [slot.slot, whyHeadless(found)])),
    base,
    close: async () => {
      for (const { slot } of seen) await slot.file.close();
    },
  };
}

async function openAll(
  disk: Disk,
  journal: string,
  findings: Finding[],
): Promise<{ readonly seen: SlotHead[]; readonly unread: ReadonlyMap<number, Finding> }> {
  const seen: SlotHead[] = [];
  const unread = new Map<number, Finding>();
  const listed = await attempted(() => disk.list(journal));
  if ("error" in listed) {
    unread.set(ALL_SLOTS, findingOf(listed.error, "error", { file: journal }));
  } else if (!listed.value) {
    const message = "the journal's folder is missing";
    findings.push({ class: "JOURNAL_CORRUPT", severity: "error", file: journal, message });
  }
  for (const entry of ("value" in listed && listed.value) || []) {
    const file = `${journal}/${entry.name}`;
    const read = await attempted(() => openHead(disk, journal, entry));
    if ("error" in read) {
      const slot = slotOfName(entry.name);
      assert(slot !== undefined, "a name that is no slot's is not opened");
      unread.set(slot, findingOf(read.error, "error", { file }));
    } else if (read.value) {
      const { slot, found } = read.value;
      seen.push(read.value);
      if (found.status === "too-new") unread.set(slot.slot, tooNew(file, found.version));
    } else findings.push({ class: "NOT_A_STORE", severity: "warning", file, message: FOREIGN });
  }
  findings.push(...unread.values());
  return { seen, unread };
}

async function openHead(
  disk: Disk,
  journal: string,
  entry: DirectoryEntry,
): Promise<SlotHead | undefined> {
  const slot = await openSlot(disk, journal, entry);
  if (!slot) return undefined;
  try {
    return { slot, found: await readHead(slot), isBlank: await isBlank(slot) };
  } catch (cause) {
    await slot.file.close();
    throw cause;
  }
}

/** The message about a name that is not ours. */
export const FOREIGN = "this name is none of ours: it is left alone";

/** The head to go on from: the one that recovery takes or, if recovery refuses, the newest there is. */
function baseOf(
  heads: readonly FoundHead[],
  mark: Mark | undefined,
  isUnknown: boolean,
): BaseHead | undefined {
  const newest = newestOf(heads);
  if (!newest) return undefined;
  const isNewest = !isUnknown && newest.head.sequence >= (mark?.headSequence ?? 0n);
  return { ...newest, isNewest };
}

/** The slots of the segments that a head lists: they are checked with their records. */
function listedBy(base: BaseHead | undefined): readonly number[] {
  return base ? [...base.head.sealed.map(({ slot }) => slot), ...base.head.retainedSlots] : [];
}

/** Findings about a slot that the base head does not list: free space, or the place of a missed head. */
function headFindings({ slot, found, isBlank: blank }: SlotHead, isMissed: boolean): Finding[] {
  const file = slot.file.path;
  switch (found.status) {
    case "head":
    case "too-new":
      return [];
    case "none": {
      if (blank) return [];
      const severity = isMissed ? "error" : "warning";
      return [{ class: "JOURNAL_CORRUPT", severity, file, offset: 0, message: found.reason }];
    }
  }
}

function tooNew(file: string, version: number): Finding {
  const message = `format ${version} is newer than this Lanekeeper reads`;
  return { class: "FORMAT_TOO_NEW", severity: "error", file, offset: 0, message };
}

function whyHeadless(found: HeadFound): string {
  return found.status === "none" ? found.reason : "its head is not of this store";
}

function headsIn(seen: readonly SlotHead[]): FoundHead[] {
  return seen.flatMap(({ slot, found }) =>
    found.status === "head"
      ? [{ slot, head: found.head, headBytes: found.bytes.length, bytes: found.bytes }]
      : [],
  );
}

function newestOf(heads: readonly FoundHead[]): FoundHead | undefined {
  return heads.reduce<FoundHead | undefined>(
    (best, each) => (best && best.head.sequence >= each.head.sequence ? best : each),
    undefined,
  );
}

function isSame(id: Uint8Array, wanted: Uint8Array | undefined): boolean {
  return wanted !== undefined && Buffer.compare(id, wanted) === 0;
}

/**
 * Recovery begins with the mark and with the newest valid head, which the mark proves to be the right
 * one.
 */
import type { Disk, DiskFile } from "../../disk/disk.js";
import { LOOK_FIRST, PersisterError } from "../../types/errors.js";
import type { Head, HeadFront } from "../form/head.js";
import { MARK_FILE, type Mark } from "../form/mark.js";
import { type MarkFound, readMarks } from "../segment/mark-file.js";
import { readHead, type Slot } from "../segment/segment.js";
import type { SlotLook } from "../segment/slot-looks.js";

/** A slot with a head of this store, and the head's front. */
export interface FoundFront {
  readonly slot: Slot;
  readonly head: HeadFront;
  readonly headBytes: number;
}

/** The same with all of the head. */
export interface FoundHead extends FoundFront {
  readonly head: Head;
  readonly bytes: Uint8Array;
}

/** Opens the mark and reads what it says. */
export async function openMark(
  disk: Disk,
  directory: string,
  storeId: Uint8Array,
): Promise<{ readonly markFile: DiskFile; readonly found: MarkFound }> {
  const file = `${directory}/${MARK_FILE}`;
  const markFile = await disk.openToWrite(file);
  if (!markFile) {
    throw new PersisterError("MARK_CORRUPT", `${file}: the mark is missing; ${LOOK_FIRST}`, {
      file,
    });
  }
  try {
    const found = await readMarks(markFile);
    if ("bad" in found) {
      throw new PersisterError(
        "MARK_CORRUPT",
        `${file}: both slots are bad: ${found.bad}; ${LOOK_FIRST}`,
        {
          file,
        },
      );
    }
    if (Buffer.compare(found.mark.storeId, storeId) !== 0) {
      const text = `${file}: it is another store's mark; ${LOOK_FIRST}`;
      throw new PersisterError("MARK_CORRUPT", text, { file });
    }
    return { markFile, found };
  } catch (error) {
    await markFile.close();
    throw error;
  }
}

/** The heads of all slots. */
export interface HeadsFound {
  /** Those of this store. */
  readonly heads: readonly FoundFront[];
  /** The slots in which something was written that is no head: torn, or damaged. */
  readonly broken: readonly Slot[];
  /** The slots with bytes of which no head of this store tells. */
  readonly unknown: readonly Slot[];
}

/** Sorts the slots by their heads. Keeps the fronts alone: heads are long, and only one of them counts. */
export function findHeads(looks: readonly SlotLook[], storeId: Uint8Array): HeadsFound {
  const heads: FoundFront[] = [];
  const broken: Slot[] = [];
  const unknown: Slot[] = [];
  for (const { slot, front: found, isBlank } of looks) {
    if (found.status === "too-new") {
      throw new PersisterError(
        "FORMAT_TOO_NEW",
        `${slot.file.path}: format ${found.version} is newer than this Lanekeeper reads`,
        { file: slot.file.path, offset: 0 },
      );
    }
    if (found.status === "none" && !isBlank) broken.push(slot);
    if (found.status !== "front") continue;
    if (Buffer.compare(found.head.storeId, storeId) === 0) {
      heads.push({ slot, head: found.head, headBytes: found.headBytes });
    } else unknown.push(slot);
  }
  return { heads, broken, unknown: [...unknown, ...broken] };
}

/**
 * The head from which recovery starts: the newest, not below the one that the mark names. If that one is
 * missing, and a single slot could have held it, the refusal names its file.
 */
export function newestHead(
  { heads, broken }: Pick<HeadsFound, "heads" | "broken">,
  mark: Mark,
  directory: string,
): FoundFront {
  const newest = heads.reduce<FoundFront | undefined>(
    (best, each) => (best && best.head.sequence >= each.head.sequence ? best : each),
    undefined,
  );
  if (!newest || newest.head.sequence < mark.headSequence) {
    const [only, other] = broken;
    const file = only && !other ? only.file.path : directory;
    throw new PersisterError(
      "JOURNAL_CORRUPT",
      `${file}: the segment with head ${mark.headSequence}, which the mark names, is missing or its ` +
        `head is damaged (newest found: ${newest ? newest.head.sequence : "none"}); ${LOOK_FIRST}`,
      { file, ...(only && !other ? { offset: 0 } : {}) },
    );
  }
  const twin = heads.find((each) => each !== newest && each.head.sequence === newest.head.sequence);
  if (twin) {
    throw new PersisterError(
      "JOURNAL_CORRUPT",
      `${twin.slot.file.path}: it bears the same head sequence as ${newest.slot.file.path}; ${LOOK_FIRST}`,
      { file: twin.slot.file.path, offset: 0 },
    );
  }
  return newest;
}

/** All of a head whose front was found. */
export async function wholeHead({ slot }: FoundFront): Promise<FoundHead> {
  const found = await readHead(slot);
  if (found.status !== "head") {
    const file = slot.file.path;
    const text = `${file}: its head changed while it was read`;
    throw new PersisterError("JOURNAL_CORRUPT", text, { file, offset: 0 });
  }
  return { slot, head: found.head, headBytes: found.bytes.length, bytes: found.bytes };
}

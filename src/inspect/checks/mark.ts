/** Looks at both slots of the mark, and at which of them counts. */
import type { Disk } from "../../disk/disk.js";
import { MARK_FILE, MARK_SLOT_BYTES, type Mark, type MarkSlot } from "../../journal/form/mark.js";
import { newestMark, readMarkSlots } from "../../journal/segment/mark-file.js";
import { attempted, type Finding, findingOf } from "../finding.js";

export interface MarkSeen {
  readonly findings: readonly Finding[];
  /** The mark that counts; `undefined` where none can be used. */
  readonly mark: Mark | undefined;
  /** Of the newest mark, whosever it is. */
  readonly sequence: bigint | undefined;
  /** Why the file could not be read: its content is unknown then, and not damaged. */
  readonly unread: Finding | undefined;
}

/** Looks at the mark of the store with `storeId`, of any store where that is not known. */
export async function checkMark(
  disk: Disk,
  directory: string,
  storeId: Uint8Array | undefined,
): Promise<MarkSeen> {
  const file = `${directory}/${MARK_FILE}`;
  const read = await attempted(() => readFile(disk, file));
  const none = { mark: undefined, sequence: undefined, unread: undefined };
  if ("error" in read) {
    const unread = findingOf(read.error, "error", { file });
    return { ...none, findings: [unread], unread };
  }
  if (!read.value) {
    const message = "the mark is missing: without it nobody can tell what was acknowledged";
    return { ...none, findings: [{ class: "MARK_CORRUPT", severity: "error", file, message }] };
  }
  return judged(file, read.value, storeId);
}

/** The sequence of the newest mark, to tell whether somebody has written one meanwhile. */
export async function markSequence(disk: Disk, directory: string): Promise<bigint | undefined> {
  const read = await attempted(() => readFile(disk, `${directory}/${MARK_FILE}`));
  const newest = "value" in read && read.value ? newestMark(read.value) : undefined;
  return newest && "mark" in newest ? newest.mark.sequence : undefined;
}

async function readFile(
  disk: Disk,
  path: string,
): Promise<readonly [MarkSlot, MarkSlot] | undefined> {
  const file = await disk.openToRead(path);
  if (!file) return undefined;
  try {
    return await readMarkSlots(file);
  } finally {
    await file.close();
  }
}

function judged(
  file: string,
  slots: readonly [MarkSlot, MarkSlot],
  storeId: Uint8Array | undefined,
): MarkSeen {
  const newest = newestMark(slots);
  const mark = "mark" in newest ? newest.mark : undefined;
  const isOurs = mark === undefined || storeId === undefined || sameId(mark.storeId, storeId);
  const findings: Finding[] = [];
  const find = (severity: Finding["severity"], offset: number, message: string): void => {
    findings.push({ class: "MARK_CORRUPT", severity, file, offset, message });
  };
  for (const [index, slot] of slots.entries()) {
    const offset = index * MARK_SLOT_BYTES;
    if (slot.status === "bad") {
      // The mark that init writes has no other beside it.
      if (mark?.sequence === 1n && offset !== offsetOf(newest)) continue;
      if (mark) find("warning", offset, `one slot is bad, which a crash may leave: ${slot.reason}`);
      else find("error", offset, `neither slot can be used: ${slot.reason}`);
    } else if (storeId !== undefined && !sameId(slot.mark.storeId, storeId)) {
      const says = `mark ${slot.mark.sequence} is another store's`;
      find(slot.mark === mark ? "error" : "warning", offset, says);
    } else if (index !== Number(slot.mark.sequence % 2n)) {
      find("warning", offset, `mark ${slot.mark.sequence} lies in the other one's place`);
    }
  }
  const ours = isOurs ? mark : undefined;
  return { findings, mark: ours, sequence: mark?.sequence, unread: undefined };
}

function offsetOf(newest: ReturnType<typeof newestMark>): number | undefined {
  return "mark" in newest ? newest.offset : undefined;
}

function sameId(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

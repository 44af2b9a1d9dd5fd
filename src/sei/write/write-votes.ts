/** Writes the A/B pair of the consensus votes in the original's form. */
import type { Disk } from "../../disk/disk.js";
import { type SlotName, slotOf } from "../../disk/slots/choice.js";
import { encodeSlot, SLOT_HEAD_BYTES } from "../../disk/slots/form.js";
import { slotPath } from "../../disk/slots/slots.js";
import { makeFile } from "./new-directory.js";
import { VOTE_SLOTS } from "../format/vote-slots.js";

/**
 * Makes both files in `directory`, as they are after `messages` were written one after the other from
 * sequence 1 on; a slot that none went to is empty. Durable when resolved.
 *
 * @throws {PersisterError} IO where one of them exists; DISK_FULL, READ_ONLY.
 */
export async function writeVoteSlots(
  disk: Disk,
  directory: string,
  messages: readonly Uint8Array[],
): Promise<void> {
  const slots: Record<SlotName, Uint8Array> = { a: new Uint8Array(0), b: new Uint8Array(0) };
  for (const [at, message] of messages.entries()) {
    const seq = BigInt(at + 1);
    slots[slotOf(seq)] = encodeSlot(seq, message, SLOT_HEAD_BYTES + message.length);
  }
  for (const slot of ["a", "b"] as const) {
    const bytes = slots[slot];
    const parts = bytes.length === 0 ? [] : [bytes];
    await makeFile(disk, slotPath(directory, VOTE_SLOTS, slot), parts);
  }
  await disk.syncDirectory(directory);
}

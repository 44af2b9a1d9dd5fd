/**
 * Overwrites what a slot held under another key, or in plain form. The first block goes last: a slot that
 * begins with zeros was overwritten to its end, also where the process was stopped in between.
 */
import { fillWithZeros, holdsZeros, type Slot } from "../segment/segment.js";
import type { Seals } from "../seal/seals.js";
import { BLOCK_BYTES } from "../form/records.js";

/** Durable when resolved. Nothing needs the slot: it is free. */
export async function wipe({ slot, file, bytes }: Slot, seals: Seals): Promise<void> {
  await fillWithZeros(file, BLOCK_BYTES, bytes);
  await fillWithZeros(file, 0, BLOCK_BYTES);
  seals.wiped(slot);
}

/**
 * Overwrites a slot without a head where it holds anything: a crash leaves a plain group so, whose head did not
 * arrive. Durable when resolved. Nothing needs the slot: it is free.
 */
export async function wipeHeadless(slot: Slot, seals: Seals): Promise<void> {
  if (!(await holdsZeros(slot.file, slot.bytes))) await wipe(slot, seals);
}

/**
 * Overwrites what a slot held under another key, or in plain form. The first block goes last: a slot that
 * begins with zeros was overwritten to its end, also where the process was stopped in between.
 */
import { fillWithZeros, type Slot } from "../segment/segment.js";
import type { Seals } from "../seal/seals.js";
import { BLOCK_BYTES } from "../form/records.js";

/** Durable when resolved. Nothing needs the slot: it is free. */
export async function wipe({ slot, file, bytes }: Slot, seals: Seals): Promise<void> {
  await fillWithZeros(file, BLOCK_BYTES, bytes);
  await fillWithZeros(file, 0, BLOCK_BYTES);
  seals.wiped(slot);
}

/** Lifts a pin by decision (D6). */
import type { LaneId } from "../../types/lane.js";
import type { Persisters } from "../persisters.js";

/** An operator's decision about one number. */
export interface PinDecision {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly reason: string;
  readonly atMs: number;
}

/**
 * Puts the decision on record, and then lifts the pin; both are durable when resolved. A number without a pin is
 * left as it is.
 */
export async function releasePin(
  { blocks, notes }: Pick<Persisters, "blocks" | "notes">,
  { lane, number, reason, atMs }: PinDecision,
): Promise<void> {
  const pin = blocks.pinOf(lane, number);
  if (!pin) return;
  const headerHash = Buffer.from(pin).toString("hex");
  await notes.releases.append({ lane, number, headerHash, reason, atMs });
  await blocks.releasePin(lane, number);
}

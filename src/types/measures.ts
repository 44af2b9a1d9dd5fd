/**
 * The measures that a running store takes of itself, for those who watch it. A store that nobody
 * measures takes none: it is opened without `observe`.
 */

/**
 * Each measure and its unit:
 *
 * - `groupMs`, `groupRecords`, `groupBytes`: one group, from the begin of its write to its end;
 * - `markMs`, `anchorSlotMs`, `voteSlotMs`: one durable write of the mark, or of an A/B slot;
 * - `...AckMs`: from the admission of a message to its acknowledgement;
 * - `...VerifyMs`: one look at the signatures of a message;
 * - `archiveObjectMs`: one object of the archive, from its first read to its link.
 */
export type Measure =
  | "groupMs"
  | "groupRecords"
  | "groupBytes"
  | "markMs"
  | "anchorSlotMs"
  | "voteSlotMs"
  | "blockAckMs"
  | "commitQCAckMs"
  | "anchorAckMs"
  | "voteAckMs"
  | "blockVerifyMs"
  | "commitQCVerifyMs"
  | "anchorVerifyMs"
  | "laneQCVerifyMs"
  | "archiveObjectMs";

/** Gets each measure as it is taken, in the step in which it is taken. Must be cheap, and may not throw. */
export type Observe = (measure: Measure, value: number) => void;

/** Runs `work`, and measures the time that it takes where it succeeds. */
export async function timed<T>(
  observe: Observe | undefined,
  measure: Measure,
  work: () => Promise<T>,
): Promise<T> {
  if (!observe) return await work();
  const beganMs = performance.now();
  const result = await work();
  observe(measure, performance.now() - beganMs);
  return result;
}

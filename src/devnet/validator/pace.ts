/**
 * How long a validator waits in a view before it gives it up.
 *
 * Nobody knows how long a round takes here and now: on a busy machine each step of it waits for the
 * processor many times. So each view of a road waits twice as long as the one before it. What is spent
 * in views that were too short is then less than twice what the view takes that is long enough; were
 * each longer by the same time only, it would grow with the square of that.
 */

/** A step takes some ten milliseconds. What a leader that is gone costs. */
const STEP_MS = 500;
/** 16 s, however many views time out: a step that takes longer waits for something else. */
const DOUBLINGS_MAX = 5n;

/** How long view `number` of a road waits for its next step: proposal, prepare QC, commit QC. */
export function stepMs(number: bigint): number {
  return STEP_MS * 2 ** Number(number < DOUBLINGS_MAX ? number : DOUBLINGS_MAX);
}

/** The end of a step of the event loop. */

/** Resolves behind all that settles in this step: no promise has a reaction left to run. */
export function endOfStep(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

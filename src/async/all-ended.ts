/**
 * Waits for work that has to end as a whole, whatever part of it fails: no branch is left behind at
 * work, no step is left out, and of several failures the first one is told.
 */

/** Resolves when all ended well; else rejects with the error that came first, after all have ended. */
export async function allEnded(branches: readonly Promise<void>[]): Promise<void> {
  const errors: unknown[] = [];
  const note = (cause: unknown): void => {
    errors.push(cause);
  };
  await Promise.all(branches.map((branch) => branch.catch(note)));
  if (errors.length > 0) throw errors[0];
}

/** Runs every step, each behind the end of the one before it, also where that one failed. */
export async function inTurn(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (cause) {
      errors.push(cause);
    }
  }
  if (errors.length > 0) throw errors[0];
}

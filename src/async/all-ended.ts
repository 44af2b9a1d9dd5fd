/**
 * Waits for branches that run side by side: none is left behind at work, and of several failures the
 * first one is the one that is told.
 */

/** Resolves when all ended well; else rejects with the error that came first, after all have ended. */
export async function allEnded(branches: readonly Promise<void>[]): Promise<void> {
  const errors: unknown[] = [];
  const note = (error: unknown): void => {
    errors.push(error);
  };
  await Promise.all(branches.map((branch) => branch.catch(note)));
  if (errors.length > 0) throw errors[0];
}

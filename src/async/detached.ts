/** Work that nobody waits for, and that tells its failures by itself. */

/** A rejection of `work` is a bug: it ends the process, as every error does that nobody caught. */
export function detached(work: Promise<void>): void {
  work.catch((cause: unknown) => {
    queueMicrotask(() => {
      throw cause;
    });
  });
}

/**
 * A promise that is begun ahead of its `await`: the next part of a read, the appends of a batch.
 *
 * Node ends the process when a promise is rejected while nobody holds it. Between its beginning and its
 * `await`, nobody does. The rejection is not lost: the `await` still gets it.
 */

/** Marks `promise` as one that is awaited later, and returns it. The caller must await it. */
export function ahead<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** The wait of a client until what it has given is durable. */
import type { WaitOptions } from "../../async/signal.js";
import { unsynced } from "../../avail/refusals.js";
import { PersisterError } from "../../types/errors.js";
import type { Connection } from "../connection.js";
import { type Item, nameOf } from "../outbox/item.js";
import { durable, throwIfStopped } from "./closing.js";

/**
 * Resolves when every block, commit QC and anchor that is admitted now is durable.
 *
 * @throws {PersisterError} why one of them is not, naming them.
 */
export async function synced(connection: Connection, options: WaitOptions = {}): Promise<void> {
  const { outbox, waits, picture } = connection.memory;
  const items = outbox.admitted;
  if (picture.stalled && !waits.failure) {
    // The waits of the service try the full disk once more.
    await Promise.all(items.map(({ place }) => durable(connection, place, options)));
    return;
  }
  const isLeft = (item: Readonly<Item>): boolean =>
    outbox.holds(item) || item.refused !== undefined;
  const look = (): true | undefined => {
    const { failure } = waits;
    if (failure && failure.code !== "CLOSED") throw failure;
    const left = items.filter(isLeft);
    try {
      for (const { place, refused } of left) {
        if (refused) throw refused;
        throwIfStopped(picture, place);
      }
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      throw unsynced(
        left.map(({ place }) => nameOf(place)),
        cause,
      );
    }
    return left.length === 0 || undefined;
  };
  await waits.waitFor(["outbox"], look, options);
}

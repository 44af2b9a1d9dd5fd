/** The end of a client: everything that was admitted becomes durable, or is named. */
import type { WaitOptions } from "../../async/signal.js";
import { unwritten } from "../../avail/refusals.js";
import { PersisterError } from "../../types/errors.js";
import type { Connection } from "../connection.js";
import { type Item, nameOf, type Place } from "../outbox/item.js";
import { anchorLook, blockLook, commitQCLook } from "../picture/looks.js";
import type { Picture } from "../picture/picture.js";
import { waitForAnchor, waitForBlock, waitForCommitQC } from "./waiting.js";

/**
 * Waits until nothing is left in the outbox. Messages that no connection had are refused. Resolves with the
 * error that names what could not become durable.
 */
export async function drained(connection: Connection): Promise<PersisterError | undefined> {
  const { memory } = connection;
  const { outbox, waits, picture } = memory;
  outbox.refuseWaiting(new PersisterError("CLOSED", "the client is closing"));
  const admitted = (): readonly Readonly<Item>[] => {
    return [...outbox.items].filter(({ state }) => state === "admitted");
  };
  try {
    if (waits.failure) throw waits.failure;
    // A full disk is tried once more, by the waits of the service: the picture lags behind their answers.
    const awaited = new Set(picture.stalled ? admitted() : []);
    await Promise.all([...awaited].map(({ place }) => durable(connection, place)));
    await waits.waitFor(["outbox"], () => {
      for (const item of admitted()) if (!awaited.has(item)) throwIfStopped(picture, item.place);
      return outbox.isEmpty || undefined;
    });
    return undefined;
  } catch (cause) {
    if (!(cause instanceof PersisterError)) throw cause;
    const left = waits.failure
      ? memory.unsettled
      : [...outbox.items].map(({ place }) => nameOf(place));
    if (left.length > 0) return unwritten(left, cause);
    return cause.code === "CLOSED" ? undefined : cause;
  }
}

/** Waits until what stands at `place` is durable, or passed by an anchor. */
export async function durable(
  connection: Connection,
  place: Place,
  options?: WaitOptions,
): Promise<void> {
  if (place.kind === "block") await waitForBlock(connection, place, options);
  else if (place.kind === "commitQC") await waitForCommitQC(connection, place.roadIndex, options);
  else if (place.kind === "anchor") await waitForAnchor(connection, place.roadIndex, options);
}

/** @throws {PersisterError} why what stands at `place` cannot become durable. */
export function throwIfStopped(picture: Picture, place: Place): void {
  if (place.kind === "block") blockLook(picture, place.lane, place.number)();
  else if (place.kind === "commitQC") commitQCLook(picture, place.roadIndex);
  else if (place.kind === "anchor") anchorLook(picture, place.roadIndex);
}

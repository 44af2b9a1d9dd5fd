/**
 * The directories of a repair, and the swap of the new store for the damaged one.
 *
 * ```
 * STORE.repairing   the new store while it is made: nobody ever takes it for one
 * STORE.repaired    the new store, whole, guarded and inspected
 * STORE.damaged-N   the damaged store, as it was
 * ```
 *
 * Crash safety: each rename is durable before the next one begins. A power cut between any two of them leaves the
 * damaged store or the new one at STORE, or none there and both beside it. If the names were flushed once, at the end:
 * 1. The new store is called whole. 2. The damaged store gets its new name. 3. The power fails, and of both changes the
 * second alone is on disk. 4. There is no STORE, and no new one of which anybody knows that it is whole.
 */
import type { Disk } from "../../disk/disk.js";
import { parentOf } from "../../disk/parent.js";
import { PersisterError } from "../../types/errors.js";

export interface Swapping {
  readonly disk: Disk;
  /** The state directory. */
  readonly directory: string;
  /** Gives a directory another name, in one step; the caller's, since a `Disk` has none. */
  readonly rename: (from: string, to: string) => Promise<void>;
  /** Removes a directory with all that is in it. */
  readonly remove: (directory: string) => Promise<void>;
}

export function repairingName(directory: string): string {
  return `${directory}.repairing`;
}

function repairedName(directory: string): string {
  return `${directory}.repaired`;
}

/** Swaps in the new store, which is whole. Returns the damaged store's new name. */
export async function swap(swapping: Swapping): Promise<string> {
  const { disk, directory } = swapping;
  let number = 1;
  while ((await disk.kind(`${directory}.damaged-${number}`)) !== undefined) number += 1;
  const damaged = `${directory}.damaged-${number}`;
  await renameDurably(swapping, repairingName(directory), repairedName(directory));
  await renameDurably(swapping, directory, damaged);
  await renameDurably(swapping, repairedName(directory), directory);
  return damaged;
}

/** Whether a swap was stopped between the last two renames: STORE is missing, and the whole new one is there. */
export async function isSwapOpen({ disk, directory }: Swapping): Promise<boolean> {
  if ((await disk.kind(directory)) !== undefined) return false;
  return (await disk.kind(repairedName(directory))) !== undefined;
}

/** Ends a swap that was stopped. */
export async function endSwap(swapping: Swapping): Promise<void> {
  await renameDurably(swapping, repairedName(swapping.directory), swapping.directory);
}

/** @throws {PersisterError} NOT_A_STORE: who only looks changes nothing. */
export function swapOpenError(directory: string): PersisterError {
  const text =
    `${directory}: a repair was stopped between its renames, and the whole new store is ${repairedName(directory)}: ` +
    "run it again with --apply, which ends it";
  return new PersisterError("NOT_A_STORE", text, { file: directory });
}

/** Takes away what a repair that was stopped has left, while STORE is owned. */
export async function clearLeft({ disk, directory, remove }: Swapping): Promise<void> {
  for (const left of [repairingName(directory), repairedName(directory)]) {
    if ((await disk.kind(left)) === undefined) continue;
    await remove(left);
    await disk.syncDirectory(parentOf(directory));
  }
}

async function renameDurably({ disk, rename }: Swapping, from: string, to: string): Promise<void> {
  await rename(from, to);
  await disk.syncDirectory(parentOf(to));
}

/**
 * The slots of a journal, each looked at once: a store that retains much has a thousand of them. Blocking calls
 * look at one after the other, as long as the system has them in memory: that takes ten microseconds a slot, a
 * tenth of the hops to a thread. A disk that has to be waited for is asked through the pool, for some side by side.
 *
 * Every slot is looked at, whatever the mark says, and also those that the newest head retains: only the heads
 * themselves tell which is the newest, and whether the mark is an old copy (D6). A slot that was looked at is
 * closed again, and opened at its first use.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { ahead } from "../../async/ahead.js";
import type { DirectoryEntry, Disk, WriteWay } from "../../disk/disk.js";
import { LOOK_FIRST, PersisterError } from "../../types/errors.js";
import type { FrontFound } from "../form/head.js";
import { slotOfName } from "../form/records.js";
import { RestingFile } from "./resting-file.js";
import { readFront, type Slot } from "./segment.js";

/** Every head begins with more than zeros in these. */
const BLANK_BYTES = 16;
/** A look that took longer waited for the disk, or for another process. */
const STALL_MS = 1;
/** After so many in a row the disk is slow: the next looks go through the pool, and then one blocks again. */
const STALLS_IN_A_ROW = 2;
const LOOKS_IN_POOL = 64;
/** Looks that are on their way through the pool at once. */
const SIDE_BY_SIDE_MAX = 16;
/** The event loop goes on after so long, however fast the looks are. */
const TURN_MS = 4;

/** A slot, and the findings of a look at its first bytes. */
export interface SlotLook {
  /** Its file is opened at its first use. */
  readonly slot: Slot;
  readonly front: FrontFound;
  /** Nothing was ever written where a head begins. */
  readonly isBlank: boolean;
}

/** Looks at every slot of the journal; names that are not slots are returned as foreign. */
export async function lookAtSlots(
  disk: Disk,
  directory: string,
): Promise<{ readonly looks: readonly SlotLook[]; readonly foreign: readonly string[] }> {
  const entries = await disk.list(directory);
  if (!entries) {
    const text = `${directory}: the journal's folder is missing; ${LOOK_FIRST}`;
    throw new PersisterError("JOURNAL_CORRUPT", text, { file: directory });
  }
  const found = await lookAtEach(entries, async (entry, way) => {
    return (await lookAtSlot(disk, directory, entry, way)) ?? `${directory}/${entry.name}`;
  });
  const looks = found.filter((each) => typeof each !== "string");
  looks.sort((one, other) => one.slot.slot - other.slot.slot);
  return { looks, foreign: found.filter((each) => typeof each === "string").sort() };
}

async function lookAtSlot(
  disk: Disk,
  directory: string,
  entry: DirectoryEntry,
  way: WriteWay,
): Promise<SlotLook | undefined> {
  const slot = await openSlot(disk, directory, entry, way);
  if (!slot) return undefined;
  const { file } = slot;
  try {
    const front = await readFront(slot, way);
    const isHead = front.status !== "none";
    const resting = new RestingFile(disk, file.path, await file.identity());
    const isBlankHere = !isHead && (await isBlank(slot, way));
    return { slot: { ...slot, file: resting }, front, isBlank: isBlankHere };
  } finally {
    await file.close(way);
  }
}

/** Nothing was ever written where a head begins. */
export async function isBlank(slot: Slot, way: WriteWay = "pool"): Promise<boolean> {
  const start = await slot.file.read(0, BLANK_BYTES, undefined, way);
  return start.every((byte) => byte === 0);
}

/** Opens one entry of the journal's folder; `undefined` where it is no slot. */
export async function openSlot(
  disk: Disk,
  directory: string,
  entry: DirectoryEntry,
  way: WriteWay = "pool",
): Promise<Slot | undefined> {
  const slot = slotOfName(entry.name);
  if (slot === undefined) return undefined;
  const path = `${directory}/${entry.name}`;
  // A list passes over a link that cannot be followed; here the reason is told.
  const kind = entry.kind === "other" ? await disk.kind(path) : entry.kind;
  if (kind !== "file") return undefined;
  const file = await disk.openToWrite(path, way);
  if (file === undefined) return undefined;
  try {
    const { sizeBytes: bytes, heldBytes, names } = await file.facts(way);
    return { slot, file, bytes, isHollow: heldBytes < bytes, isLinked: names > 1 };
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

/**
 * Looks at each of `items`; returns the findings in the order of the items. A `blocking` look must use blocking
 * calls alone. No further look begins behind a failure, which is told when all looks have ended.
 */
export async function lookAtEach<Item, Found>(
  items: readonly Item[],
  look: (item: Item, way: WriteWay) => Promise<Found>,
): Promise<readonly Found[]> {
  const found: Promise<Found>[] = [];
  let stalls = 0;
  let inPool = 0;
  let turnBeganMs = performance.now();
  try {
    for (const item of items) {
      if (inPool > 0) {
        inPool -= 1;
        found.push(ahead(look(item, "pool")));
        await found.at(-SIDE_BY_SIDE_MAX);
        continue;
      }
      const beganMs = performance.now();
      const looking = ahead(look(item, "blocking"));
      found.push(looking);
      await looking;
      const endedMs = performance.now();
      stalls = endedMs - beganMs > STALL_MS ? stalls + 1 : 0;
      if (stalls >= STALLS_IN_A_ROW) inPool = LOOKS_IN_POOL;
      if (endedMs - turnBeganMs <= TURN_MS) continue;
      await nextTurn();
      turnBeganMs = performance.now();
    }
  } finally {
    await Promise.allSettled(found);
  }
  return await Promise.all(found);
}

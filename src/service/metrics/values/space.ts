/** The space that a store takes, and has left. */
import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { INDEX_DIRECTORY } from "../../../log/map/log-map.js";
import type { Observed } from "../../observed.js";

/** The file system that a store lies on. */
export interface Space {
  /** Free for this user. */
  readonly freeBytes: number;
  readonly sizeBytes: number;
}

type Place = Pick<Observed, "directory" | "store">;

/** `undefined` for a store in memory, and where the directory cannot be asked: it may be missing. */
export async function spaceOf(place: Place): Promise<Space | undefined> {
  if (isInMemory(place)) return undefined;
  try {
    const { bsize, bavail, blocks } = await statfs(place.directory);
    return { freeBytes: bsize * bavail, sizeBytes: bsize * blocks };
  } catch {
    return undefined;
  }
}

/** Bytes of the map's files; `undefined` for a store in memory, and where there is no map on disk. */
export async function mapBytesOf(place: Place): Promise<number | undefined> {
  if (isInMemory(place)) return undefined;
  const folder = join(place.directory, INDEX_DIRECTORY);
  try {
    // LevelDB may remove a file between the list and the look.
    const files = await Promise.allSettled(
      (await readdir(folder)).map((name) => stat(join(folder, name))),
    );
    return files.reduce((sum, file) => {
      return sum + (file.status === "fulfilled" ? file.value.size : 0);
    }, 0);
  } catch {
    return undefined;
  }
}

function isInMemory({ store }: Place): boolean {
  const state = store();
  return state.kind === "open" && !state.keeper.status().durable;
}

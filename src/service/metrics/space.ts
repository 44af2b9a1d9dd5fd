/** The space of the file system that a store lies on. */
import { statfs } from "node:fs/promises";
import type { Observed } from "../observed.js";

export interface Space {
  /** Free for this user. */
  readonly freeBytes: number;
  readonly sizeBytes: number;
}

/** `undefined` for a store in memory, and where the directory cannot be asked: it may be missing. */
export async function spaceOf({
  directory,
  store,
}: Pick<Observed, "directory" | "store">): Promise<Space | undefined> {
  const state = store();
  if (state.kind === "open" && !state.keeper.status().durable) return undefined;
  try {
    const { bsize, bavail, blocks } = await statfs(directory);
    return { freeBytes: bsize * bavail, sizeBytes: bsize * blocks };
  } catch {
    return undefined;
  }
}

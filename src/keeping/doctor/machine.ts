/** The machine that is examined, as far as its files tell of it. Tests give another one. */
import { realpath, stat, statfs } from "node:fs/promises";
import type { Disk } from "../../disk/disk.js";
import { diskError } from "../../disk/failure.js";
import { RealDisk } from "../../disk/real/real.js";

export interface Space {
  readonly freeBytes: number;
  readonly sizeBytes: number;
  /** Names that can still be made; 0 of 0 where the file system counts none. */
  readonly freeFiles: number;
  readonly files: number;
}

export interface Machine {
  readonly disk: Disk;
  /** How writes are made durable; settled by the first file that is opened for writing. */
  readonly durability: () => string;
  /** The text of a file of the system; `undefined` where there is none that can be read. */
  readonly text: (path: string) => Promise<string | undefined>;
  readonly space: (directory: string) => Promise<Space>;
  /** The rights of a directory, as in its mode. */
  readonly rights: (directory: string) => Promise<number>;
  /** The path behind links. */
  readonly place: (directory: string) => Promise<string>;
  /** Milliseconds since 1970, and on a clock that nobody sets. */
  readonly wallMs: () => number;
  readonly steadyMs: () => number;
}

const TEXT_BYTES_MAX = 1024 * 1024;

export function realMachine(): Machine {
  const disk = new RealDisk();
  const told = async <T>(action: string, path: string, call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (cause) {
      throw diskError(action, path, cause);
    }
  };
  return {
    disk,
    durability: () => disk.durability,
    text: (path) => textOf(disk, path),
    space: async (directory) => {
      const found = await told("ask for the space", directory, statfs(directory));
      const { bsize, bavail, blocks, ffree: freeFiles, files } = found;
      return { freeBytes: bsize * bavail, sizeBytes: bsize * blocks, freeFiles, files };
    },
    rights: async (directory) => (await told("look up a path", directory, stat(directory))).mode,
    place: async (directory) => await told("look up a path", directory, realpath(directory)),
    wallMs: () => Date.now(),
    steadyMs: () => performance.now(),
  };
}

/** Files of the system have no size: they are read as far as they go. */
async function textOf(disk: Disk, path: string): Promise<string | undefined> {
  try {
    const file = await disk.openToRead(path);
    try {
      const bytes = await file?.read(0, TEXT_BYTES_MAX);
      return bytes && Buffer.from(bytes).toString("utf8");
    } finally {
      await file?.close();
    }
  } catch {
    // A system without this file, or one that does not show it: the check says that it does not know.
    return undefined;
  }
}

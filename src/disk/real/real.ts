/**
 * The operating system's disk. The hot path (reads and writes on an open handle) is in
 * `real-file.ts`; here is what open, init and recycling do: names and directories.
 */
import * as fs from "node:fs";
import { constants, promises } from "node:fs";
import { promisify } from "node:util";
import type { Disk, DirectoryEntry, DiskFile, EntryKind, FileIdentity, WriteWay } from "../disk.js";
import { diskError, osCodeOf, osError } from "../failure.js";
import { type Durability, durabilityOf, hasSyncFlag, writeFlags } from "./flush.js";
import { identityOf, RealFile } from "./real-file.js";

const openDescriptor = promisify(fs.open);

/** Files are the owner's alone: they hold votes. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

export interface RealDiskOptions {
  /** How writes become durable; what this platform allows when left out. */
  readonly durability?: Durability;
}

export class RealDisk implements Disk {
  #durability: Durability;
  #checked = false;

  constructor(options: RealDiskOptions = {}) {
    this.#durability = options.durability ?? durabilityOf(process.platform);
  }

  /** How this disk makes writes durable, for the status. Settled by the first file to write. */
  get durability(): Durability {
    return this.#durability;
  }

  async openToRead(path: string): Promise<DiskFile | undefined> {
    // Without this a directory could be opened, and would fail at the first read only.
    if ((await this.kind(path)) === "directory") {
      throw diskError("open a file", path, osError("EISDIR"));
    }
    const call = openDescriptor(path, constants.O_RDONLY);
    const fd = await unlessMissing("open a file", path, call);
    return fd === undefined ? undefined : new RealFile(path, fd, this.#durability);
  }

  async openToWrite(path: string, way: WriteWay = "pool"): Promise<DiskFile | undefined> {
    const flags = writeFlags(this.#durability);
    const call = way === "blocking" ? openBlocking(path, flags) : openDescriptor(path, flags);
    const fd = await unlessMissing("open a file", path, call);
    return fd === undefined ? undefined : this.#file(path, fd);
  }

  async create(path: string): Promise<DiskFile> {
    const flags = writeFlags(this.#durability) | constants.O_CREAT | constants.O_EXCL;
    const fd = await told("create a file", path, openDescriptor(path, flags, FILE_MODE));
    return this.#file(path, fd);
  }

  async kind(path: string): Promise<EntryKind | undefined> {
    const stats = await unlessMissing("look up a path", path, promises.stat(path));
    if (stats !== undefined) return kindOf(stats);
    // A link to nothing is something at this path.
    const link = await unlessMissing("look up a path", path, promises.lstat(path));
    return link === undefined ? undefined : "other";
  }

  async identity(path: string, way: WriteWay = "pool"): Promise<FileIdentity | undefined> {
    const call = way === "blocking" ? statBlocking(path) : promises.stat(path, { bigint: true });
    const stats = await unlessMissing("read the identity of a file", path, call);
    return stats === undefined ? undefined : identityOf(stats);
  }

  async list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    const call = promises.readdir(path, { withFileTypes: true });
    const entries = await unlessMissing("list a directory", path, call);
    if (entries === undefined) return undefined;
    const found = await Promise.all(
      entries.map(async (entry): Promise<DirectoryEntry> => {
        const { name } = entry;
        const isLink = entry.isSymbolicLink();
        return { name, kind: isLink ? await kindBehind(`${path}/${name}`) : kindOf(entry) };
      }),
    );
    return found.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async makeDirectory(path: string): Promise<void> {
    await told("make a directory", path, promises.mkdir(path, DIRECTORY_MODE));
  }

  async remove(path: string): Promise<void> {
    await told("remove a file", path, promises.unlink(path));
  }

  async syncDirectory(path: string): Promise<void> {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY;
    // A handle, not its number: Node's permission model takes fsync away from numbers, and from handles in few versions.
    const handle = await told("open a directory", path, promises.open(path, flags));
    try {
      await told("flush a directory", path, handle.sync());
    } finally {
      await handle.close();
    }
  }

  /** The handle of a file to write; the first one tells whether the system took O_DSYNC. */
  #file(path: string, fd: number): RealFile {
    if (!this.#checked && this.#durability === "O_DSYNC") {
      if (hasSyncFlag(fd) === false) this.#durability = "fdatasync";
      this.#checked = true;
    }
    return new RealFile(path, fd, this.#durability);
  }
}

async function openBlocking(path: string, flags: number): Promise<number> {
  return fs.openSync(path, flags);
}

async function statBlocking(path: string): Promise<fs.BigIntStats> {
  return fs.statSync(path, { bigint: true });
}

/** A link that leads nowhere, or to a place that may not be looked at, is no reason to list nothing. */
async function kindBehind(path: string): Promise<EntryKind> {
  const [stats] = await Promise.allSettled([promises.stat(path)]);
  return stats.status === "fulfilled" ? kindOf(stats.value) : "other";
}

function kindOf(entry: fs.Dirent | fs.Stats): EntryKind {
  if (entry.isFile()) return "file";
  return entry.isDirectory() ? "directory" : "other";
}

/** The result of `call`, its failure as a `PersisterError`. */
async function told<T>(action: string, path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    throw diskError(action, path, cause);
  }
}

/** As `told`, but `undefined` where nothing is at `path`. */
async function unlessMissing<T>(
  action: string,
  path: string,
  call: Promise<T>,
): Promise<T | undefined> {
  try {
    return await call;
  } catch (cause) {
    if (osCodeOf(cause) === "ENOENT") return undefined;
    throw diskError(action, path, cause);
  }
}

/**
 * The folder of a job: where its LevelDB database is made, opened, described and removed. Each life of a
 * job has a folder of its own below `root/<id>`, so that what a dropped job left is never taken for
 * its successor's.
 *
 * ```
 * root/<id>/<life>/   one LevelDB database
 * ```
 *
 * LevelDB's files are LevelDB's: they are looked at through `Disk`, and made and removed by the
 * operating system's own calls. Assumption: the file system orders the changes of one directory, as
 * ext4, xfs and btrfs do; LevelDB relies on it when it replaces its manifest.
 */
import { mkdir, open as openFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import type { Disk } from "../../disk/disk.js";
import { PersisterError } from "../../types/errors.js";
import type { FileMark } from "../journal/job-record.js";
import {
  bytesOfDatabase,
  describeDatabase,
  describeManifest,
  faultOfClosed,
  type FolderFault,
  hasOldFiles,
  logFiles,
  lookAtOpen,
} from "./files.js";
import { tryDatabase } from "./trial.js";
import { levelError } from "./errors.js";
import type { Database } from "./database.js";

/**
 * LevelDB's smallest bound: ten files, and 64 tables of 2 MiB. It maps each open table into memory, a thousand of them
 * by default. A read in a table that is not open costs some 0.05 ms more.
 */
const OPEN_FILES_MAX = 74;

/** The place of the database of one life of a job. */
export interface JobHome {
  /** Makes the database anew, empty, and opens it. Its name is durable when resolved. */
  make(): Promise<Database>;
  /** Compares a database that was closed with its list. @throws {PersisterError} JOB_CORRUPT */
  checkClosed(files: readonly FileMark[]): Promise<void>;
  /** Looks at, and makes ready, a database that was not closed. @throws {PersisterError} JOB_CORRUPT */
  mend(settled: FileMark): Promise<void>;
  /** Opens a database that was checked, or mended. */
  open(): Promise<Database>;
  /** The manifest of the open database, all of which is durable. */
  manifest(): Promise<FileMark>;
  /** Every file of the closed database. */
  files(): Promise<readonly FileMark[]>;
  /** Removes everything that any life of the job left. Durable when resolved. */
  remove(): Promise<void>;
  /** Bytes of all files. */
  bytes(): Promise<number>;
  /** Whether a file of the open database is there that LevelDB does not need any more. */
  hasOldFiles(): Promise<boolean>;
}

/** The homes of all jobs of a store. */
export interface JobHomes {
  of(id: string, life: bigint): JobHome;
  /** Ids that have a folder of ours. */
  found(): Promise<readonly string[]>;
  /** Whether anything is where the folder of a new job would be made. */
  isTaken(id: string): Promise<boolean>;
}

/** Homes in folders below `root`. */
export class FolderHomes implements JobHomes {
  readonly #disk: Disk;
  readonly #root: string;

  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.#root = root;
  }

  of(id: string, life: bigint): JobHome {
    return new FolderHome(this.#disk, this.#root, id, life);
  }

  async isTaken(id: string): Promise<boolean> {
    return (await this.#disk.kind(join(this.#root, id))) !== undefined;
  }

  async found(): Promise<readonly string[]> {
    const entries = (await this.#disk.list(this.#root)) ?? [];
    const folders = entries.filter(({ kind }) => kind === "directory").map(({ name }) => name);
    const ids: string[] = [];
    for (const id of folders.filter(isJobId)) {
      const lives = (await this.#disk.list(join(this.#root, id))) ?? [];
      if (lives.some(({ name, kind }) => kind === "directory" && /^\d{1,20}$/.test(name))) {
        ids.push(id);
      }
    }
    return ids;
  }
}

/** Names that a job may have: they are names of folders too. */
export function isJobId(id: unknown): id is string {
  return typeof id === "string" && /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/.test(id);
}

class FolderHome implements JobHome {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #id: string;
  readonly #parent: string;
  readonly #folder: string;

  constructor(disk: Disk, root: string, id: string, life: bigint) {
    this.#disk = disk;
    this.#root = root;
    this.#id = id;
    this.#parent = join(root, id);
    this.#folder = join(this.#parent, String(life));
  }

  async make(): Promise<Database> {
    await this.#call(() => rm(this.#parent, { recursive: true, force: true }));
    // LevelDB makes files that everybody may read: nobody else comes to them.
    await this.#call(() => mkdir(this.#folder, { recursive: true, mode: 0o700 }));
    await this.#disk.syncDirectory(this.#parent);
    await this.#disk.syncDirectory(this.#root);
    return await this.#opened(true);
  }

  async checkClosed(files: readonly FileMark[]): Promise<void> {
    const fault = await faultOfClosed(this.#disk, this.#folder, files);
    if (fault) throw this.#corrupt(fault);
  }

  async mend(settled: FileMark): Promise<void> {
    const look = await lookAtOpen(this.#disk, this.#folder, settled);
    if (look.kind === "damaged") throw this.#corrupt(look.fault);
    if (look.kind === "torn") await this.#call(() => cut(look.file, look.bytes));
    for (const log of await logFiles(this.#disk, this.#folder)) await this.#call(() => rm(log));
    await this.#disk.syncDirectory(this.#folder);
    const trial = await tryDatabase(this.#folder);
    if (trial.kind === "refused") {
      throw this.#corrupt({
        file: this.#folder,
        reason: `LevelDB does not open it: ${trial.reason}`,
      });
    }
  }

  async open(): Promise<Database> {
    return await this.#opened(false);
  }

  async manifest(): Promise<FileMark> {
    const mark = await describeManifest(this.#disk, this.#folder);
    // LevelDB may have an edit in flight that the look has seen: it is durable from here on.
    await this.#call(() => flush(join(this.#folder, mark.name)));
    // So is the name of the manifest in CURRENT, which LevelDB puts there by a rename.
    await this.#disk.syncDirectory(this.#folder);
    return mark;
  }

  async files(): Promise<readonly FileMark[]> {
    const files = await describeDatabase(this.#disk, this.#folder);
    if (!files)
      throw this.#corrupt({ file: this.#folder, reason: "somebody has changed the folder" });
    // A file that LevelDB has removed may not come back: it would be one that was not listed.
    await this.#disk.syncDirectory(this.#folder);
    return files;
  }

  async remove(): Promise<void> {
    await this.#call(() => rm(this.#parent, { recursive: true, force: true }));
    await this.#disk.syncDirectory(this.#root);
  }

  async bytes(): Promise<number> {
    return await bytesOfDatabase(this.#disk, this.#folder);
  }

  async hasOldFiles(): Promise<boolean> {
    return await hasOldFiles(this.#disk, this.#folder);
  }

  async #opened(createIfMissing: boolean): Promise<Database> {
    const database = new ClassicLevel<Uint8Array, Uint8Array>(this.#folder, {
      keyEncoding: "view",
      valueEncoding: "view",
      createIfMissing,
      // Our own look at a table reads its blocks as they are.
      compression: false,
      maxOpenFiles: OPEN_FILES_MAX,
    });
    try {
      await database.open();
      // The checker of types and that of lint differ in whether the two are the same.
      // oxlint-disable-next-line typescript/no-unnecessary-type-assertion
      return database as Database;
    } catch (cause) {
      throw levelError(this.#id, cause);
    }
  }

  #corrupt({ file, reason }: FolderFault): PersisterError {
    return new PersisterError(
      "JOB_CORRUPT",
      `job ${this.#id}: ${file}: ${reason}; nothing was changed: keep a copy of its folder, and drop ` +
        "the job or bring it back from its source",
      { file },
    );
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (cause) {
      throw levelError(this.#id, cause);
    }
  }
}

async function flush(file: string): Promise<void> {
  const handle = await openFile(file, "r");
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function cut(file: string, bytes: number): Promise<void> {
  const handle = await openFile(file, "r+");
  try {
    await handle.truncate(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

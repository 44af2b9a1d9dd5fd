/**
 * A disk whose unacknowledged writes can be taken back after the process was killed, as a power cut
 * would have done. SIGKILL alone proves little, since the page cache survives it.
 *
 * Before a write, the bytes that it will cover go to a file of their own in the undo directory;
 * when the write is durable, and before its caller hears of it, that file is removed. So the files
 * in the directory after a kill are exactly the writes that were not acknowledged. Names are
 * treated alike: a file that was made or removed is remembered until its directory was flushed.
 *
 *     undo/000000000017    {"kind":"write","path":...,"position":...,"size":...}\n<old bytes>
 */
import { linkSync, mkdirSync, readdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type {
  DirectoryEntry,
  Disk,
  DiskFile,
  EntryKind,
  FileFacts,
  FileIdentity,
  FileOrigin,
  WriteWay,
} from "../../../disk/disk.js";

/**
 * A write is acknowledged so much later than it was made: a slow disk, which a cut finds at work.
 */
const SLOW_MS = 3;

/** The first line of an undo file. */
export const entrySchema = z.object({
  kind: z.enum(["write", "create", "remove"]),
  path: z.string(),
  position: z.number(),
  /** Of the file, before. */
  size: z.number(),
  /** Of the write, in bytes. */
  length: z.number(),
});

export type Entry = z.output<typeof entrySchema>;

/** The undo directory as the writing process uses it. */
class UndoLog {
  readonly #directory: string;
  readonly #names = new Map<string, string[]>();
  #next: number;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
    this.#next = readdirSync(directory).length;
  }

  add(entry: Entry, old: Uint8Array): string {
    const path = join(this.#directory, String(this.#next).padStart(12, "0"));
    this.#next += 1;
    writeFileSync(path, Buffer.concat([Buffer.from(`${JSON.stringify(entry)}\n`), old]));
    return path;
  }

  /** A name whose directory is not flushed yet. */
  addName(kind: "create" | "remove", path: string): string {
    const undo = this.add({ kind, path, position: 0, size: 0, length: 0 }, new Uint8Array());
    const directory = dirname(path);
    this.#names.set(directory, [...(this.#names.get(directory) ?? []), undo]);
    return undo;
  }

  /** The names in `directory` as they are now are durable. */
  forgetNames(directory: string): void {
    for (const undo of this.#names.get(directory) ?? []) {
      rmSync(`${undo}.gone`, { force: true });
      unlinkSync(undo);
    }
    this.#names.delete(directory);
  }
}

export class UndoDisk implements Disk {
  readonly #disk: Disk;
  readonly #log: UndoLog;

  constructor(disk: Disk, undoDirectory: string) {
    this.#disk = disk;
    this.#log = new UndoLog(undoDirectory);
  }

  openToRead(path: string): Promise<DiskFile | undefined> {
    return this.#disk.openToRead(path);
  }

  async openToWrite(path: string, way?: WriteWay): Promise<DiskFile | undefined> {
    const file = await this.#disk.openToWrite(path, way);
    return file && new UndoFile(file, this.#log);
  }

  async create(path: string): Promise<DiskFile> {
    const file = await this.#disk.create(path);
    this.#log.addName("create", path);
    return new UndoFile(file, this.#log);
  }

  kind(path: string): Promise<EntryKind | undefined> {
    return this.#disk.kind(path);
  }

  identity(path: string, way?: WriteWay): Promise<FileIdentity | undefined> {
    return this.#disk.identity(path, way);
  }

  list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    return this.#disk.list(path);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#disk.makeDirectory(path);
  }

  /** The file keeps a second name until its directory is flushed. */
  async remove(path: string): Promise<void> {
    const isFile = (await this.#disk.kind(path)) === "file";
    if (isFile) linkSync(path, `${this.#log.addName("remove", path)}.gone`);
    await this.#disk.remove(path);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#disk.syncDirectory(path);
    this.#log.forgetNames(path);
  }
}

class UndoFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #log: UndoLog;
  readonly #writes = new Set<Promise<void>>();
  #isClosed = false;

  constructor(file: DiskFile, log: UndoLog) {
    this.#file = file;
    this.#log = log;
  }

  get path(): string {
    return this.#file.path;
  }

  /** A slow disk: a `blocking` write is not over when the call returns. */
  async writeDurable(
    position: number,
    buffers: readonly Uint8Array[],
    way?: WriteWay,
  ): Promise<void> {
    // A closed file says so itself.
    const write = this.#isClosed
      ? this.#file.writeDurable(position, buffers, way)
      : this.#write(position, buffers, way);
    this.#writes.add(write);
    try {
      await write;
    } finally {
      this.#writes.delete(write);
    }
  }

  async #write(position: number, buffers: readonly Uint8Array[], way?: WriteWay): Promise<void> {
    const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    const size = await this.#file.size();
    const old = await this.#file.read(position, Math.min(length, Math.max(0, size - position)));
    const undo = this.#log.add({ kind: "write", path: this.path, position, size, length }, old);
    await this.#file.writeDurable(position, buffers, way);
    await sleep(SLOW_MS);
    unlinkSync(undo);
  }

  read(position: number, length: number, into?: Uint8Array, way?: WriteWay): Promise<Uint8Array> {
    return this.#file.read(position, length, into, way);
  }

  size(): Promise<number> {
    return this.#file.size();
  }

  facts(): Promise<FileFacts> {
    return this.#file.facts();
  }

  identity(): Promise<FileIdentity> {
    return this.#file.identity();
  }

  origin(): Promise<FileOrigin> {
    return this.#file.origin();
  }

  lock(): Promise<void> {
    return this.#file.lock();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#writes);
    await this.#file.close();
  }
}

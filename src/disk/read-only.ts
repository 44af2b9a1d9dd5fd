/**
 * A disk that can only be read: whatever is inspected through it is not changed, and not locked. Code
 * that opens files to write them later (recovery does) gets handles that only read.
 */
import type {
  Disk,
  DirectoryEntry,
  DiskFile,
  EntryKind,
  FileFacts,
  FileIdentity,
  FileOrigin,
  WriteWay,
} from "./disk.js";
import { InvariantError } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";

/** The part of a disk that reads. */
export type ReadableDisk = Pick<Disk, "openToRead" | "kind" | "identity" | "list">;

export class ReadOnlyDisk implements Disk {
  readonly #disk: ReadableDisk;
  readonly #onRead: (bytes: number) => void;

  /** `onRead` is told of the bytes of each read. */
  constructor(disk: ReadableDisk, onRead: (bytes: number) => void) {
    this.#disk = disk;
    this.#onRead = onRead;
  }

  async openToRead(path: string): Promise<DiskFile | undefined> {
    // A pipe or a device might never answer.
    if ((await this.#disk.kind(path)) === "other") {
      throw new PersisterError("IO", `could not open a file: ${path}: it is no plain file`, {
        file: path,
      });
    }
    const file = await this.#disk.openToRead(path);
    return file && new ReadOnlyFile(file, this.#onRead);
  }

  /** As `openToRead`: what comes back refuses to be written. */
  async openToWrite(path: string): Promise<DiskFile | undefined> {
    return await this.openToRead(path);
  }

  kind(path: string): Promise<EntryKind | undefined> {
    return this.#disk.kind(path);
  }

  identity(path: string): Promise<FileIdentity | undefined> {
    return this.#disk.identity(path);
  }

  list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    return this.#disk.list(path);
  }

  create(): Promise<DiskFile> {
    return refused();
  }

  makeDirectory(): Promise<void> {
    return refused();
  }

  remove(): Promise<void> {
    return refused();
  }

  syncDirectory(): Promise<void> {
    return refused();
  }
}

class ReadOnlyFile implements DiskFile {
  readonly path: string;
  readonly #file: DiskFile;
  readonly #onRead: (bytes: number) => void;

  constructor(file: DiskFile, onRead: (bytes: number) => void) {
    this.path = file.path;
    this.#file = file;
    this.#onRead = onRead;
  }

  async read(
    position: number,
    length: number,
    into?: Uint8Array,
    way?: WriteWay,
  ): Promise<Uint8Array> {
    const bytes = await this.#file.read(position, length, into, way);
    this.#onRead(bytes.length);
    return bytes;
  }

  size(): Promise<number> {
    return this.#file.size();
  }

  facts(way?: WriteWay): Promise<FileFacts> {
    return this.#file.facts(way);
  }

  identity(): Promise<FileIdentity> {
    return this.#file.identity();
  }

  origin(): Promise<FileOrigin> {
    return this.#file.origin();
  }

  writeDurable(): Promise<void> {
    return refused();
  }

  lock(): Promise<void> {
    return refused();
  }

  close(way?: WriteWay): Promise<void> {
    return this.#file.close(way);
  }
}

function refused(): Promise<never> {
  return Promise.reject(new InvariantError("this must hold: an inspection changes nothing"));
}

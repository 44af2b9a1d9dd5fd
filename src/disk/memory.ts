/**
 * A disk in memory. Nothing on it survives the process, so it is had through `openMemory` only, and the
 * status says so (D10).
 */
import { assert } from "../types/assert.js";
import type {
  Disk,
  DirectoryEntry,
  DiskFile,
  EntryKind,
  FileFacts,
  FileIdentity,
  FileOrigin,
} from "./disk.js";
import { closedError, diskError, osError } from "./failure.js";

interface Node {
  bytes: Buffer;
  size: number;
  locked: boolean;
  readonly identity: FileIdentity;
}

export class MemoryDisk implements Disk {
  readonly #files = new Map<string, Node>();
  readonly #directories = new Set<string>();

  async openToRead(path: string): Promise<DiskFile | undefined> {
    return await this.openToWrite(path);
  }

  openToWrite(path: string): Promise<DiskFile | undefined> {
    const node = this.#files.get(path);
    return Promise.resolve(node && new MemoryFile(path, node));
  }

  create(path: string): Promise<DiskFile> {
    if (this.#exists(path)) return Promise.reject(diskError("create", path, osError("EEXIST")));
    const identity = `memory:${path}`;
    const node = { bytes: Buffer.alloc(0), size: 0, locked: false, identity };
    this.#files.set(path, node);
    return Promise.resolve(new MemoryFile(path, node));
  }

  kind(path: string): Promise<EntryKind | undefined> {
    if (this.#directories.has(path)) return Promise.resolve("directory");
    return Promise.resolve(this.#files.has(path) ? "file" : undefined);
  }

  identity(path: string): Promise<FileIdentity | undefined> {
    return Promise.resolve(this.#files.get(path)?.identity);
  }

  list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    if (!this.#directories.has(path)) return Promise.resolve(undefined);
    const inside = (each: string): boolean =>
      each.startsWith(`${path}/`) && !each.slice(path.length + 1).includes("/");
    const entries = [
      ...[...this.#files.keys()].filter(inside).map((each) => ({ each, kind: "file" as const })),
      ...[...this.#directories]
        .filter(inside)
        .map((each) => ({ each, kind: "directory" as const })),
    ].map(({ each, kind }) => ({ name: each.slice(path.length + 1), kind }));
    return Promise.resolve(entries.sort((a, b) => (a.name < b.name ? -1 : 1)));
  }

  makeDirectory(path: string): Promise<void> {
    if (this.#exists(path)) return Promise.reject(diskError("make", path, osError("EEXIST")));
    this.#directories.add(path);
    return Promise.resolve();
  }

  remove(path: string): Promise<void> {
    this.#files.delete(path);
    return Promise.resolve();
  }

  syncDirectory(): Promise<void> {
    return Promise.resolve();
  }

  #exists(path: string): boolean {
    return this.#files.has(path) || this.#directories.has(path);
  }
}

class MemoryFile implements DiskFile {
  readonly path: string;
  readonly #node: Node;
  #open = true;
  #holdsLock = false;

  constructor(path: string, node: Node) {
    this.path = path;
    this.#node = node;
  }

  read(position: number, length: number): Promise<Uint8Array> {
    if (!this.#open) return Promise.reject(closedError(this.path));
    const end = Math.min(position + length, this.#node.size);
    return Promise.resolve(Uint8Array.from(this.#node.bytes.subarray(position, end)));
  }

  writeDurable(position: number, buffers: readonly Uint8Array[]): Promise<void> {
    if (!this.#open) return Promise.reject(closedError(this.path));
    let offset = position;
    for (const buffer of buffers) {
      this.#reserve(offset + buffer.length);
      this.#node.bytes.set(buffer, offset);
      offset += buffer.length;
    }
    return Promise.resolve();
  }

  size(): Promise<number> {
    return Promise.resolve(this.#node.size);
  }

  facts(): Promise<FileFacts> {
    const { size } = this.#node;
    return Promise.resolve({ sizeBytes: size, heldBytes: size, names: 1 });
  }

  identity(): Promise<FileIdentity> {
    return Promise.resolve(this.#node.identity);
  }

  origin(): Promise<FileOrigin> {
    return Promise.resolve({ inode: 0n, bornNs: 0n });
  }

  lock(): Promise<void> {
    assert(!this.#node.locked, "a store in memory has one owner by construction");
    this.#node.locked = true;
    this.#holdsLock = true;
    return Promise.resolve();
  }

  close(): Promise<void> {
    if (this.#holdsLock) this.#node.locked = false;
    this.#holdsLock = false;
    this.#open = false;
    return Promise.resolve();
  }

  #reserve(size: number): void {
    const node = this.#node;
    if (size <= node.size) return;
    if (size > node.bytes.length) {
      const larger = Buffer.alloc(Math.max(size, node.bytes.length * 2));
      larger.set(node.bytes.subarray(0, node.size));
      node.bytes = larger;
    }
    node.size = size;
  }
}

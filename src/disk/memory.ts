/**
 * A disk in memory. Nothing on it survives the process, so it is had through `openMemory` only, and the
 * status says so (D10).
 */
import type {
  Disk,
  DirectoryEntry,
  DiskFile,
  EntryKind,
  FileFacts,
  FileIdentity,
  FileOrigin,
} from "./disk.js";
import { closedError, diskError, lockedError, osError } from "./failure.js";
import { parentOf } from "./parent.js";

interface FileNode {
  readonly kind: "file";
  readonly identity: FileIdentity;
  bytes: Buffer;
  size: number;
  /** The handle that holds the lock. */
  lockedBy: MemoryFile | undefined;
}

type Node = FileNode | { readonly kind: "directory" };

/** Directories that are always there. */
const ROOTS: readonly string[] = ["/", "."];

export class MemoryDisk implements Disk {
  readonly #nodes = new Map<string, Node>(ROOTS.map((path) => [path, { kind: "directory" }]));
  #filesMade = 0;

  async openToRead(path: string): Promise<DiskFile | undefined> {
    return this.#open(path, { writable: false });
  }

  async openToWrite(path: string): Promise<DiskFile | undefined> {
    return this.#open(path, { writable: true });
  }

  async create(path: string): Promise<DiskFile> {
    this.#refuseUnlessFree("create a file", path);
    this.#filesMade += 1;
    const identity = `memory:${this.#filesMade}`;
    const bytes = Buffer.alloc(0);
    const node: FileNode = { kind: "file", identity, bytes, size: 0, lockedBy: undefined };
    this.#nodes.set(path, node);
    return new MemoryFile(path, node, { writable: true });
  }

  async kind(path: string): Promise<EntryKind | undefined> {
    return this.#nodes.get(path)?.kind;
  }

  async identity(path: string): Promise<FileIdentity | undefined> {
    const node = this.#nodes.get(path);
    return node?.kind === "file" ? node.identity : undefined;
  }

  async list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    if (!this.#nodes.has(path)) return undefined;
    this.#directoryAt("list", path);
    const entries: DirectoryEntry[] = [];
    for (const [each, { kind }] of this.#nodes) {
      if (ROOTS.includes(each) || parentOf(each) !== path) continue;
      entries.push({ name: each.slice(each.lastIndexOf("/") + 1), kind });
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async makeDirectory(path: string): Promise<void> {
    this.#refuseUnlessFree("make a directory", path);
    this.#nodes.set(path, { kind: "directory" });
  }

  async remove(path: string): Promise<void> {
    const node = this.#nodes.get(path);
    if (node === undefined) throw diskError("remove a file", path, osError("ENOENT"));
    if (node.kind === "directory") throw diskError("remove a file", path, osError("EISDIR"));
    this.#nodes.delete(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#directoryAt("flush a directory", path);
  }

  #open(path: string, how: { readonly writable: boolean }): DiskFile | undefined {
    const node = this.#nodes.get(path);
    if (node?.kind === "directory") throw diskError("open a file", path, osError("EISDIR"));
    return node && new MemoryFile(path, node, how);
  }

  #directoryAt(action: string, path: string): void {
    const node = this.#nodes.get(path);
    if (node === undefined) throw diskError(action, path, osError("ENOENT"));
    if (node.kind !== "directory") throw diskError(action, path, osError("ENOTDIR"));
  }

  #refuseUnlessFree(action: string, path: string): void {
    if (this.#nodes.has(path)) throw diskError(action, path, osError("EEXIST"));
    const parent = this.#nodes.get(parentOf(path));
    if (parent?.kind !== "directory") throw diskError(action, path, osError("ENOENT"));
  }
}

class MemoryFile implements DiskFile {
  readonly path: string;
  readonly #node: FileNode;
  readonly #writable: boolean;
  #isOpen = true;

  constructor(path: string, node: FileNode, { writable }: { readonly writable: boolean }) {
    this.path = path;
    this.#node = node;
    this.#writable = writable;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const { bytes, size } = this.#open();
    return Uint8Array.from(bytes.subarray(position, Math.min(position + length, size)));
  }

  async writeDurable(position: number, buffers: readonly Uint8Array[]): Promise<void> {
    const node = this.#open();
    if (!this.#writable) throw diskError("write", this.path, osError("EBADF"));
    let offset = position;
    for (const buffer of buffers) {
      if (buffer.length === 0) continue;
      reserve(node, offset + buffer.length);
      node.bytes.set(buffer, offset);
      offset += buffer.length;
    }
  }

  async size(): Promise<number> {
    return this.#open().size;
  }

  async facts(): Promise<FileFacts> {
    const { size } = this.#open();
    return { sizeBytes: size, heldBytes: size, names: 1 };
  }

  async identity(): Promise<FileIdentity> {
    return this.#open().identity;
  }

  async origin(): Promise<FileOrigin> {
    this.#open();
    return { inode: 0n, bornNs: 0n };
  }

  async lock(): Promise<void> {
    const node = this.#open();
    if (node.lockedBy !== undefined) throw lockedError(this.path);
    node.lockedBy = this;
  }

  async close(): Promise<void> {
    if (this.#node.lockedBy === this) this.#node.lockedBy = undefined;
    this.#isOpen = false;
  }

  #open(): FileNode {
    if (!this.#isOpen) throw closedError(this.path);
    return this.#node;
  }
}

/** Makes the file `size` bytes long, if it is shorter. */
function reserve(node: FileNode, size: number): void {
  if (size > node.bytes.length) {
    const larger = Buffer.alloc(Math.max(size, node.bytes.length * 2));
    larger.set(node.bytes.subarray(0, node.size));
    node.bytes = larger;
  }
  node.size = Math.max(node.size, size);
}

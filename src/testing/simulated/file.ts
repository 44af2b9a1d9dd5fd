/** A handle of a simulated file. It stays with its file, whatever becomes of the name. */
import { assert } from "../../types/assert.js";
import type { DiskFile, FileFacts, FileIdentity, FileOrigin, WriteWay } from "../../disk/disk.js";
import { closedError, diskError, lockedError, osError } from "../../disk/failure.js";
import type { Machine } from "./machine.js";
import { never } from "./schedule.js";
import { type FileNode, heldBytes } from "./world.js";

export class SimulatedFile implements DiskFile {
  readonly path: string;
  readonly #machine: Machine;
  readonly #number: number;
  readonly #node: FileNode;
  readonly #writable: boolean;
  readonly #inFlight = new Set<Promise<void>>();
  #closed = false;

  constructor(machine: Machine, path: string, number: number, writable: boolean) {
    const node = machine.node(number);
    assert(node?.kind === "file", "a file handle is opened on a file");
    this.path = path;
    this.#machine = machine;
    this.#number = number;
    this.#node = node;
    this.#writable = writable;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    this.#refuseClosed();
    assert(position >= 0 && length >= 0, "a read has a position and a length of at least 0");
    return this.#machine.read(this.#node, this.path, position, length);
  }

  async writeDurable(
    position: number,
    buffers: readonly Uint8Array[],
    way: WriteWay = "pool",
  ): Promise<void> {
    this.#refuseClosed();
    assert(position >= 0, "a write has a position of at least 0");
    if (!this.#writable) throw diskError("write", this.path, osError("EBADF"));
    const bytes = Buffer.concat(buffers); // A copy: the caller's buffers are lent.
    const write = this.#machine.write(this.#node, this.path, { position, bytes, way });
    this.#inFlight.add(write);
    try {
      await write;
    } finally {
      this.#inFlight.delete(write);
      assert(bytes.equals(Buffer.concat(buffers)), "lent bytes do not change before it is settled");
    }
  }

  async size(): Promise<number> {
    this.#refuseClosed();
    return this.#machine.look("size", this.path, () => this.#node.visible.size);
  }

  async facts(): Promise<FileFacts> {
    this.#refuseClosed();
    return this.#machine.look("size", this.path, () => {
      const { size } = this.#node.visible;
      return { sizeBytes: size, heldBytes: heldBytes(this.#node), names: 1 };
    });
  }

  async identity(): Promise<FileIdentity> {
    this.#refuseClosed();
    return this.#machine.look("identity", this.path, () => `simulated:${this.#number}`);
  }

  async origin(): Promise<FileOrigin> {
    this.#refuseClosed();
    return this.#machine.look("identity", this.path, () => {
      const number = BigInt(this.#number);
      return { inode: number, bornNs: number };
    });
  }

  async lock(): Promise<void> {
    this.#refuseClosed();
    const { locks } = this.#machine;
    return this.#machine.look("lock", this.path, () => {
      const holder = locks.get(this.#number);
      if (holder !== undefined) throw lockedError(this.path);
      locks.set(this.#number, this);
    });
  }

  async close(): Promise<void> {
    if (this.#machine.schedule.isStopped) return never();
    this.#closed = true;
    await Promise.allSettled(this.#inFlight);
    if (this.#machine.locks.get(this.#number) === this) this.#machine.locks.delete(this.#number);
  }

  #refuseClosed(): void {
    if (this.#closed) throw closedError(this.path);
  }
}

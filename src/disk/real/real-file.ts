/**
 * A handle of a file of the operating system. Writes are durable when resolved: through O_DSYNC by
 * the write itself, else by the fdatasync that follows it.
 */
import * as fs from "node:fs";
import { promisify } from "node:util";
import { tryLock } from "fs-native-extensions";
import { assert } from "../../types/assert.js";
import type { DiskFile, FileFacts, FileIdentity, FileOrigin, WriteWay } from "../disk.js";
import { closedError, diskError, lockedError } from "../failure.js";
import { birthOf } from "./birth.js";
import type { Durability } from "./flush.js";
import {
  readFully,
  readFullyBlocking,
  systemCalls,
  writeFully,
  writeFullyBlocking,
} from "./positional.js";

const closeDescriptor = promisify(fs.close);
const flushDescriptor = promisify(fs.fdatasync);

/** The unit in which stat counts blocks, whatever the size of a block is. */
const STAT_BLOCK_BYTES = 512;

export class RealFile implements DiskFile {
  readonly path: string;
  readonly #fd: number;
  readonly #durability: Durability;
  readonly #inFlight = new Set<Promise<unknown>>();
  #identity: FileIdentity | undefined;
  #closing: Promise<void> | undefined;

  /** Takes over `fd`. */
  constructor(path: string, fd: number, durability: Durability) {
    this.path = path;
    this.#fd = fd;
    this.#durability = durability;
  }

  async read(
    position: number,
    length: number,
    into?: Uint8Array,
    way: WriteWay = "pool",
  ): Promise<Uint8Array> {
    assert(position >= 0 && length >= 0, "a read has a position and a length of at least 0");
    const fits = into !== undefined && into.length >= length;
    const target = fits ? into.subarray(0, length) : Buffer.allocUnsafeSlow(length);
    const action = (): string => `read ${length} bytes at ${position}`;
    return way === "blocking"
      ? this.#block(action, () => readFullyBlocking(systemCalls, this.#fd, position, target))
      : this.#run(action, () => readFully(systemCalls, this.#fd, position, target));
  }

  async writeDurable(
    position: number,
    buffers: readonly Uint8Array[],
    way: WriteWay = "pool",
  ): Promise<void> {
    assert(position >= 0, "a write has a position of at least 0");
    const action = (): string => `write at ${position}`;
    if (way === "blocking") return this.#block(action, () => this.#write(position, buffers));
    return this.#run(action, async () => {
      await writeFully(systemCalls, this.#fd, position, buffers);
      if (this.#durability === "fdatasync") await flushDescriptor(this.#fd);
    });
  }

  #write(position: number, buffers: readonly Uint8Array[]): void {
    writeFullyBlocking(systemCalls, this.#fd, position, buffers);
    if (this.#durability === "fdatasync") fs.fdatasyncSync(this.#fd);
  }

  async size(): Promise<number> {
    return Number((await this.#stat("read the size")).size);
  }

  async facts(way: WriteWay = "pool"): Promise<FileFacts> {
    const stats = await this.#stat("look at the file", way);
    this.#identity ??= identityOf(stats);
    return {
      sizeBytes: Number(stats.size),
      heldBytes: Number(stats.blocks) * STAT_BLOCK_BYTES,
      names: Number(stats.nlink),
    };
  }

  async identity(): Promise<FileIdentity> {
    this.#refuseClosed();
    this.#identity ??= identityOf(await this.#stat("read the identity"));
    return this.#identity;
  }

  async origin(): Promise<FileOrigin> {
    const stats = await this.#stat("read the origin");
    return { inode: stats.ino, bornNs: birthOf(stats) };
  }

  async lock(): Promise<void> {
    return this.#run(
      () => "lock the file",
      async () => {
        if (!tryLock(this.#fd)) throw lockedError(this.path);
      },
    );
  }

  async close(way: WriteWay = "pool"): Promise<void> {
    const isAtOnce = way === "blocking" && this.#inFlight.size === 0;
    this.#closing ??= isAtOnce ? this.#closeAtOnce() : this.#closeWhenIdle();
    return this.#closing;
  }

  async #closeAtOnce(): Promise<void> {
    try {
      fs.closeSync(this.#fd);
    } catch (cause) {
      throw diskError("close the file", this.path, cause);
    }
  }

  /** The number of a closed descriptor may be given to another file: nothing may be in flight. */
  async #closeWhenIdle(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    try {
      await closeDescriptor(this.#fd);
    } catch (cause) {
      throw diskError("close the file", this.path, cause);
    }
  }

  async #stat(action: string, way: WriteWay = "pool"): Promise<fs.BigIntStats> {
    if (way === "blocking") {
      return this.#block(
        () => action,
        () => fs.fstatSync(this.#fd, { bigint: true }),
      );
    }
    return await this.#run(
      () => action,
      () => {
        return new Promise((resolve, reject) => {
          fs.fstat(this.#fd, { bigint: true }, (cause, stats) => {
            if (cause) reject(cause);
            else resolve(stats);
          });
        });
      },
    );
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw closedError(this.path);
  }

  /** Nothing is in flight when it returns: a close in the meantime has nothing to wait for. */
  #block<T>(action: () => string, call: () => T): T {
    this.#refuseClosed();
    try {
      return call();
    } catch (cause) {
      throw diskError(action(), this.path, cause);
    }
  }

  async #run<T>(action: () => string, call: () => Promise<T>): Promise<T> {
    this.#refuseClosed();
    const result = call();
    this.#inFlight.add(result);
    try {
      return await result;
    } catch (cause) {
      throw diskError(action(), this.path, cause);
    } finally {
      this.#inFlight.delete(result);
    }
  }
}

/** Device and inode: what stays when the name changes, and changes when the file is replaced. */
export function identityOf(stats: fs.BigIntStats): FileIdentity {
  return `${stats.dev}:${stats.ino}`;
}

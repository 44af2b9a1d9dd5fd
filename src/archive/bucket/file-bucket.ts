/**
 * A bucket in a folder of a file system: each object is the file of its name.
 *
 * # Crash safety
 *
 * 1. An object is written under a random name in `.new`, and flushed.
 * 2. It gets its name by a link, which fails if the name is taken; or, in place of an older object, by a
 *    rename, under the lock of the bucket.
 * 3. The folder is flushed. A crash before that leaves the object with its name or without, and whole.
 *
 * A crash may leave a file in `.new`; the first write of a later process removes it once it is an hour old.
 */
import { randomBytes, createHash } from "node:crypto";
import { link, mkdir, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import pLimit from "p-limit";
import { ahead } from "../../async/ahead.js";
import { throwIfAborted, type WaitOptions } from "../../async/signal.js";
import { diskError, osCodeOf } from "../../disk/failure.js";
import { RealDisk } from "../../disk/real/real.js";
import type { DiskFile } from "../../disk/disk.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import { namesIn, removeFile, removeLeft } from "./folder.js";
import { ObjectFiles } from "./object-files.js";
import { attempts, type Pacing, realPacing, TryAgain } from "./attempts.js";
import {
  type Bucket,
  checkName,
  type Comparison,
  type GetOptions,
  type ListedObject,
  type ListOptions,
  OBJECT_BYTES_MAX,
  type PutOptions,
  type PutResult,
  sameBytes,
  type StoredObject,
  type Tag,
} from "./bucket.js";

/** Files on their way to their name. No object is called so: no part of a name begins with a dot. */
const NEW = ".new";
const LOCK = ".lock";

export class FileBucket implements Bucket {
  readonly url: string;
  readonly #root: string;
  readonly #disk = new RealDisk();
  readonly #files = new ObjectFiles(this.#disk);
  readonly #pacing: Pacing;
  /** Folders that are durable. */
  readonly #folders = new Set<string>();
  /** Replacements of this process, one at a time: the lock is for those of others. */
  readonly #replacing = pLimit(1);

  /** The folder, once it was made ready by the first write. */
  #ready: Promise<void> | undefined;

  /** The bucket in the folder `root`, an absolute path. The first write makes it, if its parent is there. */
  constructor(root: string, pacing: Pacing = realPacing) {
    this.url = `file://${root}`;
    this.#root = root;
    this.#pacing = pacing;
  }

  async get(name: string, { room, signal }: GetOptions = {}): Promise<StoredObject | undefined> {
    checkName(name);
    throwIfAborted(signal, `the read of ${name}`);
    const path = join(this.#root, name);
    const file = await this.#disk.openToRead(path);
    if (!file) return undefined;
    try {
      const size = await file.size();
      if (size > OBJECT_BYTES_MAX) throw tooLarge(path, size);
      const bytes = await file.read(0, size, room?.(size));
      return tagged({ bytes }, bytes);
    } finally {
      await file.close();
    }
  }

  async compare(
    name: string,
    bytes: Uint8Array,
    { signal }: WaitOptions = {},
  ): Promise<Comparison> {
    checkName(name);
    throwIfAborted(signal, `the comparison of ${name}`);
    const file = await this.#disk.openToRead(join(this.#root, name));
    if (!file) return "absent";
    try {
      if ((await file.size()) !== bytes.length) return "other";
      const isSame = await this.#files.pieces(file, bytes.length, (piece, at) => {
        throwIfAborted(signal, `the comparison of ${name}`);
        return sameBytes(piece, bytes.subarray(at, at + piece.length));
      });
      return isSame ? "same" : "other";
    } finally {
      await file.close();
    }
  }

  async putIfAbsent(name: string, bytes: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    checkName(name);
    throwIfAborted(options.signal, `the put of ${name}`);
    const path = join(this.#root, name);
    await this.#prepared();
    await this.#makeFolders(name);
    const written = await this.#write(bytes);
    try {
      await link(written, path);
    } catch (cause) {
      if (osCodeOf(cause) === "EEXIST") return await this.#judge(name, bytes, options);
      throw diskError("name an object", path, cause);
    } finally {
      await removeFile(written);
    }
    await this.#disk.syncDirectory(dirname(path));
    return tagged({ stored: true as const }, bytes);
  }

  async putIfMatch(
    name: string,
    bytes: Uint8Array,
    tag: Tag,
    options: PutOptions = {},
  ): Promise<PutResult> {
    checkName(name);
    return await this.#replacing(async () => {
      await this.#prepared();
      const lock = await this.#lock(options.signal);
      try {
        const held = await this.get(name, options);
        if (held?.tag === tag) return await this.#replace(name, bytes);
        return await this.#judge(name, bytes, options);
      } finally {
        await lock.close();
      }
    });
  }

  async *list(
    prefix: string,
    { after = "", signal }: ListOptions = {},
  ): AsyncGenerator<ListedObject> {
    for await (const name of namesIn(this.#disk, this.#root, prefix)) {
      throwIfAborted(signal, `the list of ${prefix}`);
      if (name <= after) continue;
      const path = join(this.#root, name);
      try {
        yield { name, bytes: (await stat(path)).size };
      } catch (cause) {
        throw diskError("look at an object", path, cause);
      }
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The result of a put that was not made. The object that is there may be durable in part alone. */
  async #judge(name: string, offered: Uint8Array, options: WaitOptions): Promise<PutResult> {
    const held = await this.get(name, options);
    if (!held || !sameBytes(held.bytes, offered)) return { stored: false, held };
    await this.#disk.syncDirectory(dirname(join(this.#root, name)));
    return tagged({ stored: true as const }, offered);
  }

  async #replace(name: string, bytes: Uint8Array): Promise<PutResult> {
    const path = join(this.#root, name);
    const written = await this.#write(bytes);
    try {
      await rename(written, path);
    } catch (cause) {
      await removeFile(written);
      throw diskError("replace an object", path, cause);
    }
    await this.#disk.syncDirectory(dirname(path));
    return tagged({ stored: true as const }, bytes);
  }

  /** A new file with these bytes, durable, under a name that nobody else has. */
  async #write(bytes: Uint8Array): Promise<string> {
    const path = join(this.#root, NEW, randomBytes(16).toString("hex"));
    await this.#files.write(path, bytes);
    return path;
  }

  /** The lock of the bucket, which another process may hold for the time of a replacement. */
  async #lock(signal: AbortSignal | undefined): Promise<DiskFile> {
    const path = join(this.#root, LOCK);
    const attempt = async (): Promise<DiskFile | TryAgain> => {
      const file = await this.#lockFile(path);
      try {
        await file.lock();
        return file;
      } catch (cause) {
        await file.close();
        if (!hasCode(cause, "STORE_LOCKED")) throw cause;
        return new TryAgain("another process replaces an object", { cause });
      }
    };
    return await attempts(`the lock of ${this.url}`, attempt, { pacing: this.#pacing, signal });
  }

  async #lockFile(path: string): Promise<DiskFile> {
    const there = await this.#disk.openToWrite(path);
    if (there) return there;
    try {
      return await this.#disk.create(path);
    } catch (cause) {
      // Another process has made it since.
      const made = await this.#disk.openToWrite(path);
      if (!made) throw cause;
      return made;
    }
  }

  async #prepared(): Promise<void> {
    this.#ready ??= ahead(this.#prepare());
    try {
      await this.#ready;
    } catch (cause) {
      this.#ready = undefined;
      throw cause;
    }
  }

  async #prepare(): Promise<void> {
    await this.#makeFolder(this.#root);
    await this.#makeFolder(join(this.#root, NEW));
    await removeLeft(join(this.#root, NEW));
  }

  /** The folders above an object, each durable in its parent. */
  async #makeFolders(name: string): Promise<void> {
    let at = this.#root;
    for (const part of name.split("/").slice(0, -1)) {
      at = join(at, part);
      await this.#makeFolder(at);
    }
  }

  /** A folder that is there may not be durable yet: its parent is flushed once in any case. */
  async #makeFolder(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    try {
      await mkdir(path, { mode: 0o700 });
    } catch (cause) {
      if (osCodeOf(cause) !== "EEXIST") throw diskError("make a folder", path, cause);
    }
    await this.#disk.syncDirectory(dirname(path));
    this.#folders.add(path);
  }
}

/** `facts` with the tag of `bytes`, which costs a hash: it is made where it is asked for. */
function tagged<Facts extends object>(
  facts: Facts,
  bytes: Uint8Array,
): Facts & { readonly tag: Tag } {
  let tag: Tag | undefined;
  return Object.defineProperty(facts, "tag", {
    get: () => (tag ??= tagOf(bytes)),
    enumerable: true,
  }) as Facts & { readonly tag: Tag };
}

function tagOf(bytes: Uint8Array): Tag {
  return createHash("sha256").update(bytes).digest("hex");
}

function tooLarge(file: string, size: number): PersisterError {
  const text = `${file} has ${size} bytes: no object of an archive is so large`;
  return new PersisterError("BUCKET_REFUSED", text, { file });
}

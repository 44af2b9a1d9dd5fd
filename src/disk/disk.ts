/**
 * The only door to files. Two implementations: the operating system's (`real.ts`) and a simulated
 * disk that keeps flushed apart from written and enumerates what a power cut may leave
 * (`simulated.ts`). One contract suite runs over both.
 *
 * Durability: `writeDurable` is the one way to write. When it resolves, the bytes are on the
 * platter (D1). Whether a *name* (a new, removed or renamed directory entry) survives a power cut is
 * settled by `syncDirectory` of its directory alone.
 *
 * Every failure is a `PersisterError`: `DISK_FULL` for ENOSPC and EDQUOT, `READ_ONLY` for EROFS,
 * EACCES and EPERM, `STORE_LOCKED` from `lock`, `IO` for all else, with `file` and the cause.
 * A missing file is not an error where the answer can say so.
 */

/** The thing that a path leads to. A symbolic link counts as its target, and as `other` without one. */
export type EntryKind = "file" | "directory" | "other";

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: EntryKind;
}

/**
 * How a write, a read or a look goes to the disk. `pool`: by a thread of the pool, while the event loop goes on.
 * `blocking`: at once, by a call that holds the event loop until the bytes are durable. A disk that
 * answers in 50 us is done before a thread would have begun.
 */
export type WriteWay = "pool" | "blocking";

/** Tells one file from another at the same path: its device and inode. */
export type FileIdentity = string;

/**
 * Facts that a file keeps through reboots, and that its copy does not share. The device number changes
 * at reboots, so it is none of them. 0 stands for a fact that the file system does not tell.
 */
export interface FileOrigin {
  readonly inode: bigint;
  /** When the file was made, in nanoseconds since 1970. */
  readonly bornNs: bigint;
}

/** The size of an open file, and what the file system tells beside it. */
export interface FileFacts {
  readonly sizeBytes: number;
  /**
   * Bytes of blocks that the file holds, as far as this disk can tell: fewer than its size where it has
   * holes, or where the file system compresses it.
   */
  readonly heldBytes: number;
  /** Names that lead to the file. */
  readonly names: number;
}

export interface DiskFile {
  readonly path: string;
  /**
   * Up to `length` bytes from `position`; fewer only at the end of the file. Never short before it.
   * They may come as a view of `into`, where that holds as many. A `blocking` read is over when the call
   * returns, as a blocking write is.
   */
  read(position: number, length: number, into?: Uint8Array, way?: WriteWay): Promise<Uint8Array>;
  /**
   * Writes `buffers` one after the other from `position` on, growing the file where needed.
   * Durable when resolved. After a rejection the range holds anything (D7): the caller must not try
   * again on this handle, unless it knows that nothing of value lies there.
   * Lends: the buffers must not change until it is settled.
   *
   * A `blocking` write is over when the call returns: nothing else of this process ran meanwhile, and
   * the promise is settled. For the disk it is a write like any other, which a power cut may tear. (Only
   * a disk that slows writes down on purpose, as the devnet's does, may be late.)
   */
  writeDurable(position: number, buffers: readonly Uint8Array[], way?: WriteWay): Promise<void>;
  /** Bytes in the file now. */
  size(): Promise<number>;
  /** More than its size, for those who look at it once. A `blocking` look is over when the call returns. */
  facts(way?: WriteWay): Promise<FileFacts>;
  /** Identity of the open file, whatever its name is now. It stays the same while the file is open. */
  identity(): Promise<FileIdentity>;
  /** The origin of the open file: see `FileOrigin`. */
  origin(): Promise<FileOrigin>;
  /**
   * Takes the one lock of this file, or throws `STORE_LOCKED`: another process, or another handle in
   * this one, holds it. It goes with the handle and with the process (D8).
   */
  lock(): Promise<void>;
  /** Idempotent. Drops the lock. A `blocking` one is over when the call returns, unless something is in flight. */
  close(way?: WriteWay): Promise<void>;
}

export interface Disk {
  /** Opens for reading only; `undefined` where there is no such file. */
  openToRead(path: string): Promise<DiskFile | undefined>;
  /**
   * Opens for reading and durable writing; `undefined` where there is no such file. A `blocking` one is over
   * when the call returns.
   */
  openToWrite(path: string, way?: WriteWay): Promise<DiskFile | undefined>;
  /** Makes a new, empty file; an `IO` error where the path exists. The name wants a `syncDirectory`. */
  create(path: string): Promise<DiskFile>;
  /** The kind of the thing at `path`; `undefined` if nothing is there. */
  kind(path: string): Promise<EntryKind | undefined>;
  /**
   * Identity of the file at `path` now; `undefined` where nothing is. A `blocking` look is over when the
   * call returns.
   */
  identity(path: string, way?: WriteWay): Promise<FileIdentity | undefined>;
  /** Entries of a directory, sorted by name; `undefined` where there is no such directory. */
  list(path: string): Promise<readonly DirectoryEntry[] | undefined>;
  /** Makes a directory whose parent exists; an `IO` error where the path exists. */
  makeDirectory(path: string): Promise<void>;
  /** Removes a file's name. The removal wants a `syncDirectory`. */
  remove(path: string): Promise<void>;
  /** Makes the entries of this directory as they are now durable. */
  syncDirectory(path: string): Promise<void>;
}

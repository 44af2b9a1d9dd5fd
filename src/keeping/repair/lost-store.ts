/**
 * A store whose STORE is damaged or missing, and nothing else about it. Its id stands in the mark and in every head.
 * Its chain stands nowhere else: a backup of it names the chain, or the caller does.
 *
 * Everything that looks at a store looks at this one through a disk on which STORE says what it said.
 */
import type {
  DirectoryEntry,
  Disk,
  DiskFile,
  EntryKind,
  FileFacts,
  FileIdentity,
  FileOrigin,
} from "../../disk/disk.js";
import { type ReadableDisk, ReadOnlyDisk } from "../../disk/read-only.js";
import { checkMark } from "../../inspect/checks/mark.js";
import { checkSlots } from "../../inspect/checks/slots.js";
import { errorBy, type Finding } from "../../inspect/finding.js";
import { MARK_FILE } from "../../journal/form/mark.js";
import { encodeStore, ownStore, STORE_FILE } from "../../journal/form/store.js";
import { InvariantError } from "../../types/assert.js";
import { hasCode, PersisterError } from "../../types/errors.js";

/** A damaged store that is owned, so that nobody opens it. */
export interface OwnedDamaged {
  /** On it STORE can be read. */
  readonly disk: Disk;
  /** The refusal of STORE, where it had to be made out. */
  readonly lost: PersisterError | undefined;
  close(): Promise<void>;
}

interface Asked {
  readonly disk: Disk;
  readonly directory: string;
  /** The chain, by a backup or by the caller. */
  readonly chainId: () => Promise<string | undefined>;
}

/** The cases in which STORE alone is gone (`openCases`): the directory was a store. */
const lostCases = /\[(store-missing|store-damaged)\]$/;

/**
 * Owns the store in `directory`. Without a STORE the mark is locked: that keeps other repairs out, and no open passes.
 *
 * @throws {PersisterError} as `ownStore`; NOT_A_STORE where nothing names the store or its chain.
 */
export async function ownDamaged(asked: Asked): Promise<OwnedDamaged> {
  const { disk, directory } = asked;
  try {
    const { file } = await ownStore(disk, directory, {});
    return { disk, lost: undefined, close: () => file.close() };
  } catch (cause) {
    if (!hasCode(cause, "NOT_A_STORE") || !lostCases.test(cause.message)) throw cause;
    return await ownLost(asked, cause);
  }
}

async function ownLost(
  { disk, directory, chainId: chainOf }: Asked,
  lost: PersisterError,
): Promise<OwnedDamaged> {
  const path = `${directory}/${STORE_FILE}`;
  const { storeId, unread } = await storeIdIn(new ReadOnlyDisk(disk, () => {}), directory);
  if (!storeId && unread) throw errorBy(unread);
  const lock =
    (await disk.openToWrite(path)) ?? (await disk.openToWrite(`${directory}/${MARK_FILE}`));
  if (!storeId || !lock) {
    await lock?.close();
    throw refused(path, lost, "nothing in it names the store any more: restore a backup of it");
  }
  try {
    await lock.lock();
    const chainId = await chainOf();
    if (chainId === undefined) {
      throw refused(path, lost, "nothing in it names its chain: name a backup of it, or the chain");
    }
    const store = encodeStore({ storeId, chainId, createdMs: 0n });
    const seen = new WithStore(disk, directory, store);
    return { disk: new ReadOnlyDisk(seen, () => {}), lost, close: () => lock.close() };
  } catch (cause) {
    await lock.close();
    throw cause;
  }
}

interface Named {
  readonly storeId: Uint8Array | undefined;
  /** A file that may name the store, and could not be read. */
  readonly unread: Finding | undefined;
}

async function storeIdIn(disk: Disk, directory: string): Promise<Named> {
  const { mark, unread } = await checkMark(disk, directory, undefined);
  if (mark) return { storeId: mark.storeId, unread };
  const slots = await checkSlots(disk, directory, { storeId: undefined, mark: undefined });
  await slots.close();
  const [first] = slots.unread.values();
  return { storeId: slots.base?.head.storeId, unread: unread ?? first };
}

function refused(file: string, lost: PersisterError, why: string): PersisterError {
  return new PersisterError("NOT_A_STORE", `${lost.message}; ${why}`, { file });
}

/** A disk on which the STORE of one directory has these bytes. */
class WithStore implements ReadableDisk {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #path: string;
  readonly #bytes: Uint8Array;

  constructor(disk: Disk, directory: string, bytes: Uint8Array) {
    this.#disk = disk;
    this.#directory = directory;
    this.#path = `${directory}/${STORE_FILE}`;
    this.#bytes = bytes;
  }

  async openToRead(path: string): Promise<DiskFile | undefined> {
    return path === this.#path
      ? new BytesFile(path, this.#bytes)
      : await this.#disk.openToRead(path);
  }

  async kind(path: string): Promise<EntryKind | undefined> {
    return path === this.#path ? "file" : await this.#disk.kind(path);
  }

  async identity(path: string): Promise<FileIdentity | undefined> {
    return path === this.#path ? path : await this.#disk.identity(path);
  }

  async list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    const entries = await this.#disk.list(path);
    if (path !== this.#directory || entries?.some(({ name }) => name === STORE_FILE))
      return entries;
    return [{ name: STORE_FILE, kind: "file" }, ...(entries ?? [])];
  }
}

/** A file of bytes in memory. */
class BytesFile implements DiskFile {
  readonly path: string;
  readonly #bytes: Uint8Array;

  constructor(path: string, bytes: Uint8Array) {
    this.path = path;
    this.#bytes = bytes;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    return this.#bytes.slice(position, position + length);
  }

  async size(): Promise<number> {
    return this.#bytes.length;
  }

  async facts(): Promise<FileFacts> {
    return { sizeBytes: this.#bytes.length, heldBytes: this.#bytes.length, names: 1 };
  }

  async identity(): Promise<FileIdentity> {
    return this.path;
  }

  /** No file system made it. */
  async origin(): Promise<FileOrigin> {
    return { inode: 0n, bornNs: 0n };
  }

  writeDurable(): Promise<void> {
    return unwritten();
  }

  lock(): Promise<void> {
    return unwritten();
  }

  async close(): Promise<void> {}
}

function unwritten(): Promise<never> {
  return Promise.reject(
    new InvariantError("this must hold: a STORE that was made out is only read"),
  );
}

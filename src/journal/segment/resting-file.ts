/**
 * The file of a slot that was looked at and closed again: it is opened once more at its first use. A store that
 * retains much has a thousand slots and uses few of them. A process whose table of open files has to grow
 * stands still for some ten milliseconds, each time that it doubles.
 *
 * # Invariants
 *
 * It stays the file that was looked at: `identity` is that of the look, also before the first use, so the
 * owner's looks at its names (`ownership.ts`) tell a file that was replaced. If another file has its name at the
 * first use, that use is refused.
 */
import type {
  Disk,
  DiskFile,
  FileFacts,
  FileIdentity,
  FileOrigin,
  WriteWay,
} from "../../disk/disk.js";
import { closedError } from "../../disk/failure.js";
import { PersisterError } from "../../types/errors.js";

export class RestingFile implements DiskFile {
  readonly path: string;
  readonly #disk: Disk;
  readonly #identity: FileIdentity;
  /** The file, from its first use on. */
  #file: DiskFile | undefined;
  /** The first use: those that come meanwhile wait for it. */
  #opening: Promise<DiskFile> | undefined;
  #isClosed = false;

  constructor(disk: Disk, path: string, identity: FileIdentity) {
    this.#disk = disk;
    this.path = path;
    this.#identity = identity;
  }

  async read(
    position: number,
    length: number,
    into?: Uint8Array,
    way?: WriteWay,
  ): Promise<Uint8Array> {
    return await (this.#file ?? (await this.#open(way))).read(position, length, into, way);
  }

  async writeDurable(
    position: number,
    buffers: readonly Uint8Array[],
    way?: WriteWay,
  ): Promise<void> {
    await (this.#file ?? (await this.#open(way))).writeDurable(position, buffers, way);
  }

  async size(): Promise<number> {
    return await (this.#file ?? (await this.#open())).size();
  }

  async facts(way?: WriteWay): Promise<FileFacts> {
    return await (this.#file ?? (await this.#open(way))).facts(way);
  }

  async identity(): Promise<FileIdentity> {
    this.#refuseClosed();
    return this.#identity;
  }

  async origin(): Promise<FileOrigin> {
    return await (this.#file ?? (await this.#open())).origin();
  }

  async lock(): Promise<void> {
    await (this.#file ?? (await this.#open())).lock();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening?.catch(() => {}); // It told whoever used the file.
    await this.#file?.close();
  }

  async #open(way?: WriteWay): Promise<DiskFile> {
    this.#refuseClosed();
    this.#opening ??= this.#openAgain(way).finally(() => {
      this.#opening = undefined;
    });
    return await this.#opening;
  }

  async #openAgain(way?: WriteWay): Promise<DiskFile> {
    const file = await this.#disk.openToWrite(this.path, way);
    if (file && (await isSame(file, this.#identity, way))) {
      this.#file = file;
      return file;
    }
    await file?.close();
    const what = file ? "replaced" : "removed or renamed";
    const text = `${this.path}: the file was ${what} since it was looked at; find out who did it`;
    throw new PersisterError("STORE_STOLEN", text, { file: this.path });
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw closedError(this.path);
  }
}

async function isSame(file: DiskFile, identity: FileIdentity, way?: WriteWay): Promise<boolean> {
  try {
    // A blocking look notes the identity as well, and takes no hop to a thread.
    if (way === "blocking") await file.facts(way);
    return (await file.identity()) === identity;
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

/**
 * D8: whether the names of a store still lead to the files that its owner writes. A file that was
 * replaced, removed or renamed under its owner takes writes and loses them: the next open does not
 * find it. So the owner looks at STORE, the mark and the current slot, where they are named:
 *
 * - beside the first group after a rest, and beside every so many groups after that; the group is
 *   acknowledged when the look was good;
 * - before names are made or removed, and before each rotation, and then at every slot.
 */
import { allEnded } from "../../async/all-ended.js";
import type { Disk, DiskFile } from "../../disk/disk.js";
import { PersisterError } from "../../types/errors.js";

/** Without a rest, every so many groups one is looked beside. */
const GROUPS_PER_LOOK = 64;

export interface OwnershipParts {
  readonly disk: Disk;
  /** STORE and the mark. */
  readonly files: readonly DiskFile[];
  /** The slot that groups go into now. */
  readonly current: () => DiskFile;
  /** Every slot. */
  readonly slots: () => readonly DiskFile[];
}

export class Ownership {
  readonly #parts: OwnershipParts;
  /** Groups until the next look. */
  #groupsLeft = 0;

  constructor(parts: OwnershipParts) {
    this.#parts = parts;
  }

  /** The queue was idle: there was time for anything to happen to the files. */
  rested(): void {
    this.#groupsLeft = 0;
  }

  /**
   * Begins the look beside the next group; `undefined` where none is due. Rejects with STORE_STOLEN, or
   * with IO where a name cannot be looked up.
   */
  besideGroup(): Promise<void> | undefined {
    this.#groupsLeft -= 1;
    if (this.#groupsLeft >= 0) return undefined;
    this.#groupsLeft = GROUPS_PER_LOOK;
    const { files, current } = this.#parts;
    return this.#look([...files, current()]);
  }

  /** Looks at every file. Throws as `besideGroup`. */
  async check(): Promise<void> {
    const { files, slots } = this.#parts;
    await this.#look([...files, ...slots()]);
  }

  async #look(files: readonly DiskFile[]): Promise<void> {
    await allEnded(files.map((file) => this.#lookAt(file)));
  }

  async #lookAt(file: DiskFile): Promise<void> {
    const { path } = file;
    const [atPath, held] = await Promise.all([this.#parts.disk.identity(path), file.identity()]);
    if (atPath === held) return;
    const what = atPath === undefined ? "removed or renamed" : "replaced";
    throw new PersisterError(
      "STORE_STOLEN",
      `${path}: the file was ${what} under its owner, and writes to it would be lost; find out who did it`,
      { file: path },
    );
  }
}

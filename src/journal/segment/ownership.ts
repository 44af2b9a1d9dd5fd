/**
 * D8: whether the names of a store still lead to the files that its owner writes. A file that was
 * replaced, removed or renamed under its owner takes writes and loses them: the next open does not
 * find it. So the owner looks at STORE, the mark, the A/B slots and the current segment, where they are
 * named:
 *
 * - beside the first write after a rest: a group, an anchor or a vote is acknowledged when the look was
 *   good;
 * - without a rest, beside the first write that begins 10 ms behind the last look, and beside each 64th:
 *   so much may be acknowledged before a theft under load is noticed;
 * - before names are made or removed, and before each rotation, and then at every slot.
 */
import { allEnded } from "../../async/all-ended.js";
import type { Disk, DiskFile, WriteWay } from "../../disk/disk.js";
import { PersisterError } from "../../types/errors.js";
import { ReadWay } from "./read-way.js";

/** Without a rest, a look is good for so many writes, and for so long. */
const WRITES_PER_LOOK = 64;
const LOOK_MS = 10;

export interface OwnershipParts {
  readonly disk: Disk;
  /** STORE, the mark, and the A/B slots. */
  readonly files: readonly DiskFile[];
  /** The slot that groups go into now. */
  readonly current: () => DiskFile;
  /** Every slot. */
  readonly slots: () => readonly DiskFile[];
  readonly nowMs: () => number;
}

export class Ownership {
  readonly #parts: OwnershipParts;
  readonly #way = new ReadWay();
  /** Writes until the next look, at the latest. */
  #writesLeft = 0;
  #lookedMs = 0;

  constructor(parts: OwnershipParts) {
    this.#parts = parts;
  }

  /** The queue was idle: there was time for anything to happen to the files. */
  rested(): void {
    this.#writesLeft = 0;
  }

  /**
   * Begins the look beside the next write; `undefined` where none is due. Rejects with STORE_STOLEN, or
   * with IO where a name cannot be looked up.
   */
  besideWrite(): Promise<void> | undefined {
    const { files, current, nowMs } = this.#parts;
    const now = nowMs();
    this.#writesLeft -= 1;
    if (this.#writesLeft >= 0 && Math.abs(now - this.#lookedMs) < LOOK_MS) return undefined;
    this.#writesLeft = WRITES_PER_LOOK;
    this.#lookedMs = now;
    return this.#look([...files, current()]);
  }

  /** Looks at every file. Throws as `besideWrite`. */
  async check(): Promise<void> {
    const { files, slots } = this.#parts;
    await this.#look([...files, ...slots()]);
  }

  /** The names of open files are in memory: a blocking look takes less than a hop to a thread. */
  async #look(files: readonly DiskFile[]): Promise<void> {
    const beganMs = performance.now();
    const way = this.#way.at(beganMs);
    const looks = files.map((file) => this.#lookAt(file, way));
    const endedMs = performance.now();
    if (way === "blocking") this.#way.note(endedMs - beganMs, endedMs);
    await allEnded(looks);
  }

  async #lookAt(file: DiskFile, way: WriteWay): Promise<void> {
    const { path } = file;
    const look = this.#parts.disk.identity(path, way);
    const [atPath, held] = await Promise.all([look, file.identity()]);
    if (atPath === held) return;
    const what = atPath === undefined ? "removed or renamed" : "replaced";
    throw new PersisterError(
      "STORE_STOLEN",
      `${path}: the file was ${what} under its owner, and writes to it would be lost; find out who did it`,
      { file: path },
    );
  }
}

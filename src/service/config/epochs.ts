/**
 * The epochs that a service knows, and the committee file that they come from. An epoch that is added is in
 * the file before it counts: written aside, flushed, and renamed.
 */
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import pLimit from "p-limit";
import {
  committeesText,
  type EpochEntry,
  parseCommittees,
  readCommittees,
} from "../../inspect/committee-file.js";
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import type { Committee, Epoch } from "../../wire/committee.js";

export class Epochs {
  #all: readonly Epoch[];
  /** An epoch follows the last one of the file: reading and adding come one after the other. */
  readonly #oneAtATime = pLimit(1);
  /** `undefined` for epochs that have no file: none can be added. */
  readonly #file: string | undefined;
  /** The index of each lane's member: the labels of a scrape ask for all of them. */
  readonly #places = new WeakMap<Committee, ReadonlyMap<LaneId, number>>();

  constructor(all: readonly Epoch[], file?: string) {
    this.#all = all;
    this.#file = file;
  }

  /** @throws {PersisterError} USAGE when the file cannot be read or is not of its form. */
  static async read(file: string): Promise<Epochs> {
    return new Epochs(await readCommittees(file), file);
  }

  /** In order, from 0 on. */
  get all(): readonly Epoch[] {
    return this.#all;
  }

  readonly epochOf = (index: bigint): Epoch | undefined => this.#all[Number(index)];

  /** The index of a lane's member in the committee of an epoch. */
  memberOf(epochIndex: bigint, lane: LaneId): number | undefined {
    const committee = this.epochOf(epochIndex)?.committee;
    if (!committee) return undefined;
    let places = this.#places.get(committee);
    if (!places) {
      places = new Map(committee.members.map((member, index) => [member.lane, index]));
      this.#places.set(committee, places);
    }
    return places.get(lane);
  }

  /** Reads the file anew. @throws {PersisterError} USAGE, and the epochs stay as they are. */
  async reload(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    await this.#oneAtATime(async () => {
      this.#all = await readCommittees(file);
    });
  }

  /**
   * Adds the epoch behind the last one; in the file when resolved.
   *
   * @throws {PersisterError} USAGE where it does not follow the last one, or there is no file; IO.
   */
  async add(added: EpochEntry): Promise<Epoch> {
    const file = this.#file;
    if (file === undefined) {
      throw new PersisterError(
        "USAGE",
        "this service has no committee file that an epoch could go to",
      );
    }
    return await this.#oneAtATime(async () => {
      const text = committeesText(this.#all, added);
      const all = parseCommittees(text);
      await writeWhole(file, text);
      this.#all = all;
      const epoch = all.at(-1);
      assert(epoch !== undefined, "a list with an added epoch has a last one");
      return epoch;
    });
  }
}

/** Writes a file so that a crash leaves the old one or the new one. */
async function writeWhole(file: string, text: string): Promise<void> {
  const aside = `${file}.new`;
  try {
    const handle = await open(aside, "w", 0o644);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(aside, file);
    const folder = await open(dirname(file), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (cause) {
    const advice = "give this user the right to write there, and try again";
    throw new PersisterError("IO", `${file} cannot be written: ${advice}`, { file, cause });
  }
}

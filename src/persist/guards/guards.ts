/**
 * The guards of a store as they stand (D6). The newest note of the log `guards` has all of them, so that one
 * read at open is enough, and one durable write changes them.
 */
import { isDeepStrictEqual } from "node:util";
import pLimit from "p-limit";
import type { Disk } from "../../disk/disk.js";
import type { LaneId } from "../../types/lane.js";
import type { NoteLog } from "../note-log.js";
import { forgetRestored, type Restored } from "../../journal/form/restored.js";
import {
  decided,
  type GuardNote,
  type Height,
  type Heights,
  laneHeight,
  NO_GUARDS,
  type Raise,
  raised,
} from "./heights.js";

/** The word for a decision about guards, and its author. */
export interface RaiseReason {
  readonly by: "watermarks" | "peers" | "operator";
  readonly reason: string;
  readonly atMs: number;
}

/** The store at its open, as far as guards follow from it. */
interface Begin {
  readonly disk: Disk;
  readonly directory: string;
  /** The record of a restore whose guard is not on record yet. */
  readonly restored: Restored | undefined;
  /** The ends of the lanes. */
  readonly ends: ReadonlyMap<LaneId, bigint>;
}

export class Guards {
  readonly #notes: NoteLog<GuardNote>;
  readonly #oneAtATime = pLimit(1);
  #note: GuardNote | undefined;

  private constructor(notes: NoteLog<GuardNote>, note: GuardNote | undefined) {
    this.#notes = notes;
    this.#note = note;
  }

  /** The guards on record; of a store that was restored and is opened first, they are put there now. */
  static async open(notes: NoteLog<GuardNote>, begin: Begin): Promise<Guards> {
    const guards = new Guards(notes, await notes.last());
    const { restored, ends, disk, directory } = begin;
    if (!restored) return guards;
    await guards.#begin(restored, ends);
    await forgetRestored(disk, directory);
    return guards;
  }

  /** The newest note; `undefined` for a store that was never guarded. */
  get note(): GuardNote | undefined {
    return this.#note;
  }

  get heights(): Heights {
    return this.#note ?? NO_GUARDS;
  }

  ofLane(lane: LaneId): { readonly height: Height; readonly proven: bigint } {
    return { height: laneHeight(this.heights, lane), proven: this.#note?.proven.get(lane) ?? 0n };
  }

  /**
   * Raises heights, or sets unknown ones; an operator's stand as given. Durable when resolved, and in force
   * from then on.
   */
  async raise(raise: Raise, { by, reason, atMs }: RaiseReason): Promise<void> {
    await this.#oneAtATime(async () => {
      const { lanes, byLane, votes } = this.heights;
      const heights = (by === "operator" ? decided : raised)(this.heights, raise);
      if (by !== "operator" && isDeepStrictEqual(heights, { lanes, byLane, votes })) return;
      const { proven = new Map(), life = "" } = this.#note ?? {};
      await this.#append({ ...heights, proven, life, by, reason, atMs });
    });
  }

  /**
   * Guards the store as a whole: it may have signed more than it knows. `ends` are the ends of its lanes.
   * Durable when resolved.
   */
  async guardAll(
    by: "restored" | "repaired",
    ends: ReadonlyMap<LaneId, bigint>,
    { reason, atMs, life }: Pick<GuardNote, "reason" | "atMs" | "life">,
  ): Promise<void> {
    const unknown = { lanes: "unknown", byLane: new Map(), votes: "unknown" } as const;
    const proven = this.#provenBy(ends);
    await this.#oneAtATime(() => this.#append({ ...unknown, proven, life, by, reason, atMs }));
  }

  async #begin(
    { guard, reason, atMs, claim: life }: Restored,
    ends: ReadonlyMap<LaneId, bigint>,
  ): Promise<void> {
    if (guard === "all") return await this.guardAll("restored", ends, { reason, atMs, life });
    const proven = this.#provenBy(ends);
    await this.#append({ ...this.heights, proven, life, by: "restored", reason, atMs });
  }

  /**
   * An earlier guard proves no more than it did: 1. A restored store may not vote in [10, 50) of a lane. 2.
   * It takes the blocks up to 30, and is backed up. 3. That backup is restored. Another block 20 may have
   * been voted for in the first life.
   */
  #provenBy(ends: ReadonlyMap<LaneId, bigint>): ReadonlyMap<LaneId, bigint> {
    return this.#note?.proven ?? ends;
  }

  async #append(note: GuardNote): Promise<void> {
    await this.#notes.append(note);
    this.#note = note;
  }
}

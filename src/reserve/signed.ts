/** The places that a machine may have signed, and those that it gave back: a place is never both. */
import type { LaneId } from "../types/lane.js";
import {
  isOfBlocks,
  laneOf,
  type Machine,
  type ReservationRecord,
  type SeriesName,
} from "./record.js";

/** The facts about blocks that the store of this machine knows. */
export interface StoreFacts {
  /** The end of the blocks of a lane that are held. */
  readonly heldNext: (lane: LaneId) => bigint;
  /** The end of the blocks of the own lane that may have left this machine in its earlier runs. */
  readonly signedNext: (lane: LaneId) => bigint;
}

export class Signed {
  readonly #store: StoreFacts;
  /** The end of the places that were given out, or that an earlier run had reserved. */
  readonly #ends = new Map<SeriesName, bigint>();
  /** From here on places of older records were given back. */
  readonly #givenBack = new Map<SeriesName, bigint>();

  constructor(store: StoreFacts) {
    this.#store = store;
  }

  /** The end of the places that this machine may have signed. */
  endOf(name: SeriesName): bigint {
    const given = this.#ends.get(name) ?? 0n;
    const stored = isOfBlocks(name) ? this.#store.signedNext(laneOf(name)) : 0n;
    return given > stored ? given : stored;
  }

  give(name: SeriesName, place: bigint): void {
    if (place >= this.endOf(name)) this.#ends.set(name, place + 1n);
  }

  /**
   * An earlier run of this machine may have signed whatever it had reserved. Of blocks the store knows
   * better.
   */
  inherit(record: ReservationRecord, me: Machine): void {
    for (const [name, { of, next }] of record.series) {
      if (of === me && !isOfBlocks(name)) this.#ends.set(name, next);
    }
  }

  /** The places from the end of `name` on are given back, from this step on. */
  giveBack(name: SeriesName): bigint {
    const end = this.endOf(name);
    this.#givenBack.set(name, end);
    return end;
  }

  notGivenBack(name: SeriesName, next: bigint): bigint {
    const end = this.#givenBack.get(name);
    return end !== undefined && end < next ? end : next;
  }

  /** A newer record was put: its places are not given back. */
  renewed(): void {
    this.#givenBack.clear();
  }
}

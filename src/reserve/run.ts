/**
 * The decisions of one run of a machine: which places it may sign, and which record it puts next. All of them are
 * synchronous, on one state; `reservations.ts` has the reads and the puts around them.
 *
 * Invariants:
 * - A place is given out only in a reach of `own`: a record that this run has put, and that was stored.
 * - A place that was given out is never given back, and the other way round.
 */
import { assert } from "../types/assert.js";
import type { LaneId } from "../types/lane.js";
import { max, min } from "../types/numbers.js";
import { extended, givenBack, sameBounds } from "./bounds.js";
import {
  isOfBlocks,
  laneOf,
  type Machine,
  type ReservationRecord,
  type SeriesName,
} from "./record.js";

/** Places of a series: [first, next). */
export interface Places {
  readonly first: bigint;
  readonly next: bigint;
}

export interface RunFacts {
  /** This store, in this life. */
  readonly machine: Machine;
  /**
   * Places that are reserved in one put. More are reserved as soon as half of them are given out: the other
   * half is for the time of the put.
   */
  readonly places: bigint;
  /** The end of the blocks of a lane that are held. */
  readonly heldNext: (lane: LaneId) => bigint;
  /** The end of the blocks of the own lane that may have left this machine in its earlier runs. */
  readonly signedNext: (lane: LaneId) => bigint;
  /** The validator asks from another process: the words that it was given outlive this one. */
  readonly isRemote: boolean;
}

/** The ends of the places that a machine has given out. They outlive a run of it: so do the words that it gave. */
export type Ends = Map<SeriesName, bigint>;

/** The ends of each machine that had a store in this process. */
export type Words = Map<Machine, Ends>;

export interface RunState {
  /** The newest record that this run has put as the holder. */
  own: ReservationRecord | undefined;
  /** The end of the places that were given out, or that an earlier run had reserved. */
  readonly ends: Ends;
  /** From here on places of older records than the next own one were given back. */
  readonly givenBack: Ends;
  /** The highest place that is asked for. */
  readonly wanted: Map<SeriesName, bigint>;
}

const NOTHING: Places = { first: 0n, next: 0n };

/** The state of a run that begins in a process where `ends` were given out. */
export function begunRun(ends: Ends): RunState {
  return { own: undefined, ends, givenBack: new Map(), wanted: new Map() };
}

export class Run {
  readonly #facts: RunFacts;
  readonly #state: RunState;

  constructor(facts: RunFacts, state: RunState) {
    this.#facts = facts;
    this.#state = state;
  }

  /** The newest record that this run has put as the holder. */
  get own(): ReservationRecord | undefined {
    return this.#state.own;
  }

  /** The places of a series that this machine may sign. */
  placesOf(name: SeriesName): Places {
    const { own, givenBack: back } = this.#state;
    const reach = own?.series.get(name);
    if (reach?.of !== this.#facts.machine) return NOTHING;
    const { first } = reach;
    const next = min(reach.next, back.get(name) ?? reach.next);
    return { first, next: max(first, next) };
  }

  /** A place is given out, to be signed. Returns whether it is near the bound: then more are wanted. */
  give(name: SeriesName, place: bigint): boolean {
    const { first, next } = this.placesOf(name);
    assert(first <= place && place < next, "only a place of this machine is given out");
    this.#raise(name, place + 1n);
    const isNear = this.#isNear(place, next);
    if (isNear) this.want(name, place);
    return isNear;
  }

  want(name: SeriesName, place: bigint): void {
    const { wanted } = this.#state;
    wanted.set(name, max(place, wanted.get(name) ?? 0n));
  }

  /** Whether a place is wanted that is not reserved, or is near the bound. */
  get wantsMore(): boolean {
    return [...this.#state.wanted].some(([name, place]) => {
      const { first, next } = this.placesOf(name);
      return place >= first && this.#isNear(place, next);
    });
  }

  /** Whether another machine, the holder, waits for blocks that were not signed here. */
  owes({ series }: ReservationRecord): boolean {
    return [...series].some(([name, { of, first, next }]) => {
      if (of !== this.#facts.machine || !isOfBlocks(name)) return false;
      return first < next && this.#endOf(name) < next;
    });
  }

  /**
   * The record to put in the place of `newest`; `undefined` where that one stands. `base` is `newest`, or what
   * a take-over makes of it.
   */
  decide(
    newest: ReservationRecord | undefined,
    base: ReservationRecord,
  ): ReservationRecord | undefined {
    const { machine, places, heldNext } = this.#facts;
    const { own, wanted } = this.#state;
    if (!own) this.#inherit(base);
    if (base.holder !== machine) return this.#withoutOwed(base);
    const next = extended(base, machine, { wanted, heldNext, places });
    // A record that this run has not put, as far as it knows, is put again: a lost answer is made good.
    const stands = base === newest && newest === own && sameBounds(next, newest);
    return stands ? undefined : next;
  }

  /** The record at the end of the run: whatever was not signed is given back. */
  decideAtEnd(newest: ReservationRecord): ReservationRecord | undefined {
    if (!this.#state.own) this.#inherit(newest);
    const next = givenBack(newest, this.#facts.machine, (name) => this.#giveBack(name));
    return sameBounds(next, newest) ? undefined : next;
  }

  /** A record of this run was stored. */
  stored(record: ReservationRecord): void {
    if (record.holder !== this.#facts.machine) return;
    this.#state.own = record;
    // The places of the newer record are not given back.
    this.#state.givenBack.clear();
  }

  /** Another machine is the holder: blocks that were not signed here are for it. */
  #withoutOwed(record: ReservationRecord): ReservationRecord | undefined {
    const next = givenBack(record, this.#facts.machine, (name) => {
      return isOfBlocks(name) ? this.#giveBack(name) : undefined;
    });
    return sameBounds(next, record) ? undefined : next;
  }

  /**
   * An earlier run of this machine may have signed whatever it had reserved. Of blocks the store and `ends`
   * know better, unless a word outlives the process.
   */
  #inherit({ series }: ReservationRecord): void {
    const { machine, isRemote } = this.#facts;
    for (const [name, { of, next }] of series) {
      if (of === machine && (isRemote || !isOfBlocks(name))) this.#raise(name, next);
    }
  }

  /** The end of the places that this machine may have signed. */
  #endOf(name: SeriesName): bigint {
    const given = this.#state.ends.get(name) ?? 0n;
    return isOfBlocks(name) ? max(given, this.#facts.signedNext(laneOf(name))) : given;
  }

  #raise(name: SeriesName, end: bigint): void {
    const { ends } = this.#state;
    ends.set(name, max(end, ends.get(name) ?? 0n));
  }

  /** The places from the end of `name` on are given back, from this step on. */
  #giveBack(name: SeriesName): bigint {
    const end = this.#endOf(name);
    this.#state.givenBack.set(name, end);
    return end;
  }

  #isNear(place: bigint, next: bigint): boolean {
    return place + this.#facts.places / 2n >= next;
  }
}

/**
 * The decisions about a record of reservations: pure, each from the record as it stands to the one that is
 * put in its place, by compare-and-set.
 *
 * # The argument
 *
 * Two machines have the keys of one validator, and each has a store of its own. A machine signs at a place
 * only if the place lies in a reach of its own, in a record that this very run of its process has put. The
 * claim: two machines never sign two different messages for one place. No clock is in the argument, and
 * none in the code but for when to try again.
 *
 * 1. The records are one chain: each put names the one that it replaces, and of two puts against one record
 *    one wins (`probe.ts` asks the store whether it keeps that).
 * 2. In each record a series has one reach, of one machine. Along the chain a reach changes in four ways.
 *    - `extended`: its machine raises `next`.
 *    - `takenOver`: another machine gets the series, and its reach begins at the `next` of the one before.
 *    - `extended` by a holder whose lane holds all blocks below `next`: the series of blocks goes to it, and
 *      its reach begins there.
 *    - `givenBack`: its own machine lowers `next` to the end of what it has signed, and signs nothing above
 *      that on the word of an older record.
 * 3. So two reaches of different machines share a place only if a machine gave that place back unsigned. A
 *    place of which a machine was once told that it may sign there is never in the reach of another one.
 *
 * The weight lies on `givenBack`, and so on the memory of the machine: it must know of every word that it gave
 * and that may yet be used. Let a word be given for place p. Then p lies below the end of its series (`ends`, or
 * the store) in each run of this machine that can give p back, as long as the word can be used:
 *
 * - In the run that gave it: `give` raises the end in the same step. A place that was given back before has no
 *   word: `placesOf` ends there until a newer record is put, and that one replaces the record of the giving
 *   back, or makes it fail.
 * - In a later run, for a vote: a run that begins takes everything that the machine had reserved for signed.
 * - In a later run of the same process, for a block: the ends outlive the run. 1. A word is given for block 7.
 *   2. The store is closed, and opened anew. It holds the blocks up to 6. 3. Another machine has taken over.
 *   Block 7 is not given back, for the validator may still sign it on the word of step 1, and push it here.
 * - In a later process, for a block: the word ended with the process. A block that had been pushed is in the store,
 *   or a pin stands for it.
 * - In a later process, for a block of a validator that asks from another process than this one: the word has not
 *   ended. So a run that begins takes the blocks for signed, too, that were reserved: only a close, or the word
 *   of an operator, gives them back.
 * - Two runs of one machine at once would know nothing of each other's words. The lock of a store excludes them,
 *   but for a copy of its folder. The record names the run of each machine that put last: an older run that
 *   sees another one there is over. It gives nothing out, and gives nothing back. Up to then both may sign in
 *   one reach: `restore` alone makes a store that is another machine.
 *
 * Each of these may happen between the steps:
 *
 * - A put was sent, and its machine died. The put is done, or it will be done, or it never will. The next run
 *   of this store uses nothing that it only read: it puts a record first. Either the old put was done before,
 *   and then the new one replaces it; or it comes later, names a record that is replaced, and fails.
 * - A put was done, and the answer was lost. The record says more than the machine knows. The machine signs
 *   below the bound that it knows; a successor begins above the one in the record, which is higher. The machine
 *   puts the record again before it signs more.
 * - Two machines take over at once. One put wins. The other machine is shown the new record, and begins
 *   above it, or stands by.
 * - A process is paused between `maySign` and the signature, for hours. Its place is below its bound for
 *   ever: nobody else signs there, whatever was put meanwhile. It learns of that at its next put.
 * - A machine is cut off from the record. It signs up to its bounds, then stops. So does its successor begin
 *   above them: both may run at once.
 * - A machine gives places back, and its answer is lost. In its own memory they are given back before the put
 *   is sent, so that nothing is signed there in any case.
 * - The record is gone. Nobody makes a new one without an operator's word that it is the first: the old one
 *   may be hidden behind a mount that is missing.
 *
 * # Votes, and blocks
 *
 * A successor leaves out the places below its reach: the others vote there. Blocks have no holes: a block needs
 * the one before it. So the blocks of the own lane stay with the machine that reserved them until (a) every
 * block below the bound is held by the successor, (b) their machine gives the rest back, on its own word:
 * when it closes, comes back from a crash, or learns that another one took over, or (c) an operator
 * gives the word for a machine that never comes back. Until then the own lane stands still, and the validator
 * votes. After the end of a process its store knows what it has signed: a block leaves its machine when it is
 * durable there, and a pin stands where that is in doubt.
 *
 * Votes for the result of an execution need no reservation: all machines execute the same blocks.
 */
import type { LaneId } from "../types/lane.js";
import { max } from "../types/numbers.js";
import {
  isOfBlocks,
  laneOf,
  type Machine,
  type Reach,
  type ReservationRecord,
  type SeriesName,
} from "./record.js";

type Taken = ReservationRecord["taken"];

/** The first record of a validator. */
export function begun(
  { chainId, validator }: Pick<ReservationRecord, "chainId" | "validator">,
  me: Machine,
  taken: Taken,
): ReservationRecord {
  return { chainId, validator, holder: me, taken, runs: new Map(), series: new Map() };
}

/**
 * `me` becomes the holder. Votes are its own from the bound of the machine before on. `ended` is an
 * operator's word: the machines before signed no block at or above it, and never will.
 */
export function takenOver(
  record: ReservationRecord,
  me: Machine,
  { taken, ended }: { readonly taken: Taken; readonly ended: bigint | undefined },
): ReservationRecord {
  const series = eachReach(record, (name, reach) => {
    if (reach.of === me) return reach;
    if (!isOfBlocks(name)) return { of: me, first: reach.next, next: reach.next };
    return ended === undefined ? reach : lowered(reach, ended);
  });
  return { ...record, holder: me, taken, series };
}

/**
 * Raises the bounds of `me`, the holder, so that each wanted place lies below one. A series of blocks of
 * another machine goes to `me` where all blocks below its bound are held here.
 */
export function extended(
  record: ReservationRecord,
  me: Machine,
  needs: {
    readonly wanted: ReadonlyMap<SeriesName, bigint>;
    /** The end of the blocks of a lane that are held here. */
    readonly heldNext: (lane: LaneId) => bigint;
    /** Places that are reserved in one put beyond the one that is wanted. */
    readonly places: bigint;
  },
): ReservationRecord {
  const series = new Map(record.series);
  for (const [name, place] of needs.wanted) {
    const reach = series.get(name) ?? { of: me, first: 0n, next: 0n };
    const first = reach.of === me ? reach.first : reach.next;
    const isClosed =
      reach.of !== me && !(isOfBlocks(name) && needs.heldNext(laneOf(name)) >= reach.next);
    if (isClosed) continue;
    const next = max(place, first) + 1n + needs.places;
    series.set(name, { of: me, first, next: max(next, reach.next) });
  }
  return { ...record, series };
}

/** Lowers the bounds of `me` to the end of what was signed; `undefined`: nothing is given back there. */
export function givenBack(
  record: ReservationRecord,
  me: Machine,
  signedNext: (name: SeriesName) => bigint | undefined,
): ReservationRecord {
  const series = eachReach(record, (name, reach) => {
    const next = reach.of === me ? signedNext(name) : undefined;
    return next === undefined ? reach : lowered(reach, next);
  });
  return { ...record, series };
}

/** Whether two records give the same reaches to the same machines. */
export function sameBounds(a: ReservationRecord, b: ReservationRecord): boolean {
  if (a.holder !== b.holder || a.series.size !== b.series.size) return false;
  return [...a.series].every(([name, { of, first, next }]) => {
    const other = b.series.get(name);
    return other?.of === of && other.first === first && other.next === next;
  });
}

function eachReach(
  { series }: ReservationRecord,
  change: (name: SeriesName, reach: Reach) => Reach,
): Map<SeriesName, Reach> {
  return new Map([...series].map(([name, reach]) => [name, change(name, reach)]));
}

function lowered({ of, first, next }: Reach, end: bigint): Reach {
  if (end >= next) return { of, first, next };
  return { of, first, next: max(end, first) };
}

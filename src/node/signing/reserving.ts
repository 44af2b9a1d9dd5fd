/**
 * The reservations of a store: the series to which each place belongs, and what the store knows of its own
 * blocks. Nothing of a bucket, or of etcd, is loaded unless a store reserves.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Inner } from "../../avail/inner.js";
import { hex } from "../../codec/hex.js";
import type { Place } from "../../persist/guards/may-sign.js";
import type { Persisters } from "../../persist/persisters.js";
import type { Register } from "../../reserve/chain.js";
import type { ReservationsStatus } from "../../reserve/port.js";
import type { Machine, SeriesName } from "../../reserve/record.js";
import type { Reservations } from "../../reserve/reservations.js";
import type { Ends, Words } from "../../reserve/run.js";
import type { LanekeeperError } from "../../types/lanekeeper-error.js";
import type { LaneId } from "../../types/lane.js";
import type { OpenSettings } from "../options.js";
import type { Surroundings } from "../surroundings.js";

type ReserveSettings = NonNullable<OpenSettings["reserve"]>;

/**
 * A word that a place may be signed outlives its store, and ends with the process: its validator may still sign
 * and push the block when the store has been closed and opened anew. So the next store in this process knows of
 * it. This table alone is one for all stores: it lives exactly as long as the words do.
 */
const ofThisProcess: Words = new Map();

/** The reservations of this machine, as an operator sees them. */
export interface ReservationStatus {
  /** The place of their record. */
  readonly at: string;
  /** This machine. */
  readonly machine: string;
  /** `opening` until the record was seen; `standing by` while another machine is the holder. */
  readonly state: "opening" | "holding" | "standing by";
  /** The machine that reserves at present, by the id of its store. */
  readonly holder: string | undefined;
  /**
   * The places [first, next) that this machine may sign: of the "road", of the "votes/LANE" for the blocks of
   * a lane, and of "blocks/LANE" in its own lane. A series that it took over is empty at first: it
   * begins there.
   */
  readonly places: ReadonlyMap<string, { readonly first: bigint; readonly next: bigint }>;
  /** Records that were put since the open, and the steps that failed. */
  readonly puts: number;
  readonly failures: number;
  /** Why nothing more can be reserved at the moment. */
  readonly failure: LanekeeperError | undefined;
}

/** The words for a machine's part, for those who tell of it. */
export const reservationStates = [
  "opening",
  "holding",
  "standing by",
] as const satisfies readonly ReservationStatus["state"][];

interface StoreParts {
  readonly surroundings: Surroundings;
  readonly chainId: string;
  readonly persisters: Pick<Persisters, "blocks" | "identity" | "guards">;
  readonly inner: Inner;
  readonly onUnreserved: (error: LanekeeperError) => void;
}

/** @throws {PersisterError} BUCKET_UNSAFE, BUCKET_REFUSED, RESERVATIONS_UNREADABLE, USAGE. */
export async function openReservations(
  { at, validator, places, remote }: ReserveSettings,
  { surroundings, chainId, persisters, inner, onUnreserved }: StoreParts,
): Promise<Reservations> {
  const { randomBytes, nowMs, openRegister = realRegister, words = ofThisProcess } = surroundings;
  const { blocks, identity, guards } = persisters;
  const machine = machineOf(identity.storeId, guards.note?.life);
  const register = await openRegister(at);
  try {
    const { Reservations: reservations } = await import("../../reserve/reservations.js");
    return await reservations.open({
      register,
      chainId,
      validator: Uint8Array.from(validator),
      places: BigInt(places),
      isRemote: remote,
      machine,
      heldNext: (lane) => inner.lanes.get(lane)?.durable ?? blocks.lanes.get(lane)?.next ?? 0n,
      signedNext: (lane) => signedNext(lane, blocks, inner),
      ends: endsOf(machine, words),
      randomBytes,
      nowMs,
      onUnreserved,
      wait: async (ms, signal) => await sleep(ms, undefined, { signal, ref: false }),
    });
  } catch (cause) {
    await register.close();
    throw cause;
  }
}

/** A restored store is another machine than its earlier life, which may run: the id of the store is the same. */
function machineOf(storeId: Uint8Array, life = ""): string {
  return life === "" ? hex(storeId) : `${hex(storeId)}.${life}`;
}

function endsOf(machine: Machine, words: Words): Ends {
  const ends: Ends = words.get(machine) ?? new Map();
  words.set(machine, ends);
  return ends;
}

/** The series of a place, and its number there; `undefined` for a place that needs no reservation. */
export function seriesOf(
  place: Place,
): { readonly name: SeriesName; readonly number: bigint } | undefined {
  switch (place.kind) {
    case "block":
      return { name: `blocks/${place.lane}`, number: place.number };
    case "laneVote":
      return { name: `votes/${place.lane}`, number: place.number };
    case "vote":
      return { name: "road", number: place.roadIndex };
    case "appVote":
      return undefined;
  }
}

export function reservationStatusOf(status: ReservationsStatus): ReservationStatus {
  const { series, ...rest } = status;
  return { ...rest, places: series };
}

/** A block that is on its way to disk counts: it is signed. A pin says that a block may have been durable. */
function signedNext(lane: LaneId, blocks: Persisters["blocks"], inner: Inner): bigint {
  const pinned = blocks.pinned().filter((pin) => pin.lane === lane);
  const ends = [
    blocks.lanes.get(lane)?.next ?? 0n,
    inner.lanes.get(lane)?.next ?? 0n,
    ...pinned.map(({ number }) => number + 1n),
  ];
  return ends.reduce((highest, end) => (end > highest ? end : highest));
}

async function realRegister(address: string): Promise<Register> {
  const { openRegister } = await import("../../reserve/register.js");
  return await openRegister(address);
}

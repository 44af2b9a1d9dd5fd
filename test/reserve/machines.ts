/** Machines of one validator over a register, for tests: chance and waits cost no time. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ReservationsPort } from "../../src/reserve/port.js";
import type { Register } from "../../src/reserve/chain.js";
import { Reservations } from "../../src/reserve/reservations.js";
import type { LanekeeperError } from "../../src/types/lanekeeper-error.js";
import { laneIdOf } from "../../src/types/lane.js";

export const PLACES = 64n;
export const validator = new Uint8Array(32).fill(7);
export const lane = laneIdOf(validator, 0n);
export const otherLane = laneIdOf(new Uint8Array(32).fill(9), 0n);
export const blocks = `blocks/${lane}` as const;
export const votes = `votes/${otherLane}` as const;

export interface Machine {
  readonly reservations: Reservations;
  /** The end of the blocks that its store holds, of its own lane. */
  blocks: bigint;
  /** The failures that it was told of, in order. */
  readonly told: LanekeeperError[];
}

export async function machineOn(
  register: Register,
  name: string,
  choices: Partial<ReservationsPort> & { readonly blocks?: bigint } = {},
): Promise<Machine> {
  const { blocks: held = 0n, ...port } = choices;
  const facts = { blocks: held, told: [] as LanekeeperError[] };
  const reservations = await Reservations.open({
    register,
    chainId: "a-chain",
    validator,
    machine: name,
    places: PLACES,
    heldNext: () => facts.blocks,
    signedNext: () => facts.blocks,
    ends: new Map(),
    isRemote: false,
    randomBytes,
    nowMs: Date.now,
    wait: (_, signal) => sleep(1, undefined, { signal }),
    onUnreserved: (error) => facts.told.push(error),
    ...port,
  });
  return Object.assign(facts, { reservations });
}

/** Makes the record, as an operator does once in a validator's life; the machine has missed it until then. */
export async function begin({ reservations, told }: Machine): Promise<void> {
  await reservations.take({ reason: "the first machine", isFirst: true, ended: undefined });
  told.length = 0;
}

export async function takeOver({ reservations }: Machine, ended?: bigint): Promise<void> {
  await reservations.take({ reason: "the other one is away", isFirst: false, ended });
}

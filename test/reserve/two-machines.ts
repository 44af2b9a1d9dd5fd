/**
 * Two machines of one validator in one process, driven step by step: each asks, pauses between the word and
 * the signature, dies, comes back, closes, takes over, and hears of the other's blocks, while a register
 * answers as the test says. The judge keeps every message that was signed.
 */
import { setImmediate as turn } from "node:timers/promises";
import { detached } from "../../src/async/detached.js";
import { Reservations } from "../../src/reserve/reservations.js";
import { isOfBlocks, type SeriesName } from "../../src/reserve/record.js";
import type { Ends } from "../../src/reserve/run.js";
import { laneIdOf } from "../../src/types/lane.js";
import { type Fate, ModelRegister } from "./model-register.js";

export const validator = new Uint8Array(32).fill(7);
export const lane = laneIdOf(validator, 0n);
export const otherLane = laneIdOf(new Uint8Array(32).fill(9), 0n);

/** The part of `Reservations` that a validator asks before it signs. */
export interface Asked {
  readonly placesOf: Reservations["placesOf"];
  readonly give: Reservations["give"];
  readonly reserved: Reservations["reserved"];
  readonly take: Reservations["take"];
  readonly close: () => Promise<void>;
}

export type Command =
  | { readonly do: "ask"; readonly on: number; readonly series: SeriesName }
  | { readonly do: "sign" | "take" | "die" | "close" | "hear" | "wake"; readonly on: number }
  | { readonly do: "settle"; readonly at: number; readonly fate: Fate }
  | { readonly do: "late"; readonly at: number }
  | { readonly do: "advance"; readonly by: number };

interface Machine {
  readonly name: string;
  asked: Asked | undefined;
  /** The number of its runs. */
  runs: number;
  /** The places that were given out in its process, by any of its runs there. */
  ends: Ends;
  /** The blocks of the own lane in its store. */
  readonly blocks: string[];
  /** Places that it was told it may sign, and has not signed yet. */
  readonly pending: { readonly series: SeriesName; readonly place: bigint }[];
  readonly wakes: (() => void)[];
}

/** Opens the reservations of a machine. */
export type Open = (machine: Machine, world: TwoMachines) => Promise<Asked>;

export class TwoMachines {
  readonly register = new ModelRegister();
  readonly machines: readonly Machine[];
  /** Two different messages for one place. */
  readonly violations: string[] = [];
  /** The machine and the series of each signature. */
  readonly signed: string[] = [];
  readonly #messages = new Map<string, string>();
  /** Places that are reserved in one put. */
  readonly places: bigint;
  readonly #open: Open;
  #road = 0n;
  #nonces = 0;
  nowMs = 0;

  constructor(places: bigint, open: Open = openReservations) {
    this.places = places;
    this.#open = open;
    this.machines = ["a", "b"].map((name) => {
      return {
        name,
        asked: undefined,
        runs: 0,
        ends: new Map(),
        blocks: [],
        pending: [],
        wakes: [],
      };
    });
    for (const machine of this.machines) this.#start(machine);
  }

  async run(commands: readonly Command[]): Promise<void> {
    await this.#first();
    for (const command of commands) {
      this.#do(command);
      await turn();
    }
  }

  /** Machine a makes the record, as an operator begins it. */
  async #first(): Promise<void> {
    const settle = setInterval(() => this.register.calls.shift()?.settle("done"));
    while (!this.machines[0]?.asked) await turn();
    await this.machines[0].asked.take({ reason: "the first", isFirst: true, ended: undefined });
    while (!this.machines[1]?.asked) await turn();
    clearInterval(settle);
  }

  random(count: number): Uint8Array {
    this.#nonces += 1;
    return Uint8Array.from({ length: count }, (_, at) => (this.#nonces >> (8 * (at % 4))) & 255);
  }

  #do(command: Command): void {
    if ("on" in command) {
      const machine = this.machines[command.on];
      if (machine) this.#ofMachine(machine, command);
    } else if (command.do === "settle") {
      const { calls } = this.register;
      const [call] = calls.splice(command.at % Math.max(1, calls.length), 1);
      call?.settle(command.fate);
    } else if (command.do === "late") {
      this.register.late.splice(command.at % 4, 1)[0]?.();
    } else {
      this.#road += BigInt(command.by);
      this.nowMs += command.by * 100;
    }
  }

  #ofMachine(machine: Machine, command: Extract<Command, { on: number }>): void {
    switch (command.do) {
      case "ask":
        return this.#ask(machine, command.series);
      case "sign":
        return this.#sign(machine);
      case "take":
        machine.asked?.take({ reason: "drawn", isFirst: false, ended: undefined }).catch(() => {});
        return;
      case "wake":
        return machine.wakes.shift()?.();
      case "hear": {
        const other = this.machines.find((each) => each !== machine);
        const block = other?.blocks[machine.blocks.length];
        if (block !== undefined) machine.blocks.push(block);
        return;
      }
      case "die":
        // The process ends: nothing of it goes on, and no word that it had been given is used.
        machine.pending.length = 0;
        machine.wakes.length = 0;
        machine.ends = new Map();
        this.register.abandon(machine.name);
        return this.#start(machine);
      case "close": {
        const { asked } = machine;
        if (!asked) return;
        machine.asked = undefined;
        // The validator asks no more, and signs what it was told before.
        detached(asked.close().then(() => this.#start(machine)));
      }
    }
  }

  #start(machine: Machine): void {
    machine.asked = undefined;
    machine.runs += 1;
    const { runs } = machine;
    const opened = this.#open(machine, this).then((asked) => {
      if (machine.runs === runs) machine.asked = asked;
    });
    detached(opened);
  }

  #ask({ asked, blocks, pending }: Machine, series: SeriesName): void {
    if (!asked) return;
    const ofSeries = BigInt(pending.filter((each) => each.series === series).length);
    const place = isOfBlocks(series) ? BigInt(blocks.length) + ofSeries : this.#road;
    const { first, next } = asked.placesOf(series);
    if (place < first || place >= next) {
      asked.reserved(series, place).catch(() => {});
      return;
    }
    asked.give(series, place);
    pending.push({ series, place });
  }

  /** Other machines of the store's own life have signed the same: that is the store's to keep. */
  #sign(machine: Machine): void {
    const next = machine.pending.shift();
    if (!next) return;
    const { series, place } = next;
    const isBlock = isOfBlocks(series);
    if (isBlock && place !== BigInt(machine.blocks.length)) return;
    const message = isBlock ? `${machine.name}, run ${machine.runs}` : machine.name;
    if (isBlock) machine.blocks.push(message);
    const at = `${series} ${place}`;
    const before = this.#messages.get(at);
    if (before !== undefined && before !== message) {
      this.violations.push(`${at}: ${before}, then ${message}`);
    }
    this.#messages.set(at, message);
    this.signed.push(`${machine.name} ${series}`);
  }
}

/** The honest machine. */
export async function openReservations(machine: Machine, world: TwoMachines): Promise<Asked> {
  return await Reservations.open({
    register: world.register.for(machine.name),
    chainId: "simulated",
    validator,
    machine: machine.name,
    places: world.places,
    heldNext: () => BigInt(machine.blocks.length),
    signedNext: () => BigInt(machine.blocks.length),
    ends: machine.ends,
    isRemote: false,
    randomBytes: (count) => world.random(count),
    nowMs: () => world.nowMs,
    onUnreserved: () => {},
    wait: (_, signal) =>
      new Promise((resolve, reject) => {
        machine.wakes.push(resolve);
        signal.addEventListener("abort", () => reject(new Error("aborted")));
      }),
  });
}

/**
 * The calls that one life has begun and not heard of yet. Each late answer must be one that the contract
 * allows: done; or refused by a full disk, a failed write, the drop of its lane, or the end.
 */
import type { Waited } from "../../../../src/avail/looks.js";
import type { Lanekeeper } from "../../../../src/node/lanekeeper.js";
import type { Fault, Ground } from "./ground.js";
import { type Came, cameTo, type Outcome } from "./outcome.js";
import type { LogName } from "./read-back.js";

/** How often what a full disk keeps queued is waited for anew, once there is room. */
const TRIES = 3;

/** Something begun, and what to tell the model once it is acknowledged. */
export interface Begun {
  readonly what: string;
  readonly wait: () => Promise<Waited | void>;
  readonly told?: () => void;
  /** The log that it is of: those who wait for a dropped lane are told so. */
  readonly log?: LogName;
  /** The contract promises it on a full disk too. */
  readonly needsNoRoom?: boolean;
}

export class Waits {
  readonly #keeper: Lanekeeper;
  readonly #ground: Ground;
  readonly #fault: Fault;
  readonly #awaited = new Set<Promise<void>>();
  /** Tasks for which only the end waits. */
  readonly #beside = new Set<Promise<void>>();
  readonly #drops = new Map<LogName, number>();
  #stalled: Begun[] = [];
  #phase: "open" | "closing" | "over" = "open";

  constructor(keeper: Lanekeeper, ground: Ground, fault: Fault) {
    this.#keeper = keeper;
    this.#ground = ground;
    this.#fault = fault;
  }

  /** Nobody listens any more. */
  get isOver(): boolean {
    return this.#phase === "over";
  }

  get isClosing(): boolean {
    return this.#phase !== "open";
  }

  /** The work that the full disk keeps queued, in words. */
  get stalled(): readonly string[] {
    return this.#stalled.map(({ what }) => what);
  }

  begin(begun: Begun): void {
    this.#keep(this.#awaited, this.#acknowledged(begun));
  }

  /** Runs `task`, for which `settled` does not wait. */
  beside(task: Promise<void>): void {
    this.#keep(this.#beside, task);
  }

  dropped(log: LogName): void {
    this.#drops.set(log, this.dropsOf(log) + 1);
    this.#stalled = this.#stalled.filter((begun) => begun.log !== log);
  }

  /** How often the lane was dropped. */
  dropsOf(log: LogName): number {
    return this.#drops.get(log) ?? 0;
  }

  /** Resolves when all that was begun was heard of; what is stalled is waited for anew. */
  async settled(): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      for (const begun of this.#stalled.splice(0)) this.begin(begun);
      while (this.#awaited.size > 0) await Promise.all(this.#awaited);
      if (this.#stalled.length === 0) return;
    }
  }

  closing(): void {
    this.#phase = "closing";
  }

  /** Resolves when everything has ended. */
  async ended(): Promise<void> {
    while (this.#awaited.size > 0) await Promise.all(this.#awaited);
    await Promise.all(this.#beside);
  }

  over(): void {
    this.#phase = "over";
  }

  /** Judges a refusal that came late; `isDropped` says that the lane is not the one that it was. */
  refused({ outcome, error }: Came, what: string, isDropped: boolean): void {
    const mayBe: Partial<Record<Outcome, boolean>> = {
      DISK_FULL: this.#ground.mayLackSpace(),
      POISONED: error === this.#keeper.status().poison,
      CLOSED: isDropped || this.isClosing,
    };
    if (!mayBe[outcome]) this.#fault(`${what}: ${outcome}`, error);
  }

  async #acknowledged(begun: Begun): Promise<void> {
    const { what, log = "road", wait, told, needsNoRoom = false } = begun;
    const drops = this.dropsOf(log);
    const came = await cameTo(wait());
    if (this.isOver) return;
    const isDropped = this.dropsOf(log) !== drops;
    const isFull = came.outcome === "DISK_FULL";
    if (came.outcome === "taken") told?.();
    else if (isFull && needsNoRoom) this.#fault(`${what}: DISK_FULL`, came.error);
    else this.refused(came, what, isDropped);
    // Nobody waits for a block of a lane that is being dropped: it never comes.
    if (isFull && !isDropped) this.#stalled.push(begun);
  }

  #keep(tasks: Set<Promise<void>>, task: Promise<void>): void {
    const kept = task
      .catch((cause: unknown) => this.#fault("thrown", cause))
      .finally(() => tasks.delete(kept));
    tasks.add(kept);
  }
}

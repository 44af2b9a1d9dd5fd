/**
 * A devnet as its parent runs it: starts the validators, kills them, cuts their power, starts them
 * again, and lets the judge hear everything. In the end all of them are killed at once, and what
 * each one recovers is compared once more.
 *
 * Only this proves that a *committee* keeps the contract: that no validator signs two messages for
 * one place over its restarts, and that all validators decide the same. `test/crash/kills` proves
 * what one store returns after a kill at any moment of its life, its birth and its close among
 * them.
 *
 * During the run at most as many validators are away or recovering at a time as the committee can
 * do without: with more of them it would be as safe, and stand still. A committee that can do
 * without nobody (up to three validators) stands still while one of them is away.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Lanekeeper } from "../../node/lanekeeper.js";
import { assert } from "../../types/assert.js";
import { Blows, type Hit } from "./blows.js";
import type { Program } from "./child.js";
import { Judge } from "../judge/judge.js";
import type { Recovered, Report, Served } from "../judge/report.js";
import { type Comeback, Comebacks, sumOf } from "./comebacks.js";
import type { PowerCut } from "./power-cut.js";
import { meaningOf } from "./refused.js";
import { introduce, Seat } from "./seat.js";
import type { NetworkOptions } from "./options.js";
import { startsOf } from "./starts.js";
import { strikesOf } from "./strikes.js";

export interface NetworkPort {
  /** The directory in which each store gets a directory of its own. */
  readonly directory: string;
  /** The program of validator `index`. */
  readonly programOf: (index: number) => Program;
  /** The program of a service, for a devnet over services. */
  readonly serviceProgram?: Program | undefined;
  /** Draws from `[0, 1)`: when whom to kill, and what a power cut does. */
  readonly fraction: () => number;
  readonly clockMs: () => number;
  /** Aborted to end early. */
  readonly signal: AbortSignal;
  /** Hears of each validator that was struck, when it is back. */
  readonly onComeback?: (comeback: Comeback) => void;
}

/** The time for a validator to come back, and for the committee to settle at the end. */
const LIVE_MS_MAX = 60_000;
/**
 * The time for validators to close their stores; less after a stop or a violation: nobody wants to
 * wait, and a sabotaged store may never close.
 */
const CLOSE_MS_MAX = 20_000;
const STOP_MS_MAX = 1_500;
/** A signal for the whole group may reach a validator that is not deaf yet before it reaches us. */
const LOST_MS = 500;
const LOOK_MS = 20;

export class Network {
  readonly options: NetworkOptions;
  readonly judge: Judge;
  readonly seats: readonly Seat[];
  readonly blows: Blows;
  /** Strikes of the run, and the reports of recoveries. Strikes at a recovery are counted apart. */
  readonly counts = {
    kills: 0,
    powerCuts: 0,
    /** Stores that came back from a backup, and those of them that sign again. */
    restores: 0,
    raised: 0,
    recoveries: 0,
    pins: 0,
    released: 0,
    abstentions: 0,
  };
  /** The fate of writes that were under way when the power was cut. */
  writes: PowerCut = { lost: 0, torn: 0, kept: 0 };
  /** The strikes whose validators are back, in the order of their return. */
  readonly comebacks: Comeback[] = [];
  readonly #waiting = new Comebacks();
  readonly #port: NetworkPort;
  #startMs: number | undefined;
  #failure: Error | undefined;

  constructor(options: NetworkOptions, port: NetworkPort) {
    this.options = options;
    this.#port = port;
    this.judge = new Judge(options.validators, options.standby === true ? 2 : 1);
    this.blows = new Blows(options, {
      fraction: port.fraction,
      isOver: () => this.#isOver,
      pass: (ms) => this.#pass(ms),
      waitUntil: (isDone) => this.#waitUntil(isDone, LIVE_MS_MAX),
      hit: (seat, hit) => this.#hit(seat, hit),
      start: (seat) => this.#start(seat),
      restored: ({ index }) => this.judge.restored(index),
    });
    this.seats = startsOf(options, port.directory).map(
      (start, index) =>
        new Seat(index, start, {
          program: port.programOf(index),
          serviceProgram: options.service === true ? port.serviceProgram : undefined,
          onReport: (report) => this.#take(index, report),
          onLost: (how) => this.#lost(index, how),
        }),
    );
  }

  /** The most roads that a validator has executed. */
  get executedNext(): bigint {
    return this.seats.reduce((most, { index }) => {
      const next = this.judge.executedNext(index);
      return next > most ? next : most;
    }, 0n);
  }

  /** Since all validators were live for the first time. */
  get elapsedMs(): number {
    return this.#startMs === undefined ? 0 : this.#port.clockMs() - this.#startMs;
  }

  /** Runs to the end, or to the first violation. No process is left behind when settled. */
  async run(): Promise<void> {
    try {
      for (const { directory, chainId } of this.seats) {
        if (this.#isOver) return;
        await Lanekeeper.init(directory, { chainId });
      }
      for (const seat of this.seats) this.#start(seat);
      await this.#waitUntil(() => this.#away === 0, LIVE_MS_MAX);
      this.#startMs = this.#port.clockMs();
      await this.#harass();
      await this.#settle();
      await this.#killAll();
      await this.#closeAll();
    } finally {
      await Promise.allSettled(this.seats.map((seat) => seat.abandon()));
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The run ends here: somebody stopped it, or something is wrong. */
  get #isOver(): boolean {
    const { violations } = this.judge;
    return this.#port.signal.aborted || violations.length > 0 || this.#failure !== undefined;
  }

  /** Validators of which no machine signs: down, recovering, or not back yet. */
  get #away(): number {
    const isLive = ({ state, standsBy }: Seat): boolean => state === "live" && !standsBy;
    const live = new Set(this.seats.filter(isLive).map(({ lane }) => lane));
    return this.options.validators - live.size;
  }

  /** Blows at their moments. */
  async #harass(): Promise<void> {
    const { seconds, validators } = this.options;
    const awayMax = Math.max(1, Math.floor((validators - 1) / 3));
    const strikes = strikesOf(this.options, this.#port.fraction);
    for (const { atMs, victim, cutsPower, restores } of strikes) {
      await this.#pass(atMs - this.elapsedMs);
      await this.#waitUntil(() => this.#away < awayMax, LIVE_MS_MAX);
      if (this.#isOver) return;
      if (restores) this.counts.restores += 1;
      else this.counts[cutsPower ? "powerCuts" : "kills"] += 1;
      const [seat, standby] = this.seats.filter(({ index }) => index % validators === victim);
      assert(seat !== undefined, "a victim is one of the committee");
      if (restores) await this.blows.restore(seat);
      else if (standby) await this.blows.failOver([seat, standby], cutsPower);
      else await this.blows.restart(seat, cutsPower);
    }
    await this.#pass(seconds * 1000 - this.elapsedMs);
  }

  async #hit(seat: Seat, { cutsPower, struck, restores }: Hit): Promise<void> {
    const atMs = this.elapsedMs;
    await seat.kill(struck);
    const writes = await seat.settleDisk(struck, cutsPower, this.#port.fraction);
    this.writes = sumOf(this.writes, writes);
    this.#waiting.struck(seat.index, { atMs, struck, cutsPower, restores, writes });
  }

  #start(seat: Seat): void {
    this.#waiting.started(seat.index, this.#port.clockMs());
    seat.start();
  }

  /** At the end every validator must execute as far as the furthest one had. */
  async #settle(): Promise<void> {
    if (this.#isOver) return;
    const goal = this.executedNext + 1n;
    const behind = () => this.seats.filter(({ index }) => this.judge.executedNext(index) < goal);
    await this.#waitUntil(() => behind().length === 0, LIVE_MS_MAX);
    if (this.#isOver) return;
    for (const { index, state } of behind()) {
      const where = `${state}, road ${this.judge.executedNext(index)} of ${goal}`;
      this.judge.violate("STUCK", index, where);
    }
  }

  /**
   * The last strike falls on all validators at once, and the judge compares each recovery once
   * more.
   */
  async #killAll(): Promise<void> {
    if (this.#isOver) return;
    const cutsPower = this.options.powerCuts > 0;
    await Promise.all(
      this.seats.map((seat) => this.#hit(seat, { cutsPower, struck: "both", restores: false })),
    );
    for (const seat of this.seats) this.#start(seat);
    await this.#waitUntil(() => this.seats.every(({ state }) => state !== "opening"), LIVE_MS_MAX);
  }

  /** The clean end: every validator closes its store, if it does so in time. */
  async #closeAll(): Promise<void> {
    const over = new AbortController();
    const closed = Promise.allSettled(this.seats.map((seat) => seat.close()));
    await Promise.race([closed, this.#timeToClose(over.signal)]);
    over.abort();
  }

  async #timeToClose(signal: AbortSignal): Promise<void> {
    const { clockMs } = this.#port;
    let endMs = clockMs() + CLOSE_MS_MAX;
    while (clockMs() < endMs) {
      if (this.#isOver) endMs = Math.min(endMs, clockMs() + STOP_MS_MAX);
      await sleep(LOOK_MS, undefined, { signal });
    }
  }

  #take(index: number, report: Report): void {
    this.judge.take(index, report);
    if (report.kind === "recovered" || report.kind === "served") this.#recovered(index, report);
    else if (report.kind === "released") this.counts.released += 1;
    else if (report.kind === "raised") this.counts.raised += 1;
    else if (report.kind === "listening") introduce(this.seats[index], this.seats);
    else if (report.kind === "failed") this.#refused(index, report);
  }

  #recovered(index: number, report: Recovered | Served): void {
    this.counts.recoveries += 1;
    // Behind a service, guards are what the service found: its validator finds the same ones once more.
    if (this.options.service !== true || report.kind === "served") {
      this.counts.pins += report.pins;
      if (report.abstains) this.counts.abstentions += 1;
    }
    const comeback = this.#waiting.recovered(index, report, this.#port.clockMs());
    if (comeback === undefined) return;
    const { validators } = this.options;
    const told = { ...comeback, validator: index % validators, isStandby: index >= validators };
    this.comebacks.push(told);
    this.#port.onComeback?.(told);
  }

  #refused(index: number, report: Extract<Report, { kind: "failed" }>): void {
    const meaning = meaningOf(index, report);
    if ("violation" in meaning) this.judge.violate("OPEN_REFUSED", index, meaning.violation);
    else this.#failure ??= meaning.failure;
  }

  #lost(index: number, how: string): void {
    setTimeout(() => {
      if (this.#port.signal.aborted || this.judge.violations.length > 0) return;
      this.#failure ??= new Error(`validator ${index} ended unasked, with ${how}`);
    }, LOST_MS);
  }

  /** Lets `ms` pass, or the rest of the run if that is shorter. */
  #pass(ms: number): Promise<void> {
    return this.#waitUntil(() => false, ms);
  }

  async #waitUntil(isDone: () => boolean, ms: number): Promise<void> {
    const { clockMs } = this.#port;
    const endMs = clockMs() + ms;
    while (!isDone() && !this.#isOver && clockMs() < endMs) {
      await sleep(Math.min(LOOK_MS, Math.max(0, endMs - clockMs())));
    }
  }
}

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
import { max } from "../../types/numbers.js";
import { Blows, type Hit } from "./blows.js";
import { ByHand } from "./by-hand.js";
import type { Program } from "./child.js";
import { closeAll } from "./closing.js";
import { Judge } from "../judge/judge.js";
import type { Recovered, Replayed, Report, Served } from "../judge/report.js";
import { type Comeback, Comebacks, sumOf } from "./comebacks.js";
import type { PowerCut } from "./power-cut.js";
import { meaningOf } from "./refused.js";
import { awayOf, introduce, Seat } from "./seat.js";
import type { NetworkOptions } from "./options.js";
import { startsOf } from "./starts.js";
import { countOf, strikesOf } from "./strikes.js";

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
const LIVE_MS_MAX = 120_000;
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
    /** Stores that came back from a backup, those that were lost with all, and how many of them sign again. */
    restores: 0,
    losses: 0,
    raised: 0,
    recoveries: 0,
    pins: 0,
    released: 0,
    abstentions: 0,
  };
  /** Roads that validators executed from the archive alone, in the order in which they did. */
  readonly replays: (Replayed & { readonly validator: number })[] = [];
  /** The fate of writes that were under way when the power was cut. */
  writes: PowerCut = { lost: 0, torn: 0, kept: 0 };
  /** The strikes whose validators are back, in the order of their return. */
  readonly comebacks: Comeback[] = [];
  readonly #waiting = new Comebacks();
  readonly #port: NetworkPort;
  #byHand: ByHand | undefined;
  /** A person has seen enough. */
  #hasSeen = false;
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
      stuck: ({ index }, where) => this.judge.violate("STUCK", index, where),
    });
    this.seats = startsOf(options, port.directory).map(
      (start, index) =>
        new Seat(index, start, {
          program: port.programOf(index),
          serviceProgram:
            options.service === true || options.byHand === true ? port.serviceProgram : undefined,
          onReport: (report) => this.#take(index, report),
          onLost: (how) => this.#lost(index, how),
        }),
    );
  }

  /** The most roads that a validator has executed. */
  get executedNext(): bigint {
    return this.seats.reduce((most, { index }) => max(most, this.judge.executedNext(index)), 0n);
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
      if (this.options.byHand === true) this.#byHand = await this.#listenByHand();
      for (const seat of this.seats) this.#start(seat);
      await this.#waitUntil(() => awayOf(this.seats).size === 0, LIVE_MS_MAX);
      this.#startMs = this.#port.clockMs();
      await this.#harass();
      await this.#settle();
      await this.#killAll();
      await closeAll(this.seats, { clockMs: this.#port.clockMs, isOver: () => this.#isOver });
    } finally {
      await Promise.allSettled([
        this.#byHand?.close(),
        ...this.seats.map((seat) => seat.abandon()),
      ]);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The run ends here: somebody stopped it, or something is wrong. */
  get #isOver(): boolean {
    const { violations } = this.judge;
    return this.#port.signal.aborted || violations.length > 0 || this.#failure !== undefined;
  }

  #listenByHand(): Promise<ByHand> {
    return ByHand.listen({
      directory: this.#port.directory,
      seats: this.seats,
      kill: async (seat) => {
        if (!seat.isDown) this.counts.kills += 1;
        await this.#hit(seat, { cutsPower: false, struck: "both", store: "kept" });
      },
      start: (seat) => this.#start(seat),
      replaced: ({ index }) => {
        this.counts.restores += 1;
        this.#waiting.restored(index);
        this.judge.restored(index);
      },
      executedNext: () => this.executedNext,
      end: (failure) => {
        this.#hasSeen = true;
        this.#failure ??= failure;
      },
    });
  }

  /** Blows at their moments. */
  async #harass(): Promise<void> {
    const { seconds, validators } = this.options;
    const awayMax = Math.max(1, Math.floor((validators - 1) / 3));
    const away = () => awayOf(this.seats);
    const strikes = strikesOf(this.options, this.#port.fraction);
    for (const { atMs, victim, cutsPower, store } of strikes) {
      await this.#pass(atMs - this.elapsedMs);
      await this.#waitUntil(() => away().size < awayMax, LIVE_MS_MAX);
      if (this.#isOver) return;
      if (away().size >= awayMax) this.blows.stayedAway(away().values());
      this.counts[countOf({ store, cutsPower })] += 1;
      const [seat, standby] = this.seats.filter(({ index }) => index % validators === victim);
      assert(seat !== undefined, "a victim is one of the committee");
      if (store === "backup") await this.blows.restore(seat);
      else if (store === "new") await this.blows.lose(seat, this.seats);
      else if (standby) await this.blows.failOver([seat, standby], cutsPower);
      else await this.blows.restart(seat, cutsPower);
    }
    await this.#waitUntil(() => this.#hasSeen, seconds * 1000 - this.elapsedMs);
  }

  async #hit(seat: Seat, { cutsPower, struck, store }: Hit): Promise<void> {
    const atMs = this.elapsedMs;
    await seat.kill(struck);
    const writes = await seat.settleDisk(struck, cutsPower, this.#port.fraction);
    this.writes = sumOf(this.writes, writes);
    this.#waiting.struck(seat.index, { atMs, struck, cutsPower, store, writes });
  }

  #start(seat: Seat): void {
    this.#waiting.started(seat.index, this.#port.clockMs());
    seat.start();
  }

  /** The validators that the end is about: a person may have left one down. */
  get #struck(): readonly Seat[] {
    return this.#byHand ? this.seats.filter(({ isDown }) => !isDown) : this.seats;
  }

  /** At the end each must execute on, as far as was asked for, and sign again: if a person has left a quorum. */
  async #settle(): Promise<void> {
    if (this.#isOver) return;
    const { validators, roads = 0n } = this.options;
    const isQuorum = this.#struck.length >= validators - Math.floor((validators - 1) / 3);
    const goal = isQuorum ? max(this.executedNext + 1n, roads) : this.executedNext;
    const behind = () =>
      this.#struck.filter((seat) => {
        return (isQuorum && seat.guarded) || this.judge.executedNext(seat.index) < goal;
      });
    await this.#waitUntil(() => behind().length === 0, LIVE_MS_MAX);
    if (this.#isOver) return;
    for (const { index, state } of behind()) {
      const where = `${state}, road ${this.judge.executedNext(index)} of ${goal}`;
      this.judge.violate("STUCK", index, where);
    }
  }

  /** The last strike falls on all validators at once, and the judge compares each recovery once more. */
  async #killAll(): Promise<void> {
    if (this.#isOver) return;
    const cutsPower = this.options.powerCuts > 0;
    const struck = this.#struck;
    const hit = { cutsPower, struck: "both", store: "kept" } as const;
    await Promise.all(struck.map((seat) => this.#hit(seat, hit)));
    for (const seat of struck) this.#start(seat);
    await this.#waitUntil(() => struck.every(({ state }) => state !== "opening"), LIVE_MS_MAX);
  }

  #take(index: number, report: Report): void {
    this.judge.take(index, report);
    const seat = this.seats[index];
    if (seat && this.#byHand?.heard(seat, report) === true) return;
    if (report.kind === "recovered" || report.kind === "served") this.#recovered(index, report);
    else if (report.kind === "released") this.counts.released += 1;
    else if (report.kind === "raised") this.counts.raised += 1;
    else if (report.kind === "replayed") this.replays.push({ ...report, validator: index });
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
    // A person may kill it by other means.
    if (this.#byHand && how.startsWith("signal")) return;
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

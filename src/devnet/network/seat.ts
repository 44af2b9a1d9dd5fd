/**
 * One validator as its parent sees it: the directory of its store, and its process; in a devnet over
 * services, the process of the service that has the store, too.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { backupStore } from "../../keeping/backup/calls.js";
import { restoreStore } from "../../keeping/calls.js";
import { Lanekeeper } from "../../node/lanekeeper.js";
import { INDEX_DIRECTORY } from "../../log/map/log-map.js";
import type { LaneId } from "../../types/lane.js";
import { Child, type Program } from "./child.js";
import type { Start } from "./starts.js";
import type { Struck } from "./strikes.js";
import type { Order, StartOrder } from "../validator/orders.js";
import type { Report, Stats } from "../judge/report.js";
import { cutPower, forgetUndo, type PowerCut } from "./power-cut.js";

export type SeatState = "down" | "opening" | Stats["state"];

export interface SeatPort {
  readonly program: Program;
  /** The program of the service that has the store; left out where the validator opens it. */
  readonly serviceProgram?: Program | undefined;
  readonly onReport: (report: Report) => void;
  /** The process ended, though nobody had ended it. */
  readonly onLost: (how: string) => void;
}

const nothingCut: PowerCut = { lost: 0, torn: 0, kept: 0 };

export class Seat {
  readonly index: number;
  readonly lane: LaneId;
  /** Of the machines of its validator. */
  readonly machine: number;
  /** The newest figures of its process. */
  stats: Stats | undefined;
  /** CPU time of its processes that are gone. */
  cpuMsBefore = 0;
  starts = 0;
  kills = 0;
  recoveryMsMax = 0;
  /** Its port, while it listens. */
  listensAt: number | undefined;
  readonly #start: StartOrder;
  readonly #port: SeatPort;
  #state: SeatState = "down";
  /** Its store was restored, and its guards have no heights yet. */
  guarded = false;
  #child: Child | undefined;
  #service: Child | undefined;
  /** The service has opened the store. */
  #isServed = false;
  /** The processes that were told to close and end. */
  readonly #closing: Child[] = [];

  constructor(index: number, { lane, machine, order }: Start, port: SeatPort) {
    this.index = index;
    this.lane = lane;
    this.machine = machine;
    this.#start = order;
    this.#port = port;
  }

  get directory(): string {
    return this.#start.directory;
  }

  get chainId(): string {
    return this.#start.chainId;
  }

  get #backups(): string {
    return `${this.directory}-backups`;
  }

  /** Without its service a validator stands still. A restored one abstains until its guards have heights. */
  get state(): SeatState {
    if (this.guarded && this.#state === "live") return "abstaining";
    if (this.#port.serviceProgram === undefined || this.#isServed) return this.#state;
    return this.#service === undefined ? "down" : "opening";
  }

  /** None of its processes is there. */
  get isDown(): boolean {
    return this.#child === undefined && this.#service === undefined;
  }

  /** Starts what is not there. */
  start(): void {
    const { program, serviceProgram } = this.#port;
    if (serviceProgram && !this.#service) {
      this.#service = this.#started(serviceProgram, () => this.#service);
    }
    if (this.#child) return;
    this.#state = "opening";
    this.starts += 1;
    this.#child = this.#started(program, () => this.#child);
  }

  /** Kills the processes that are struck; everything that they told is heard when resolved. */
  async kill(struck: Struck): Promise<void> {
    this.kills += 1;
    await Promise.all([
      struck === "validator" ? undefined : this.#killService(),
      struck === "service" ? undefined : this.#killValidator(),
    ]);
  }

  /** After a kill all writes under way stay; a power cut decides which of them are lost or torn. */
  async settleDisk(struck: Struck, cutsPower: boolean, fraction: () => number): Promise<PowerCut> {
    const { directory, undoDirectory } = this.#start;
    // A service that lives writes on.
    if (undoDirectory === undefined || struck === "validator") return nothingCut;
    if (!cutsPower) {
      forgetUndo(undoDirectory);
      return nothingCut;
    }
    // Nothing depends on the map: a power cut may destroy it.
    if (fraction() < 0.5)
      rmSync(join(directory, INDEX_DIRECTORY), { recursive: true, force: true });
    return await cutPower(undoDirectory, fraction);
  }

  /** Makes a backup of the store of a validator that was killed. */
  async backUp(): Promise<void> {
    await backupStore(this.directory, this.#backups);
  }

  /** Puts the backup in the place of the store, which is gone for good. */
  async restore(): Promise<void> {
    rmSync(this.directory, { recursive: true });
    await restoreStore(this.#backups, this.directory);
    this.guarded = true;
  }

  /**
   * Puts an empty store in the place of one that is gone. Nobody knows how far the validator had signed: it is
   * guarded, as the backup of an empty store is.
   */
  async renew(): Promise<void> {
    const empty = `${this.directory}-empty`;
    await Lanekeeper.init(empty, { chainId: this.chainId });
    await backupStore(empty, this.#backups);
    rmSync(empty, { recursive: true });
    await this.restore();
  }

  stop(): void {
    this.#child?.stop();
  }

  wake(): void {
    this.#child?.wake();
  }

  /** Another machine of the validator signs. */
  get standsBy(): boolean {
    return this.stats?.standsBy ?? false;
  }

  order(order: Order): void {
    this.#child?.order(order);
  }

  /** Asks the validator to close its store and end, then its service; resolves when they have. */
  async close(): Promise<void> {
    const children = [this.#child, this.#service];
    this.#child = undefined;
    this.#service = undefined;
    const open = children.filter((child) => child !== undefined);
    this.#closing.push(...open);
    for (const child of open) {
      child.close();
      await child.ended;
    }
  }

  /** Ends its processes at once, if any are left. */
  async abandon(): Promise<void> {
    const left = [this.#child, this.#service, ...this.#closing].filter(
      (each) => each !== undefined,
    );
    this.#child = undefined;
    this.#service = undefined;
    this.#isServed = false;
    this.#state = "down";
    for (const child of left) child.kill();
    await Promise.allSettled(left.map((child) => child.ended));
  }

  /** Starts a process; `current` gives the one of its kind that is to run. */
  #started(program: Program, current: () => Child | undefined): Child {
    const { onLost } = this.#port;
    const child = new Child(program, (report) => this.#take(report));
    // Behind its first start it is not the first machine any more: another one may have taken over.
    child.order({ ...this.#start, isFirst: this.#start.isFirst && this.starts <= 1 });
    child.ended.then(
      ({ code, signal }) => {
        const isAsked = current() !== child;
        if (isAsked) return;
        this.#forget(child);
        onLost(signal === null ? `code ${code}` : `signal ${signal}`);
      },
      (cause: unknown) => onLost(String(cause)),
    );
    return child;
  }

  /** A process has ended by itself, or by somebody else's hand. */
  #forget(child: Child): void {
    if (child === this.#service) {
      this.#service = undefined;
      this.#isServed = false;
      return;
    }
    this.#child = undefined;
    this.#gone();
  }

  async #killValidator(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    child?.kill();
    await child?.ended;
    this.#gone();
  }

  #gone(): void {
    this.listensAt = undefined;
    this.#state = "down";
    this.cpuMsBefore += this.stats?.cpuMs ?? 0;
    this.stats &&= { ...this.stats, standsBy: false, cpuMs: 0 };
  }

  async #killService(): Promise<void> {
    const service = this.#service;
    this.#service = undefined;
    this.#isServed = false;
    service?.kill();
    await service?.ended;
    this.#isServed = false;
  }

  #take(report: Report): void {
    if (report.kind === "stats") {
      this.stats = report;
      this.#state = report.state;
    } else if (report.kind === "served") {
      this.recoveryMsMax = Math.max(this.recoveryMsMax, report.durationMs);
      this.#isServed = true;
    } else if (report.kind === "recovered") {
      this.recoveryMsMax = Math.max(this.recoveryMsMax, report.durationMs);
      this.#state = "catching up";
    } else if (report.kind === "raised") {
      this.guarded = false;
    } else if (report.kind === "listening") {
      this.listensAt = report.port;
    }
    this.#port.onReport(report);
  }
}

/** Validators of which no machine signs, by their lanes: down, recovering, or not back yet; a seat of each. */
export function awayOf(seats: readonly Seat[]): ReadonlyMap<LaneId, Seat> {
  const away = new Map(seats.map((seat) => [seat.lane, seat]));
  for (const { lane, state, standsBy } of seats) {
    if (state === "live" && !standsBy) away.delete(lane);
  }
  return away;
}

/** Tells everybody the port of the newcomer, and the newcomer the ports of the others. */
export function introduce(newcomer: Seat | undefined, seats: readonly Seat[]): void {
  for (const peer of seats) {
    // The machines of one validator do not know each other.
    if (newcomer?.listensAt === undefined || peer.lane === newcomer.lane) continue;
    peer.order(dialOf(newcomer, newcomer.listensAt));
    if (peer.listensAt !== undefined) newcomer.order(dialOf(peer, peer.listensAt));
  }
}

function dialOf({ lane, machine }: Seat, port: number): Order {
  return { kind: "dial", lane, machine, port };
}

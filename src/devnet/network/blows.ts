/**
 * The blows of a devnet: restarts, restores of a backup, and failovers.
 *
 * A restart kills a validator and starts it again. Sometimes it is killed once more while it recovers.
 *
 * Failovers are for a devnet in which each validator has two machines: the holder is killed, stopped in the
 * middle of whatever it does, or cut off from the reservations. The other one takes over, and the first
 * one comes back: as a process that starts anew, that wakes up, or that reaches the reservations again.
 */
import type { NetworkOptions } from "./options.js";
import type { Seat } from "./seat.js";
import { struckBy, type Struck } from "./strikes.js";

/** The ways in which a holder goes. */
const ways = ["killed", "stopped", "cutOff"] as const;
type Way = (typeof ways)[number];

const DOWN_MS_MAX = 800;
/** In one of so many restarts the recovery itself is struck. */
const HIT_OPENING_ONE_IN = 4;
const OPENING_MS = 400;
/** A backup is so old when it comes back, up to twice as old. */
const BACKUP_AGE_MS = 1_500;

export interface BlowsPort {
  /** Draws from `[0, 1)`. */
  readonly fraction: () => number;
  readonly isOver: () => boolean;
  readonly pass: (ms: number) => Promise<void>;
  readonly waitUntil: (isDone: () => boolean) => Promise<void>;
  /** Kills the processes of a seat, and settles its disk. */
  readonly hit: (seat: Seat, hit: Hit) => Promise<void>;
  readonly start: (seat: Seat) => void;
  /** The store of a seat came back from a backup. */
  readonly restored: (seat: Seat) => void;
}

export interface Hit {
  readonly cutsPower: boolean;
  /** The processes that are killed. */
  readonly struck: Struck;
  /** The disk is gone, too, and a backup comes back. */
  readonly restores: boolean;
}

/** The first machine comes back so long after the other one was told to take over, at most. */
const AWAY_MS_MAX = 3_000;

export class Blows {
  /** Kills of a validator that recovered. */
  whileOpening = 0;
  readonly failovers: Record<Way, number> = { killed: 0, stopped: 0, cutOff: 0 };
  readonly #options: NetworkOptions;
  readonly #port: BlowsPort;

  constructor(options: NetworkOptions, port: BlowsPort) {
    this.#options = options;
    this.#port = port;
  }

  /** Ends a validator, lets it be away for a while, and starts it again. */
  async restart(seat: Seat, cutsPower: boolean): Promise<void> {
    const { fraction, hit, pass, start, isOver } = this.#port;
    const struck = struckBy(this.#options, cutsPower, fraction);
    const blow = { cutsPower, struck, restores: false };
    await hit(seat, blow);
    await pass(fraction() * DOWN_MS_MAX);
    if (isOver()) return;
    start(seat);
    if (fraction() * HIT_OPENING_ONE_IN >= 1) return;
    await pass(fraction() * OPENING_MS);
    if (isOver()) return;
    this.whileOpening += 1;
    await hit(seat, blow);
    start(seat);
  }

  /** A validator is backed up, lives on, and comes back from that backup. */
  async restore(seat: Seat): Promise<void> {
    const { fraction, hit, pass, start, isOver, waitUntil, restored } = this.#port;
    const blow = { cutsPower: false, struck: "both" } as const;
    await hit(seat, { ...blow, restores: false });
    await seat.backUp();
    start(seat);
    await waitUntil(() => seat.state === "live");
    await pass((1 + fraction()) * BACKUP_AGE_MS);
    if (isOver()) return;
    await hit(seat, { ...blow, restores: true });
    await seat.restore();
    restored(seat);
    start(seat);
  }

  /** One of the machines holds, the other one stands by. Both are up when resolved. */
  async failOver(pair: readonly Seat[], cutsPower: boolean): Promise<void> {
    const { waitUntil, pass, fraction, isOver } = this.#port;
    await waitUntil(() => holderOf(pair) !== undefined && standbyOf(pair) !== undefined);
    const holder = holderOf(pair);
    const standby = standbyOf(pair);
    if (!holder || !standby || isOver()) return;
    const way = cutsPower ? "killed" : this.#nextWay();
    this.failovers[way] += 1;
    await this.#away(holder, way, cutsPower);
    const reason = `machine ${holder.machine} was ${way}`;
    standby.order({ kind: "take", reason });
    await pass(fraction() * AWAY_MS_MAX);
    if (isOver()) return;
    this.#back(holder, way);
    await waitUntil(() => standby.state === "live" && standbyOf(pair) === holder);
  }

  /** Each way in its turn. */
  #nextWay(): Way {
    const counts = Object.values(this.failovers).reduce((sum, count) => sum + count, 0);
    return ways[counts % ways.length] ?? "killed";
  }

  async #away(seat: Seat, way: Way, cutsPower: boolean): Promise<void> {
    if (way === "killed")
      await this.#port.hit(seat, { cutsPower, struck: "both", restores: false });
    else if (way === "stopped") seat.stop();
    else seat.order({ kind: "reach", isReachable: false });
  }

  #back(seat: Seat, way: Way): void {
    if (way === "killed") this.#port.start(seat);
    else if (way === "stopped") seat.wake();
    else seat.order({ kind: "reach", isReachable: true });
  }
}

/** The machine that reserves and signs. */
function holderOf(pair: readonly Seat[]): Seat | undefined {
  return pair.find(({ state, standsBy }) => state === "live" && !standsBy);
}

function standbyOf(pair: readonly Seat[]): Seat | undefined {
  return pair.find(({ state, standsBy }) => isUp(state) && standsBy);
}

function isUp(state: Seat["state"]): boolean {
  return state !== "down" && state !== "opening";
}

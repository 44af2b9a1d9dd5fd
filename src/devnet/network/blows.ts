/**
 * The blows of a devnet: restarts, restores of a backup, losses of a machine, and failovers.
 *
 * A restart kills a validator and starts it again. Sometimes it is killed once more while it recovers.
 *
 * Failovers are for a devnet in which each validator has two machines: the holder is struck in one of the `ways`.
 * The other one takes over, and the first one comes back: as a process that starts anew, that wakes up, or that
 * reaches the others again.
 */
import type { NetworkOptions } from "./options.js";
import type { Seat } from "./seat.js";
import { type StoreAfter, struckBy, type Struck } from "./strikes.js";

/** The others that a machine reaches while it is away. */
const away = {
  /** From the reservations alone: it signs up to its bounds. */
  cutOff: { bucket: false, peers: true },
  /** From its peers alone: it holds the reservations until it looks at them again. */
  isolated: { bucket: true, peers: false },
  /** From everybody: it signs up to its bounds, and the others hear of that late. */
  partitioned: { bucket: false, peers: false },
} as const;

/** The ways in which a holder goes: its power is cut, or it is killed, stopped, or parted from others. */
const ways = ["killed", "stopped", "cutOff", "isolated", "partitioned"] as const;
type Way = (typeof ways)[number] | "powerCut";

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
  /** A seat has an older store than it had, or a new one. */
  readonly restored: (seat: Seat) => void;
  /** A seat did not do what it must do, in all the time that it had. */
  readonly stuck: (seat: Seat, where: string) => void;
}

export interface Hit {
  readonly cutsPower: boolean;
  /** The processes that are killed. */
  readonly struck: Struck;
  readonly store: StoreAfter;
}

/** The first machine comes back so long after the other one was told to take over, at most. */
const AWAY_MS_MAX = 3_000;
/**
 * A lease by time is wrong where its holder is stopped for longer than it lasts: until the other machine has made
 * so many blocks in its place. The blocks on the way when it was stopped are fewer.
 */
const OVERTAKEN_BLOCKS = 8n;

export class Blows {
  /** Kills of a validator that recovered. */
  whileOpening = 0;
  readonly failovers: Record<Way, number> = {
    killed: 0,
    powerCut: 0,
    stopped: 0,
    cutOff: 0,
    isolated: 0,
    partitioned: 0,
  };
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
    const blow = { cutsPower, struck, store: "kept" } as const;
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
    await hit(seat, { ...blow, store: "kept" });
    await seat.backUp();
    start(seat);
    await waitUntil(() => seat.state === "live");
    await pass((1 + fraction()) * BACKUP_AGE_MS);
    if (isOver()) return;
    await hit(seat, { ...blow, store: "backup" });
    await seat.restore();
    restored(seat);
    start(seat);
  }

  /**
   * The machine of a validator is gone with its disk: a new one begins with nothing. It is lost once no peer has
   * the begin of the history any more: from then on the bucket alone has it.
   */
  async lose(seat: Seat, seats: readonly Seat[]): Promise<void> {
    const { hit, start, restored, waitUntil, isOver } = this.#port;
    const peers = seats.filter(({ lane }) => lane !== seat.lane);
    const isForgotten = (): boolean => peers.every(({ stats }) => stats?.servesFirst === false);
    await waitUntil(isForgotten);
    if (isOver()) return;
    if (!isForgotten()) this.#port.stuck(seat, "before its loss: peers still serve the first road");
    await hit(seat, { cutsPower: false, struck: "both", store: "new" });
    await seat.renew();
    restored(seat);
    start(seat);
  }

  /** One of the machines holds, the other one stands by. Both are up when resolved. */
  async failOver(pair: readonly Seat[], cutsPower: boolean): Promise<void> {
    const { waitUntil, pass, fraction, isOver } = this.#port;
    await waitUntil(() => holderOf(pair) !== undefined && standbyOf(pair) !== undefined);
    const holder = holderOf(pair);
    const standby = standbyOf(pair);
    if (isOver()) return;
    if (!holder || !standby) return this.#stuck(pair, "before a failover");
    const isOvertaken = this.#options.sabotage === "lease-by-time";
    const way = isOvertaken ? "stopped" : cutsPower ? "powerCut" : this.#nextWay();
    this.failovers[way] += 1;
    await this.#away(holder, way);
    const reason = `machine ${holder.machine} was ${way}`;
    standby.order({ kind: "take", reason });
    if (isOvertaken) await waitUntil(() => hasOvertaken(standby, holder));
    else await pass(fraction() * AWAY_MS_MAX);
    if (isOver()) return;
    this.#back(holder, way);
    const isDone = () => standby.state === "live" && standbyOf(pair) === holder;
    await waitUntil(isDone);
    if (!isOver() && !isDone()) this.#stuck(pair, `after machine ${holder.machine} was ${way}`);
  }

  /** These are not back from the strike before: one more would make the others stand still, too. */
  stayedAway(seats: Iterable<Seat>): void {
    for (const seat of seats) {
      this.#port.stuck(seat, `machine ${seat.machine} ${seat.state}, before the next strike`);
    }
  }

  #stuck(pair: readonly Seat[], when: string): void {
    for (const seat of pair) {
      const { state, standsBy, machine } = seat;
      const place = `machine ${machine} ${state}, ${standsBy ? "standing by" : "holding"}`;
      this.#port.stuck(seat, `${place}, ${when}`);
    }
  }

  /** Each way in its turn. */
  #nextWay(): Way {
    const count = ways.reduce((sum, way) => sum + this.failovers[way], 0);
    return ways[count % ways.length] ?? "killed";
  }

  async #away(seat: Seat, way: Way): Promise<void> {
    if (way === "killed" || way === "powerCut") {
      const cutsPower = way === "powerCut";
      await this.#port.hit(seat, { cutsPower, struck: "both", store: "kept" });
    } else if (way === "stopped") seat.stop();
    else seat.order({ kind: "reach", ...away[way] });
  }

  #back(seat: Seat, way: Way): void {
    if (way === "killed" || way === "powerCut") this.#port.start(seat);
    else if (way === "stopped") seat.wake();
    else seat.order({ kind: "reach", bucket: true, peers: true });
  }
}

/** The machine that reserves and signs. */
function holderOf(pair: readonly Seat[]): Seat | undefined {
  return pair.find(({ state, standsBy }) => state === "live" && !standsBy);
}

function standbyOf(pair: readonly Seat[]): Seat | undefined {
  return pair.find(({ state, standsBy }) => isUp(state) && standsBy);
}

/** Whether a successor has made the blocks that the machine before it was about to make. */
function hasOvertaken(successor: Seat, before: Seat): boolean {
  const [made = 0n, known = 0n] = [successor.stats?.laneDurable, before.stats?.laneNext];
  return !successor.standsBy && made >= known + OVERTAKEN_BLOCKS;
}

function isUp(state: Seat["state"]): boolean {
  return state !== "down" && state !== "opening";
}

/**
 * The stage on which the commands of a history run: a store on a simulated disk, life after life, or a
 * store in memory, which has only one. The model judges all that a life returns before the next command.
 *
 * The world may stop inside any command, just before a step of the disk that was drawn beforehand:
 * then the disk is what a kill or a power cut leaves there, and the next life begins with its
 * recovery, which may be stopped in turn.
 */
import type { Fault, SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { PersisterError } from "../../../src/types/errors.js";
import { encodeCommitQC, encodePruneAnchor } from "../../../src/wire/codec/encode.js";
import { CHAIN_ID } from "../../model/chain.js";
import { type RecoveredStore, ReferenceModel } from "../../model/reference-model.js";
import { drawnWays } from "../../journal/group/drawn-ways.js";
import { DIRECTORY, simulatedSurroundings } from "../../node/surroundings.js";
import { drained } from "../history/explorer.js";
import type { Ground } from "./lives/ground.js";
import { Ledger } from "./lives/ledger.js";
import { flipBit } from "../harms/harm.js";
import { Life } from "./lives/life.js";
import { namedOn } from "../history/named.js";
import { contentsOf } from "./lives/read-back.js";
import { CRASH_SEGMENT_BYTES, hex, verifier } from "../history/session.js";
import { Tally } from "./lives/tally.js";
import { epochOf } from "./commands/traffic.js";

/** Of the faults that one command brought to light, so many are told. */
const FAULTS_TOLD = 6;

/** One stop of the world: after so many steps of the disk, and what it leaves. */
export interface Stop {
  readonly steps: number;
  /** A power cut, and which of those that are possible; a kill where it is left out. */
  readonly cut?: { readonly seed: number; readonly pick: number };
  /** Looks too at what an open finds where a bit was flipped, so far before the newest record's end. */
  readonly flip?: number;
}

export interface Stage {
  readonly model: ReferenceModel;
  readonly life: Life;
  /** Does one command's work on the life that there is; fails with the faults that were found. */
  during(work: (life: Life) => Promise<void>): Promise<void>;
  /** Ends the work under way, and judges the last life. */
  end(): Promise<void>;
}

const choices = { chainId: CHAIN_ID, segmentBytes: CRASH_SEGMENT_BYTES, epochOf, verifier };

export class DiskStage implements Stage {
  readonly model = new ReferenceModel();
  readonly #ledger = new Ledger();
  readonly #tally: Tally;
  readonly #faults: string[] = [];
  #disk: SimulatedDisk;
  #life: Life | undefined;
  #opens = 0;
  #stops: readonly Stop[] = [];
  /** It was killed, or lost its power, on a full disk. */
  #wasStoppedWhileFull = false;
  #mayFail = false;
  #mayLackSpace = false;
  retainBytes: number;

  private constructor(disk: SimulatedDisk, retainBytes: number, tally: Tally) {
    this.#disk = disk;
    this.retainBytes = retainBytes;
    this.#tally = tally;
  }

  /** Opens the store on a copy of `disk`. */
  static async open(
    disk: SimulatedDisk,
    retainBytes: number,
    tally = new Tally(),
  ): Promise<DiskStage> {
    const stage = new DiskStage(disk.kill(), retainBytes, tally);
    await stage.#open();
    return stage;
  }

  get life(): Life {
    if (!this.#life) throw new Error("the first open was refused");
    return this.#life;
  }

  async during(work: (life: Life) => Promise<void>): Promise<void> {
    await Promise.race([work(this.life), this.#disk.stopped]);
    while (this.#disk.isStopped) await this.#nextLife();
    this.life.observe();
    const faults = [...this.#faults, ...this.life.faults];
    if (faults.length > 0) throw new Error(wordsOf(faults));
  }

  /** The world stops as planned, one stop after the other: the first counts from now. */
  stop(stops: readonly Stop[]): void {
    this.#stops = stops;
    const steps = stops[0]?.steps ?? Number.POSITIVE_INFINITY;
    if (steps === 0) this.#disk.crash();
    else this.#disk.crashAt(this.#disk.steps + steps);
  }

  async reopen(): Promise<void> {
    await this.life.close();
    this.#faults.push(...this.life.faults);
    await this.#open();
  }

  /** D8: the store is open already. */
  async openTwice(): Promise<void> {
    const refusal = await this.#openKeeper(this.#disk).catch((cause: unknown) => cause);
    if (refusal instanceof PersisterError && refusal.code === "STORE_LOCKED") return;
    this.#faults.push(`a second open came to ${String(refusal)}`);
  }

  fail(fault: Fault): void {
    this.#mayFail = true;
    this.#disk.fail(fault);
  }

  /** Leaves `slackBytes` until the disk is full. */
  fill(slackBytes: number): void {
    this.#mayLackSpace = true;
    this.#disk.capacityBytes = this.#disk.usedBytes + slackBytes;
  }

  free(): void {
    this.#wasStoppedWhileFull = false;
    this.#disk.capacityBytes = Number.POSITIVE_INFINITY;
  }

  hold(file: string): void {
    this.#disk.hold(({ path }) => path.endsWith(file));
  }

  release(): void {
    this.#disk.release();
  }

  async end(): Promise<void> {
    await this.during(async (life) => {
      this.stop([]);
      this.free();
      await life.settle();
    });
    await this.during(() => this.reopen());
    await this.life.close();
  }

  /** Observes all that was finished before the stop, and goes on with the disk that the stop leaves. */
  async #nextLife(): Promise<void> {
    await drained();
    const [stop, ...later] = this.#stops;
    const where = stop?.steps === 0 ? "between commands" : "inside a command";
    this.#tally.see(this.life.isOver ? "a stop inside a recovery" : `a stop ${where}`);
    this.#wasStoppedWhileFull ||= this.#disk.capacityBytes < Number.POSITIVE_INFINITY;
    this.life.end();
    this.#disk = leftBy(this.#disk, stop);
    if (stop?.flip !== undefined) await this.#judgeHarmed(this.#disk.kill(), stop.flip);
    this.#mayFail = false;
    this.#stops = later;
    const [next] = later;
    if (next) this.#disk.crashAt(Math.max(1, next.steps));
    await Promise.race([this.#open(), this.#disk.stopped]);
  }

  /** D5, D6: the damage is refused, and no byte changed; or only what was in flight is lost. */
  async #judgeHarmed(disk: SimulatedDisk, flip: number): Promise<void> {
    flipBit(disk, flip);
    const came = await this.#openKeeper(disk).catch((cause: unknown) => cause);
    const where = `${flip} bytes before the newest record's end a bit is flipped: `;
    if (came instanceof Lanekeeper) {
      const faults = this.model.judgeDamaged(await recoveredBy(came));
      this.#faults.push(...faults.map((fault) => where + fault));
      return;
    }
    if (!(came instanceof PersisterError)) throw came;
    this.#tally.see("a flipped bit that is refused");
    if (disk.steps > 0) this.#faults.push(`${where}the refused open has changed the disk`);
    const refused = this.model.judgeRefusal(came.code, "journal");
    this.#faults.push(...refused.map((fault) => `${where}${fault}: ${came.message}`));
  }

  async #open(): Promise<void> {
    const disk = this.#disk;
    const named = namedOn(disk);
    let keeper: Lanekeeper;
    try {
      keeper = await this.#openKeeper(disk);
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      // Recoveries that were stopped before they had restored the spares may have used them up: with
      // room again, all is there.
      const lacksSlots = this.#wasStoppedWhileFull && cause.code === "DISK_FULL";
      if (lacksSlots) this.free();
      // Nothing was published: as if the open had been stopped. The next one finds a disk that works.
      if (!this.#mayFail && !lacksSlots) {
        const refused = this.model.judgeRefusal(cause.code, "none");
        throw new Error(`${wordsOf(refused)}: ${cause.message}`, { cause });
      }
      this.#tally.see("an open that failed");
      this.#mayFail = false;
      disk.heal();
      await this.#open();
      return;
    }
    const recovered = await recoveredBy(keeper);
    if (disk.isStopped) return;
    this.#faults.push(...this.model.judge(recovered, named));
    this.model.published(recovered);
    this.#ledger.recovered(recovered);
    this.#life = new Life(keeper, this.#ground(disk));
  }

  async #openKeeper(disk: SimulatedDisk): Promise<Lanekeeper> {
    this.#opens += 1;
    const { retainBytes } = this;
    const seed = this.#opens;
    const surroundings = { ...simulatedSurroundings(disk, seed), flush: drawnWays(seed) };
    return await Lanekeeper.openOn(surroundings, DIRECTORY, { ...choices, retainBytes });
  }

  #ground(disk: SimulatedDisk): Ground {
    const isFull = (): boolean => disk.capacityBytes < Number.POSITIVE_INFINITY;
    this.#mayLackSpace = isFull();
    return {
      model: this.model,
      ledger: this.#ledger,
      tally: this.#tally,
      release: () => disk.release(),
      mayFail: () => this.#mayFail,
      mayLackSpace: () => this.#mayFail || this.#mayLackSpace,
      isFull,
    };
  }
}

/** The store that an open returned, every record read back. */
async function recoveredBy(keeper: Lanekeeper): Promise<RecoveredStore> {
  const { lanes, road, anchor, pins, voteState, abstainThrough } = keeper.recovery;
  const contents = await contentsOf(keeper, lanes, road);
  return {
    lanes: contents.lanes,
    // On a full disk the anchor's own QC is held in the anchor alone.
    road:
      anchor?.commitQC.vote.view.index === road.next
        ? {
            first: road.first,
            next: road.next + 1n,
            records: [...contents.road.records, encodeCommitQC(anchor.commitQC)],
          }
        : contents.road,
    anchor: anchor && encodePruneAnchor(anchor),
    pins: pins.map((pin) => ({ ...pin, hash: hex(pin.headerHash) })),
    vote: voteState,
    abstainThrough,
  };
}

function wordsOf(faults: readonly string[]): string {
  const left = faults.length - FAULTS_TOLD;
  const told = faults.slice(0, FAULTS_TOLD);
  return [...told, ...(left > 0 ? [`and ${left} more`] : [])].join("\n");
}

function leftBy(disk: SimulatedDisk, stop: Stop | undefined): SimulatedDisk {
  if (!stop?.cut) return disk.kill();
  const { seed, pick } = stop.cut;
  return [...disk.powerCuts(seed, pick + 1)].at(-1) ?? disk.kill();
}

/** The store without a disk (D10). */
export class MemoryStage implements Stage {
  readonly model = new ReferenceModel();
  readonly life: Life;

  private constructor(keeper: Lanekeeper, tally: Tally) {
    const never = (): boolean => false;
    this.life = new Life(keeper, {
      model: this.model,
      ledger: new Ledger(),
      tally,
      release: () => {},
      mayFail: never,
      mayLackSpace: never,
      isFull: never,
    });
  }

  static async open(retainBytes: number, tally = new Tally()): Promise<MemoryStage> {
    return new MemoryStage(await Lanekeeper.openMemory({ ...choices, retainBytes }), tally);
  }

  async during(work: (life: Life) => Promise<void>): Promise<void> {
    await work(this.life);
    this.life.observe();
    if (this.life.keeper.status().durable) this.life.faults.push("it says that it is durable");
    if (this.life.faults.length > 0) throw new Error(wordsOf(this.life.faults));
  }

  async end(): Promise<void> {
    await this.during((life) => life.settle());
    await this.during((life) => life.close());
  }
}

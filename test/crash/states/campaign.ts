/**
 * Judges what crashes leave: takes every disk that a kill or a power cut may leave at a moment, opens
 * the store on it, has the model judge what came back, goes on for a little while, and judges again.
 * Recoveries are crashed in turn, at each of their own steps.
 */
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { worldsAfterPowerCut } from "../../../src/testing/simulated/power.js";
import { copyWorld, newWorld, type World } from "../../../src/testing/simulated/world.js";
import type { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { PersisterError } from "../../../src/types/errors.js";
import type { LaneId } from "../../../src/types/lane.js";
import { type RecoveredStore, ReferenceModel } from "../../model/reference-model.js";
import { atRest, type Film, filmed, type Frame } from "./film.js";
import { namedIn } from "../history/named.js";
import {
  hex,
  initOn,
  openOn,
  recoveredOf,
  Session,
  type Stand,
  standard,
} from "../history/session.js";
import type { Workload } from "../history/workloads.js";
import { keyOf } from "../history/worlds.js";

/** A disk that a crash left, the history that led to it, and the words to find it again. */
export type CrashState = Frame;

/** The faults that broke the contract, and the disk. */
export interface Violation {
  readonly label: string;
  readonly faults: readonly string[];
  readonly world: World;
}

/** Apart from every seed of a workload's own opens. */
const JUDGE_SEED = 1_000_000;
const FORKS = [0, 1] as const;

export class Campaign {
  readonly violations: Violation[] = [];
  readonly #stand: Stand;
  readonly #seed: number;
  readonly #distinct = new Set<string>();
  readonly #judged = new Set<string>();
  #opens = 0;
  /** How often a recovery came upon what the contract has a rule of its own for. */
  readonly seen = { pins: 0, abstentions: 0, warnings: 0 };

  constructor(seed: number, stand = standard) {
    this.#seed = seed;
    this.#stand = stand;
  }

  /** Disks that differ in a byte, all files together. */
  get distinctStates(): number {
    return this.#distinct.size;
  }

  get judgedStates(): number {
    return this.#judged.size;
  }

  /** The violations in words, the first few. */
  get told(): string[] {
    return this.violations.slice(0, 5).map(({ label, faults }) => {
      return `seed ${this.#seed}, ${label}: ${faults.join("; ")}`;
    });
  }

  /** An empty store's disk. */
  async born(): Promise<World> {
    const world = newWorld();
    await initOn(SimulatedDisk.holding(world), this.#seed, this.#stand);
    return world;
  }

  /** Films a workload on an empty store; `order` settles in which order flushes end. */
  async run(from: World, workload: Workload, label: string, order: number): Promise<Film> {
    const model = new ReferenceModel();
    const seed = this.#seed * 1000 + order;
    let opens = seed * 100;
    return await filmed({ from, model, label, seed }, async (disk) => {
      const open = async (): Promise<Session> => {
        opens += 1;
        const keeper = await openOn(disk, opens, this.#stand);
        const recovered = await recoveredOf(keeper);
        const faults = model.judge(recovered);
        if (faults.length > 0) throw new Error(`${label}, its own open: ${faults.join("; ")}`);
        model.published(recovered);
        return new Session(keeper, model, this.#stand);
      };
      await workload({ stand: this.#stand, seed, open });
    });
  }

  /** The disks that a kill and power cuts leave at a moment: the kill first. */
  *crashes({ world, model, label }: Frame, powerCuts: number, draw = 0): Generator<CrashState> {
    yield { world, model, label: `${label}, kill` };
    let at = 0;
    for (const cut of worldsAfterPowerCut(copyWorld(world), this.#seed + draw, powerCuts)) {
      yield { world: cut, model, label: `${label}, power cut ${at} of ${powerCuts}, draw ${draw}` };
      at += 1;
    }
  }

  /**
   * Judges what an open finds; where `goOn`, writes a little more, and judges what is there then. False
   * where these bytes were judged before against an equal history.
   */
  async judge(state: CrashState, goOn = false): Promise<boolean> {
    if (!this.#isNew(state)) return false;
    const { label } = state;
    const world = copyWorld(state.world);
    const disk = SimulatedDisk.holding(world);
    const model = state.model.clone();
    const opened = await this.#open(disk, { ...state, model });
    if (!opened || !goOn) return true;
    const session = new Session(opened.keeper, model, this.#stand);
    await this.#goOn(session, opened.recovered);
    if (this.#judged.size % 2 === 0) await session.close();
    const failed = session.failures.map(({ code }) => `going on failed with ${code}`);
    this.#fault({ world, model, label }, failed);
    // The first power cut is the one in which nothing that is pending arrived.
    const [after] = worldsAfterPowerCut(copyWorld(world), this.#seed, 1);
    if (!after) return true;
    const later = { world: after, model, label: `${label}, gone on` };
    await this.#open(SimulatedDisk.holding(copyWorld(after)), later);
    return true;
  }

  /** The moments of a recovery from this state, its end included. */
  async recovery(state: CrashState): Promise<readonly Frame[]> {
    const model = state.model.clone();
    const shooting = {
      from: state.world,
      model,
      label: `${state.label}; recovery`,
      seed: this.#seed + this.#opens,
    };
    try {
      const { frames } = await filmed(shooting, async (disk) => {
        const keeper = await openOn(disk, this.#drawSeed(), this.#stand);
        model.published(await recoveredOf(keeper));
      });
      return frames;
    } catch (cause) {
      this.#fault(state, [`its recovery failed: ${String(cause)}`]);
      return [];
    }
  }

  /** Counts a state; false where these bytes were judged before against an equal history. */
  #isNew({ world, model }: CrashState): boolean {
    const bytes = keyOf(world);
    this.#distinct.add(bytes);
    const judged = `${bytes}\n${model.summary}`;
    if (this.#judged.has(judged)) return false;
    this.#judged.add(judged);
    return true;
  }

  async #open(
    disk: SimulatedDisk,
    state: CrashState,
  ): Promise<{ keeper: Lanekeeper; recovered: RecoveredStore } | undefined> {
    const { model } = state;
    const named = namedIn(state.world);
    let keeper: Lanekeeper;
    try {
      keeper = await openOn(disk, this.#drawSeed(), this.#stand);
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      const faults = model.judgeRefusal(cause.code, "none");
      const changed = disk.steps > 0 ? ["the refused open has changed the disk (D5)"] : [];
      this.#fault(state, [...faults, ...changed, cause.message]);
      return undefined;
    }
    const recovered = await recoveredOf(keeper);
    this.#fault(state, model.judge(recovered, named));
    this.seen.pins += recovered.pins.length;
    if (recovered.abstainThrough !== undefined) this.seen.abstentions += 1;
    this.seen.warnings += keeper.recovery.warnings.length;
    model.published(recovered);
    return { keeper, recovered };
  }

  /** One block more in every lane (another one than was in flight, unless it is pinned), one QC. */
  async #goOn(session: Session, recovered: RecoveredStore): Promise<void> {
    for (const lane of this.#stand.chain.lanes) {
      const { first = 0n, next = 0n } = recovered.lanes.get(lane) ?? {};
      if (next - first >= 30n) continue;
      const pin = recovered.pins.find((each) => each.lane === lane && each.number === next);
      await session.push(lane, next, pin ? this.#forkOf(lane, next, pin.hash) : 1);
    }
    await session.qc(recovered.road.next);
    await session.settled();
    await atRest();
  }

  #forkOf(lane: LaneId, number: bigint, hash: string): number {
    const { chain } = this.#stand;
    return FORKS.find((fork) => hex(chain.block(lane, number, fork).hash) === hash) ?? 0;
  }

  #drawSeed(): number {
    this.#opens += 1;
    return JUDGE_SEED * (1 + this.#seed) + this.#opens;
  }

  #fault({ label, world }: CrashState, faults: readonly string[]): void {
    if (faults.length > 0) this.violations.push({ label, faults, world });
  }
}

/**
 * Explores what crashes leave: runs a workload up to a step, takes every disk that the crash may
 * leave there, opens the store on each, has the model judge what came back, goes on for a little
 * while, and judges again. Recoveries are crashed in turn, at each of their own steps.
 */
import { crc32c } from "../../src/codec/crc32c.js";
import type { SimulatedDisk } from "../../src/disk/simulated.js";
import type { Lanekeeper } from "../../src/node/lanekeeper.js";
import { PersisterError } from "../../src/types/errors.js";
import type { LaneId } from "../../src/types/lane.js";
import { type Damage, type RecoveredStore, ReferenceModel } from "../model/reference-model.js";
import { namedOn } from "./named.js";
import { chain, hex, openOn, recoveredOf, Session } from "./session.js";

/** A disk that a crash left, the history that led to it, and the words to find it again. */
export interface CrashState {
  readonly disk: SimulatedDisk;
  readonly model: ReferenceModel;
  readonly label: string;
}

/** A program on a disk: opens the store as often as it likes, and tells the model. */
export type Workload = (ground: Ground) => Promise<void>;

/** Where a workload runs. */
export interface Ground {
  readonly disk: SimulatedDisk;
  readonly model: ReferenceModel;
  /** Opens, judges and publishes. */
  readonly open: () => Promise<Session>;
}

const FORKS = [0, 1] as const;

export class Explorer {
  readonly violations: string[] = [];
  readonly #distinct = new Set<string>();
  readonly #seed: number;
  readonly #judged = new Set<string>();
  #opens = 0;
  /** How often a recovery came upon what the contract has a rule of its own for. */
  readonly seen = { pins: 0, abstentions: 0, warnings: 0 };

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Disks that differ in a byte, all files together. */
  get distinctStates(): number {
    return this.#distinct.size;
  }

  /** States that were judged: equal disks with unequal histories count each. */
  get judgedStates(): number {
    return this.#judged.size;
  }

  /** Runs `workload` on a copy of `disk` until it ends or the world stops before `step`. */
  async run(disk: SimulatedDisk, workload: Workload, step?: number): Promise<CrashState> {
    const copy = disk.kill();
    const model = new ReferenceModel();
    const label = step === undefined ? "whole" : `step ${step}`;
    if (step !== undefined) copy.crashAt(step);
    // Salts repeat from run to run, so that every run takes the same steps.
    let opens = this.#seed * 1000;
    const open = (): Promise<Session> => this.#openSession(copy, model, label, opens++);
    const ended = workload({ disk: copy, model, open });
    await Promise.race([ended, copy.stopped]);
    await drained();
    return { disk: copy, model, label };
  }

  /** What a kill and power cuts leave of a stopped run: the kill first. */
  crashes(state: CrashState, powerCuts: number): CrashState[] {
    const { disk, model, label } = state;
    const killed = { disk: disk.kill(), model: model.clone(), label: `${label}, kill` };
    const cuts = [...disk.powerCuts(this.#seed, powerCuts)].map((cut, at) => {
      return { disk: cut, model: model.clone(), label: `${label}, power cut ${at}` };
    });
    return [killed, ...cuts];
  }

  /** Judges what an open finds; where `goOn`, writes a little more, and judges what is there then. */
  async judge(state: CrashState, goOn: boolean, damage: Damage = "none"): Promise<void> {
    if (!this.#isNew(state)) return;
    const { label } = state;
    const disk = state.disk.kill();
    const model = state.model.clone();
    const opened = await this.#open(disk, model, label, damage);
    if (!opened) return;
    if (!goOn) return;
    const session = new Session(opened.keeper, model);
    await this.#goOn(session, opened.recovered);
    if (this.#judged.size % 2 === 0) await session.close();
    for (const { code } of session.failures) this.#fault(label, [`going on failed with ${code}`]);
    // The first power cut is the one in which nothing that is pending arrived.
    const [after] = disk.powerCuts(this.#seed, 1);
    if (after) await this.#open(after, model, `${label}, gone on`, damage);
  }

  /** Crashes a recovery at each of its steps; what each leaves. */
  async crashRecovery(state: CrashState, powerCuts: number): Promise<CrashState[]> {
    const left: CrashState[] = [];
    for (let step = 1; ; step++) {
      const disk = state.disk.kill();
      const model = state.model.clone();
      const label = `${state.label}; recovery step ${step}`;
      disk.crashAt(step);
      const opening = this.#open(disk, model, label, "none");
      await Promise.race([opening, disk.stopped]);
      await drained();
      left.push(...this.crashes({ disk, model, label }, powerCuts));
      if (!disk.isStopped) return left;
    }
  }

  /** Counts a state; false where these bytes were judged before against an equal history. */
  #isNew({ disk, model }: CrashState): boolean {
    const bytes = keyOf(disk);
    this.#distinct.add(bytes);
    const judged = `${bytes}\n${model.summary}`;
    if (this.#judged.has(judged)) return false;
    this.#judged.add(judged);
    return true;
  }

  async #openSession(
    disk: SimulatedDisk,
    model: ReferenceModel,
    label: string,
    seed: number,
  ): Promise<Session> {
    const opened = await this.#open(disk, model, label, "none", seed);
    if (!opened) throw new Error(`${label}: the workload's own open was refused`);
    return new Session(opened.keeper, model);
  }

  async #open(
    disk: SimulatedDisk,
    model: ReferenceModel,
    label: string,
    damage: Damage,
    seed = 1_000_000 + this.#opens++,
  ): Promise<{ keeper: Lanekeeper; recovered: RecoveredStore } | undefined> {
    const named = damage === "none" ? namedOn(disk) : undefined;
    const { steps } = disk;
    let keeper: Lanekeeper;
    try {
      keeper = await openOn(disk, seed);
    } catch (cause) {
      const code = cause instanceof PersisterError ? cause.code : String(cause);
      const faults = model.judgeRefusal(code, damage);
      if (disk.steps > steps) faults.push("the refused open has changed the disk (D5)");
      this.#fault(
        label,
        faults.map((fault) => `${fault}: ${String(cause)}`),
      );
      return undefined;
    }
    const recovered = await recoveredOf(keeper);
    this.#fault(label, model.judge(recovered, named));
    this.seen.pins += recovered.pins.length;
    if (recovered.abstainThrough !== undefined) this.seen.abstentions += 1;
    this.seen.warnings += keeper.recovery.warnings.length;
    model.published(recovered);
    return { keeper, recovered };
  }

  /** One block more in every lane (another one than was in flight, unless it is pinned), one QC. */
  async #goOn(session: Session, recovered: RecoveredStore): Promise<void> {
    for (const lane of chain.lanes) {
      const number = recovered.lanes.get(lane)?.next ?? 0n;
      const pin = recovered.pins.find((each) => each.lane === lane && each.number === number);
      const fork = pin ? forkOf(lane, number, pin.hash) : 1;
      await session.push(lane, number, fork);
    }
    await session.qc(recovered.road.next);
    await session.settled();
  }

  #fault(label: string, faults: readonly string[]): void {
    this.violations.push(...faults.map((fault) => `seed ${this.#seed}, ${label}: ${fault}`));
  }
}

/** Lets everything that the stopped disk still allows come to rest. */
export async function drained(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function forkOf(lane: LaneId, number: bigint, hash: string): number {
  return FORKS.find((fork) => hex(chain.block(lane, number, fork).hash) === hash) ?? 0;
}

/** Every file with its size and checksum: a disk that differs in a byte has another key. */
function keyOf(disk: SimulatedDisk): string {
  return disk
    .files()
    .map(({ path, size }) => `${path} ${size} ${crc32c(disk.readNow(path))}`)
    .join("\n");
}

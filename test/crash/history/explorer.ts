/**
 * Runs a workload up to a step, and gives every disk that a crash may leave there: for those who look
 * at such disks with other eyes than an open's (see `campaign.ts` for these).
 */
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { ReferenceModel } from "../../model/reference-model.js";
import { openOn, recoveredOf, Session, standard } from "./session.js";
import type { Workload } from "./workloads.js";

/** A disk that a crash left, and the words to find it again. */
export interface StoppedDisk {
  readonly disk: SimulatedDisk;
  readonly label: string;
}

export class Explorer {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Runs `workload` on a copy of `disk` until it ends or the world stops before `step`. */
  async run(disk: SimulatedDisk, workload: Workload, step?: number): Promise<StoppedDisk> {
    const copy = disk.kill();
    const model = new ReferenceModel();
    if (step !== undefined) copy.crashAt(step);
    // Salts repeat from run to run, so that every run takes the same steps.
    let opens = this.#seed * 1000;
    const open = async (): Promise<Session> => {
      opens += 1;
      const keeper = await openOn(copy, opens);
      model.published(await recoveredOf(keeper));
      return new Session(keeper, model);
    };
    await Promise.race([workload({ stand: standard, seed: this.#seed, open }), copy.stopped]);
    await drained();
    return { disk: copy, label: step === undefined ? "whole" : `step ${step}` };
  }

  /** The disks that a kill and power cuts leave of a stopped run: the kill first. */
  crashes({ disk, label }: StoppedDisk, powerCuts: number): StoppedDisk[] {
    const cuts = [...disk.powerCuts(this.#seed, powerCuts)].map((cut, at) => {
      return { disk: cut, label: `${label}, power cut ${at}` };
    });
    return [{ disk: disk.kill(), label: `${label}, kill` }, ...cuts];
  }
}

/** Lets everything that the stopped disk still allows come to rest. */
export async function drained(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}

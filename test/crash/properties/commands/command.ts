/** A command of a history: what it does to the life that there is, and the words for it. */
import type * as fc from "fast-check";
import type { ReferenceModel } from "../../../model/reference-model.js";
import type { Life } from "../lives/life.js";
import type { DiskStage, Stage } from "../stage.js";

/** One that any store obeys. */
export type StoreCommand = fc.AsyncCommand<ReferenceModel, Stage>;
/** One that needs a disk under the store. */
export type DiskCommand = fc.AsyncCommand<ReferenceModel, DiskStage>;

/** A part of a history, and how often it is drawn. */
export interface Weighted<Command> {
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<Command>;
}

export function onStore(words: string, work: (life: Life) => Promise<void> | void): StoreCommand {
  return {
    check: () => true,
    run: (_, stage) => stage.during(async (life) => await work(life)),
    toString: () => words,
  };
}

export function onDisk(
  words: string,
  work: (stage: DiskStage) => Promise<void> | void,
): DiskCommand {
  return {
    check: () => true,
    run: (_, stage) => stage.during(async () => await work(stage)),
    toString: () => words,
  };
}

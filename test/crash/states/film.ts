/**
 * Runs a program on a simulated disk once, and keeps the disk and the history before each step, and
 * whenever everything has come to rest: as many moments to crash as there are steps, for one run.
 *
 * No flush ends by itself. When all is at rest, those that are to end next are drawn: so every
 * acknowledgement that the disk allows is out before anything else happens, and one program has as
 * many orders of flushes as there are seeds.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { seededRandom } from "../../../src/testing/simulated/random.js";
import { copyWorld, type World } from "../../../src/testing/simulated/world.js";
import type { ReferenceModel } from "../../model/reference-model.js";

/** A moment of a run: the disk, what was begun and acknowledged by then, and words to find it. */
export interface Frame {
  readonly world: World;
  readonly model: ReferenceModel;
  readonly label: string;
}

export interface Film {
  readonly frames: readonly Frame[];
  /** How the run ended. */
  readonly end: Frame;
}

export interface Shooting {
  /** The disk with which the run begins; it is left as it is. */
  readonly from: World;
  /** Told of everything by the run. */
  readonly model: ReferenceModel;
  readonly label: string;
  /** The order of flushes follows from it. */
  readonly seed: number;
}

/** Turns of the event loop after which whatever can happen has happened. */
const TURNS_TO_REST = 3;
/** So often at rest with nothing to let go: it hangs. */
const RESTS_MAX = 2000;

/** Runs `program` to its end; rejects as it does. */
export async function filmed(
  { from, model, label, seed }: Shooting,
  program: (disk: SimulatedDisk) => Promise<void>,
): Promise<Film> {
  const world = copyWorld(from);
  const frames: Frame[] = [];
  const take = (when: string): Frame => {
    return { world: copyWorld(world), model: model.clone(), label: `${label}, ${when}` };
  };
  const onStep = (at: { step: number; change: string; phase: string; path: string }): void => {
    frames.push(take(`before step ${at.step} (${at.change} ${at.phase}, ${at.path})`));
  };
  const disk = SimulatedDisk.holding(world, { onStep });
  disk.hold();
  let isOver = false;
  const running = program(disk).finally(() => {
    isOver = true;
  });
  // Looked at below, once it is over.
  running.catch(() => {});
  const random = seededRandom(seed);
  for (let rests = 0; ; ) {
    await atRest();
    frames.push(take(`at rest behind step ${disk.steps}`));
    if (isOver) break;
    const held = [...disk.held];
    rests = held.length > 0 ? 0 : rests + 1;
    if (rests > RESTS_MAX) throw new Error(`${label}: it hangs behind step ${disk.steps}`);
    const count = held.length > 0 ? 1 + random.below(held.length) : 0;
    for (let each = 0; each < count; each++) {
      const [next] = held.splice(random.below(held.length), 1);
      if (next) disk.finish(next.step);
    }
  }
  await running;
  return { frames, end: take("at its end") };
}

/** Resolves when everything that does not wait for the disk has been done. */
export async function atRest(): Promise<void> {
  for (let turn = 0; turn < TURNS_TO_REST; turn++) await nextTurn();
}

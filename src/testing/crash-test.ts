/**
 * A power cut for the author of a node: his own code runs over a Lanekeeper on a simulated disk, the
 * power goes where a seed says, and what comes back is his to check.
 *
 * One life after another, on one disk:
 *
 * 1. The store is opened and `run` is called with it. The power goes before a step of the disk that the
 *    seed draws: while the store opens or while `run` works; else when `run` returns, or when the disk has
 *    been at rest for a while. From then on no call on that store settles.
 * 2. Of the disks that this moment may leave, one is drawn: pending writes are lost, torn or kept, each on
 *    its own; in a quarter of the cases it was only the process that died, and all writes are visible.
 * 3. The store is opened on that disk, without a cut, and `check` is called with it.
 *
 * The same seed draws the same steps and the same disks. A life comes back exactly if `run` itself does
 * the same things again: give it no clock and no randomness of its own.
 */
import { clearInterval, setInterval } from "node:timers";
import type { Lanekeeper } from "../node/lanekeeper.js";
import type { OpenChoices } from "../node/options.js";
import { PersisterError } from "../types/errors.js";
import { initOn, openOn } from "./on-disk.js";
import { type Random, seededRandom } from "./simulated/random.js";
import { SimulatedDisk } from "./simulated-disk.js";

const DIRECTORY = "state";
/** Disks of which one is drawn for each power cut. */
const WORLDS_MAX = 16;

/** One life of the node: from an open to the cut. */
export interface Life {
  /** From 0. */
  readonly life: number;
  /** Aborts when the power goes: for timers and loops of the node that do not wait for the store. */
  readonly signal: AbortSignal;
}

export interface CrashTestOptions extends OpenChoices {
  /** @defaultValue 1 */
  readonly seed?: number;
  /** How many times the power goes. @defaultValue 20 */
  readonly cuts?: number;
  /** Steps of the disk that a life has at most: each write, flush, creation or removal is one or two. @defaultValue 300 */
  readonly stepsMax?: number;
  /** After so many milliseconds without a step the power goes. @defaultValue 1000 */
  readonly restMs?: number;
  /**
   * The node's code. It notes what was acknowledged in variables of its own, for `check`. It is not
   * waited for once the power is gone: a rejection from then on is none of the test's.
   */
  readonly run: (keeper: Lanekeeper, life: Life) => Promise<void>;
  /** Throws where something is not as it should be, say where an acknowledged block is missing. */
  readonly check: (keeper: Lanekeeper, life: number) => Promise<void> | void;
}

/** The figures of a crash test. */
export interface CrashTestReport {
  readonly powerCuts: number;
  readonly kills: number;
  /** Lives whose end came while the store opened. */
  readonly whileOpening: number;
  /** Steps of the disk in all lives. */
  readonly steps: number;
}

/**
 * Runs `run` over and over, cuts the power each time, and calls `check` with what is recovered.
 *
 * @throws {Error} where `run` fails while the power is on, the store does not open, or `check` throws: the
 * message has the seed and the life, the cause has the rest.
 *
 * @example
 * ```js
 * const acknowledged = [];
 * await crashTest({
 *   chainId, epochOf, cuts: 100,
 *   run: async (keeper) => {
 *     for (const block of blocksFrom(keeper)) {
 *       await keeper.pushBlock(block);
 *       await keeper.waitForBlock(lane, block.number);
 *       acknowledged.push(block);
 *     }
 *   },
 *   check: (keeper) => assert(keeper.recovery.lanes.get(lane).next >= acknowledged.length),
 * });
 * ```
 */
export async function crashTest(options: CrashTestOptions): Promise<CrashTestReport> {
  const { seed = 1, cuts = 20, stepsMax = 300, restMs = 1000, run, check, ...choices } = options;
  const random = seededRandom(seed);
  const counts = { powerCuts: 0, kills: 0, whileOpening: 0, steps: 0 };
  let disk = new SimulatedDisk();
  const { chainId, segmentBytes } = choices;
  const initChoices = { chainId, ...(segmentBytes === undefined ? {} : { segmentBytes }) };
  await initOn(disk, DIRECTORY, initChoices, random.below(2 ** 31));
  for (let life = 0; life < cuts; life++) {
    const step = 1 + random.below(stepsMax);
    try {
      disk.crashAt(disk.steps + step);
      const opening = openOn(disk, DIRECTORY, choices, random.below(2 ** 31));
      if (!(await lived(disk, opening, { run, restMs }, life))) counts.whileOpening += 1;
      counts.steps += disk.steps;
      const isKill = random.below(4) === 0;
      counts[isKill ? "kills" : "powerCuts"] += 1;
      disk = isKill ? disk.kill() : oneOf(disk, random);
      const keeper = await openOn(disk, DIRECTORY, choices, random.below(2 ** 31));
      await check(keeper, life);
      await keeper.close();
    } catch (cause) {
      const message = `seed ${seed}, life ${life}, cut before step ${step}: ${String(cause)}`;
      throw new Error(message, { cause });
    }
  }
  return counts;
}

/** Lives until the power goes; returns whether the store was open by then. */
async function lived(
  disk: SimulatedDisk,
  opening: Promise<Lanekeeper>,
  { run, restMs }: Required<Pick<CrashTestOptions, "run" | "restMs">>,
  life: number,
): Promise<boolean> {
  const power = new AbortController();
  const endWatch = crashAtRest(disk, restMs);
  try {
    const keeper = await untilStopped(disk, opening);
    if (keeper === undefined) return false;
    await untilStopped(disk, run(keeper, { life, signal: power.signal }));
    return true;
  } finally {
    endWatch();
    disk.crash();
    power.abort(new PersisterError("ABORTED", "the power is gone"));
  }
}

/** Cuts the power when the disk takes no step any more, until the function that it returns is called. */
function crashAtRest(disk: SimulatedDisk, restMs: number): () => void {
  let before = disk.steps;
  const watch = setInterval(() => {
    if (disk.steps === before) disk.crash();
    before = disk.steps;
  }, restMs);
  return () => clearInterval(watch);
}

/** Returns the result of `work`, or undefined if the power goes first. A later rejection has no effect. */
async function untilStopped<T>(disk: SimulatedDisk, work: Promise<T>): Promise<T | undefined> {
  work.catch(() => {});
  return await Promise.race([work, disk.stopped.then(() => undefined)]);
}

/** One of the disks that a power cut leaves. */
function oneOf(disk: SimulatedDisk, random: Random): SimulatedDisk {
  const worlds = [...disk.powerCuts(random.below(2 ** 31), WORLDS_MAX)];
  return worlds[random.below(worlds.length)] ?? disk.kill();
}

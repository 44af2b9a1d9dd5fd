/**
 * `lanekeeper run`: feeds a store in a child process, kills it again and again, and compares what
 * comes back with what was acknowledged.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lanekeeper } from "../../node/lanekeeper.js";
import { PersisterError } from "../../types/errors.js";
import { Chain } from "./chain.js";
import { planKills } from "./kills.js";
import { Ledger } from "./ledger.js";
import { type LifePlan, liveOnce, type RunWorld } from "./life.js";
import { Measures } from "./measures.js";
import type { RunOptions } from "./options.js";
import { SeededRandom } from "../random.js";

/** Blocks of one lane in flight, and bytes of all lanes together: enough for full groups. */
const WINDOW_BLOCKS = 8;
const WINDOW_BYTES = 8 * 1024 * 1024;

export interface RunPort {
  /** The file that `run-child` is a subcommand of. */
  readonly script: string;
  /** Aborted to end the run early. */
  readonly signal: AbortSignal;
  readonly clockMs: () => number;
  /** Called once, when the run begins, with what can be watched until it ends. */
  readonly onStart: (progress: Progress) => void;
}

export interface Progress {
  readonly options: RunOptions;
  readonly measures: Measures;
  readonly ledger: Ledger;
  readonly elapsedMs: () => number;
}

export interface RunResult extends Progress {
  readonly endMs: number;
  readonly wasInterrupted: boolean;
}

/**
 * Runs to the end, or to the first violation. Removes the directory again where `options.dir` is
 * not given.
 *
 * @throws {PersisterError} STORE_EXISTS when `options.dir` holds files; what the store refused with,
 * where that is no violation.
 */
export async function run(options: RunOptions, port: RunPort): Promise<RunResult> {
  const directory = options.dir ?? (await mkdtemp(join(tmpdir(), "lanekeeper-run-")));
  try {
    if (options.dir !== undefined) await checkEmpty(options.dir);
    return await runIn(directory, options, port);
  } finally {
    if (options.dir === undefined) await rm(directory, { recursive: true, force: true });
  }
}

async function runIn(directory: string, options: RunOptions, port: RunPort): Promise<RunResult> {
  const { seed, lanes, payload, kills } = options;
  const chain = new Chain({ seed, lanes, payloadBytes: payload });
  const ledger = new Ledger(chain.lanes);
  const measures = new Measures();
  await Lanekeeper.init(directory, { chainId: chain.chainId });
  const startMs = port.clockMs();
  const elapsedMs = () => port.clockMs() - startMs;
  const progress = { options, measures, ledger, elapsedMs };
  port.onStart(progress);
  const { script, signal } = port;
  const windowBytes = Math.floor(WINDOW_BYTES / (lanes * payload));
  const windowBlocks = Math.max(1, Math.min(WINDOW_BLOCKS, windowBytes));
  const world = { chain, ledger, measures, directory, script, windowBlocks, signal };
  await liveAll({ ...world, nowMs: elapsedMs }, options.seconds * 1000, kills);
  return { ...progress, endMs: elapsedMs(), wasInterrupted: signal.aborted };
}

/** The kills of the plan, one more at the end of the run, and a last life that closes cleanly. */
async function liveAll(world: RunWorld, durationMs: number, kills: number): Promise<void> {
  const { measures, nowMs, signal } = world;
  const random = new SeededRandom(world.chain.seed, "kills");
  const plans: LifePlan[] = [
    ...planKills(random, kills, durationMs).map((kill) => ({ end: "kill", kill }) as const),
    { end: "killFed", atMs: durationMs },
  ];
  for (const plan of plans) {
    await liveOnce(world, plan);
    if (signal.aborted || measures.violations.length > 0) return;
  }
  await liveOnce(world, { end: "close", untilMs: nowMs() });
}

async function checkEmpty(directory: string): Promise<void> {
  const entries = await readdir(directory).catch((cause: unknown) => {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return [];
    const detail = code === "ENOTDIR" ? "is not a directory" : `cannot be read (${code})`;
    throw new PersisterError("USAGE", `--dir ${directory} ${detail}`, { cause });
  });
  if (entries.length === 0) return;
  const message = `${directory} is not empty: name a directory that is empty or not there`;
  throw new PersisterError("STORE_EXISTS", message, { file: directory });
}

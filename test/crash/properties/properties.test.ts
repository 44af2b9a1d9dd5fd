/**
 * Properties over drawn histories. LANEKEEPER_RUNS asks for more of them, LANEKEEPER_SEED for others;
 * a run that fails prints its seed, its path and the commands that are left of it after shrinking,
 * and LANEKEEPER_SEED and LANEKEEPER_PATH show it again.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import type { ReferenceModel } from "../../model/reference-model.js";
import { COMMANDS, diskHistories, storeHistories } from "./commands/commands.js";
import { retainBytes } from "./commands/crashes.js";
import { freezeTime } from "../history/frozen-time.js";
import { initOn } from "../history/session.js";
import { DiskStage, MemoryStage, type Stage } from "./stage.js";
import { expected, Tally } from "./lives/tally.js";
import { campaignSize, IS_SHORT } from "../../scale.js";

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 20_261);
const RUNS = campaignSize(IS_SHORT ? 500 : 1000, "LANEKEEPER_RUNS");
/** fast-check's path, and behind a slash the commands that it has left out. */
const [path = "", ...left] = (process.env["LANEKEEPER_PATH"] ?? "").split("/");
const replayPath = left.join("/");

/** With this many histories each event that they are drawn for happens. */
const RUNS_TO_SEE_ALL = 1000;
/** Far more than a run takes on a busy machine: it hangs. */
const RUN_MS_MAX = 60_000;
const TEST_MS_MAX = 300_000 + RUNS * 1000;

interface Histories<Real extends Stage> {
  readonly drawn: fc.Arbitrary<Iterable<fc.AsyncCommand<ReferenceModel, Real>>>;
  readonly open: (retainBytes: number, tally: Tally) => Promise<Real>;
}

/** Checks that every history comes to its end on a stage of its own. */
async function check<Real extends Stage>({ drawn, open }: Histories<Real>): Promise<Tally> {
  const tally = new Tally();
  const property = fc.asyncProperty(drawn, retainBytes, async (commands, retained) => {
    const stage = await open(retained, tally);
    await fc.asyncModelRun(() => ({ model: stage.model, real: stage }), commands);
    await stage.end();
  });
  const replay = path === "" ? {} : { path, endOnFailure: true };
  const options = { numRuns: RUNS, seed: SEED, timeout: RUN_MS_MAX, ...replay };
  const began = process.cpuUsage();
  const details = await fc.check(property, options);
  const { user, system } = process.cpuUsage(began);
  const seconds = Math.round((user + system) / 1e6);
  if (details.failed) throw new Error(wordsOf(details));
  console.log(`${details.numRuns} histories, ${seconds} s of processor time; ${String(tally)}`);
  return tally;
}

function wordsOf<T>(details: fc.RunDetails<[Iterable<T>, number]>): string {
  const [commands, retained] = details.counterexample ?? [[], 0];
  const omitted = /replayPath="([^"]*)"/.exec(fc.stringify(commands))?.[1] ?? "";
  return [
    `LANEKEEPER_SEED=${details.seed} LANEKEEPER_PATH=${details.counterexamplePath}/${omitted}`,
    `run ${details.numRuns}, shrunk ${details.numShrinks} times; retaining ${retained} bytes:`,
    ...[...commands].map((command) => `  ${String(command)}`),
    String(details.errorInstance),
  ].join("\n");
}

freezeTime();

const words = `seed ${SEED}, ${RUNS} histories of ${COMMANDS} commands`;
const options = { timeout: TEST_MS_MAX };

test(`a store obeys through kills, power cuts, failures (${words})`, options, async () => {
  const begun = new SimulatedDisk();
  await initOn(begun, SEED);
  const tally = await check({
    drawn: diskHistories(replayPath),
    open: (retained, seen) => DiskStage.open(begun, retained, seen),
  });
  if (path !== "" || RUNS < RUNS_TO_SEE_ALL) return;
  for (const sight of expected) expect(tally.of(sight), sight).toBeGreaterThan(0);
});

test(`the store in memory obeys the same commands (${words})`, options, async () => {
  await check({
    drawn: storeHistories(replayPath),
    open: (retained, seen) => MemoryStage.open(retained, seen),
  });
});

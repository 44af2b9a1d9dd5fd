/**
 * A real process on a real disk, killed at any moment: while it makes a store, opens it, writes, prunes,
 * rotates, relocates and closes (D1, D5, D8).
 *
 * Only this proves that a kill at any moment of a store's *whole life* is survived, its birth and its
 * close among them, and over a life of hundreds of kills. The devnet strikes a running committee.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRandom } from "../../../src/testing/simulated/random.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { PersisterError } from "../../../src/types/errors.js";
import { judgeStore, killedLife, KillRun, note, nothing } from "./kill-run.js";
import { killChoices } from "./kill-traffic.js";
import { programOf } from "../../harness/built.js";
import { KilledProcess } from "./killed-process.js";
import { campaignSize } from "../../scale.js";

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 23);
const KILLS = campaignSize(160);
const KILLS_AT_BIRTH = campaignSize(48);
const BIRTH_MS_MAX = 100;
const TEST_MS_MAX = 400_000;

const counts = { kills: 0, lives: 0, acknowledged: 0, unborn: 0, violations: 0 };
let program: string;

beforeAll(async () => {
  program = await programOf("test/crash/kills/kill-child.ts");
});

afterAll(() => {
  const words = Object.entries(counts).map((each) => each.join(" "));
  console.log(`kills of a real process: ${words.join(", ")}`);
});

test(`${KILLS} kills of a store that grows`, { timeout: TEST_MS_MAX }, async () => {
  const run = await KillRun.begin(program, SEED, counts);
  try {
    const faults = await run.kill(KILLS);
    counts.violations += faults.length;
    expect(faults).toEqual([]);
    expect(run.acknowledged.anchor).toBeGreaterThan(0n);
  } finally {
    await run.end();
  }
});

test(`${KILLS_AT_BIRTH} kills at birth`, { timeout: TEST_MS_MAX }, async () => {
  const random = seededRandom(SEED + 1);
  const folder = await mkdtemp(join(tmpdir(), "lanekeeper-births-"));
  const directoryOf = (kill: number): string => join(folder, `store-${kill}`);
  const faults: string[] = [];
  let next = new KilledProcess(program, directoryOf(0));
  for (let kill = 0; kill < KILLS_AT_BIRTH && faults.length === 0; kill++) {
    const current = next;
    next = new KilledProcess(program, directoryOf(kill + 1));
    const lines = await killedLife(current, random, BIRTH_MS_MAX);
    counts.kills += 1;
    faults.push(...(await faultsOfBirth(directoryOf(kill), lines, `seed ${SEED}, birth ${kill}`)));
  }
  await next.kill();
  await rm(folder, { recursive: true, force: true });
  counts.violations += faults.length;
  expect(faults).toEqual([]);
});

/** A store, with all that was acknowledged; or none, which says so, and can be made. */
async function faultsOfBirth(
  directory: string,
  lines: readonly string[],
  when: string,
): Promise<string[]> {
  const acknowledged = nothing();
  counts.acknowledged += note(acknowledged, lines);
  const refusal = await Lanekeeper.open(directory, killChoices).then(
    async (keeper) => await keeper.close(),
    (cause: unknown) => (cause instanceof PersisterError ? cause.code : String(cause)),
  );
  if (refusal === undefined) return await judgeStore(directory, acknowledged, when);
  counts.unborn += 1;
  if (lines.includes("born") || refusal !== "NOT_A_STORE") return [`${when}: ${refusal}`];
  const { chainId } = killChoices;
  await Lanekeeper.init(directory, { chainId, segmentBytes: 48 * 1024 });
  return await judgeStore(directory, acknowledged, `${when}, made again`);
}

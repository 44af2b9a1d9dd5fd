/**
 * A real process with real jobs, ended with SIGKILL at random moments, over and over, beside a ledger of
 * what it was acknowledged. Only this proves that LevelDB's own files, as a killed process leaves them,
 * are looked at, mended and opened. `LANEKEEPER_KILLS` says how often it is killed.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeParts, int, JobStore, key } from "../../../src/jobs/index.js";
import { compileChild, KilledProcess, type Program } from "../../crash/kills/killed-process.js";
import { campaignSize } from "../../scale.js";
import { folder } from "../kit.js";

const KILLS = Math.max(3, campaignSize(30, "LANEKEEPER_KILLS"));
const KEYS = 50n;

let program: Program;
beforeAll(async () => {
  program = await compileChild("test/jobs/crash/kill-child.ts");
});
afterAll(() => program.remove());

/** The numbers that a process says were acknowledged. */
function acknowledged(lines: readonly string[]): readonly bigint[] {
  return lines.filter((line) => line.startsWith("put ")).map((line) => BigInt(line.slice(4)));
}

const LIFE_MS_MAX = 10_000;

test("a job survives kill -9 in a loop: what was acknowledged is there", {
  timeout: KILLS * LIFE_MS_MAX,
}, async () => {
  const root = folder();
  const acked = new Map<bigint, bigint>();
  for (let kill = 0; kill < KILLS; kill++) {
    const child = new KilledProcess(program.script, root);
    await child.said("ready");
    child.go();
    // Some are ended while they open, most while they write.
    await child.hasSaid(kill % 4 === 0 ? 2 : 60 + ((kill * 37) % 500));
    await child.kill();
    expect(child.lines.filter((line) => line.startsWith("refused"))).toEqual([]);
    for (const number of acknowledged(child.lines)) acked.set(number % KEYS, number);

    const store = await JobStore.open(root);
    const job = await store.openJob("job");
    for (const [at, number] of acked) {
      const found = await job.get("numbers", key(int(at)));
      expect(found, `number ${number}`).toBeDefined();
      const [held] = decodeParts(found as Uint8Array, ["uint64"]);
      expect(held).toBeGreaterThanOrEqual(number);
    }
    await store.close();
  }
  expect(acked.size).toBe(Number(KEYS));
  console.log(`jobs: ${KILLS} kills, nothing acknowledged was lost`);
});

/**
 * A real process with real jobs, ended with SIGKILL at random moments, over and over, beside a ledger of
 * what it was acknowledged. Only this proves that LevelDB's own files, as a killed process leaves them,
 * are looked at, mended and opened. Plain, and sealed: then each life writes with the other of two keys, so that a
 * rotation is on its way when the process is killed. `LANEKEEPER_KILLS` says how often it is killed.
 */
import { randomBytes } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { decodeParts, int, JobStore, key } from "../../../src/jobs/index.js";
import { KilledProcess } from "../../crash/kills/killed-process.js";
import { programOf } from "../../harness/built.js";
import { campaignSize } from "../../scale.js";
import { folder } from "../kit.js";

const KILLS = Math.max(3, campaignSize(30, "LANEKEEPER_KILLS"));
const KEYS = 50n;

let program: string;
beforeAll(async () => {
  program = await programOf("test/jobs/crash/kill-child.ts");
});

/** The numbers that a process says were acknowledged. */
function acknowledged(lines: readonly string[]): readonly bigint[] {
  return lines.filter((line) => line.startsWith("put ")).map((line) => BigInt(line.slice(4)));
}

const LIFE_MS_MAX = 100_000;

test.each([
  { form: "plain", keys: [] },
  { form: "sealed", keys: [randomBytes(32), randomBytes(32)] },
])(
  "a $form job survives kill -9 in a loop: what was acknowledged is there",
  {
    timeout: KILLS * LIFE_MS_MAX,
  },
  async ({ form, keys }) => {
    const root = folder();
    const acked = new Map<bigint, bigint>();
    for (let kill = 0; kill < KILLS; kill++) {
      const inTurn = kill % 2 === 0 ? keys : keys.toReversed();
      const child = new KilledProcess(program, root, ...inTurn.map((each) => each.toString("hex")));
      await child.said("ready");
      child.go();
      // Some are ended while they open, most while they write.
      await child.hasSaid(kill % 4 === 0 ? 2 : 60 + ((kill * 37) % 500));
      await child.kill();
      expect(child.lines.filter((line) => line.startsWith("refused"))).toEqual([]);
      for (const number of acknowledged(child.lines)) acked.set(number % KEYS, number);

      const [write, ...read] = inTurn;
      const store = await JobStore.open(root, { keys: write && { write, read } });
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
    console.log(`${form} jobs: ${KILLS} kills, nothing acknowledged was lost`);
  },
);

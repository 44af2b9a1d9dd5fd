/**
 * A checkpoint that carries the writes of a job which cannot settle them: a crash at any step of it leaves
 * the job every write, in their order.
 */
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { IS_SHORT } from "../../scale.js";
import { numbered, value } from "../kit.js";
import { LossyHomes } from "../crash/lossy-homes.js";
import { openOn } from "../crash/simulated-store.js";

const KEYS = 3;
const WRITES = 12;
/** One moment in so many is tried. */
const EVERY = IS_SHORT ? 11 : 1;
/** Copies of so many bytes fill several segments: a crash leaves some of them. */
const SEGMENTS = { segmentBytes: 40 * 1024 } as const;
const large = (at: number): Uint8Array => new Uint8Array(6000).fill(at);

/** The disk of a store whose process was killed while a job held writes in the journal. */
async function killed(): Promise<{ readonly disk: SimulatedDisk; readonly homes: LossyHomes }> {
  const disk = new SimulatedDisk();
  const homes = new LossyHomes();
  const store = await openOn(disk, homes, SEGMENTS);
  const job = await store.openJob("held");
  for (let at = 0; at < WRITES; at++) {
    await job.put("c", numbered(at % KEYS), large(at), { durable: true });
  }
  await store.openJob("busy");
  return { disk: disk.kill(), homes: homes.copy().crashed(() => false) };
}

test("a crash at any step of a carry, and of a second one, leaves a job its newest values", async () => {
  const { disk, homes } = await killed();
  const moments: { readonly disk: SimulatedDisk; readonly homes: LossyHomes }[] = [];
  const watched: SimulatedDisk = disk.kill({
    onStep: () => moments.push({ disk: watched.kill(), homes: homes.copy() }),
  });
  const store = await openOn(watched, homes, { ...SEGMENTS, checkpointBytes: 300 });
  const busy = await store.openJob("busy");
  for (let at = 0; at < 8; at++) await busy.put("c", numbered(0), value(at), { durable: true });
  const { jobs, checkpointFailure } = await store.status();
  expect(checkpointFailure).toBeUndefined();
  expect(jobs.find(({ id }) => id === "held")?.journalBytes).toBeGreaterThan(0);
  expect(moments.length).toBeGreaterThan(30);

  const newest = [9, 10, 11].map(large);
  for (const [at, moment] of moments.entries()) {
    if (at % EVERY !== 0) continue;
    for (const left of [moment.disk.kill(), ...moment.disk.powerCuts(at, 1)]) {
      const kept = moment.homes.copy().crashed(() => at % 2 === 0);
      const again = await openOn(left, kept, SEGMENTS);
      const rows = await (await again.openJob("held")).scan("c").all();
      expect(
        rows.map((row) => row.value),
        `moment ${at}`,
      ).toEqual(newest);
      await again.close();
    }
  }
  console.log(`crash states of a carry: about ${Math.round((2 * moments.length) / EVERY)}`);
  await store.close();
});

/** In the steady state files are overwritten in place: the set of files does not change. */
import { expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { bornJournal, openJournal } from "../kit.js";

/** Large beside heads and reserve, as real ones are. */
const SEGMENT_BYTES = 256 * 1024;
const LANES = 8;
const WINDOW = 12n;

/** Lanes that move together, each forgetting what is below its window. */
test.each([
  { label: "far less live than a segment holds", bytes: 300 },
  { label: "more live than half a segment holds", bytes: 1800 },
  { label: "segments grown with what is live", bytes: 9000 },
])("$label: nothing is created, removed or flushed but records", async ({ bytes }) => {
  const changes = new Map<string, number>();
  const disk: SimulatedDisk = (await bornJournal(SEGMENT_BYTES)).kill({
    onStep: ({ change, phase }) => {
      if (phase !== "finished") changes.set(change, (changes.get(change) ?? 0) + 1);
    },
  });
  const opened = await openJournal(disk, { segmentBytes: SEGMENT_BYTES });
  const names = Array.from({ length: LANES }, (_, at) => `lane ${at}`);
  const round = async (number: bigint): Promise<void> => {
    await Promise.all(
      names.map(async (name) => {
        const start = number > WINDOW ? number - WINDOW : undefined;
        const records = [{ number, payload: Buffer.alloc(bytes, `${name} ${number}`) }];
        await opened.log(name).write({
          ...(start === undefined ? {} : { prune: { start, lazily: true } }),
          append: { records },
        });
      }),
    );
  };
  let number = 0n;
  // Segments grow with what is live, until that is steady.
  while (number < 700n) await round(number++);
  const { rotations, relocated } = opened.journal.counters;
  const { slots, bytes: use } = opened.journal.space;
  changes.clear();
  while (number < 1400n) await round(number++);
  expect([...changes.keys()]).toEqual(["write"]);
  expect(opened.journal.counters.rotations).toBeGreaterThan(rotations + 5);
  expect(opened.journal.counters.relocated).toBe(relocated);
  expect(opened.journal.space).toMatchObject({ slots, bytes: use });
  await opened.journal.close();
});

/** In the steady state files are overwritten in place: the set of files does not change. */
import { describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { turns } from "../../node/kit.js";
import { bornJournal, openJournal, type OpenJournal } from "../kit.js";

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
          ...(start === undefined ? {} : { prune: { start, lazily: () => true } }),
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

/** Far more is live before each truncation than behind it, as where an anchor comes every tenth round. */
test.each([
  {
    label: "with a rest behind each group",
    whenIdle: (task: () => void) => void setImmediate(task),
  },
  { label: "without any rest", whenIdle: () => {} },
])("what is live goes up and down, $label: slots stay", async ({ whenIdle }) => {
  const changes = new Map<string, number>();
  const disk: SimulatedDisk = (await bornJournal(SEGMENT_BYTES)).kill({
    onStep: ({ change }) => void changes.set(change, (changes.get(change) ?? 0) + 1),
  });
  const opened = await openJournal(disk, { segmentBytes: SEGMENT_BYTES, whenIdle });
  const names = Array.from({ length: LANES }, (_, at) => `lane ${at}`);
  const round = async (number: bigint): Promise<void> => {
    const payload = Buffer.alloc(20_000, `${number}`);
    await Promise.all(names.map((name) => opened.log(name).append({ number, payload })));
    if (number % 10n < 9n) return;
    await Promise.all(names.map((name) => opened.log(name).truncateBefore(number)));
  };
  let number = 0n;
  while (number < 200n) await round(number++);
  const { bytes } = opened.journal.space;
  changes.clear();
  while (number < 400n) await round(number++);
  expect([...changes.keys()]).toEqual(["write"]);
  expect(opened.journal.space.bytes).toBe(bytes);
  await opened.journal.close();
});

describe("a surplus that stays", () => {
  /** A journal that held much, and holds little now. */
  async function shrunk(whenIdle: (task: () => void) => void): Promise<OpenJournal> {
    const opened = await openJournal(await bornJournal(), { whenIdle });
    const payload = Buffer.alloc(11_000, "x");
    for (let number = 0n; number < 24n; number++) await opened.log().append({ number, payload });
    await opened.log().truncateBefore(23n);
    return opened;
  }

  test("is given back at rest, a slot at a time, once it has stayed for long", async () => {
    const rests: (() => void)[] = [];
    const { journal } = await shrunk((task) => void rests.push(task));
    const before = journal.space.slots;
    const lost: number[] = [];
    for (let rest = 0; rest < 1500 && rests.length > 0; rest++) {
      const { slots } = journal.space;
      rests.shift()?.();
      await turns(2);
      if (rest < 100) expect(journal.space.slots).toBe(before);
      lost.push(slots - journal.space.slots);
    }
    expect(Math.max(...lost)).toBe(1);
    expect(journal.space.slots).toBeLessThanOrEqual(5);
  });

  test("is given back without any rest, too", async () => {
    const { journal, log } = await shrunk(() => {});
    const payload = Buffer.alloc(11_000, "y");
    const before = journal.space.slots;
    for (let number = 24n; number < 700n; number++) {
      await log().append({ number, payload });
      await log().truncateBefore(number);
    }
    expect(before).toBeGreaterThan(10);
    expect(journal.space.slots).toBeLessThanOrEqual(5);
  });
});

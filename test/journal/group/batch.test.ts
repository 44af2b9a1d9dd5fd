/** A batch at the level of the journal: after a crash all of it is there, or nothing. */
import { describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import type { PersisterError } from "../../../src/types/errors.js";
import type { Entry } from "../../../src/journal/group/group.js";
import { turns } from "../../node/kit.js";
import { all, bornJournal, newestSegment, openJournal, type OpenJournal } from "../kit.js";
import { IS_SHORT, STRIDE } from "../../scale.js";

const NAME = "log";
/** Half of what a segment of the smallest size takes. */
const HALF = 5500;

function words(number: bigint, life: string, bytes: number): string {
  return `${number} ${life} `.padEnd(bytes, ".");
}

/** Submits [first, first + count) as one batch; an error for each record, where there was one. */
function submit(
  { journal }: OpenJournal,
  first: bigint,
  batch: { readonly count: number; readonly life: string; readonly bytes: number },
): Promise<readonly (PersisterError | undefined)[]> {
  const { count, life, bytes } = batch;
  const ended: Promise<PersisterError | undefined>[] = [];
  const entries: Entry[] = [];
  for (let at = 0; at < count; at++) {
    const number = first + BigInt(at);
    const payload = Buffer.from(words(number, life, bytes), "latin1");
    const more = at < count - 1;
    const record = { type: "append", name: NAME, number, payload, hash: undefined, more } as const;
    ended.push(new Promise((settled) => entries.push({ ...record, settled })));
  }
  journal.submit(entries);
  return Promise.all(ended);
}

async function heldIn(opened: OpenJournal): Promise<string[]> {
  return (await all(opened.log(NAME))).map((each) => each.replace(/ \.+$/, ""));
}

/** A journal with one record, and a batch of four on its way. */
async function batchOnItsWay(before: number): Promise<{
  readonly disk: SimulatedDisk;
  readonly ended: Promise<unknown>;
}> {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  await submit(opened, 0n, { count: 1, life: "first", bytes: before });
  await turns(12);
  disk.hold();
  const ended = submit(opened, 1n, { count: 4, life: "torn", bytes: 1400 });
  await turns(12);
  expect(disk.held.length).toBeGreaterThanOrEqual(1);
  return { disk, ended };
}

describe.each([
  { where: "within a segment", before: 100 },
  { where: "with which a segment begins", before: 2 * HALF },
])("a batch $where", ({ before }) => {
  test("all of it is there after a power cut, or nothing; and what is lost never comes back", async () => {
    const { disk, ended } = await batchOnItsWay(before);
    const counts = new Map<number, number>();
    for (const left of [disk.kill(), ...disk.powerCuts(11, 300 / STRIDE)]) {
      const opened = await openJournal(left);
      const held = await heldIn(opened);
      counts.set(held.length, (counts.get(held.length) ?? 0) + 1);
      if (held.length > 1) continue;
      // Another batch takes the numbers; of a torn one's records none is ever seen again.
      const failed = await submit(opened, 1n, { count: 2, life: "second", bytes: 1400 });
      expect(failed).toEqual([undefined, undefined]);
      for (const again of [left.kill(), ...left.powerCuts(1, 2)]) {
        expect(await heldIn(await openJournal(again))).toEqual(["0 first", "1 second", "2 second"]);
      }
    }
    expect([...counts.keys()].sort()).toEqual([1, 5]);
    expect(counts.get(1)).toBeGreaterThan(20 / STRIDE);
    disk.release();
    expect(await ended).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("nor does it after crashes of the recovery that leaves it out", async () => {
    const { disk } = await batchOnItsWay(before);
    for (const left of disk.powerCuts(13, IS_SHORT ? 2 : 5)) {
      const whole = (await heldIn(await openJournal(left.kill()))).length;
      for (let step = 1; ; step++) {
        const again = left.kill();
        again.crashAt(step);
        await Promise.race([openJournal(again), again.stopped]);
        if (!again.isStopped) break;
        for (const cut of again.powerCuts(step, 4)) {
          expect(await heldIn(await openJournal(cut))).toHaveLength(whole);
        }
      }
    }
  });
});

test("of two batches in one group, the first is there without the second, and never the other way", async () => {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  await turns(12);
  disk.hold();
  const ended = [
    submit(opened, 0n, { count: 3, life: "one", bytes: 700 }),
    submit(opened, 3n, { count: 3, life: "two", bytes: 700 }),
  ];
  await turns(12);
  const counts = new Set<number>();
  for (const left of disk.powerCuts(17, 300)) {
    counts.add((await heldIn(await openJournal(left))).length);
  }
  expect([...counts].sort()).toEqual([0, 3, 6]);
  disk.release();
  await Promise.all(ended);
});

test("a batch that no segment takes is refused as a whole, and the next one is not", async () => {
  const opened = await openJournal(await bornJournal());
  const refused = await submit(opened, 0n, { count: 3, life: "large", bytes: HALF });
  expect(refused.map((error) => error?.code)).toEqual(["INVALID", "INVALID", "INVALID"]);
  const taken = await submit(opened, 0n, { count: 3, life: "small", bytes: 100 });
  expect(taken).toEqual([undefined, undefined, undefined]);
  expect(opened.journal.poison).toBeUndefined();
});

test("a full disk refuses a batch as a whole", async () => {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  disk.capacityBytes = disk.usedBytes;
  let next = 0n;
  for (;;) {
    const ended = await submit(opened, next, { count: 2, life: "a", bytes: HALF - 500 });
    const codes = new Set(ended.map((error) => error?.code));
    expect(codes.size).toBe(1);
    if (codes.has("DISK_FULL")) break;
    next += 2n;
  }
  expect(next).toBeGreaterThan(0n);
  expect(await heldIn(await openJournal(disk.kill()))).toHaveLength(Number(next));
});

test.each([0, 1, 2])(
  "record %d of an acknowledged batch is damaged: open refuses",
  async (which) => {
    const disk = await bornJournal();
    const opened = await openJournal(disk);
    await submit(opened, 0n, { count: 3, life: "kept", bytes: 300 });
    // At rest the mark names it as acknowledged.
    await turns(12);
    const left = disk.kill();
    const { path, bytes } = newestSegment(left);
    const at = Buffer.from(bytes).indexOf(`${which} kept`);
    expect(at).toBeGreaterThan(0);
    left.damage(path, at, Buffer.from("X"));
    await expect(openJournal(left)).rejects.toMatchObject({ code: "ACKNOWLEDGED_LOST" });
  },
);

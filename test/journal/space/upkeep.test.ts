/** Slots come into being and go beside the groups: what a failure, a theft or a crash leaves of them. */
import { describe, expect, test } from "vitest";
import type { Disk, DiskFile } from "../../../src/disk/disk.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { makeSlot, type Slot } from "../../../src/journal/segment/segment.js";
import { Space } from "../../../src/journal/space/slots.js";
import { STORE_FILE } from "../../../src/journal/form/store.js";
import { PersisterError } from "../../../src/types/errors.js";
import { refusal, turns } from "../../node/kit.js";
import {
  all,
  bornJournal,
  DIRECTORY,
  newestSegment,
  openJournal,
  type OpenJournal,
} from "../kit.js";
import { STRIDE } from "../../scale.js";

/** Nearly all that a segment of the smallest size takes. */
const FULL = 11_000;

/** Far more than the looks after which a surplus slot is given back. */
const RESTS_MAX = 3000;

function payload(number: bigint, bytes = FULL): Uint8Array {
  return Buffer.alloc(bytes, `${number} `);
}

async function append({ log }: OpenJournal, from: bigint, to: bigint): Promise<void> {
  for (let number = from; number < to; number++) {
    await log().append({ number, payload: payload(number) });
  }
}

function slotNames(disk: SimulatedDisk): string[] {
  return disk.files().flatMap(({ path }) => (path.endsWith(".seg") ? [path] : []));
}

/** A journal with much that is live, at rest: forgetting it makes slots surplus. */
async function grown(disk: SimulatedDisk): Promise<OpenJournal> {
  const opened = await openJournal(disk);
  await append(opened, 0n, 12n);
  await turns(12);
  return opened;
}

test("whoever lost the store's identity gives no slot back: the names may be another owner's (D8)", async () => {
  const disk = await bornJournal();
  const opened = await grown(disk);
  const names = slotNames(disk);
  await disk.remove(`${DIRECTORY}/${STORE_FILE}`);
  await refusal(opened.log().truncateBefore(11n), "POISONED");
  await turns(12);
  expect(slotNames(disk)).toEqual(names);
  expect(opened.journal.poison?.cause).toMatchObject({ code: "STORE_STOLEN" });
});

describe("a file that is taken from under its owner (D8)", () => {
  const replace = async (disk: SimulatedDisk, path: string): Promise<void> => {
    const bytes = disk.readNow(path);
    await disk.remove(path);
    await (await disk.create(path)).writeDurable(0, [bytes]);
  };
  const currentSlot = (disk: SimulatedDisk): string => newestSegment(disk).path;
  const takings = {
    removed: (disk: SimulatedDisk, path: string) => disk.remove(path),
    replaced: replace,
  };
  const files = {
    STORE: () => `${DIRECTORY}/${STORE_FILE}`,
    "the mark": () => `${DIRECTORY}/mark`,
    "the current slot": currentSlot,
  };

  test.each(
    Object.keys(files).flatMap((file) => Object.keys(takings).map((how) => ({ file, how }))),
  )("$file, $how: the next record is not acknowledged", async ({ file, how }) => {
    const disk = await bornJournal();
    const opened = await openJournal(disk);
    await append(opened, 0n, 1n);
    await turns(12);
    const path = files[file as keyof typeof files](disk);
    await takings[how as keyof typeof takings](disk, path);
    await refusal(append(opened, 1n, 2n), "POISONED");
    expect(opened.journal.poison?.cause).toMatchObject({
      code: "STORE_STOLEN",
      file: expect.stringMatching(new RegExp(`${path.slice(1)}$`)),
    });
  });

  test("without a pause between records it is noticed all the same, after a few", async () => {
    const disk = await bornJournal();
    const opened = await openJournal(disk, { whenIdle: () => {} });
    for (let number = 0n; number < 3n; number++) {
      await opened.log().append({ number, payload: payload(number, 10) });
    }
    await disk.remove(`${DIRECTORY}/mark`);
    const more = async (): Promise<void> => {
      for (let number = 3n; number < 100n; number++) {
        await opened.log().append({ number, payload: payload(number, 10) });
      }
    };
    await refusal(more(), "POISONED");
  });

  test("a sealed slot is looked at when the next segment begins", async () => {
    const disk = await bornJournal();
    const opened = await openJournal(disk);
    await append(opened, 0n, 3n);
    const [sealed] = opened.journal.readable;
    await disk.remove(`${DIRECTORY}/journal/${String(sealed?.slot).padStart(4, "0")}.seg`);
    await refusal(append(opened, 3n, 8n), "POISONED");
    expect(opened.journal.poison?.cause).toMatchObject({ code: "STORE_STOLEN" });
  });
});

test("on a disk with room for small slots alone, a journal comes to rest", async () => {
  const disk = await bornJournal();
  let rests = 0;
  const opened = await openJournal(disk, {
    whenIdle: (task) => {
      rests += 1;
      if (rests < RESTS_MAX) queueMicrotask(task);
    },
  });
  // Large groups: the next slots are to be twice as large as the smallest.
  await Promise.all([append(opened, 0n, 1n), append(opened, 1n, 2n)]);
  await turns(12);
  disk.capacityBytes = disk.usedBytes + 50 * 1024;
  await append(opened, 2n, 5n);
  await turns(12);
  expect(rests).toBeLessThan(RESTS_MAX);
  expect(opened.journal.space.free).toBeGreaterThanOrEqual(2);
  const left = disk.kill();
  left.capacityBytes = left.usedBytes + 50 * 1024;
  expect((await openJournal(left)).journal.space.free).toBeGreaterThanOrEqual(2);
});

test("a slot whose removal failed is not used again: its name may be gone", async () => {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("journal");
  const slots: Slot[] = [];
  for (let slot = 0; slot < 3; slot++) slots.push(await makeSlot(disk, "journal", slot, 4096));
  const space = spaceOf(disk, slots);
  disk.fail({ operation: "remove" });
  await refusal(space.giveBack([1]), "IO");
  expect(space.free.map(({ slot }) => slot)).toEqual([0, 2]);
  expect(space.slotCount).toBe(2);
});

test("a slot's file that cannot be closed costs no other slot", async () => {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("journal");
  const slots: Slot[] = [];
  for (let slot = 0; slot < 4; slot++) {
    const made = await makeSlot(disk, "journal", slot, 4096);
    slots.push(slot === 0 ? { ...made, file: unclosable(made.file) } : made);
  }
  const space = spaceOf(disk, slots);
  await refusal(space.giveBack([0, 1]), "IO");
  expect(space.free.map(({ slot }) => slot).sort()).toEqual([1, 2, 3]);
  expect(space.slotCount).toBe(3);
});

function spaceOf(disk: Disk, slots: readonly Slot[]): Space {
  return new Space({ disk, directory: "journal", segmentBytes: 4096, slots, inUse: new Set() });
}

function unclosable(file: DiskFile): DiskFile {
  return {
    path: file.path,
    read: (position, length) => file.read(position, length),
    writeDurable: (position, buffers) => file.writeDurable(position, buffers),
    size: () => file.size(),
    facts: () => file.facts(),
    identity: () => file.identity(),
    origin: () => file.origin(),
    lock: () => file.lock(),
    close: () => Promise.reject(new PersisterError("IO", "could not close it")),
  };
}

describe("a crash at each step", () => {
  test.each([
    { label: "of slots being made", from: 0n, to: 6n, first: 0n },
    { label: "of slots being given back", from: 0n, to: 12n, first: 11n },
  ])(
    "$label: every record is there, and two spares",
    async ({ from, to, first }) => {
      const changes = new Set<string>();
      for (let step = 1; ; step += STRIDE) {
        const disk: SimulatedDisk = (await bornJournal()).kill({
          onStep: ({ change, path }) => path.includes("/journal") && changes.add(change),
        });
        let acked = 0n;
        const run = (async () => {
          const opened = await openJournal(disk);
          const began = disk.steps;
          if (first === 0n) disk.crashAt(began + step);
          for (let number = from; number < to; number++) {
            await append(opened, number, number + 1n);
            acked = number + 1n;
          }
          await turns(12);
          if (first === 0n) return;
          disk.crashAt(disk.steps + step);
          await opened.log().truncateBefore(first);
          await turns(20);
        })();
        await Promise.race([run, disk.stopped]);
        for (const left of [disk.kill(), ...disk.powerCuts(step, 8)]) {
          const again = await openJournal(left);
          const { next } = again.log();
          expect(next).toBeGreaterThanOrEqual(acked);
          const texts = (await all(again.log())).map((each) => each.slice(0, 3));
          const expected: string[] = [];
          for (let number = again.log().first; number < next; number++) {
            expected.push(Buffer.from(payload(number, 3)).toString("latin1"));
          }
          expect(texts).toEqual(expected);
          expect(again.journal.space.free).toBeGreaterThanOrEqual(2);
          // And again, as a power cut of that open leaves it.
          for (const nested of left.powerCuts(step, 2)) await openJournal(nested);
        }
        if (!disk.isStopped) break;
      }
      const change = first === 0n ? "create" : "remove";
      expect([...changes]).toContain(change);
    },
    60_000,
  );
});

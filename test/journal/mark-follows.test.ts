/** D6: no acknowledgement waits for the mark, and the mark follows behind each. */
import { expect, test } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { decodeMark, MARK_SLOT_BYTES, type Mark } from "../../src/journal/form/mark.js";
import type { AppendEntry, PairEntry } from "../../src/journal/group/group.js";
import { turns } from "../node/kit.js";
import { bornJournal, openJournal, text } from "./kit.js";

/** The newest mark on the disk. */
function markOn(disk: SimulatedDisk): Mark {
  const bytes = disk.readNow("store/mark");
  const slots = [0, MARK_SLOT_BYTES].map((at) => decodeMark(bytes.subarray(at)));
  const marks = slots.flatMap((slot) => (slot.status === "valid" ? [slot.mark] : []));
  const [newest] = marks.sort((a, b) => (a.sequence > b.sequence ? -1 : 1));
  if (!newest) throw new Error("there is a mark");
  return newest;
}

test("an append is acknowledged before a mark names it, and then one does", async () => {
  const disk = await bornJournal();
  const { journal, log } = await openJournal(disk);
  await turns(12);
  const { acked } = markOn(disk);
  disk.hold(({ path }) => path.endsWith("mark"));
  await log().append({ number: 0n, payload: text("one") });
  expect(journal.durableLsn).toBeGreaterThan(acked);
  await turns(12);
  disk.release();
  await turns(12);
  expect(markOn(disk).acked).toBe(journal.durableLsn);
});

test("a footer names no mark that is on its way: a crash may take that mark", async () => {
  const segmentBytes = 256 * 1024;
  const disk = await bornJournal(segmentBytes);
  const { log } = await openJournal(disk, { segmentBytes });
  for (let number = 0n; number < 3n; number++) {
    await log().append({ number, payload: text("one") });
  }
  await turns(12);
  disk.hold(({ path }) => path.endsWith("mark"));
  for (let number = 3n; number < 5n; number++) {
    await log().append({ number, payload: text("two") });
    await turns(12);
  }
  for (const left of [disk.kill(), ...disk.powerCuts(7, 30)]) {
    const { journal, log: again } = await openJournal(left, { segmentBytes });
    expect(again().next).toBe(5n);
    await journal.close();
  }
  disk.release();
});

test("the mark leaves the disk to the next append of a caller who was just told, and follows once for both", async () => {
  const disk = await bornJournal();
  const later: (() => void)[] = [];
  const { journal, log } = await openJournal(disk, {
    later: (task) => void later.push(task),
    whenIdle: () => undefined,
  });
  await turns(12);
  const { acked } = markOn(disk);
  for (const number of [0n, 1n]) {
    await log().append({ number, payload: text(`${number}`) });
    await turns(12);
    expect(markOn(disk).acked).toBe(acked);
  }
  expect(later.length).toBe(1);
  later[0]?.();
  await turns(12);
  expect(markOn(disk).acked).toBe(journal.durableLsn);
});

/** A vote that is on its way: its slot is written when `finish` is called. */
function voteOf(seq: bigint): { entry: PairEntry; finish: () => void; settled: Promise<void> } {
  let finish = (): void => {};
  const written = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let done = (): void => {};
  const settled = new Promise<void>((resolve) => {
    done = resolve;
  });
  const entry: PairEntry = {
    type: "pair",
    role: "vote",
    seq,
    roadIndex: 5n,
    write: () => written,
    settled: done,
  };
  return { entry, finish, settled };
}

test("every mark names a vote that is in flight, also those that follow groups", async () => {
  const disk = await bornJournal();
  const { journal, log } = await openJournal(disk);
  await turns(12);
  const { entry, finish, settled } = voteOf(1n);
  journal.submit([entry]);
  for (let number = 0n; number < 4n; number++) {
    await log().append({ number, payload: text(`${number}`) });
    await turns(12);
    expect(markOn(disk)).toMatchObject({
      acked: journal.durableLsn,
      vote: { acked: 0n, inFlight: 1n },
      voteRoadIndex: 5n,
    });
  }
  finish();
  await settled;
  await turns(12);
  expect(markOn(disk).vote).toEqual({ acked: 1n, inFlight: 1n });
});

test("a vote waits for a mark that names it, and no append waits for the vote", async () => {
  const disk = await bornJournal();
  const { journal, log } = await openJournal(disk);
  await turns(12);
  disk.hold(({ path }) => path.endsWith("mark"));
  const { entry, finish, settled } = voteOf(1n);
  let isSettled = false;
  const noted = settled.then(() => {
    isSettled = true;
  });
  journal.submit([entry]);
  finish();
  await log().append({ number: 0n, payload: text("beside") });
  await turns(12);
  expect(isSettled).toBe(false);
  disk.release();
  await noted;
});

/** An append that fills a segment, and its end. `settled` is called first. */
function appendOf(
  number: bigint,
  settled = (): void => {},
): { entry: AppendEntry; done: Promise<void> } {
  let done = (): void => {};
  const ended = new Promise<void>((resolve) => {
    done = resolve;
  });
  const entry: AppendEntry = {
    type: "append",
    name: "log",
    number,
    payload: new Uint8Array(10 * 1024),
    hash: undefined,
    settled: (error) => {
      expect(error).toBeUndefined();
      settled();
      done();
    },
  };
  return { entry, done: ended };
}

test("no mark that follows a group gets in the way of the mark of a rotation", async () => {
  const disk = await bornJournal();
  const due: (() => void)[] = [];
  const { journal } = await openJournal(disk, { later: (task) => void due.push(task) });
  const [first, second] = [appendOf(0n), appendOf(1n)];
  journal.submit([first.entry, second.entry]);
  await second.done;
  await new Promise<void>((resolve) => {
    const truncate = { type: "truncate", name: "log", first: 2n, lazily: false } as const;
    journal.submit([{ ...truncate, settled: () => resolve() }]);
  });
  await turns(60);
  // Each of them begins a segment in a slot that is there. The writes of the second one are held.
  const third = appendOf(2n, () => disk.hold(({ path }) => path.endsWith(".seg")));
  const fourth = appendOf(3n);
  journal.submit([third.entry, fourth.entry]);
  await third.done;
  await turns(60);
  expect(disk.held.map(({ change }) => change)).toEqual(["write", "write"]);
  for (const task of due.splice(0)) task();
  await turns(12);
  expect(markOn(disk).acked).toBeLessThan(journal.durableLsn);
  disk.release();
  await fourth.done;
  await turns(12);
  expect(markOn(disk).acked).toBe(journal.durableLsn);
});

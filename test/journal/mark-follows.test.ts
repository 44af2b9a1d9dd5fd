/** D6: no acknowledgement waits for the mark, and the mark follows behind each. */
import { expect, test } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { decodeMark, MARK_SLOT_BYTES, type Mark } from "../../src/journal/form/mark.js";
import type { PairEntry } from "../../src/journal/group/group.js";
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

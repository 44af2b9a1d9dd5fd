import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { PendingPrunes } from "../../src/avail/pending-prunes.js";
import { laneIdOf } from "../../src/types/lane.js";

const [a, b] = [1, 2].map((byte) => laneIdOf(new Uint8Array(32).fill(byte), 0n));
const ofBoth = new Map([
  [a!, 4n],
  [b!, 4n],
]);
const ofOne = new Map([[b!, 9n]]);

/** A prune that is pending until `end` is called. */
function pendingPrune(prunes: PendingPrunes): { readonly end: () => void } {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  prunes.add(ofBoth, ended).catch(() => {});
  return { end };
}

/** Whether the anchor with these starts may be written by now, and how often it has hurried others. */
async function askedBy(prunes: PendingPrunes, starts: ReadonlyMap<typeof a & string, bigint>) {
  const asked = { mayBegin: false, hurried: 0 };
  prunes
    .endedBefore(starts, () => {
      asked.hurried += 1;
    })
    .then(() => {
      asked.mayBegin = true;
    })
    .catch(() => {});
  await nextTurn();
  return asked;
}

test("an anchor that has a start for each pruned lane waits for nothing (D3)", async () => {
  const prunes = new PendingPrunes();
  pendingPrune(prunes);
  expect(await askedBy(prunes, ofBoth)).toEqual({ mayBegin: true, hurried: 0 });
  expect(prunes.mayWait).toBe(true);
});

test("one that says nothing of a pruned lane waits for its prunes, and hurries them (D3)", async () => {
  const prunes = new PendingPrunes();
  const first = pendingPrune(prunes);
  const second = pendingPrune(prunes);
  const asked = await askedBy(prunes, ofOne);
  expect(asked).toEqual({ mayBegin: false, hurried: 1 });
  expect(prunes.mayWait).toBe(false);
  first.end();
  await nextTurn();
  expect(asked.mayBegin).toBe(false);
  second.end();
  await nextTurn();
  expect(asked.mayBegin).toBe(true);
  expect(prunes.mayWait).toBe(true);
  expect(await askedBy(prunes, ofOne)).toEqual({ mayBegin: true, hurried: 0 });
});

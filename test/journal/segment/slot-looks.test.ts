/** Many files are looked at one after the other while the disk is fast, and side by side where it is slow. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { WriteWay } from "../../../src/disk/disk.js";
import { lookAtEach } from "../../../src/journal/segment/slot-looks.js";

const MANY = 200;
const items = Array.from({ length: MANY }, (_, at) => at);

/** Holds the event loop for as long as a disk that has to be waited for. */
function stall(): void {
  for (const began = performance.now(); performance.now() - began < 1.5; );
}

test("a slow disk is asked by two blocking calls, then through the pool, and tried once in 65 looks", async () => {
  const ways: WriteWay[] = [];
  let inPool = 0;
  let most = 0;
  const found = await lookAtEach(items, async (item, way) => {
    ways.push(way);
    if (way === "blocking") stall();
    else {
      inPool += 1;
      most = Math.max(most, inPool);
      for (let turn = 0; turn < 1 + (item % 3); turn++) await nextTurn();
      inPool -= 1;
    }
    return item;
  });
  expect(found).toEqual(items);
  expect(ways.flatMap((way, at) => (way === "blocking" ? [at] : []))).toEqual([0, 1, 66, 131, 196]);
  expect(most).toBeGreaterThan(4);
  expect(most).toBeLessThanOrEqual(16);
});

test("the event loop goes on between looks that are fast, each by itself", async () => {
  let turns = 0;
  let isOver = false;
  const counted = (async () => {
    for (; !isOver; turns++) await nextTurn();
  })();
  await lookAtEach(items, async (item) => {
    // Less than a stall; a few of them are more than the loop may be held.
    for (const began = performance.now(); performance.now() - began < 0.5; );
    return item;
  });
  isOver = true;
  await counted;
  // Once behind the last look, anyhow.
  expect(turns).toBeGreaterThan(2);
});

test("behind a failure no look begins, and it is told when those under way have ended", async () => {
  const begun: number[] = [];
  let ended = 0;
  const looks = lookAtEach(items, async (item, way) => {
    begun.push(item);
    if (way === "blocking") stall();
    else await nextTurn();
    if (item === 30) throw new Error("it cannot be read");
    ended += 1;
    return item;
  });
  await expect(looks).rejects.toThrow("it cannot be read");
  expect(begun.length).toBeLessThan(31 + 17);
  expect(ended).toBe(begun.length - 1);
});

/** Commands that keep every rule: what they begin must be taken, and be durable in the end. */
import { setImmediate as nextTurn } from "node:timers/promises";
import * as fc from "fast-check";
import { onStore, type StoreCommand, type Weighted } from "./command.js";
import type { Life } from "../lives/life.js";
import { lanes, qcAt } from "./traffic.js";

/** A lane is full with 30. */
const BURST = 30;

export const lane = fc.nat({ max: lanes.length - 1 });

const few = fc.integer({ min: 1, max: 3 });

/** `fork` 1 is another block than most histories have there, where a pin stands a forbidden one. */
const push = fc
  .record({
    at: lane,
    count: fc.oneof({ weight: 16, arbitrary: few }, { weight: 1, arbitrary: fc.constant(BURST) }),
    fork: fc.oneof(
      { weight: 12, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constant(1) },
    ),
  })
  .map(({ at, count, fork }): StoreCommand => {
    const words = `push ${count} to lane ${at}${fork === 0 ? "" : ", of another fork"}`;
    return onStore(words, (life) => pushNext(life, at, { count, fork }));
  });

/** Each takes a segment of its own, so that slots are written over; while everything is read. */
const pushFull = fc
  .record({ at: lane, count: fc.integer({ min: 1, max: 6 }), turns: fc.nat({ max: 3 }) })
  .map(({ at, count, turns }): StoreCommand => {
    const words = `push ${count} that fill a segment to lane ${at}, and ${turns} turns later read all`;
    return onStore(words, async (life) => {
      await pushNext(life, at, { count, size: "full" });
      for (let each = 0; each < turns; each++) await nextTurn();
      readAll(life);
    });
  });

async function pushNext(
  life: Life,
  at: number,
  { count, ...form }: { readonly count: number; readonly fork?: number; readonly size?: "full" },
): Promise<void> {
  const lane = lanes[at]!;
  for (let each = 0; each < count && life.hasRoom(lane); each++) {
    await life.push(life.view.nextBlock(lane, form));
  }
}

const qc = few.map((count): StoreCommand => {
  return onStore(`push ${count} QCs`, async (life) => {
    for (let each = 0; each < count; each++) await life.qc(qcAt(life.view.road.next));
  });
});

/** Behind, within, ahead of, and far past all that the road and the lanes hold. */
const anchor = fc
  .oneof(
    { weight: 5, arbitrary: fc.integer({ min: -6, max: 2 }) },
    { weight: 1, arbitrary: fc.integer({ min: 3, max: 25 }) },
  )
  .map((by): StoreCommand => {
    const words = by < 0 ? `anchor ${-by} behind the road's next` : `anchor ${by} ahead of it`;
    return onStore(words, async (life) => {
      const index = life.view.road.next + BigInt(by);
      if (index >= 0n) await life.anchor(qcAt(index));
    });
  });

const vote = onStore("vote", (life) => life.vote());

const drop = lane.map((at) => {
  return onStore(`drop lane ${at}`, (life) => {
    if (!life.isBusy(lanes[at]!)) life.drop(lanes[at]!);
  });
});

const lift = fc.constantFrom("release" as const, "lane QC" as const).map((by): StoreCommand => {
  return onStore(`lift a pin by ${by}`, (life) => life.lift(by));
});

const turns = fc.integer({ min: 1, max: 6 }).map((count): StoreCommand => {
  return onStore(`let ${count} turns pass`, async () => {
    for (let each = 0; each < count; each++) await nextTurn();
  });
});

const settle = onStore("settle", (life) => life.settle());

function readAll(life: Life): void {
  for (const name of [...lanes, "road" as const]) life.readBack(name);
}

const readBack = onStore("read everything back", readAll);

export const writeCommands: readonly Weighted<StoreCommand>[] = [
  { weight: 20, arbitrary: push },
  { weight: 5, arbitrary: pushFull },
  { weight: 10, arbitrary: qc },
  { weight: 8, arbitrary: anchor },
  { weight: 3, arbitrary: fc.constant(vote) },
  { weight: 2, arbitrary: drop },
  { weight: 1, arbitrary: lift },
  { weight: 6, arbitrary: turns },
  { weight: 4, arbitrary: fc.constant(settle) },
  { weight: 4, arbitrary: fc.constant(readBack) },
];

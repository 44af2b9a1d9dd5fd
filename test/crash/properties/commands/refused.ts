/** Commands that break a rule, each with its own refusal, and change nothing. */
import * as fc from "fast-check";
import type { LaneId } from "../../../../src/types/lane.js";
import { onStore, type StoreCommand, type Weighted } from "./command.js";
import { lane } from "./writes.js";
import { blockOn, lanes, type MadeBlock, type MadeQC, qcAt, STRANGER } from "./traffic.js";
import type { Range, View } from "../lives/view.js";

/** A fork that nobody pushes otherwise. */
const EQUIVOCATION = 2;

type BlockMaker = (view: View, lane: LaneId, back: bigint) => MadeBlock | undefined;

/** By the rule that the block breaks; `undefined` where the lane has no place for such a one. */
const badBlocks = {
  "a duplicate": (view, lane, back) => view.held(lane, view.range(lane).next - 1n - back),
  "a conflict": (view, lane, back) => {
    const held = view.held(lane, view.range(lane).next - 1n - back);
    return held && blockOn({ ...held, fork: EQUIVOCATION });
  },
  "a gap": (view, lane, back) => {
    const { first, next } = view.range(lane);
    const number = next + 1n + back;
    // Beyond its capacity it would wait.
    return number - first < 30n ? blockOn({ lane, number, parent: STRANGER }) : undefined;
  },
  "a number below the first": (view, lane, back) => {
    const number = view.range(lane).first - 1n - back;
    return number < 0n ? undefined : blockOn({ lane, number, parent: STRANGER });
  },
  "a wrong parent": (view, lane) => {
    const { first, next } = view.range(lane);
    if (next === first || view.isFull(lane)) return undefined;
    return blockOn({ lane, number: next, parent: STRANGER });
  },
  "a block that is too large": (view, lane) => {
    const { next } = view.range(lane);
    return blockOn({ lane, number: next, parent: STRANGER, size: "too large" });
  },
  /** It waits until an anchor makes room. */
  "a block too many": (view, lane) => (view.isFull(lane) ? view.nextBlock(lane) : undefined),
} satisfies Record<string, BlockMaker>;

const badPush = fc
  .record({
    at: lane,
    form: fc.constantFrom(...Object.entries(badBlocks)),
    back: fc.nat({ max: 4 }),
  })
  .map(({ at, form: [words, make], back }): StoreCommand => {
    return onStore(`push ${words} (${back} back) to lane ${at}`, async (life) => {
      if (life.isBusy(lanes[at]!)) return;
      const block = make(life.view, lanes[at]!, BigInt(back));
      if (block) await life.push(block);
    });
  });

const pinnedPush = onStore("push another block than the pinned one", async (life) => {
  for (const lane of life.view.pinnedLanes) {
    if (life.hasRoom(lane)) await life.push(life.view.nextBlock(lane, { fork: EQUIVOCATION }));
  }
});

type QCMaker = (road: Range, back: bigint) => MadeQC | undefined;

const badQCs = {
  "a QC again": ({ next }, back) => (next > back ? qcAt(next - 1n - back) : undefined),
  "a QC of another proposal": ({ first, next }, back) =>
    next - first > back ? qcAt(next - 1n - back, EQUIVOCATION) : undefined,
  "a QC too far": ({ next }, back) => qcAt(next + 1n + back),
} satisfies Record<string, QCMaker>;

const badQC = fc
  .record({ form: fc.constantFrom(...Object.entries(badQCs)), back: fc.nat({ max: 4 }) })
  .map(({ form: [words, make], back }): StoreCommand => {
    return onStore(`push ${words} (${back} back)`, async (life) => {
      const made = make(life.view.road, BigInt(back));
      if (made) await life.qc(made);
    });
  });

const badAnchor = fc.nat({ max: 4 }).map((back): StoreCommand => {
  return onStore(`anchor of another proposal (${back} back)`, async (life) => {
    const made = badQCs["a QC of another proposal"](life.view.road, BigInt(back));
    if (made) await life.anchor(made);
  });
});

export const refusedCommands: readonly Weighted<StoreCommand>[] = [
  { weight: 8, arbitrary: badPush },
  { weight: 2, arbitrary: fc.constant(pinnedPush) },
  { weight: 3, arbitrary: badQC },
  { weight: 1, arbitrary: badAnchor },
];

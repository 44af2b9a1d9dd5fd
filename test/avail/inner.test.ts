/**
 * Every decision is one synchronous step, so a history of them needs no loop and no disk: the test plays
 * the loop, and settles what it took in any order.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Inner, type Topic } from "../../src/avail/inner.js";
import { anchorLook, blockLook, unwrittenLook } from "../../src/avail/looks.js";
import type { WriteTurn } from "../../src/avail/persist-turn.js";
import { type KnownAnchor, knownAnchor } from "../../src/persist/anchor.js";
import type { NewBlock } from "../../src/persist/block-persister.js";
import { newCommitQC } from "../../src/persist/commit-qc-persister.js";
import { type ErrorCode, PersisterError } from "../../src/types/errors.js";
import { TestChain } from "../model/chain.js";
import { anchorAt, laneAt } from "../node/kit.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);

interface Watched {
  readonly inner: Inner;
  readonly woken: Set<Topic>;
}

function fresh(): Watched {
  const woken = new Set<Topic>();
  const start = {
    lanes: new Map(),
    heldLane: () => undefined,
    road: { first: 0n, next: 0n, qcs: new Map() },
    anchor: undefined,
    epochOf: chain.epochOf,
    verifier: {} as never,
    pinOf: () => undefined,
    readBlock: () => Promise.reject(new Error("nothing is read")),
    readCommitQC: () => Promise.reject(new Error("nothing is read")),
    blockBytesMax: 1 << 20,
    cacheBytes: 1 << 20,
  };
  return { inner: new Inner(start, (topic) => woken.add(topic)), woken };
}

function block(of: typeof lane, number: bigint, parent?: Uint8Array): NewBlock {
  const { bytes, hash, signed } = chain.block(of, number);
  return { number, payload: bytes, hash, parentHash: parent ?? signed.msg.header.parentHash };
}

function anchor(index: bigint, starts: readonly bigint[]): KnownAnchor {
  return knownAnchor(anchorAt(chain, index, [...starts]));
}

function turn(inner: Inner): WriteTurn {
  const taken = inner.takeTurn();
  if (taken?.kind !== "write") throw new Error("there is something to write");
  return taken;
}

function codeOf(step: () => unknown): ErrorCode | undefined {
  try {
    step();
    return undefined;
  } catch (cause) {
    if (cause instanceof PersisterError) return cause.code;
    throw cause;
  }
}

const full = new PersisterError("DISK_FULL", "no room");

test("an anchor is taken once, beside blocks that do not wait for it; capacity waits for its end", () => {
  const { inner } = fresh();
  for (let number = 0n; number < 30n; number++) inner.admitBlock(lane, block(lane, number));
  expect(inner.admitBlock(lane, block(lane, 30n))).toBeUndefined();
  inner.admitAnchor(anchor(3n, [3n, 3n]));
  const first = turn(inner);
  expect([first.anchor?.roadIndex, first.lanes[0]?.blocks.length]).toEqual([3n, 30]);
  const [work] = first.lanes;
  if (!work || !first.anchor) throw new Error("the turn has both");
  inner.blocksDurable(lane, 30n, work.queue);
  // The blocks are durable, the anchor is not: nothing of it has happened yet (D3).
  expect(blockLook(inner, lane, 29n)()).toBe("durable");
  expect(inner.lanes.get(lane)?.first).toBe(0n);
  expect(inner.admitBlock(lane, block(lane, 30n))).toBeUndefined();
  expect(anchorLook(inner, 3n)).toBeUndefined();
  // A newer one waits until the first is durable: one at a time.
  inner.admitAnchor(anchor(5n, [5n, 5n]));
  expect(inner.takeTurn()).toBeUndefined();
  inner.anchorDurable(first.anchor);
  expect(inner.admitBlock(lane, block(lane, 30n))).toEqual({ status: "admitted" });
  expect(blockLook(inner, lane, 2n)()).toBe("pruned");
  expect(turn(inner).anchor?.roadIndex).toBe(5n);
});

test("an anchor beyond everything resets a lane; blocks in flight below it move no cursor", () => {
  const { inner } = fresh();
  for (const number of [0n, 1n]) inner.admitBlock(lane, block(lane, number));
  inner.admitAnchor(anchor(9n, [9n, 9n]));
  const { anchor: sent, lanes } = turn(inner);
  const [work] = lanes;
  if (!work || !sent) throw new Error("the turn has both");
  inner.anchorDurable(sent);
  inner.blocksDurable(lane, 2n, work.queue);
  const { first, durable, next, queuedBytes } = work.queue;
  expect([first, durable, next, queuedBytes]).toEqual([9n, 9n, 9n, 0]);
  expect(inner.admitBlock(lane, block(lane, 9n))).toEqual({ status: "admitted" });
});

test("a full disk: pushes and waits are told and try again; an anchor for which there is no room waits", () => {
  const { inner } = fresh();
  inner.admitBlock(lane, block(lane, 0n));
  inner.admitAnchor(anchor(1n, [1n, 1n]));
  const { anchor: sent } = turn(inner);
  if (!sent) throw new Error("the turn has an anchor");
  inner.anchorStalled(sent, full);
  expect(codeOf(() => anchorLook(inner, 1n))).toBe("DISK_FULL");
  // Nothing to do until somebody asks again: the loop does not spin.
  expect(inner.turnLook()).toBeUndefined();
  expect(codeOf(() => inner.admitBlock(lane, block(lane, 1n)))).toBe("DISK_FULL");
  expect(inner.turnLook()).toBe("work");
  expect(turn(inner).anchor).toBe(sent);
});

test("at the end what could not be written is named, by lane and number", () => {
  const { inner } = fresh();
  for (const number of [0n, 1n]) inner.admitBlock(lane, block(lane, number));
  inner.admitCommitQC(newCommitQC(chain.qc(0n).qc));
  inner.close();
  expect(inner.turnLook()).toBe("work");
  inner.stall(full);
  expect(inner.turnLook()).toBe("end");
  const error = unwrittenLook(inner);
  expect(error?.code).toBe("DISK_FULL");
  expect(error?.message).toContain(`blocks [0, 2) of lane ${lane}`);
  expect(error?.message).toContain("commit QCs [0, 1)");
});

test("who waits for a dropped block is told, until another one is admitted at its number", () => {
  const { inner, woken } = fresh();
  inner.admitBlock(lane, block(lane, 0n));
  const look = blockLook(inner, lane, 1n);
  expect(look()).toBeUndefined();
  woken.clear();
  expect(inner.admitBlock(lane, block(lane, 1n, new Uint8Array(32)))?.status).toBe("dropped");
  expect(woken).toContain(lane);
  expect(codeOf(look)).toBe("INVALID");
  expect(codeOf(blockLook(inner, lane, 1n))).toBe("INVALID");
  inner.admitBlock(lane, block(lane, 1n));
  expect(look()).toBeUndefined();
});

test("a lane for which the heads have no room stops alone, and goes on once there may be room", () => {
  const { inner } = fresh();
  for (const each of [lane, other]) inner.admitBlock(each, block(each, 0n));
  inner.refuseLane(lane, new PersisterError("TOO_MANY_LANES", "no room", { lane }));
  expect(codeOf(blockLook(inner, lane, 0n))).toBe("TOO_MANY_LANES");
  expect(inner.admitBlock(other, block(other, 1n))).toEqual({ status: "admitted" });
  expect(turn(inner).lanes.map((work) => work.lane)).toEqual([other]);
  inner.beginDrop(new Set([lane]));
  inner.dropEnded((each) => each === lane, undefined);
  expect(turn(inner).lanes.map((work) => work.lane)).toEqual([lane]);
});

type Step =
  | {
      readonly do: "push" | "settle" | "anchor" | "qc";
      readonly lane: number;
      readonly count: number;
    }
  | { readonly do: "anchorDurable" | "anchorStalled" | "stall" | "ask" | "drop" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom("push", "settle", "anchor", "qc"),
    lane: fc.nat({ max: 1 }),
    count: fc.integer({ min: 1, max: 6 }),
  }),
  fc.record({ do: fc.constantFrom("anchorDurable", "anchorStalled", "stall", "ask", "drop") }),
);

test("any history: cursors keep their order, starts only rise, and a loop comes to rest", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { inner } = fresh();
      let sent: KnownAnchor | undefined;
      let work: WriteTurn["lanes"] = [];
      const take = (): void => {
        const taken = inner.takeTurn();
        if (taken?.kind === "drop") inner.dropEnded((each) => taken.keep.has(each), undefined);
        if (taken?.kind !== "write") return;
        sent = taken.anchor ?? sent;
        work = taken.lanes;
        if (taken.commitQCs.length > 0)
          inner.commitQCsDurable((taken.commitQCs.at(-1)?.number ?? 0n) + 1n);
      };
      const end = (how: "durable" | "stalled"): void => {
        if (!sent) return;
        if (how === "durable") inner.anchorDurable(sent);
        else inner.anchorStalled(sent, full);
        sent = undefined;
      };
      const starts = new Map<unknown, bigint>();
      for (const each of steps) {
        const of = each.do === "push" || each.do === "settle" ? laneAt(chain, each.lane) : lane;
        codeOf(() => {
          if (each.do === "push") {
            const { next = 0n } = inner.lanes.get(of) ?? {};
            for (let at = 0n; at < BigInt(each.count); at++)
              inner.admitBlock(of, block(of, next + at));
          } else if (each.do === "settle") {
            take();
            for (const { lane: settled, queue, blocks } of work) {
              inner.blocksDurable(settled, (blocks.at(-1)?.number ?? -1n) + 1n, queue);
            }
          } else if (each.do === "anchor") {
            const index = (inner.anchors.newest?.roadIndex ?? -1n) + BigInt(each.count);
            inner.admitAnchor(anchor(index, [index, index]));
          } else if (each.do === "qc")
            inner.admitCommitQC(newCommitQC(chain.qc(inner.road.next).qc));
          else if (each.do === "anchorDurable") end("durable");
          else if (each.do === "anchorStalled") end("stalled");
          else if (each.do === "stall") inner.stall(full);
          else if (each.do === "ask") inner.tryAgain();
          else inner.beginDrop(new Set([other]));
        });
        for (const queue of inner.lanes.values()) {
          expect(queue.first <= queue.durable && queue.durable <= queue.next).toBe(true);
          expect(queue.next - queue.first <= 30n).toBe(true);
          expect(queue.first >= (starts.get(queue) ?? 0n)).toBe(true);
          starts.set(queue, queue.first);
        }
        expect(
          inner.road.first <= inner.road.durable && inner.road.durable <= inner.road.next,
        ).toBe(true);
      }
      end("durable");
      inner.close();
      for (let turns = 0; turns < 6; turns++) {
        take();
        for (const { lane: settled, queue, blocks } of work) {
          inner.blocksDurable(settled, (blocks.at(-1)?.number ?? -1n) + 1n, queue);
        }
        end("durable");
      }
      expect(inner.turnLook()).toBe("end");
      expect(unwrittenLook(inner)).toBeUndefined();
    }),
    { seed: 20262, numRuns: 300 },
  );
});

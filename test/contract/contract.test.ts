/**
 * One contract for every home of a store: a lane, the road, the anchor and the votes behave the same in a
 * store of the own process, with a disk or without one, and behind a service.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Keeper } from "../../src/node/keeper.js";
import { encodePersistedInner } from "../../src/wire/codec/encode.js";
import { eventually } from "../harness/eventually.js";
import { TestChain } from "../model/chain.js";
import {
  contents,
  laneAt,
  laneOf,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
  turns,
  watched,
} from "../node/kit.js";
import { type Home, homes } from "./homes.js";
import { restless } from "./restless.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);
const bytesAt = (number: bigint): Uint8Array => chain.block(lane, number).bytes;

const votes = encodePersistedInner({
  commitQC: chain.qc(3n).qc,
  prepareQC: undefined,
  timeoutQC: undefined,
  commitVote: undefined,
  prepareVote: undefined,
  timeoutVote: undefined,
});

async function taken<T>(source: AsyncGenerator<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  for await (const each of source) {
    found.push(each);
    if (found.length === count) break;
  }
  return found;
}

describe.each([...homes, restless])("$name", ({ open, survives }) => {
  let home: Home;
  let keeper: Keeper;

  beforeEach(async () => {
    home = await open(chain);
    keeper = home.keeper;
  });

  afterEach(async () => {
    await home[Symbol.asyncDispose]();
  });

  describe("signatures", () => {
    test("what is held, pinned or guarded says what may be signed", async () => {
      await pushBlocks(keeper, chain, lane, { to: 2n });
      const { hash: headerHash } = chain.block(lane, 1n);
      const vote = { kind: "laneVote", lane, number: 1n, headerHash } as const;
      expect(await keeper.maySign(vote)).toEqual({ may: true });
      const fork = { ...vote, headerHash: chain.block(lane, 1n, 1).hash };
      expect(await keeper.maySign(fork)).toMatchObject({ may: false, code: "CONFLICT" });
      expect(await keeper.maySign({ kind: "block", lane, number: 2n })).toEqual({ may: true });
      expect(await keeper.maySign({ kind: "vote", roadIndex: 4n })).toEqual({ may: true });

      const why = { by: "watermarks", reason: "of the machine before" } as const;
      await keeper.raiseGuard({ byLane: new Map([[lane, 3n]]), votes: 5n }, why);
      const block = await keeper.maySign({ kind: "block", lane, number: 2n });
      expect(block).toMatchObject({ may: false, code: "GUARDED", rule: "guarded-block" });
      expect(await keeper.maySign({ kind: "vote", roadIndex: 4n })).toMatchObject({ may: false });
      expect(await keeper.maySign({ kind: "vote", roadIndex: 5n })).toEqual({ may: true });
      expect(await keeper.maySign({ kind: "appVote", roadIndex: 5n })).toEqual({ may: true });
      await eventually(() => {
        const { guards } = keeper.status();
        expect(guards).toMatchObject({ lanes: 0n, byLane: new Map([[lane, 3n]]), votes: 5n });
        expect(guards).toMatchObject({ standing: ["lanes", "votes"], by: "watermarks" });
      });
    });
  });

  describe("blocks", () => {
    test("a block is admitted, becomes durable, and is read as it was received", async () => {
      expect(await keeper.pushBlock(bytesAt(0n))).toEqual({ status: "admitted" });
      expect(await keeper.waitForBlock(lane, 0n)).toBe("durable");
      expect(await keeper.readBlock(lane, 0n)).toEqual(Uint8Array.from(bytesAt(0n)));
    });

    test("a block may be given as a value, and is what its encoding says", async () => {
      await keeper.pushBlock(chain.block(lane, 0n).signed);
      await keeper.waitForBlock(lane, 0n);
      expect(await keeper.readBlock(lane, 0n)).toEqual(Uint8Array.from(bytesAt(0n)));
    });

    test("a block that is queued can be read", async () => {
      await keeper.pushBlock(bytesAt(0n));
      expect(await keeper.readBlock(lane, 0n)).toEqual(Uint8Array.from(bytesAt(0n)));
    });

    test("blocks of many lanes that are pushed at once are all durable in the end", async () => {
      const pushes = chain.lanes.flatMap((each) => {
        return Array.from({ length: 20 }, (_, at) => chain.block(each, BigInt(at)).bytes);
      });
      await Promise.all(pushes.map((bytes) => keeper.pushBlock(bytes)));
      await Promise.all(chain.lanes.map((each) => keeper.waitForBlock(each, 19n)));
      for (const each of chain.lanes) {
        expect(await keeper.readBlock(each, 7n)).toEqual(
          Uint8Array.from(chain.block(each, 7n).bytes),
        );
      }
    });

    test("the same bytes are a duplicate, other bytes a conflict with both as evidence", async () => {
      await pushBlocks(keeper, chain, lane, { to: 2n });
      const duplicate = await refusal(keeper.pushBlock(bytesAt(1n)), "DUPLICATE");
      expect(duplicate).toMatchObject({ lane, blockNumber: 1n });
      const fork = chain.block(lane, 1n, 1).bytes;
      const conflict = await refusal(keeper.pushBlock(fork), "CONFLICT");
      const { held, offered } = conflict;
      expect({ lane: conflict.lane, number: conflict.blockNumber, held, offered }).toEqual({
        lane,
        number: 1n,
        held: Uint8Array.from(bytesAt(1n)),
        offered: Uint8Array.from(fork),
      });
    });

    test("a gap, bytes that are no block, and a wrong signature are refused", async () => {
      const gap = await refusal(keeper.pushBlock(bytesAt(1n)), "OUT_OF_SEQUENCE");
      expect(gap).toMatchObject({ lane, blockNumber: 1n });
      await refusal(keeper.pushBlock(new Uint8Array([1, 2, 3])), "INVALID");
      const forged = Uint8Array.from(bytesAt(0n));
      forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
      expect(await refusal(keeper.pushBlock(forged), "INVALID")).toMatchObject({ lane });
      expect(await keeper.pushBlock(bytesAt(0n))).toEqual({ status: "admitted" });
    });

    test("the next block of a lane has its number and its parent, also right behind an anchor", async () => {
      const zeros = new Uint8Array(32);
      expect(await keeper.nextBlock(lane)).toEqual({ number: 0n, parentHash: zeros });
      await pushBlocks(keeper, chain, lane, { to: 2n });
      await keeper.pushBlock(chain.block(lane, 2n).bytes);
      const hashAt = (number: bigint): Uint8Array =>
        Uint8Array.from(chain.block(lane, number).hash);
      expect(await keeper.nextBlock(lane)).toEqual({ number: 3n, parentHash: hashAt(2n) });
      await pushQCs(keeper, chain, { to: 4n });
      await pushAnchor(keeper, chain.qc(3n).anchor);
      await eventually(async () => {
        expect(await keeper.nextBlock(lane)).toEqual({ number: 3n, parentHash: hashAt(2n) });
        // Nothing of this lane was ever here: the block before it is a peer's to give.
        expect(await keeper.nextBlock(other)).toEqual({ number: 3n, parentHash: undefined });
      });
      await pushBlocks(keeper, chain, lane, { from: 3n, to: 4n });
      expect(await keeper.nextBlock(lane)).toEqual({ number: 4n, parentHash: hashAt(3n) });
      const again = await home.reopened?.();
      if (again) {
        expect(await again.nextBlock(lane)).toEqual({ number: 4n, parentHash: hashAt(3n) });
      }
      await refusal(keeper.nextBlock("lane" as never), "USAGE");
    });

    test("a block with another parent is dropped, and a wait for it says so", async () => {
      await pushBlocks(keeper, chain, lane, { to: 1n });
      const wait = refusal(keeper.waitForBlock(lane, 1n), "INVALID");
      const result = await keeper.pushBlock(chain.orphan(lane, 1n).bytes);
      expect(result).toMatchObject({ status: "dropped" });
      expect(await wait).toMatchObject({ lane, blockNumber: 1n });
      await pushBlocks(keeper, chain, lane, { from: 1n, to: 2n });
    });

    test("a full lane waits for an anchor; a push that is aborted meanwhile is taken back", async () => {
      await pushBlocks(keeper, chain, lane, { to: 30n });
      const stop = new AbortController();
      const aborted = refusal(keeper.pushBlock(bytesAt(30n), { signal: stop.signal }), "ABORTED");
      await turns();
      stop.abort();
      expect((await aborted).name).toBe("AbortError");
      const push = keeper.pushBlock(bytesAt(30n));
      const watch = watched(push);
      await pushBlocks(keeper, chain, other, { to: 1n });
      expect(watch.settled).toBe(false);
      await pushQCs(keeper, chain, { to: 3n });
      await pushAnchor(keeper, chain.qc(2n).anchor);
      expect(await push).toEqual({ status: "admitted" });
      expect(await keeper.waitForBlock(lane, 30n)).toBe("durable");
    });
  });

  describe("the road", () => {
    test("commit QCs go in order; one that is held with the same proposal is ignored", async () => {
      await pushQCs(keeper, chain, { to: 3n });
      await keeper.pushCommitQC(chain.qc(1n).bytes);
      const gap = await refusal(keeper.pushCommitQC(chain.qc(7n).bytes), "OUT_OF_SEQUENCE");
      expect(gap.roadIndex).toBe(7n);
      await refusal(keeper.pushCommitQC(new Uint8Array([9])), "INVALID");
      expect(await keeper.readCommitQC(2n)).toEqual(Uint8Array.from(chain.qc(2n).bytes));
      expect(await keeper.waitForCommitQC(2n)).toBe("durable");
    });

    test("an anchor prunes what is below it, and tells those who wait", async () => {
      const heard = vi.fn();
      keeper.on("anchor", heard);
      for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 4n });
      await pushQCs(keeper, chain, { to: 4n });
      await pushAnchor(keeper, chain.qc(2n).anchor);
      await eventually(() => expect(heard).toHaveBeenCalledWith({ roadIndex: 2n }));
      expect(await keeper.waitForBlock(lane, 1n)).toBe("pruned");
      expect(await keeper.waitForCommitQC(1n)).toBe("pruned");
      await refusal(keeper.readBlock(lane, 1n), "OUT_OF_SEQUENCE");
      await refusal(keeper.readCommitQC(1n), "OUT_OF_SEQUENCE");
      await eventually(() => {
        expect(keeper.status()).toMatchObject({ anchorRoadIndex: 2n, road: { first: 2n } });
        expect(keeper.status().lanes.get(lane)).toMatchObject({ first: 2n, durable: 4n });
      });
      // A backward one is ignored.
      await keeper.pushAnchor(chain.qc(1n).anchor);
    });

    test("pruned records that are retained can be read, one by one and as a range", async () => {
      for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 6n });
      await pushQCs(keeper, chain, { to: 6n });
      await pushAnchor(keeper, chain.qc(4n).anchor);
      expect(await keeper.readRetainedBlock(lane, 3n)).toEqual(Uint8Array.from(bytesAt(3n)));
      expect(await keeper.readRetainedBlock(lane, 5n)).toBeUndefined();
      expect(await keeper.readRetainedCommitQC(0n)).toEqual(Uint8Array.from(chain.qc(0n).bytes));
      // The prune itself follows the anchor.
      await eventually(async () => {
        const range = await taken(keeper.retainedBlocks(lane, { from: 1n, next: 3n }), 9);
        expect(range).toEqual(
          [1n, 2n].map((number) => ({ number, bytes: Uint8Array.from(bytesAt(number)) })),
        );
      });
      await eventually(async () => {
        const road = await taken(keeper.retainedCommitQCs(), 9);
        expect(road.map(({ number }) => number)).toEqual([0n, 1n, 2n, 3n]);
      });
      expect(await taken(keeper.retainedBlocks(lane, { from: 4n }), 9)).toEqual([]);
    });
  });

  describe("the newest commit QC of a status", () => {
    test("is the newest durable one, and that of an anchor beyond the road", async () => {
      const newest = (): unknown => keeper.status().latestCommitQC;
      expect(newest()).toBeUndefined();
      await pushQCs(keeper, chain, { to: 1n });
      await eventually(() => expect(newest()).toEqual(chain.qc(0n).qc));
      await pushQCs(keeper, chain, { from: 1n, to: 3n });
      await eventually(() => expect(newest()).toEqual(chain.qc(2n).qc));
      await pushAnchor(keeper, chain.qc(6n).anchor);
      await eventually(() => expect(newest()).toEqual(chain.qc(6n).qc));
      keeper = (await home.reopened?.()) ?? keeper;
      await eventually(() => expect(newest()).toEqual(survives ? chain.qc(6n).qc : newest()));
    });
  });

  describe("offers", () => {
    test("durable blocks come once each, in order, with the hash that a vote signs", async () => {
      const reading = taken(keeper.durableBlocks(), 3);
      await pushBlocks(keeper, chain, lane, { to: 3n });
      expect(await reading).toEqual(
        [0n, 1n, 2n].map((number) => {
          return { lane, number, headerHash: Uint8Array.from(chain.block(lane, number).hash) };
        }),
      );
      const from = new Map([[lane, 1n]]);
      const again = await taken(keeper.durableBlocks({ from }), 2);
      expect(again.map(({ number }) => number)).toEqual([1n, 2n]);
    });

    test("a subscription begins at the durable cursor of the call", async () => {
      await pushBlocks(keeper, chain, lane, { to: 2n });
      const reading = taken(keeper.durableBlocks(), 1);
      await pushBlocks(keeper, chain, lane, { from: 2n, to: 3n });
      expect(await reading).toMatchObject([{ number: 2n }]);
    });

    test("durable commit QCs come once each, in order", async () => {
      await pushQCs(keeper, chain, { to: 2n });
      const reading = taken(keeper.durableCommitQCs({ from: 1n }), 2);
      await pushQCs(keeper, chain, { from: 2n, to: 3n });
      expect(await reading).toEqual(
        [1n, 2n].map((roadIndex) => {
          return { roadIndex, bytes: Uint8Array.from(chain.qc(roadIndex).bytes) };
        }),
      );
    });

    test("a subscription ends with its signal, and with the store", async () => {
      const stop = new AbortController();
      const aborted = refusal(taken(keeper.durableBlocks({ signal: stop.signal }), 1), "ABORTED");
      const ended = taken(keeper.durableBlocks(), 1);
      await turns();
      stop.abort();
      await aborted;
      await keeper.close();
      expect(await ended).toEqual([]);
    });
  });

  describe("decisions of an operator", () => {
    test("lanes are dropped but those that are kept; a wait for a dropped one is told", async () => {
      await pushBlocks(keeper, chain, lane, { to: 2n });
      await pushBlocks(keeper, chain, other, { to: 2n });
      const wait = refusal(keeper.waitForBlock(lane, 5n), "CLOSED");
      await refusal(keeper.dropLanesExcept(new Set([laneAt(chain, 2)])), "USAGE");
      await keeper.dropLanesExcept(new Set([other]));
      await wait;
      expect(await keeper.readBlock(other, 1n)).toEqual(
        Uint8Array.from(chain.block(other, 1n).bytes),
      );
      await eventually(() => expect([...keeper.status().lanes.keys()]).toEqual([other]));
      await pushBlocks(keeper, chain, lane, { to: 1n });
    });

    test("lifting a pin that is not there changes nothing", async () => {
      await keeper.release(lane, 3n, "the operator of the test has seen it");
      expect(await keeper.releases()).toEqual([]);
    });
  });

  describe("the whole", () => {
    test("status tells the ranges, and a recovery what was found", async () => {
      await pushBlocks(keeper, chain, lane, { to: 2n });
      await eventually(() => {
        const { lanes, chainId, stalled, poison } = keeper.status();
        expect(lanes.get(lane)).toMatchObject({
          first: 0n,
          next: 2n,
          durable: 2n,
          lag: 0n,
          capacityLeft: 28n,
          pinned: [],
        });
        expect({ chainId, stalled, poison }).toEqual({
          chainId: "test-chain",
          stalled: undefined,
          poison: undefined,
        });
      });
      expect(keeper.status().recovery).toBe(keeper.recovery);
      expect(keeper.recovery).toMatchObject({ pins: [], road: { first: 0n, next: 0n } });
    });

    test("wrong arguments are USAGE, at once or as a rejection, and nothing was begun", async () => {
      await refusal(keeper.pushBlock(7 as never), "USAGE");
      await refusal(keeper.waitForBlock("lane" as never, 0n), "USAGE");
      await refusal(keeper.waitForCommitQC(-1n), "USAGE");
      await refusal(keeper.readBlock(lane, 1 as never), "USAGE");
      await refusal(keeper.writeVoteState("votes" as never, 0n), "USAGE");
      expect(() => keeper.on("never" as never, () => undefined)).toThrow("the event");
    });

    test("a wait ends with its signal", async () => {
      const signal = AbortSignal.timeout(5);
      await refusal(keeper.waitForBlock(lane, 0n, { signal }), "ABORTED");
      await refusal(keeper.waitForAnchor(0n, { signal }), "ABORTED");
      await refusal(keeper.pushBlock(bytesAt(0n), { signal }), "ABORTED");
    });

    test("a sync resolves when all that was admitted before it is durable", async () => {
      await keeper.sync();
      for (const each of chain.lanes) await keeper.pushBlock(chain.block(each, 0n).bytes);
      for (let index = 0n; index < 3n; index++) await keeper.pushCommitQC(chain.qc(index).bytes);
      await keeper.pushAnchor(chain.qc(0n).anchor);
      const writing = keeper.writeVoteState(votes, 3n);
      const watch = watched(writing);
      await keeper.sync();
      await turns(1);
      expect(watch.settled).toBe(true);
      await writing;
      const { lanes, road, anchorRoadIndex } = keeper.status();
      for (const each of chain.lanes) expect(lanes.get(each)).toMatchObject({ durable: 1n });
      expect({ road: road.durable, anchorRoadIndex }).toEqual({ road: 3n, anchorRoadIndex: 0n });
      expect(await keeper.waitForBlock(lane, 0n)).toBe("durable");
      await refusal(keeper.sync({ signal: AbortSignal.abort() }), "ABORTED");
      await refusal(keeper.sync({ patience: 1 } as never), "USAGE");
    });

    test("closed is true from the call of close on; all that was admitted is synced then", async () => {
      await keeper.pushBlock(bytesAt(0n));
      expect(keeper.closed).toBe(false);
      const closing = keeper.close();
      expect(keeper.closed).toBe(true);
      await closing;
      await keeper.sync();
      expect(keeper.closed).toBe(true);
    });

    test("close writes what is queued; then everything is CLOSED, and a second close is the first", async () => {
      const heard = vi.fn();
      keeper.on("closed", heard);
      await keeper.pushBlock(bytesAt(0n));
      const wait = keeper.waitForBlock(lane, 0n);
      await keeper.close();
      expect(await wait).toBe("durable");
      await keeper.close();
      await eventually(() => expect(heard).toHaveBeenCalledExactlyOnceWith({ error: undefined }));
      await refusal(keeper.pushBlock(bytesAt(1n)), "CLOSED");
      await refusal(keeper.waitForBlock(lane, 1n), "CLOSED");
      await refusal(keeper.writeVoteState(votes, 3n), "CLOSED");
    });

    test("votes that do not decode are refused", async () => {
      await refusal(keeper.writeVoteState(new Uint8Array([255, 255]), 3n), "INVALID");
      await keeper.writeVoteState(votes, 3n);
    });

    test.skipIf(!survives)("everything that was acknowledged is there after a reopen", async () => {
      for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 4n });
      await pushQCs(keeper, chain, { to: 4n });
      await keeper.writeVoteState(votes, 3n);
      await pushAnchor(keeper, chain.qc(1n).anchor);
      await eventually(() => expect(keeper.status().road.first).toBe(1n));
      const again = await home.reopened?.();
      expect(again && (await contents(again))).toMatchObject({
        lanes: { [lane]: laneOf(chain, lane, 1n, 4n) },
        road: { first: 1n, next: 4n },
        anchor: 1n,
      });
      expect(again?.recovery.voteState).toEqual(Uint8Array.from(votes));
      expect(again?.recovery.abstainThrough).toBeUndefined();
      if (again) await pushBlocks(again, chain, lane, { from: 4n, to: 5n });
    });
  });
});

/**
 * Lanes that end: a drop is a turn of its own, during which the lane takes nothing, and after which
 * what is pushed under its name is of a new lane.
 */
import { expect, test } from "vitest";
import { AvailabilityState } from "../../src/avail/availability-state.js";
import { runPersist } from "../../src/avail/run-persist.js";
import type { Persisters } from "../../src/persist/persisters.js";
import { PersisterError } from "../../src/types/errors.js";
import type { LaneId } from "../../src/types/lane.js";
import { Verifier } from "../../src/wire/verifier.js";
import { TestChain } from "../model/chain.js";
import {
  contents,
  fresh,
  laneAt,
  laneOf,
  opened,
  pushAnchor,
  pushBlocks,
  refusal,
  reopened,
  turns,
  watched,
} from "../node/kit.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);

test("while a lane is dropped it takes nothing; what waits is of the lane after it", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 3n });
  disk.hold(({ path }) => path.includes("journal"));
  const dropping = keeper.dropLanesExcept(new Set([other]), { dropAll: true });
  const pushing = keeper.pushBlock(chain.block(lane, 0n, 1).bytes);
  const waiting = keeper.waitForBlock(lane, 0n);
  const watches = [dropping, pushing, waiting].map((each) => watched(each));
  await turns();
  expect(watches.map(({ settled }) => settled)).toEqual([false, false, false]);
  // Until the drop is durable a crash leaves the lane whole, and so does a look at it.
  expect(await keeper.readBlock(lane, 2n)).toEqual(chain.block(lane, 2n).bytes);
  disk.release();
  await dropping;
  expect(await pushing).toEqual({ status: "admitted" });
  await waiting;
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 1n });
  expect(await again.readBlock(lane, 0n)).toEqual(chain.block(lane, 0n, 1).bytes);
  await again.close();
});

test("who waited for a block of it is told at once, and nobody else", async () => {
  const { disk, keeper } = await fresh(chain);
  disk.hold(({ path }) => path.includes("journal"));
  for (const each of chain.lanes) await keeper.pushBlock(chain.block(each, 0n).bytes);
  const told = keeper.waitForBlock(lane, 0n);
  const stays = keeper.waitForBlock(other, 0n);
  const dropping = keeper.dropLanesExcept(new Set([other]), { dropAll: true });
  await refusal(told, "CLOSED");
  disk.release();
  await dropping;
  await stays;
  await keeper.close();
});

test("a crash before the drop is durable leaves the lane whole, one after it nothing", async () => {
  const { disk, keeper } = await fresh(chain);
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 2n });
  disk.hold(({ path }) => path.includes("journal"));
  const dropping = keeper.dropLanesExcept(new Set([other]), { dropAll: true });
  await turns();
  for (const left of [disk.kill(), ...disk.powerCuts(3, 5)]) {
    const before = await opened(left, chain);
    const range = before.recovery.lanes.get(lane);
    // The record of the drop may have reached the disk: then all of the lane is gone.
    expect([undefined, "0 to 2"]).toContain(range && `${range.first} to ${range.next}`);
    await before.close();
  }
  disk.release();
  await dropping;
  for (const left of disk.powerCuts(3, 7)) {
    const after = await opened(left, chain);
    expect([...after.recovery.lanes.keys()]).toEqual([other]);
    await after.close();
  }
  await keeper.close();
});

test("two drops at once both hold", async () => {
  const { disk, keeper } = await fresh(chain);
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 2n });
  await Promise.all([
    keeper.dropLanesExcept(new Set([lane]), { dropAll: true }),
    keeper.dropLanesExcept(new Set([other]), { dropAll: true }),
  ]);
  expect([...keeper.status().lanes.keys()]).toEqual([]);
  const again = await reopened(keeper, disk, chain);
  expect([...again.recovery.lanes.keys()]).toEqual([]);
  await again.close();
});

test("a lane that comes back is offered for voting from its start", async () => {
  const { keeper } = await fresh(chain);
  const offers = keeper.durableBlocks();
  const seen: string[] = [];
  const see = async (count: number): Promise<void> => {
    for (let each = 0; each < count; each++) {
      const offer = await offers.next();
      if (offer.done) return;
      seen.push(`${offer.value.lane === lane ? "lane" : "other"} ${offer.value.number}`);
    }
  };
  const first = see(3);
  await pushBlocks(keeper, chain, lane, { to: 3n });
  await first;
  await keeper.dropLanesExcept(new Set([other]), { dropAll: true });
  const second = see(2);
  await pushBlocks(keeper, chain, lane, { to: 2n });
  await second;
  expect(seen).toEqual(["lane 0", "lane 1", "lane 2", "lane 0", "lane 1"]);
  await keeper.close();
});

test("a lane that comes back begins where the durable anchor lets it, whatever is on its way", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushAnchor(keeper, chain.qc(3n).anchor);
  await keeper.dropLanesExcept(new Set([other]), { dropAll: true });
  disk.hold(({ path }) => path.includes("prune_anchor"));
  await keeper.pushAnchor(chain.qc(5n).anchor);
  await turns();
  expect(await keeper.pushBlock(chain.block(lane, 3n).bytes)).toEqual({ status: "admitted" });
  disk.release();
  await keeper.waitForAnchor(5n);
  await pushBlocks(keeper, chain, lane, { from: 5n, to: 6n });
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.lanes.get(lane)).toEqual({ first: 5n, next: 6n });
  await again.close();
});

test("D9 a drop that the full disk refuses leaves the lane as it was, and says so", async () => {
  const full = new PersisterError("DISK_FULL", "no room for the record of the drop");
  const held = new Map([[lane, { first: 0n, next: 4n, tipHash: undefined }]]);
  let isFull = true;
  const state = new AvailabilityState({
    lanes: held,
    heldLane: (each) => held.get(each),
    road: { first: 0n, next: 0n, qcs: new Map() },
    anchor: undefined,
    epochOf: chain.epochOf,
    verifier: new Verifier(),
    pinOf: () => undefined,
    readBlock: () => Promise.resolve(new Uint8Array(1)),
    readCommitQC: () => Promise.resolve(new Uint8Array(1)),
    blockBytesMax: 1 << 20,
    cacheBytes: 0,
  });
  const blocks = {
    lanes: held,
    dropLanesExcept: async (keep: ReadonlySet<LaneId>): Promise<void> => {
      if (isFull) throw full;
      for (const each of held.keys()) if (!keep.has(each)) held.delete(each);
    },
  };
  const running = runPersist(state, { blocks } as unknown as Persisters);
  expect(await refusal(state.dropLanesExcept(new Set()), "DISK_FULL")).toBe(full);
  const { first, next, durable } = state.inner.lanes.get(lane) ?? {};
  expect([first, next, durable]).toEqual([0n, 4n, 4n]);
  isFull = false;
  await state.dropLanesExcept(new Set());
  expect(state.inner.lanes.size).toBe(0);
  state.inner.close();
  await running;
});

test("a lane that no committee had when the store was opened goes on where it is on disk", async () => {
  const { disk, keeper } = await fresh(chain);
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 2n });
  await keeper.close();
  const strangers = new TestChain(1);
  const gone = chain.lanes.find((each) => !strangers.lanes.includes(each));
  if (!gone) throw new Error("one lane is outside the smaller committee");
  let isJoined = false;
  const epochOf = (index: bigint) => (isJoined ? chain : strangers).epochOf(index);
  const again = await opened(disk, Object.assign(new TestChain(2), { epochOf }));
  expect(again.status().lanes.has(gone)).toBe(false);
  isJoined = true;
  await refusal(again.pushBlock(chain.block(gone, 0n).bytes), "DUPLICATE");
  await refusal(again.pushBlock(chain.block(gone, 1n, 1).bytes), "CONFLICT");
  await pushBlocks(again, chain, gone, { from: 2n, to: 4n });
  const back = await reopened(again, disk, chain);
  expect(await contents(back)).toMatchObject({ lanes: { [gone]: laneOf(chain, gone, 0n, 4n) } });
  await back.close();
});

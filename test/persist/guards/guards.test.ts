/** The guards of a store: durable, in force before anything is signed, and told of. */
import { verifyAnchor } from "../../../src/wire/rules/verify.js";
import { expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import type { LaneId } from "../../../src/types/lane.js";
import { openPersisters, type Persisters } from "../../../src/persist/persisters.js";
import { encodeRestored, type Restored } from "../../../src/journal/form/restored.js";
import { drained } from "../../crash/history/explorer.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { fresh, laneAt, opened, pushBlocks, pushQCs, refusal, reopened } from "../../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../../node/surroundings.js";

const RESTORED = `${DIRECTORY}/RESTORED`;
const chain = new TestChain(2);
const lane = laneAt(chain, 0);
const peers = { by: "peers", reason: "all peers answered" } as const;

async function persistersOf(disk: SimulatedDisk): Promise<Persisters> {
  const surroundings = simulatedSurroundings(disk, 7);
  return await openPersisters({
    ...surroundings,
    openMap: (end) => surroundings.openMap("index", end),
    directory: DIRECTORY,
    chainId: CHAIN_ID,
    segmentBytes: SEGMENT_BYTES,
    retainBytes: 0,
    moved: false,
    verifyAnchor: (anchor) => verifyAnchor(anchor, chain.epochOf),
  });
}

/** Guards the store as a restore does. */
async function guard(disk: SimulatedDisk): Promise<void> {
  const persisters = await persistersOf(disk);
  const ends = new Map([...persisters.blocks.lanes].map(([each, { next }]) => [each, next]));
  await persisters.guards.guardAll("restored", ends, {
    reason: "backup of Monday",
    atMs: 5,
    life: "a",
  });
  await persisters.close();
}

const blockAt = (number: bigint) => ({ kind: "block", lane, number }) as const;
const voteFor = (number: bigint) => {
  return { kind: "laneVote", lane, number, headerHash: chain.block(lane, number).hash } as const;
};
const voteAt = (roadIndex: bigint) => ({ kind: "vote", roadIndex }) as const;

test("a store that was never restored is not guarded", async () => {
  const { keeper } = await fresh(chain);
  expect(keeper.status().guards).toBeUndefined();
  expect(keeper.recovery.guards).toBeUndefined();
  expect(keeper.maySign(blockAt(0n))).toEqual({ may: true });
  expect(keeper.maySign(voteAt(0n))).toEqual({ may: true });
  await keeper.close();
});

test("D6 a guarded store signs what it held alone, until its heights are known", async () => {
  const { disk, keeper: before } = await fresh(chain);
  await pushBlocks(before, chain, lane, { to: 3n });
  await pushQCs(before, chain, { to: 2n });
  await before.close();
  await guard(disk);

  let keeper = await opened(disk, chain);
  expect(keeper.recovery.warnings.at(-1)).toContain("guarded (restored: backup of Monday)");
  expect(keeper.status().guards).toMatchObject({ lanes: "unknown", standing: ["lanes", "votes"] });
  await pushBlocks(keeper, chain, lane, { from: 3n, to: 5n });
  expect(keeper.maySign(voteFor(2n))).toEqual({ may: true });
  for (const place of [voteFor(3n), blockAt(5n), voteAt(2n), voteAt(1_000_000n)]) {
    expect(keeper.maySign(place)).toMatchObject({ may: false, code: "GUARDED" });
  }
  // A block of our own that a peer had: our signature is on it already.
  const held = { ...blockAt(4n), headerHash: chain.block(lane, 4n).hash };
  expect(keeper.maySign(held)).toEqual({ may: true });

  const byLane = new Map<LaneId, bigint>([[lane, 5n]]);
  await keeper.raiseGuard({ lanes: 30n, byLane, votes: 3n }, peers);
  keeper = await reopened(keeper, disk, chain);
  expect(keeper.maySign(blockAt(5n))).toEqual({ may: true });
  expect(keeper.maySign(voteFor(4n))).toMatchObject({ rule: "guarded-lane-vote" });
  expect(keeper.maySign(voteAt(2n))).toMatchObject({ rule: "guarded-vote" });
  expect(keeper.maySign(voteAt(3n))).toEqual({ may: true });
  expect(keeper.status().guards).toMatchObject({ standing: ["votes"], ...peers });
  await pushQCs(keeper, chain, { from: 2n, to: 3n });
  expect(keeper.status().guards?.standing).toEqual([]);
  keeper = await reopened(keeper, disk, chain);
  expect(keeper.recovery.warnings).toEqual([]);
  await keeper.close();
});

test("D6 a second restore proves no more than the first one did", async () => {
  const { disk, keeper: first } = await fresh(chain);
  await pushBlocks(first, chain, lane, { to: 2n });
  await first.close();
  await guard(disk);
  const second = await opened(disk, chain);
  await pushBlocks(second, chain, lane, { from: 2n, to: 4n });
  await second.raiseGuard({ lanes: 10n, votes: 10n }, peers);
  await second.close();
  await guard(disk);
  const third = await opened(disk, chain);
  expect(third.status().guards).toMatchObject({ lanes: "unknown", votes: "unknown" });
  expect(third.maySign(voteFor(1n))).toEqual({ may: true });
  expect(third.maySign(voteFor(3n))).toMatchObject({ rule: "guarded-lane-vote" });
  await third.close();
});

test("raises that are asked for at once are all in force", async () => {
  const { disk, keeper: before } = await fresh(chain);
  await before.close();
  await guard(disk);
  const keeper = await opened(disk, chain);
  await Promise.all([
    keeper.raiseGuard({ lanes: 7n }, peers),
    keeper.raiseGuard({ votes: 9n }, { by: "watermarks", reason: "of the old machine" }),
  ]);
  expect(keeper.status().guards).toMatchObject({ lanes: 7n, votes: 9n, by: "watermarks" });
  await keeper.raiseGuard({ votes: 4n }, { by: "operator", reason: "9 was a slip of the pen" });
  expect(keeper.status().guards).toMatchObject({ lanes: 7n, votes: 4n });
  await refusal(keeper.raiseGuard({ votes: 1n }, { by: "operator", reason: " " }), "USAGE");
  await keeper.close();
  expect(() => keeper.maySign(voteAt(9n))).toThrow(expect.objectContaining({ code: "CLOSED" }));
});

/** A store as a restore leaves it: its guard is not in its journal yet. */
async function restored(guardedBy: Restored["guard"]): Promise<SimulatedDisk> {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 2n });
  await keeper.close();
  const record = { guard: guardedBy, reason: "backup 7", atMs: 5, claim: "ab".repeat(16) };
  const file = await disk.create(RESTORED);
  await file.writeDurable(0, [encodeRestored(record)]);
  await file.close();
  await disk.syncDirectory(DIRECTORY);
  return disk;
}

test("D6 a crash at any step of the first open of a restored store leaves it guarded", async () => {
  const before = await restored("all");
  const whole = before.snapshot();
  await (await opened(whole, chain)).close();
  expect(await whole.kind(RESTORED)).toBeUndefined();
  for (let step = 1; step <= whole.steps + 1; step++) {
    const disk = before.snapshot();
    disk.crashAt(step);
    await Promise.race([opened(disk, chain), disk.stopped]);
    await drained();
    for (const left of [disk.kill(), ...disk.powerCuts(step, 2)]) {
      const keeper = await opened(left, chain);
      expect(keeper.status().guards).toMatchObject({ lanes: "unknown", votes: "unknown" });
      expect(keeper.maySign(voteFor(1n))).toEqual({ may: true });
      expect(keeper.maySign(blockAt(2n))).toMatchObject({ code: "GUARDED" });
      expect(await left.kind(RESTORED)).toBeUndefined();
      await keeper.close();
    }
  }
});

test("the last backup of a retired store is opened without a guard, and that is on record", async () => {
  const keeper = await opened(await restored("none"), chain);
  expect(keeper.status().guards).toMatchObject({ lanes: 0n, votes: 0n, by: "restored" });
  expect(keeper.maySign(blockAt(2n))).toEqual({ may: true });
  await keeper.close();
});

test("a record of a restore that cannot be read guards the whole store", async () => {
  const disk = await restored("none");
  disk.damage(RESTORED, 3, Buffer.from("?"));
  const keeper = await opened(disk, chain);
  expect(keeper.maySign(blockAt(2n))).toMatchObject({ code: "GUARDED" });
  await keeper.close();
});

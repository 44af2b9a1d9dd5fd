/** Records that a repair takes from elsewhere: from an archive, and from peers. Nothing counts that is not proven. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openBucket } from "../../../src/archive/open-bucket.js";
import { Archive } from "../../../src/archive/reading/archive.js";
import { encodePruneAnchor } from "../../../src/wire/codec/encode.js";
import { ROAD } from "../../../src/persist/kinds.js";
import type { LaneId } from "../../../src/types/lane.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { ModelSource, writeAll, writerOf } from "../../archive/kit.js";
import { TestChain } from "../../model/chain.js";
import { contents, opened, pushAnchor } from "../../node/kit.js";
import { DIRECTORY } from "../../node/surroundings.js";
import { before, chain, harmed, harms, lane, makeStores, repaired, sealedBlock } from "./kit.js";

makeStores();

test("peers give back a block if the next one links to it, and no other block in its place", async () => {
  const harm = harms["a record of a sealed segment"]?.[0] ?? (() => {});
  const { record } = sealedBlock();
  const forked = { block: async (of: typeof lane, n: bigint) => chain.block(of, n, 1).bytes };
  const wrong = await repaired(harmed(harm), { apply: false, peers: forked });
  expect(wrong.plan?.logs.some(({ lost }) => lost?.first === record.number)).toBe(true);
  const stand = harmed(harm);
  const { disk } = stand;
  const right = { block: async (of: typeof lane, n: bigint) => chain.block(of, n).bytes };
  const { plan, hasLoss } = await repaired(stand, { peers: right });
  expect(hasLoss).toBe(false);
  expect(plan?.logs.reduce((sum, each) => sum + each.fromPeers, 0)).toBe(1);
  const keeper = await opened(disk, chain, { moved: true });
  expect(await contents(keeper)).toEqual(before);
  await keeper.close();
});

describe("a store whose newest anchor is lost: what was pruned above the older one is gone from it", () => {
  let pruned: SimulatedDisk;
  let held: unknown;
  let first = 0n;
  beforeAll(async () => {
    const { disk } = harmed(() => {});
    const keeper = await opened(disk, chain);
    await pushAnchor(keeper, chain.qc(5n).anchor);
    await keeper.close();
    const again = await opened(disk, chain);
    held = await contents(again);
    first = again.recovery.lanes.get(lane)?.first ?? 0n;
    await again.close();
    expect(first).toBeGreaterThan(2n);
    disk.damage(`${DIRECTORY}/prune_anchor_b.pb`, 0, Buffer.alloc(64, 1));
    pruned = disk;
  });

  const right = {
    block: async (of: LaneId, number: bigint) => chain.block(of, number).bytes,
    commitQC: async (index: bigint) => chain.qc(index).bytes,
  };

  test("by itself it loses each lane; with peers, it has all of it, the older anchor and what was pruned", async () => {
    const alone = { disk: pruned.snapshot() };
    const { plan } = await repaired(alone, { apply: false });
    expect(plan).toMatchObject({ isAnchorLost: true });
    expect(plan?.logs.find(({ name }) => name === lane)?.lost).toEqual({ first: 0n, next: 9n });
    const stand = { disk: pruned.snapshot() };
    const asked = await repaired(stand, { peers: right, acceptLoss: true });
    const kept = asked.plan?.logs.find(({ name }) => name === lane);
    expect(kept).toMatchObject({ first: 0n, fromPeers: Number(first), lost: undefined });
    const keeper = await opened(stand.disk, chain, { moved: true });
    expect(await contents(keeper)).toEqual(before);
    await keeper.close();
  });

  test("an archive gives the same, read by its own hashes", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lk-repair-"));
    try {
      const bucket = await openBucket(`file://${folder}`);
      const source = new ModelSource(first);
      source.record = (log, number) =>
        log === ROAD ? chain.qc(number).bytes : chain.block(log, number).bytes;
      for (const log of [...chain.lanes, ROAD] as const) {
        await writeAll(writerOf(bucket, source, log), source);
      }
      const stand = { disk: pruned.snapshot() };
      const archive = (chainId: string) => Archive.open(`file://${folder}`, { chainId });
      const { plan } = await repaired(stand, { archive, acceptLoss: true });
      for (const name of chain.lanes) {
        const kept = plan?.logs.find((each) => each.name === name);
        expect(kept).toMatchObject({ fromArchive: Number(first), fromPeers: 0, lost: undefined });
      }
      const keeper = await opened(stand.disk, chain, { moved: true });
      expect(await contents(keeper)).toEqual(before);
      await keeper.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("blocks of a fork are not taken, nor those that end before the first held one, nor bytes that are none", async () => {
    const sources = [
      { ...right, block: async (of: LaneId, number: bigint) => chain.block(of, number, 1).bytes },
      {
        block: async (of: LaneId, n: bigint) =>
          n + 1n < first ? chain.block(of, n).bytes : undefined,
      },
      { ...right, block: async () => Uint8Array.of(1, 2, 3) },
      { ...right, block: async (of: LaneId, number: bigint) => chain.block(of, number + 1n).bytes },
    ];
    for (const block of sources) {
      const { plan } = await repaired({ disk: pruned.snapshot() }, { peers: block, apply: false });
      const kept = plan?.logs.find(({ name }) => name === lane);
      expect(kept).toMatchObject({ records: [], fromPeers: 0, lost: { first: 0n, next: 9n } });
    }
  });

  test("an anchor of a peer takes the place of the lost one; each lane goes on at its start", async () => {
    const anchor = async () => encodePruneAnchor(chain.qc(5n).anchor);
    const stand = { disk: pruned.snapshot() };
    const { plan, hasLoss } = await repaired(stand, { peers: { anchor }, acceptLoss: true });
    // Nobody can tell whether it is as new as the lost one.
    expect(hasLoss).toBe(true);
    expect(plan?.logs.filter(({ lost }) => lost)).toEqual([]);
    const keeper = await opened(stand.disk, chain, { moved: true });
    expect(await contents(keeper)).toEqual(held);
    expect(keeper.maySign({ kind: "block", lane, number: 9n })).toMatchObject({ code: "GUARDED" });
    await keeper.close();
  });

  test("an anchor that the committee has not signed is not taken, and none is asked for where ours is there", async () => {
    const { anchor: signed } = chain.qc(5n);
    const forged = encodePruneAnchor(signed);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    const peers = { anchor: async () => forged };
    const { plan } = await repaired({ disk: pruned.snapshot() }, { peers, apply: false });
    expect(plan?.anchor?.commitQC.vote.view.index).toBe(0n);
    const other = { anchor: async () => encodePruneAnchor(new TestChain(3).qc(5n).anchor) };
    await expect(repaired({ disk: pruned.snapshot() }, { peers: other })).rejects.toMatchObject({
      code: "WRONG_COMMITTEE",
    });
    const harm = harms["a record of a sealed segment"]?.[0] ?? (() => {});
    const never = { anchor: async () => Promise.reject(new Error("nobody asks for it")) };
    const whole = await repaired(harmed(harm), { peers: never, apply: false });
    expect(whole.plan?.anchor?.commitQC.vote.view.index).toBe(0n);
  });
});

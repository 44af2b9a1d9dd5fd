/** Lanes at the persister, where the availability state does not stand before them. */
import { verifyAnchor } from "../../src/wire/rules/verify.js";
import { expect, test } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { openPersisters, type Persisters } from "../../src/persist/persisters.js";
import type { NewBlock } from "../../src/persist/block-persister.js";
import { newCommitQC } from "../../src/persist/commit-qc-persister.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { born, laneAt, refusal } from "../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../node/surroundings.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
let seeds = 100;

async function open(disk: SimulatedDisk): Promise<Persisters> {
  const surroundings = simulatedSurroundings(disk, ++seeds);
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

function block(number: bigint): NewBlock {
  const { bytes, hash, signed } = chain.block(lane, number);
  return { number, payload: bytes, hash, parentHash: signed.msg.header.parentHash };
}

test("S7g a gap is refused at write time, on a lane and on the road", async () => {
  const persisters = await open(await born());
  await persisters.blocks.write(lane, { blocks: [block(0n)] });
  const gap = await refusal(
    persisters.blocks.write(lane, { blocks: [block(1n), block(3n)] }),
    "OUT_OF_SEQUENCE",
  );
  expect([gap.lane, gap.blockNumber]).toEqual([lane, 3n]);
  expect(persisters.blocks.lanes.get(lane)?.next).toBe(1n);
  for (const index of [0n, 1n, 2n]) {
    await persisters.road.append([newCommitQC(chain.qc(index).qc)]);
  }
  const five = [newCommitQC(chain.qc(5n).qc)];
  await refusal(persisters.road.append(five), "OUT_OF_SEQUENCE");
  expect(persisters.road.log.next).toBe(3n);
  await persisters.close();
});

test("B20 a lane whose first write was refused can be dropped like any other", async () => {
  const persisters = await open(await born());
  await refusal(persisters.blocks.write(lane, { blocks: [block(3n)] }), "OUT_OF_SEQUENCE");
  await persisters.blocks.dropLanesExcept(new Set());
  await persisters.blocks.write(lane, { blocks: [block(0n)] });
  expect(persisters.blocks.lanes.get(lane)?.next).toBe(1n);
  await persisters.close();
});

test("B11 a lane that was made and never written loads as empty and accepts block 0", async () => {
  const disk = await born();
  const persisters = await open(disk);
  await persisters.blocks.openLane(lane);
  for (const left of [disk.kill(), ...disk.powerCuts(1, 4)]) {
    const again = await open(left);
    const log = again.blocks.lanes.get(lane);
    expect([log?.first, log?.next]).toEqual([0n, 0n]);
    await again.blocks.write(lane, { blocks: [block(0n)] });
    await again.close();
  }
  await persisters.close();
});

test("what could not be stored is no parent, and what is held before it still is", async () => {
  const persisters = await open(await born());
  const { blocks } = persisters;
  await blocks.write(lane, { blocks: [block(0n)] });
  const tooLarge = { ...block(1n), payload: new Uint8Array(2 * SEGMENT_BYTES) };
  await refusal(blocks.write(lane, { blocks: [tooLarge] }), "INVALID");
  const stranger = { ...block(1n), parentHash: new Uint8Array(32).fill(7) };
  const error = await refusal(blocks.write(lane, { blocks: [stranger] }), "INVALID");
  expect(error.message).toMatch(/names another parent than block 0/);
  await blocks.write(lane, { blocks: [block(1n)] });
  expect(blocks.lanes.get(lane)?.next).toBe(2n);
  await persisters.close();
});

test("D4 of a large block its header is read back, and compared with the one that was written", async () => {
  const large = new TestChain(1, 12_000);
  const its = laneAt(large, 0);
  const disk = await born();
  const persisters = await open(disk);
  const written = [0n, 1n, 2n].map((number) => {
    const { bytes, hash, signed } = large.block(its, number);
    return { number, payload: bytes, hash, parentHash: signed.msg.header.parentHash };
  });
  for (const each of written) await persisters.blocks.write(its, { blocks: [each] });
  const { payloadHash } = large.block(its, 2n).signed.msg.header;
  const place = disk
    .files()
    .map(({ path }) => ({ path, at: Buffer.from(disk.readNow(path)).indexOf(payloadHash) }))
    .find(({ at }) => at >= 0);
  if (!place) throw new Error("the header is in a segment");
  const byte = Uint8Array.of((payloadHash[0] ?? 0) ^ 1);
  disk.damage(place.path, place.at, byte);
  const error = await refusal(persisters.blocks.write(its, { start: 2n }), "VERIFY_MISMATCH");
  expect(error).toMatchObject({ lane: its, blockNumber: 2n });
  expect(persisters.blocks.lanes.get(its)?.first).toBe(0n);
  disk.damage(place.path, place.at, payloadHash.subarray(0, 1));
  await persisters.blocks.write(its, { start: 2n });
  expect(persisters.blocks.lanes.get(its)?.first).toBe(2n);
  await persisters.close();
});

import { expect, test, vi } from "vitest";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { commitVoteDigest } from "../../src/wire/hash.js";
import { Verifier } from "../../src/wire/verifier.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "./surroundings.js";

const chain = new TestChain();
const choices = {
  chainId: CHAIN_ID,
  segmentBytes: SEGMENT_BYTES,
  epochOf: chain.epochOf,
  retainBytes: 0,
};

async function born(disk = new SimulatedDisk()): Promise<SimulatedDisk> {
  const { chainId, segmentBytes } = choices;
  await Lanekeeper.initOn(simulatedSurroundings(disk), DIRECTORY, { chainId, segmentBytes });
  return disk;
}

test("B2 two blocks survive reopen, in order, equal to what was written", async () => {
  const disk = await born();
  const [lane] = chain.lanes as [never];
  const keeper = await Lanekeeper.openOn(simulatedSurroundings(disk), DIRECTORY, choices);
  for (const number of [0n, 1n]) await keeper.pushBlock(chain.block(lane, number).bytes);
  await keeper.waitForBlock(lane, 1n);
  await keeper.close();

  const again = await Lanekeeper.openOn(simulatedSurroundings(disk, 2), DIRECTORY, choices);
  expect(again.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 2n });
  for (const number of [0n, 1n]) {
    expect(Buffer.from(await again.readBlock(lane, number))).toEqual(
      Buffer.from(chain.block(lane, number).bytes),
    );
  }
  await again.close();
});

test("thirty rounds with an anchor each rotate segments and survive a reopen", async () => {
  const disk = await born();
  const retaining = { ...choices, retainBytes: 0 };
  const keeper = await Lanekeeper.openOn(simulatedSurroundings(disk), DIRECTORY, retaining);
  for (let round = 0n; round < 120n; round++) {
    for (const lane of chain.lanes) await keeper.pushBlock(chain.block(lane, round).bytes);
    await keeper.pushCommitQC(chain.qc(round).bytes);
    await keeper.waitForCommitQC(round);
    if (round % 5n === 4n) {
      await keeper.pushAnchor(chain.qc(round - 2n).anchor);
      await keeper.waitForAnchor(round - 2n);
    }
  }
  const status = keeper.status();
  expect(status.counters.rotations).toBeGreaterThan(2);
  await keeper.close();
  const again = await Lanekeeper.openOn(simulatedSurroundings(disk, 2), DIRECTORY, retaining);
  expect(again.recovery.road).toEqual({ first: 117n, next: 120n });
  for (const lane of chain.lanes) {
    expect(again.recovery.lanes.get(lane)).toEqual({ first: 117n, next: 120n });
  }
  expect(again.status().disk.slots).toBeLessThan(8);
  await again.close();
});

test("a commit QC that was verified is not verified again with its anchor", async () => {
  const keeper = await Lanekeeper.openOn(simulatedSurroundings(await born()), DIRECTORY, choices);
  const { bytes, qc, anchor } = chain.qc(0n);
  await keeper.pushCommitQC(bytes);
  expect(keeper.status().verified).toMatchObject({ known: 0, signatures: qc.sigs.length });
  await keeper.pushAnchor(anchor);
  const signatures = qc.sigs.length + anchor.appQC.sigs.length;
  expect(keeper.status().verified).toMatchObject({ known: 1, signatures });
  await keeper.close();
});

test("what a node has verified is known to a store that was given its verifier", async () => {
  await using verifier = new Verifier();
  const disk = await born();
  const given = { ...choices, verifier };
  const keeper = await Lanekeeper.openOn(simulatedSurroundings(disk), DIRECTORY, given);
  const { bytes, qc, anchor } = chain.qc(0n);
  const { committee } = chain.epoch;
  const digest = commitVoteDigest(qc.vote);
  for (const sig of qc.sigs) await verifier.verifyVote(sig, digest, committee);
  await verifier.verifyAppQC(anchor.appQC, committee);
  const { signatures } = verifier.counts;
  await keeper.pushCommitQC(bytes);
  await keeper.pushAnchor(anchor);
  await keeper.waitForAnchor(0n);
  await keeper.close();
  const again = await Lanekeeper.openOn(simulatedSurroundings(disk, 2), DIRECTORY, given);
  expect(again.recovery.anchor?.commitQC).toEqual(qc);
  await again.close();
  expect(verifier.counts.signatures).toBe(signatures);
  // It is the node's: neither close has ended it.
  await verifier.verifyCommitQC(qc, chain.epoch);
});

test("an open says what it did, step by step, and status carries it", async () => {
  const disk = await born();
  const first = await Lanekeeper.openOn(simulatedSurroundings(disk), DIRECTORY, choices);
  await first.pushBlock(chain.block(chain.lanes[0] as never, 0n).bytes);
  await first.waitForBlock(chain.lanes[0] as never, 0n);
  const killed = disk.kill();
  const keeper = await Lanekeeper.openOn(simulatedSurroundings(killed, 2), DIRECTORY, choices);
  const { steps, recordsRead, bytesWrittenAgain, generation } = keeper.recovery;
  expect(steps.map(({ name }) => name)).toEqual(["own", "judge", "write again", "begin", "map"]);
  expect({ recordsRead, generation }).toEqual({ recordsRead: 1, generation: 2n });
  expect(bytesWrittenAgain).toBeGreaterThan(0);
  expect(keeper.status().recovery).toBe(keeper.recovery);
  expect(keeper.status().lanes.get(chain.lanes[0] as never)).toEqual({
    first: 0n,
    next: 1n,
    durable: 1n,
    lag: 0n,
    oldestWaitingMs: 0,
    capacityLeft: 29n,
    pinned: [],
  });
  await keeper.close();
});

test("timers that a test has replaced do not stop a store", async () => {
  vi.useFakeTimers();
  try {
    const { chainId, epochOf } = choices;
    const keeper = await Lanekeeper.openMemory({ chainId, epochOf });
    const [lane] = chain.lanes as [never];
    await keeper.pushBlock(chain.block(lane, 0n).bytes);
    expect(await keeper.waitForBlock(lane, 0n)).toBe("durable");
    await keeper.close();
    const disk = await born();
    const onDisk = await Lanekeeper.openOn(simulatedSurroundings(disk), DIRECTORY, choices);
    await onDisk.pushBlock(chain.block(lane, 0n).bytes);
    await onDisk.sync();
    await onDisk.close();
  } finally {
    vi.useRealTimers();
  }
});

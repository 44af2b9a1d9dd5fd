/** A store takes the items of an import in their order, and refuses none. */
import { expect, test } from "vitest";
import type { MemoryDisk } from "../../../src/disk/memory.js";
import { type ImportStart, importSeiDirectoryOn } from "../../../src/sei/import/import.js";
import { encodePersistedInner } from "../../../src/wire/codec/encode.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { laneAt, numbered, STATE, stateWith } from "../kit.js";

const chain = new TestChain();
const { epochOf } = chain;
const lane = laneAt(chain, 0);

/** A directory of `roads` commit QCs, their blocks, and two blocks more in one lane. */
async function directoryOf(roads: number): Promise<MemoryDisk> {
  const blocks = (of: typeof lane, count: number) =>
    Array.from({ length: count }, (_, at) => chain.block(of, BigInt(at)).bytes);
  const lanes = chain.lanes.map((of) => [of, numbered(0n, blocks(of, roads + 2))] as const);
  const qcs = Array.from({ length: roads }, (_, at) => chain.qc(BigInt(at)).bytes);
  return await stateWith({ lanes: Object.fromEntries(lanes), road: numbered(0n, qcs) });
}

async function pushed(disk: MemoryDisk, start: ImportStart): Promise<Lanekeeper> {
  const keeper = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf });
  if (typeof start !== "string") {
    await keeper.pushAnchor(start);
    await keeper.waitForAnchor(start.commitQC.vote.view.index);
  }
  for await (const item of importSeiDirectoryOn(disk, STATE, { epochOf, start })) {
    switch (item.kind) {
      case "commitQC":
        await keeper.pushCommitQC(item.qc);
        break;
      case "block":
        expect(await keeper.pushBlock(item.block)).toEqual({ status: "admitted" });
        break;
      case "votes":
        await keeper.writeVoteState(encodePersistedInner(item.votes), item.roadIndex);
        break;
      case "refused":
        throw new Error(item.refusal.detail);
      case "log":
      case "foreign":
        break;
    }
  }
  await keeper.waitForBlock(lane, 6n);
  await keeper.waitForCommitQC(4n);
  return keeper;
}

test("from zero: every block and commit QC of the directory is in the store", async () => {
  await using keeper = await pushed(await directoryOf(5), "zero");
  for (let number = 0n; number < 7n; number++) {
    expect(await keeper.readBlock(lane, number)).toEqual(chain.block(lane, number).bytes);
  }
  for (let index = 0n; index < 5n; index++) {
    expect(await keeper.readCommitQC(index)).toEqual(chain.qc(index).bytes);
  }
});

test("under an anchor: what lies above it is in the store", async () => {
  await using keeper = await pushed(await directoryOf(5), chain.qc(2n).anchor);
  for (let number = 2n; number < 7n; number++) {
    expect(await keeper.readBlock(lane, number)).toEqual(chain.block(lane, number).bytes);
  }
  for (let index = 3n; index < 5n; index++) {
    expect(await keeper.readCommitQC(index)).toEqual(chain.qc(index).bytes);
  }
});

import { describe, expect, test } from "vitest";
import type { MemoryDisk } from "../../../src/disk/memory.js";
import { availabilityOn } from "../../../src/sei/read/availability.js";
import { lookingOnly } from "../../golden/kit/directories.js";
import { TestChain } from "../../model/chain.js";
import { laneAt, numbered, STATE, stateWith } from "../kit.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const blocks = (from: bigint, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, at) => chain.block(lane, from + BigInt(at)).bytes);
const opened = async (disk: MemoryDisk) =>
  await availabilityOn(lookingOnly(disk), STATE, { latest: chain.epoch, epochOf: chain.epochOf });

describe("what sei-chain would hold after opening", () => {
  test("of two directories of one lane the later one counts, unless it is empty", async () => {
    const upper = lane.toUpperCase();
    const both = { [upper]: numbered(0n, blocks(0n, 3)), [lane]: numbered(0n, blocks(0n, 1)) };
    const later = await opened(await stateWith({ lanes: both }));
    expect(later.lanes.get(lane)).toEqual({ first: 0n, next: 1n });
    const empty = { ...both, [lane]: [] };
    const earlier = await opened(await stateWith({ lanes: empty }));
    expect(earlier.lanes.get(lane)).toEqual({ first: 0n, next: 3n });
  });

  test("the directory of a stranger's empty lane would be deleted, that of a member's stays", async () => {
    const stranger = new TestChain(4).lanes.find((each) => !chain.lanes.includes(each)) ?? "";
    const disk = await stateWith({ lanes: { [stranger]: [], [lane]: [] } });
    const { names, lanes } = await opened(disk);
    expect(names).toEqual([lane]);
    expect([...lanes.keys()]).toEqual(chain.lanes);
  });

  test("a commit QC of an epoch that is not known is refused", async () => {
    const disk = await stateWith({ road: numbered(0n, [chain.qc(0n).bytes]) });
    const options = { latest: chain.epoch, epochOf: () => undefined };
    const error = expect.objectContaining({ name: "StateError", errorClass: "epoch" });
    await expect(availabilityOn(disk, STATE, options)).rejects.toEqual(error);
  });
});

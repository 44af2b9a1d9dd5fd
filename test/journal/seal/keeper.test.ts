/** A store with keys: what is on its disk, and its rotation. */
import { expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { TestChain } from "../../model/chain.js";
import { filesWith, key, keyBytes } from "./kit.js";
import { born, laneAt, opened, pushAnchor, pushBlocks, pushQCs, turns } from "../../node/kit.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);

/** Bytes that stand in a block as it was received. */
function textOf(number: bigint): string {
  return Buffer.from(chain.block(lane, number).bytes).subarray(-40).toString("latin1");
}

async function withBlocks(): Promise<SimulatedDisk> {
  const disk = await born();
  const keeper = await opened(disk, chain, { keys: { write: keyBytes("a") } });
  await pushBlocks(keeper, chain, lane, { to: 5n });
  expect(keeper.status().keys.map(({ content }) => content)).toContain(key("a").id);
  await keeper.close();
  return disk;
}

test("E1 blocks are sealed on disk, and read as they were pushed", async () => {
  const disk = await withBlocks();
  for (let number = 0n; number < 5n; number++) expect(filesWith(disk, textOf(number))).toEqual([]);
  const again = await opened(disk, chain, { keys: { write: keyBytes("a") } });
  expect(await again.readBlock(lane, 3n)).toEqual(Uint8Array.from(chain.block(lane, 3n).bytes));
  await again.close();
});

test("E2 without the key open is refused, with the reason and with nothing changed", async () => {
  const disk = await withBlocks();
  await expect(opened(disk, chain)).rejects.toMatchObject({ code: "KEY_MISSING" });
  const wrong = { keys: { write: keyBytes("b") } };
  await expect(opened(disk, chain, wrong)).rejects.toThrow(key("a").id);
});

test("a rotation is over when the older key is named no more; then it is not needed", async () => {
  const disk = await withBlocks();
  const keeper = await opened(disk, chain, { keys: { write: keyBytes("a") } });
  await keeper.rotateKey(keyBytes("b"));
  await keeper.waitForRotation();
  expect(keeper.status().keys.map(({ content }) => content)).toEqual([key("b").id]);
  await pushBlocks(keeper, chain, lane, { from: 5n, to: 6n });
  await keeper.close();
  const again = await opened(disk, chain, { keys: { write: keyBytes("b") } });
  expect(await again.readBlock(lane, 0n)).toEqual(Uint8Array.from(chain.block(lane, 0n).bytes));
  expect(again.recovery.lanes.get(lane)).toMatchObject({ first: 0n, next: 6n });
  await again.close();
});

test("a key that is refused leaves the store as it was", async () => {
  const disk = await withBlocks();
  const choices = { keys: { write: keyBytes("a") } };
  const keeper = await opened(disk, chain, choices);
  await expect(keeper.rotateKey(new Uint8Array(3))).rejects.toMatchObject({ code: "KEY_REFUSED" });
  await expect(keeper.rotateKey("secret" as never)).rejects.toMatchObject({ code: "USAGE" });
  await pushBlocks(keeper, chain, lane, { from: 5n, to: 6n });
  await keeper.close();
  await (await opened(disk, chain, choices)).close();
});

test("a plain store has no key to rotate, and says that its bytes are plain", async () => {
  const keeper = await opened(await born(), chain);
  await expect(keeper.rotateKey(keyBytes("b"))).rejects.toMatchObject({ code: "USAGE" });
  expect(keeper.status().keys.map(({ content }) => content)).toEqual(["plain"]);
  await keeper.close();
});

test("a wait for a rotation ends with its signal", async () => {
  const keeper = await opened(await withBlocks(), chain, { keys: { write: keyBytes("a") } });
  await keeper.rotateKey(keyBytes("b"));
  const waiting = keeper.waitForRotation({ signal: AbortSignal.abort() });
  await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
  await keeper.close();
});

test("a close at any moment of a rotation ends in order, and the next open goes on", async () => {
  const large = new TestChain(1, 9000);
  const disk = await born();
  const choices = (write: string, read: string) => {
    return { keys: { write: keyBytes(write), read: [keyBytes(read)] } };
  };
  const first = await opened(disk, large, choices("a", "b"));
  await pushBlocks(first, large, laneAt(large, 0), { to: 20n });
  await first.close();
  for (let moment = 0; moment < 12; moment++) {
    const [write, read] = moment % 2 === 0 ? ["b", "a"] : ["a", "b"];
    const keeper = await opened(disk, large, choices(write ?? "", read ?? ""));
    await turns(moment);
    await keeper.close();
    expect(keeper.status().poison).toBeUndefined();
  }
});

test("a store that prunes and gives up what it retains goes on while keys rotate", async () => {
  const large = new TestChain(1, 9000);
  const [own = lane] = large.lanes;
  const keys = { write: keyBytes("a"), read: [keyBytes("b")] };
  const keeper = await opened(await born(), large, { keys, retainBytes: 150_000 });
  for (let number = 0n; number < 50n; number++) {
    await pushBlocks(keeper, large, own, { from: number, to: number + 1n });
    await pushQCs(keeper, large, { from: number, to: number + 1n });
    if (number % 3n === 2n) await pushAnchor(keeper, large.qc(number - 1n).anchor);
    if (number % 7n === 0n) await keeper.rotateKey(keyBytes(number % 2n === 0n ? "b" : "a"));
  }
  await keeper.waitForRotation();
  expect(keeper.status().keys).toHaveLength(1);
  await keeper.close();
});

/** D9: a full disk is backpressure before it harms anything. */
import { expect, test } from "vitest";
import type { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { PersisterError } from "../../../src/types/errors.js";
import { TestChain } from "../../model/chain.js";
import { SEGMENT_BYTES } from "../../node/surroundings.js";
import {
  contents,
  fresh,
  laneAt,
  laneOf,
  pushAnchor,
  pushBlocks,
  refusal,
  reopened,
  turns,
  opened,
} from "../../node/kit.js";

const chain = new TestChain(3, 2000);
const lane = laneAt(chain, 0);

/** Pushes blocks of every lane until the disk is full; how many of each lane were admitted. */
async function fill(keeper: Lanekeeper): Promise<bigint> {
  for (let number = 0n; number < 30n; number++) {
    for (const each of chain.lanes) {
      try {
        await keeper.pushBlock(chain.block(each, number).bytes);
      } catch (error) {
        if (error instanceof PersisterError && error.code === "DISK_FULL") return number;
        throw error;
      }
    }
    await turns(4);
  }
  throw new Error("the disk never filled up");
}

test("a full disk: pushing is refused, nothing is poisoned, pruning goes on, then all does", async () => {
  const { disk, keeper } = await fresh(chain);
  disk.capacityBytes = disk.usedBytes + 2 * SEGMENT_BYTES;
  const filled = await fill(keeper);
  expect(filled).toBeGreaterThan(5n);
  await turns();
  expect(keeper.status().poison).toBeUndefined();
  const error = await refusal(
    pushBlocks(keeper, chain, lane, {
      from: keeper.status().lanes.get(lane)?.next ?? 0n,
      to: 30n,
    }),
    "DISK_FULL",
  );
  expect(error.message).toMatch(/nothing was harmed/);
  // Acknowledged blocks can be read, and an anchor prunes.
  expect(await keeper.readBlock(lane, 0n)).toHaveLength(chain.block(lane, 0n).bytes.length);
  const durable = keeper.status().lanes.get(lane)?.durable ?? 0n;
  await pushAnchor(keeper, chain.qc(durable - 2n).anchor);
  await turns();
  expect(keeper.status().poison).toBeUndefined();
  expect(keeper.status().lanes.get(lane)?.first).toBe(durable - 2n);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  const next = keeper.status().lanes.get(lane)?.next ?? 0n;
  // The first push is told why the queued blocks had to wait, and sets them going again.
  if (keeper.status().stalled) {
    await refusal(keeper.pushBlock(chain.block(lane, next).bytes), "DISK_FULL");
  }
  await pushBlocks(keeper, chain, lane, { from: next, to: durable + 10n });
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({
    lanes: { [lane]: laneOf(chain, lane, durable - 2n, durable + 10n) },
  });
  await again.close();
});

test("a full disk opens, serves and prunes, again and again, with no byte free", async () => {
  const { disk, keeper } = await fresh(chain);
  disk.capacityBytes = disk.usedBytes + 2 * SEGMENT_BYTES;
  await fill(keeper);
  await turns();
  const durable = keeper.status().lanes.get(lane)?.durable ?? 0n;
  // The queued blocks never found room, and close says so.
  await refusal(keeper.close(), "DISK_FULL");
  let each = await opened(disk, chain);
  for (let round = 0; round < 6; round++) {
    expect(each.recovery.lanes.get(lane)).toEqual({ first: 0n, next: durable });
    expect(await each.readBlock(lane, durable - 1n)).toBeDefined();
    each = await reopened(each, disk, chain);
  }
  await pushAnchor(each, chain.qc(durable - 2n).anchor);
  each = await reopened(each, disk, chain);
  expect(each.recovery.lanes.get(lane)).toEqual({ first: durable - 2n, next: durable });
  await pushBlocks(each, chain, lane, { from: durable, to: durable + 3n });
  await each.close();
});

test("a spare that a full disk lets grow in part is free space, and counts once it is whole", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 3n });
  await keeper.close();
  const spares = disk.files().filter(({ path }) => {
    return path.endsWith(".seg") && disk.readNow(path).every((each) => each === 0);
  });
  expect(spares.length).toBeGreaterThan(0);
  for (const { path } of spares) disk.shorten(path, 5000);
  const room = (bytes: number): void => {
    disk.capacityBytes = disk.usedBytes + bytes;
  };
  room(4001);
  const again = await opened(disk, chain);
  await refusal(pushBlocks(again, chain, lane, { from: 3n, to: 30n }), "DISK_FULL");
  const grown = spares.map(({ path }) => disk.readNow(path).length);
  // The refused growth has left what there was room for.
  expect(Math.max(...grown)).toBeGreaterThan(5000);
  expect(Math.max(...grown)).toBeLessThan(SEGMENT_BYTES);
  room(3001);
  await refusal(again.sync(), "DISK_FULL");
  expect(again.status().poison).toBeUndefined();

  disk.capacityBytes = Number.POSITIVE_INFINITY;
  await again.sync();
  const next = again.status().lanes.get(lane)?.next ?? 0n;
  await pushBlocks(again, chain, lane, { from: next, to: 30n });
  for (const each of chain.lanes.slice(1)) await pushBlocks(again, chain, each, { to: 25n });
  const last = await reopened(again, disk, chain);
  expect(await contents(last)).toMatchObject({ lanes: { [lane]: laneOf(chain, lane, 0n, 30n) } });
  await last.close();
});

/** A sync resolves when all that was admitted before it is durable, and not before; `closed` says that close was called. */
import { expect, test } from "vitest";
import { PersisterError } from "../../src/types/errors.js";
import type { Lanekeeper } from "../../src/node/lanekeeper.js";
import { TestChain } from "../model/chain.js";
import {
  fresh,
  laneAt,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
  turns,
  watched,
} from "../node/kit.js";

const chain = new TestChain(3);
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);
const votes = Buffer.from("7a0107", "hex");

interface Case {
  readonly what: string;
  /** Admits it: what is queued only is awaited, what is durable when it resolves is not. */
  readonly admit: (keeper: Lanekeeper) => Promise<unknown>;
  readonly isAwaited: boolean;
}

const cases: readonly Case[] = [
  {
    what: "a block",
    admit: (keeper) => keeper.pushBlock(chain.block(other, 0n).bytes),
    isAwaited: true,
  },
  {
    what: "a commit QC",
    admit: (keeper) => keeper.pushCommitQC(chain.qc(4n).bytes),
    isAwaited: true,
  },
  {
    what: "a prune anchor",
    admit: (keeper) => keeper.pushAnchor(chain.qc(3n).anchor),
    isAwaited: true,
  },
  {
    what: "a vote state",
    admit: (keeper) => keeper.writeVoteState(votes, 3n),
    isAwaited: false,
  },
  {
    what: "a guard",
    admit: (keeper) => keeper.raiseGuard({ lanes: 3n }, { by: "operator", reason: "a test" }),
    isAwaited: false,
  },
  {
    what: "a drop of lanes",
    admit: (keeper) => keeper.dropLanesExcept(new Set([other]), { dropAll: true }),
    isAwaited: false,
  },
];

test.each(cases)("D1 a sync waits for $what", async ({ admit, isAwaited }) => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 4n });
  await pushQCs(keeper, chain, { to: 4n });
  await keeper.sync();
  await turns();
  disk.hold();
  const admitting = admit(keeper);
  if (isAwaited) await admitting;
  const sync = keeper.sync();
  const watch = watched(sync);
  await turns();
  expect(watch.settled).toBe(false);
  disk.release();
  await sync;
  await admitting;
  const { lanes, road, anchorRoadIndex } = keeper.status();
  for (const { durable, next } of [...lanes.values(), road]) expect(durable).toBe(next);
  if (admit === cases[2]?.admit) expect(anchorRoadIndex).toBe(3n);
  await keeper.close();
});

test("a sync does not wait for what comes behind it, nor for a push that waits for room", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 30n });
  const waiting = keeper.pushBlock(chain.block(lane, 30n).bytes);
  await keeper.sync();
  disk.hold();
  const sync = keeper.sync();
  await keeper.pushBlock(chain.block(other, 0n).bytes);
  await sync;
  disk.release();
  await pushQCs(keeper, chain, { to: 2n });
  await pushAnchor(keeper, chain.qc(1n).anchor);
  await waiting;
  await keeper.close();
});

test("a sync ends with its signal, and what was admitted becomes durable all the same", async () => {
  const { disk, keeper } = await fresh(chain);
  disk.hold();
  await keeper.pushBlock(chain.block(lane, 0n).bytes);
  const writing = keeper.writeVoteState(votes, 3n);
  const stop = new AbortController();
  const error = refusal(keeper.sync({ signal: stop.signal }), "ABORTED");
  await turns();
  stop.abort();
  expect((await error).name).toBe("AbortError");
  await refusal(keeper.sync({ signal: stop.signal }), "ABORTED");
  disk.release();
  await writing;
  expect(await keeper.waitForBlock(lane, 0n)).toBe("durable");
  await keeper.close();
});

test("on a full disk a sync names what is not durable, and goes on once there is room", async () => {
  const large = new TestChain(1, 15_000);
  const only = laneAt(large, 0);
  const { disk, keeper } = await fresh(large);
  await pushBlocks(keeper, large, only, { to: 1n });
  disk.capacityBytes = disk.usedBytes;
  let pushed = 1n;
  for (;;) {
    const push = keeper.pushBlock(large.block(only, pushed).bytes);
    if ((await push.catch(() => undefined)) === undefined) break;
    pushed += 1n;
    if (
      (await keeper.sync().then(
        () => undefined,
        (cause: unknown) => cause,
      )) !== undefined
    )
      break;
  }
  const error = await refusal(keeper.sync(), "DISK_FULL");
  const { durable, next } = keeper.status().lanes.get(only) ?? {};
  expect(error.message).toContain(`not durable: blocks [${durable}, ${next}) of lane ${only}`);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  await keeper.sync();
  expect(keeper.status().lanes.get(only)).toMatchObject({ durable: next, next });
  await keeper.close();
});

test("D7 a poisoned store ends every sync with its poison, also where nothing waits", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 1n });
  disk.fail({ operation: "write", error: "EIO", mode: "from-then-on" });
  await keeper.pushBlock(chain.block(lane, 1n).bytes);
  const poison = await refusal(keeper.sync(), ["POISONED", "IO"]);
  expect(await refusal(keeper.sync(), poison.code)).toBe(poison);
  expect(keeper.closed).toBe(false);
  await refusal(keeper.close(), poison.code);
  await refusal(keeper.sync(), poison.code);
});

test("nobody waits for a lane that is dropped", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 1n });
  await turns();
  disk.hold();
  await keeper.pushBlock(chain.block(lane, 1n).bytes);
  const sync = keeper.sync();
  const dropping = keeper.dropLanesExcept(new Set(), { dropAll: true });
  await turns();
  disk.release();
  await Promise.all([sync, dropping, keeper.sync()]);
  await keeper.close();
});

test("closed is true from the call of close on, while it writes, too; a sync then tells what it wrote", async () => {
  const { disk, keeper } = await fresh(chain);
  await turns();
  disk.hold();
  await keeper.pushBlock(chain.block(lane, 0n).bytes);
  expect(keeper.closed).toBe(false);
  const closing = keeper.close();
  expect(keeper.closed).toBe(true);
  const sync = keeper.sync();
  await turns();
  disk.release();
  await Promise.all([closing, sync]);
  await keeper.sync();
  expect(keeper.closed).toBe(true);
  expect(
    await keeper.pushBlock(chain.block(lane, 1n).bytes).catch((e: unknown) => e),
  ).toBeInstanceOf(PersisterError);
});

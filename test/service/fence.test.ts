/** D8: one writer at a time, by a fence that is durable and rises. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Lanekeeper } from "../../src/node/lanekeeper.js";
import { Fence } from "../../src/service/fence.js";
import { crashTest } from "../../src/testing/crash-test.js";
import { PersisterError } from "../../src/types/errors.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { fresh, opened, refusal } from "../node/kit.js";
import { campaignSize } from "../scale.js";

const chain = new TestChain(1);

interface Clock {
  ms: number;
}

async function fenceOf(keeper: Lanekeeper, clock: Clock = { ms: 0 }): Promise<Fence> {
  return await Fence.open(keeper.notes.fences, () => clock.ms);
}

const claim = (writer: string, more: { takeOver?: boolean; resumeFence?: bigint } = {}) => {
  return { writer, takeOver: false, resumeFence: 0n, ...more };
};

test("fences rise, and go on rising in the next life of the store", async () => {
  const { disk, keeper } = await fresh(chain);
  const clock = { ms: 0 };
  const fence = await fenceOf(keeper, clock);
  expect(fence.newest).toEqual({ fence: 0n, writer: "", isPresent: false });
  expect(await fence.acquire(claim("a"))).toEqual({ fence: 1n, previousWriter: "" });
  clock.ms += 10_000;
  expect(await fence.acquire(claim("b"))).toEqual({ fence: 2n, previousWriter: "a" });
  await keeper.close();
  const again = await opened(disk, chain);
  const later = await fenceOf(again);
  expect(later.newest).toEqual({ fence: 2n, writer: "b", isPresent: false });
  expect(await later.acquire(claim("c"))).toEqual({ fence: 3n, previousWriter: "b" });
  await again.close();
});

test("a second writer is refused while the first is present, and the first writes on", async () => {
  const { keeper } = await fresh(chain);
  const fence = await fenceOf(keeper);
  await fence.acquire(claim("a"));
  await refusal(fence.acquire(claim("b")), "WRITER_PRESENT");
  expect(await fence.write(1n, async () => "written")).toBe("written");
  await keeper.close();
});

test("a writer is present while its stream is open, for ten seconds behind a call, and not once it left", async () => {
  const { keeper } = await fresh(chain);
  const clock = { ms: 0 };
  const fence = await fenceOf(keeper, clock);
  await fence.acquire(claim("a"));
  const ended = fence.openStream(1n);
  clock.ms += 60_000;
  expect(fence.newest.isPresent).toBe(true);
  ended();
  expect(fence.newest.isPresent).toBe(false);
  await fence.write(1n, async () => undefined);
  clock.ms += 9_999;
  expect(fence.newest.isPresent).toBe(true);
  fence.leave(1n);
  expect(fence.newest.isPresent).toBe(false);
  await keeper.close();
});

test("a take-over waits for the writes of the first writer, and everything of it is FENCED from then on", async () => {
  const { keeper } = await fresh(chain);
  const fence = await fenceOf(keeper);
  await fence.acquire(claim("a"));
  const steps: string[] = [];
  let end = (): void => undefined;
  const write = fence.write(1n, async (over) => {
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    steps.push(`written, over: ${over.aborted}`);
  });
  const reading = fence.signalOf(1n);
  const taken = fence.acquire(claim("b", { takeOver: true })).then((grant) => {
    steps.push("granted");
    return grant;
  });
  await nextTurn();
  await refusal(
    fence.write(1n, async () => steps.push("never")),
    "FENCED",
  );
  expect(reading.aborted).toBe(true);
  end();
  await refusal(write, "FENCED");
  expect(await taken).toEqual({ fence: 2n, previousWriter: "a" });
  expect(steps).toEqual(["written, over: true", "granted"]);
  expect(() => fence.signalOf(1n)).toThrow(expect.objectContaining({ code: "FENCED" }));
  expect(await fence.write(2n, async () => "written")).toBe("written");
  await keeper.close();
});

test("a writer goes on with its fence after a restart of the service, unless another was let in", async () => {
  const { disk, keeper } = await fresh(chain);
  const first = await fenceOf(keeper);
  await first.acquire(claim("a"));
  await keeper.close();
  const again = await opened(disk, chain);
  const clock = { ms: 0 };
  const fence = await fenceOf(again, clock);
  expect(await fence.acquire(claim("a", { resumeFence: 1n }))).toMatchObject({ fence: 1n });
  await refusal(fence.acquire(claim("b", { resumeFence: 1n })), "FENCED");
  clock.ms += 10_000;
  await fence.acquire(claim("b"));
  await refusal(fence.acquire(claim("a", { resumeFence: 1n })), "FENCED");
  await again.close();
});

test("a fence that was never granted writes nothing", async () => {
  const { keeper } = await fresh(chain);
  const fence = await fenceOf(keeper);
  await refusal(
    fence.write(0n, async () => undefined),
    "FENCED",
  );
  await refusal(
    fence.write(7n, async () => undefined),
    "FENCED",
  );
  await keeper.close();
});

test("a fence that cannot be put on record is not granted, and the first writer goes on", async () => {
  const full = new PersisterError("DISK_FULL", "no space");
  let isFull = false;
  let count = 0n;
  const notes = {
    count,
    last: async () => undefined,
    append: async () => {
      if (isFull) throw full;
      return ++count;
    },
  };
  const fence = await Fence.open(notes, () => 0);
  await fence.acquire(claim("a"));
  isFull = true;
  await refusal(fence.acquire(claim("b", { takeOver: true })), "DISK_FULL");
  expect(await fence.acquire(claim("a", { resumeFence: 1n }))).toMatchObject({ fence: 1n });
});

test("no fence is granted twice, whenever the power goes", async () => {
  const cuts = campaignSize(200);
  const granted = new Set<bigint>();
  let highest = 0n;
  await crashTest({
    seed: 3,
    cuts,
    stepsMax: 60,
    chainId: CHAIN_ID,
    epochOf: chain.epochOf,
    segmentBytes: 64 * 1024,
    run: async (keeper) => {
      const fence = await fenceOf(keeper);
      for (;;) {
        const grant = await fence.acquire(claim("a writer", { takeOver: true }));
        expect(granted).not.toContain(grant.fence);
        granted.add(grant.fence);
        highest = grant.fence;
      }
    },
    check: async (keeper) => {
      const { newest } = await fenceOf(keeper);
      expect(newest.fence).toBeGreaterThanOrEqual(highest);
      expect(newest.fence === 0n ? "" : newest.writer).toBe(
        highest === 0n ? newest.writer : "a writer",
      );
    },
  });
  expect(granted.size).toBeGreaterThan(cuts);
});

import { expect, test } from "vitest";
import type { Lanekeeper } from "../../src/node/lanekeeper.js";
import { crashTest, type CrashTestOptions } from "../../src/testing/crash-test.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { SEGMENT_BYTES } from "../node/surroundings.js";

/** A node that pushes the blocks of its lane, and remembers how many were durable. */
class Node {
  readonly chain = new TestChain(1);
  readonly choices = {
    chainId: CHAIN_ID,
    segmentBytes: SEGMENT_BYTES,
    epochOf: this.chain.epochOf,
  };
  acknowledged = 0n;
  readonly trace: string[] = [];

  readonly run = async (keeper: Lanekeeper): Promise<void> => {
    const [lane] = this.chain.lanes;
    if (lane === undefined) throw new Error("the chain has no lane");
    for (let next = this.nextIn(keeper); next < 30n; next += 1n) {
      await keeper.pushBlock(this.chain.block(lane, next).bytes);
      await keeper.waitForBlock(lane, next);
      this.acknowledged = next + 1n;
    }
  };

  readonly check = (keeper: Lanekeeper): void => {
    this.trace.push(`${this.acknowledged} ${this.nextIn(keeper)}`);
    expect(this.nextIn(keeper)).toBeGreaterThanOrEqual(this.acknowledged);
  };

  nextIn(keeper: Lanekeeper): bigint {
    return keeper.recovery.lanes.values().next().value?.next ?? 0n;
  }
}

async function tested(more: Partial<CrashTestOptions>, node = new Node()) {
  const { choices, run, check } = node;
  return { node, report: await crashTest({ ...choices, run, check, ...more }) };
}

test("the power goes as often as was asked for, while opening and while running", async () => {
  const { node, report } = await tested({ cuts: 60, stepsMax: 120 });
  expect(report.powerCuts + report.kills).toBe(60);
  expect(report.whileOpening).toBeGreaterThan(0);
  expect(report.whileOpening).toBeLessThan(60);
  expect(node.acknowledged).toBeGreaterThan(5n);
});

test("the same seed is the same test, and another seed another one", async () => {
  const one = await tested({ seed: 5 });
  const again = await tested({ seed: 5 });
  const other = await tested({ seed: 6 });
  expect(again.node.trace).toEqual(one.node.trace);
  expect(again.report).toEqual(one.report);
  expect(other.report).not.toEqual(one.report);
});

test("a node that counts a block before it is durable is found out", async () => {
  const node = new Node();
  const tooEarly = async (keeper: Lanekeeper): Promise<void> => {
    const [lane] = node.chain.lanes;
    if (lane === undefined) throw new Error("the chain has no lane");
    for (let next = node.nextIn(keeper); next < 30n; next += 1n) {
      await keeper.pushBlock(node.chain.block(lane, next).bytes);
      node.acknowledged = next + 1n;
    }
  };
  await expect(tested({ run: tooEarly, cuts: 60 }, node)).rejects.toThrow(
    /^seed 1, life \d+, cut before step \d+: /,
  );
});

test("what the node throws while the power is on ends the test", async () => {
  const cause = new Error("the node is wrong");
  const run = () => Promise.reject(cause);
  await expect(tested({ run, stepsMax: 10_000 })).rejects.toMatchObject({ cause });
});

test("what the node throws when the power is gone is nobody's error", async () => {
  const run: CrashTestOptions["run"] = async (_, { signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    throw new Error("the power is gone");
  };
  const { report } = await tested({ run, stepsMax: 40, cuts: 10, restMs: 20 });
  expect(report.powerCuts + report.kills).toBe(10);
});

import { afterAll, describe, expect, test } from "vitest";
import { type FaultEffect, SimulatedDisk } from "../../src/disk/simulated.js";
import { PersisterError } from "../../src/types/errors.js";
import type { LaneId } from "../../src/types/lane.js";
import { ReferenceModel } from "../model/reference-model.js";
import { drained, Explorer } from "./explorer.js";
import { chain, initOn, openOn, recoveredOf, Session } from "./session.js";

const SEED = 11;
const STATES_MIN = 500;
const explorer = new Explorer(SEED);
const effects: readonly FaultEffect[] = ["nothing", "visible-not-durable", "torn"];
const files = [".seg", "mark", "prune_anchor_a.pb", "prune_anchor_b.pb", "consensus_a.pb"];

afterAll(() => {
  const { distinctStates, violations } = explorer;
  console.log(
    `crash states after a failed write: ${distinctStates}, violations: ${violations.length}`,
  );
});

/** Two rounds that go well, then rounds, votes and anchors until something fails. */
async function work(session: Session): Promise<void> {
  for (let round = 0n; round < 8n; round++) {
    await session.pushAll(round);
    await session.qc(round);
    session.vote(round);
    if (round % 2n === 1n) await session.anchor(round - 1n);
    if (round % 3n === 0n) await session.settled();
    if (session.failures.length > 0) return;
  }
  await session.settled();
}

interface Failed {
  readonly session: Session;
  readonly disk: SimulatedDisk;
  readonly struck: boolean;
  readonly startedAfterPoison: number;
}

/** Runs `work` on a store whose `nth` write to `path` fails, and closes it. */
async function workWithFault(path: string, nth: number, effect: FaultEffect): Promise<Failed> {
  const begun = new SimulatedDisk();
  await initOn(begun, SEED);
  let watching = false;
  let startedAfterPoison = 0;
  let growing = false;
  let left = Number.POSITIVE_INFINITY;
  const disk: SimulatedDisk = begun.kill({
    onStep: ({ change, phase, path: at }) => {
      // To grow a spare is not to write to a live segment: that failure is another one.
      if (change === "create") growing = true;
      if (change === "syncDirectory") growing = false;
      if (growing || change !== "write" || phase !== "started") return;
      if (watching) startedAfterPoison += 1;
      if (at.endsWith(path) && --left === 0) disk.fail({ operation: "write", path, effect });
    },
  });
  const keeper = await openOn(disk, SEED + nth);
  const model = new ReferenceModel();
  model.published(await recoveredOf(keeper));
  const session = new Session(keeper, model);
  left = nth;
  await work(session);
  await session.settled();
  const struck = keeper.status().poison !== undefined;
  await drained();
  disk.heal();
  watching = true;
  if (struck) await afterPoison(session);
  await session.close();
  await drained();
  return { session, disk, struck, startedAfterPoison };
}

/** D7: nothing is acknowledged any more, whatever is asked. */
async function afterPoison(session: Session): Promise<void> {
  const before = session.failures.length;
  await session.push(chain.lanes[0]!, 9n);
  await session.qc(8n);
  await session.anchor(7n);
  session.vote(9n);
  await session.settled();
  expect(session.failures.length).toBe(before + 4);
}

describe.each(files)("a failed write of %s", (path) => {
  test.each(effects)("(%s) is final, and reopening loses nothing acknowledged", async (effect) => {
    for (let nth = 1; nth <= 40; nth++) {
      const { session, disk, struck, startedAfterPoison } = await workWithFault(path, nth, effect);
      if (!struck) {
        expect(nth).toBeGreaterThan(1);
        break;
      }
      const poison = session.keeper.status().poison;
      expect(poison?.code).toBe("POISONED");
      const others = session.failures.filter((failure) => failure !== poison);
      expect(others.map(({ code, message }) => `${code} ${message}`)).toEqual([]);
      await expect(session.keeper.close()).rejects.toBe(poison);
      expect(poison?.cause).toBeInstanceOf(PersisterError);
      expect(startedAfterPoison).toBe(0);
      const label = `write ${nth} of ${path} failed (${effect})`;
      const left = explorer.crashes({ disk, model: session.model, label }, 40);
      for (const [at, state] of left.entries()) await explorer.judge(state, at < 1);
      if (nth % 5 !== 2) continue;
      for (const state of await explorer.crashRecovery(left[0]!, 2)) {
        await explorer.judge(state, false);
      }
    }
    expect(explorer.violations.slice(0, 5)).toEqual([]);
  });
});

test("a spare that cannot be grown stalls the store, and the next push tries again", async () => {
  const begun = new SimulatedDisk();
  await initOn(begun, SEED);
  const disk: SimulatedDisk = begun.kill({
    onStep: ({ change }) => {
      if (change === "create") disk.fail({ operation: "write", path: ".seg", effect: "torn" });
    },
  });
  const keeper = await openOn(disk, SEED);
  const model = new ReferenceModel();
  model.published(await recoveredOf(keeper));
  const session = new Session(keeper, model);
  const [lane] = chain.lanes as [LaneId];
  let number = 0n;
  while (!keeper.status().stalled && number < 30n) {
    await session.push(lane, number++);
    await drained();
  }
  expect(keeper.status().poison).toBeUndefined();
  disk.heal();
  await expect(keeper.pushBlock(chain.block(lane, number).bytes)).rejects.toMatchObject({
    code: "DISK_FULL",
  });
  await session.push(lane, number);
  await session.settled();
  // Those who waited for what was queued were told; it is durable all the same once there is room.
  expect(new Set(session.failures.map(({ code }) => code))).toEqual(new Set(["DISK_FULL"]));
  await keeper.waitForBlock(lane, number);
  const state = { disk, model, label: "grown again" };
  for (const left of explorer.crashes(state, 8)) await explorer.judge(left, true);
  expect(explorer.violations.slice(0, 5)).toEqual([]);
});

test("enough distinct states after failed writes were judged", () => {
  expect(explorer.violations).toEqual([]);
  expect(explorer.distinctStates).toBeGreaterThanOrEqual(STATES_MIN);
});

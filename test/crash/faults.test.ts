import { afterAll, describe, expect, test } from "vitest";
import { type FaultEffect, SimulatedDisk } from "../../src/disk/simulated.js";
import { PersisterError } from "../../src/types/errors.js";
import { ReferenceModel } from "../model/reference-model.js";
import { drained, Explorer } from "./explorer.js";
import { chain, initOn, openOn, recoveredOf, Session } from "./session.js";

const SEED = 11;
const STATES_MIN = 600;
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
  const disk = begun.kill({
    onStep: ({ change, phase }) => {
      if (watching && change === "write" && phase === "started") startedAfterPoison += 1;
    },
  });
  const keeper = await openOn(disk, SEED + nth);
  const model = new ReferenceModel();
  model.published(await recoveredOf(keeper));
  const session = new Session(keeper, model);
  disk.fail({ operation: "write", path, nth, effect });
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
      const left = explorer.crashes({ disk, model: session.model, label }, 20);
      for (const [at, state] of left.entries()) await explorer.judge(state, at < 1);
      if (nth % 5 !== 2) continue;
      for (const state of await explorer.crashRecovery(left[0]!, 2)) {
        await explorer.judge(state, false);
      }
    }
    expect(explorer.violations.slice(0, 5)).toEqual([]);
  });
});

test("enough distinct states after failed writes were judged", () => {
  expect(explorer.violations).toEqual([]);
  expect(explorer.distinctStates).toBeGreaterThanOrEqual(STATES_MIN);
});

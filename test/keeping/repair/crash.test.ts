/** A repair that is stopped at any step: the old store or the new one, never a half one, and the next repair ends well. */
import { expect, test } from "vitest";
import { isLanekeeperError } from "../../../src/types/lanekeeper-error.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { contents, fingerprints, opened } from "../../node/kit.js";
import { DIRECTORY } from "../../node/surroundings.js";
import { drained } from "../../crash/history/explorer.js";
import { sampled } from "../../scale.js";
import { BACKUP } from "../backup/kit.js";
import {
  before,
  chain,
  harmed,
  harmPayload,
  lane,
  makeStores,
  repaired,
  sealedBlock,
} from "./kit.js";

makeStores();

/** The store at its place: the damaged one as it was, the repaired one, or none. */
type Found = "damaged" | "repaired" | "none";

/** The files of a directory by their names in it. */
function printsOf(disk: SimulatedDisk, directory: string): Map<string, string> {
  const prefix = `/${directory}/`;
  return new Map(
    [...fingerprints(disk)].flatMap(([path, print]): [string, string][] => {
      return path.startsWith(prefix) ? [[path.slice(prefix.length), print]] : [];
    }),
  );
}

async function foundIn(disk: SimulatedDisk, damaged: Map<string, string>): Promise<Found> {
  if ((await disk.kind(DIRECTORY)) === undefined) {
    // Both stand beside it.
    expect(printsOf(disk, `${DIRECTORY}.damaged-1`)).toEqual(damaged);
    await expectRepaired(disk, `${DIRECTORY}.repaired`);
    return "none";
  }
  const prints = printsOf(disk, DIRECTORY);
  if ([...damaged].every(([name, print]) => prints.get(name) === print)) {
    expect(prints).toEqual(damaged);
    return "damaged";
  }
  expect(printsOf(disk, `${DIRECTORY}.damaged-1`)).toEqual(damaged);
  await expectRepaired(disk, DIRECTORY);
  return "repaired";
}

/** It opens, nothing is missing, and nothing new may be signed. */
async function expectRepaired(disk: SimulatedDisk, directory: string): Promise<void> {
  const copy = disk.snapshot();
  if (directory !== DIRECTORY) await copy.rename(directory, DIRECTORY);
  const keeper = await opened(copy, chain, { moved: true });
  expect(await contents(keeper)).toEqual(before);
  expect(keeper.maySign({ kind: "block", lane, number: 9n })).toMatchObject({ code: "GUARDED" });
  expect(keeper.maySign({ kind: "vote", roadIndex: 100n })).toMatchObject({ code: "GUARDED" });
  await keeper.close();
}

test("crashed at any step it leaves the old store or the new one, and the next repair ends well", async () => {
  const { disk: start } = harmed((disk) => harmPayload(disk, sealedBlock()));
  const damaged = printsOf(start, DIRECTORY);
  const straight = start.snapshot();
  await repaired({ disk: straight }, { from: BACKUP });
  const steps = Array.from({ length: straight.steps + 1 }, (_, at) => at + 1);
  // The renames stand at the end: each of those steps is tried.
  const renames = new Set(steps.slice(-12));
  const chosen = new Set([...sampled(steps.slice(0, -12)), ...renames]);
  const seen = { damaged: 0, repaired: 0, none: 0 };
  for (const step of chosen) {
    const crashed = start.snapshot();
    crashed.crashAt(step);
    await Promise.race([repaired({ disk: crashed }, { from: BACKUP }), crashed.stopped]);
    await drained();
    const cuts = crashed.powerCuts(step, renames.has(step) ? 64 : 1);
    for (const left of [crashed.kill(), ...cuts]) {
      const found = await foundIn(left, damaged);
      seen[found] += 1;
      if (renames.has(step)) await expectLookChangesNothing(left);
      await repaired({ disk: left }, { from: BACKUP });
      expect(await foundIn(left, damaged)).toBe("repaired");
      const names = ((await left.list("")) ?? []).map(({ name }) => name);
      expect(names.sort()).toEqual([BACKUP.slice(1), DIRECTORY, `${DIRECTORY}.damaged-1`].sort());
    }
  }
  expect(seen.damaged).toBeGreaterThan(20);
  expect(seen.none).toBeGreaterThan(1);
  expect(seen.repaired).toBeGreaterThan(1);
});

/** A repair that only looks changes nothing, wherever one that was stopped has left the store. */
async function expectLookChangesNothing(disk: SimulatedDisk): Promise<void> {
  const prints = fingerprints(disk);
  try {
    await repaired({ disk }, { from: BACKUP, apply: false });
  } catch (cause) {
    if (!isLanekeeperError(cause)) throw cause;
    expect(cause.message).toMatch(/was stopped between its renames.*run it again with --apply/);
  }
  expect(fingerprints(disk)).toEqual(prints);
}

test("a repair that is stopped in its second repair is begun anew, and both damaged stores stay", async () => {
  const { disk } = harmed((harmedDisk) => harmPayload(harmedDisk, sealedBlock()));
  await repaired({ disk }, { from: BACKUP });
  const first = printsOf(disk, `${DIRECTORY}.damaged-1`);
  // The new store has another id: its backup would be another one.
  disk.damage(`${DIRECTORY}/mark`, 0, Buffer.alloc(64));
  disk.damage(`${DIRECTORY}/mark`, 256 * 1024, Buffer.alloc(64));
  const straight = disk.snapshot();
  await repaired({ disk: straight }, { acceptLoss: true });
  const half = disk.snapshot();
  half.crashAt(Math.floor(straight.steps / 2));
  await Promise.race([repaired({ disk: half }, { acceptLoss: true }), half.stopped]);
  await drained();
  const left = half.kill();
  expect(await left.kind(`${DIRECTORY}.repairing`)).toBe("directory");
  // Somebody takes the damaged store away: the half one is not taken for a store.
  const away = left.snapshot();
  await away.rename(DIRECTORY, "away");
  await expect(repaired({ disk: away }, { acceptLoss: true })).rejects.toMatchObject({
    code: "NOT_A_STORE",
  });
  expect(await away.kind(DIRECTORY)).toBeUndefined();
  await repaired({ disk: left }, { acceptLoss: true });
  expect(printsOf(left, `${DIRECTORY}.damaged-1`)).toEqual(first);
  expect(await left.kind(`${DIRECTORY}.damaged-2`)).toBe("directory");
  await expectRepaired(left, DIRECTORY);
});

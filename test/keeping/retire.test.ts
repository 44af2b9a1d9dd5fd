/** A retired store never opens again, whenever the power goes, and its own process must have ended before. */
import { expect, test } from "vitest";
import { retire } from "../../src/keeping/retire/retire.js";
import { readRetirement } from "../../src/journal/form/retired.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { inspected } from "../inspect/kit.js";
import { TestChain } from "../model/chain.js";
import { drained } from "../crash/history/explorer.js";
import { fresh, laneAt, openRefused, opened, pushBlocks, refusal } from "../node/kit.js";
import { DIRECTORY, simulatedSurroundings } from "../node/surroundings.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);

async function closedStore(): Promise<SimulatedDisk> {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 2n });
  await keeper.close();
  return disk;
}

function retired(disk: SimulatedDisk, reason = "moved to host b"): ReturnType<typeof retire> {
  const { randomBytes } = simulatedSurroundings(disk, 3);
  return retire({ disk, directory: DIRECTORY, reason, nowMs: () => 12.5, randomBytes });
}

test("a retired store is refused by every open, and retiring it again changes nothing", async () => {
  const disk = await closedStore();
  const record = await retired(disk);
  expect(record).toMatchObject({ reason: "moved to host b", atMs: 12 });
  const error = await openRefused(disk, chain, "RETIRED");
  expect(error.message).toContain("never opens again");
  expect(await retired(disk, "another reason")).toEqual(record);
});

test("inspect looks into a retired store, and says that it does not open", async () => {
  const disk = await closedStore();
  await retired(disk);
  const { findings, summary } = await inspected(disk, { kind: "signatures" });
  expect(findings.map((each) => each.class)).toEqual(["RETIRED"]);
  expect(summary.verdict).toMatchObject({ opens: false, class: "RETIRED" });
  expect(summary).toMatchObject({ recordsRead: 2, errors: 1 });
});

test("a store that is open is not retired", async () => {
  const { disk, keeper } = await fresh(chain);
  await refusal(retired(disk), "STORE_LOCKED");
  await keeper.close();
  await (await opened(disk, chain)).close();
});

test("a crash at any step of a retirement leaves a store that opens, or one that never does", async () => {
  const before = await closedStore();
  const whole = before.snapshot();
  await retired(whole);
  const ends = { opens: 0, retired: 0 };
  for (let step = 1; step <= whole.steps + 1; step++) {
    const disk = before.snapshot();
    disk.crashAt(step);
    let isRetired = false;
    const work = retired(disk).then(() => {
      isRetired = true;
    });
    await Promise.race([work, disk.stopped]);
    await drained();
    for (const left of [disk.kill(), ...disk.powerCuts(step, 8)]) {
      const found = await readRetirement(left, DIRECTORY);
      if (found === undefined) {
        expect(isRetired).toBe(false);
        await (await opened(left.snapshot(), chain)).close();
        ends.opens += 1;
      } else {
        await openRefused(left.snapshot(), chain, "RETIRED");
        ends.retired += 1;
      }
      // Done again, it is whole.
      const record = await retired(left, "again, and for a reason of another length");
      expect(await readRetirement(left, DIRECTORY)).toEqual(record);
      await openRefused(left, chain, "RETIRED");
    }
  }
  expect(ends.opens).toBeGreaterThan(0);
  expect(ends.retired).toBeGreaterThan(0);
});

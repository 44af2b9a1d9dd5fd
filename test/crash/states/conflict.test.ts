/**
 * D2: what is held is compared byte for byte, not by its length; and what an anchor has let go of is no
 * parent of anything, whatever a crash leaves of it.
 */
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { bornJournal, openJournal, text } from "../../journal/kit.js";
import { refusal } from "../../node/kit.js";
import { STRIDE } from "../../scale.js";
import { freezeTime } from "../history/frozen-time.js";
import { chain, initOn, openOn } from "../history/session.js";
import type { Workload } from "../history/workloads.js";
import { Campaign } from "./campaign.js";

freezeTime();

test("another block of the same length is a conflict, queued or on disk", async () => {
  const disk = new SimulatedDisk();
  await initOn(disk, 1);
  const keeper = await openOn(disk, 2);
  const lane = chain.lanes[0]!;
  const [held, other] = [chain.block(lane, 0n, 1).bytes, chain.block(lane, 0n, 2).bytes];
  expect(other.length).toBe(held.length);
  await keeper.pushBlock(held);
  for (const _ of ["queued", "on disk"]) {
    const error = await refusal(keeper.pushBlock(other), "CONFLICT");
    expect([error.held, error.offered].map((each) => each && Buffer.from(each))).toEqual([
      Buffer.from(held),
      Buffer.from(other),
    ]);
    await refusal(keeper.pushBlock(held), "DUPLICATE");
    await keeper.waitForBlock(lane, 0n);
  }
  await keeper.close();
});

test("another record of the same length is a conflict to its log", async () => {
  const { journal, log } = await openJournal(await bornJournal());
  await log().append({ number: 0n, payload: text("held") });
  await refusal(log().append({ number: 0n, payload: text("other".slice(1)) }), "CONFLICT");
  await refusal(log().append({ number: 0n, payload: text("held") }), "DUPLICATE");
  await journal.close();
});

/**
 * 1. A lane holds another block 3 than the one that the committee decided. 2. Anchor 4 is durable: the lane
 * is empty, from 4 on. 3. Block 4 comes, whose parent is the decided block 3. Its group has the truncation,
 * too. 4. The power fails, and takes the group, or a part of it.
 */
const otherParentWork: Workload = async ({ open, stand }) => {
  const session = await open();
  const [lane, reset, whole] = stand.chain.lanes;
  if (!lane || !reset || !whole) throw new Error("three lanes are there");
  for (let number = 0n; number < 3n; number++) await session.pushAll(number);
  await session.push(lane, 3n, 1);
  await session.push(whole, 3n);
  await session.qc(0n);
  await session.settled();
  // The lane `reset` ends below the anchor's range.
  await session.anchor(4n);
  await session.settled();
  await session.pushAll(4n);
  await session.qc(5n);
  await session.settled();
  await session.pushAll(5n);
  await session.settled();
  await session.close();
  expect(session.failures).toEqual([]);
};

test("a truncation that is lost with a block of another parent: no open links the two", async () => {
  const campaign = new Campaign(41);
  const from = await campaign.born();
  for (let order = 1; order <= 2; order++) {
    const { frames } = await campaign.run(from, otherParentWork, "another parent", order);
    for (const [at, frame] of frames.entries()) {
      if (at % STRIDE !== order % STRIDE) continue;
      for (const state of campaign.crashes(frame, 6, at)) {
        await campaign.judge(state);
        if (at % 12 !== order) continue;
        for (const once of await campaign.recovery(state)) {
          for (const again of campaign.crashes(once, 2, at)) await campaign.judge(again);
        }
      }
    }
  }
  expect(campaign.told).toEqual([]);
  expect(campaign.distinctStates).toBeGreaterThan(300 / STRIDE);
});

/** D2: what is held is compared byte for byte, not by its length. */
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { bornJournal, openJournal, text } from "../../journal/kit.js";
import { refusal } from "../../node/kit.js";
import { chain, initOn, openOn } from "../history/session.js";

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

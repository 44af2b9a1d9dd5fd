/** A log whose entries a full disk refuses one by one, while others of the log become durable. */
import pLimit from "p-limit";
import { expect, test } from "vitest";
import type { Entry } from "../../src/journal/group/group.js";
import { LaneLog } from "../../src/log/lane-log.js";
import { PersisterError } from "../../src/types/errors.js";
import { text, textKind } from "./kit.js";

const full = new PersisterError("DISK_FULL", "no room");

/** An empty log, and its entries in the order in which they were queued, for the test to settle. */
function emptyLog() {
  const queued: Entry[] = [];
  const unread = (): Promise<never> => Promise.reject(new Error("nothing is read"));
  const journal = {
    submit: (entries: readonly Entry[]) => void queued.push(...entries),
    read: unread,
    readBeginning: unread,
  };
  const verifying = pLimit(1);
  const log = new LaneLog({ journal, name: "log", kind: textKind, verifying, first: 0n, next: 0n });
  return { log, settle: (error?: PersisterError) => queued.shift()?.settled(error) };
}

function record(number: bigint) {
  return { number, payload: text(`record ${number}`) };
}

/**
 * 1. Record 0 is on its way, and a durable anchor moves the start to 1: the truncation waits for room. 2. The
 * disk is full: record 0 is refused, and is due again. 3. Record 1 comes, with the same truncation before
 * it. 4. The first truncation is durable. 5. The second one is refused, and record 1 with it. 6. Record 1
 * comes again.
 */
test("a truncation that is refused does not take back one that is durable", async () => {
  const { log, settle } = emptyLog();
  const first = log.append(record(0n));
  const pruned = log.write({ prune: { start: 1n, lazily: () => true } });
  settle(full);
  await expect(first).rejects.toBe(full);
  const refused = log.write({ prune: { start: 1n }, append: { records: [record(1n)] } });
  settle();
  settle(full);
  settle(full);
  await pruned;
  await expect(refused).rejects.toBe(full);
  expect([log.first, log.next, log.appendNext]).toEqual([1n, 1n, 1n]);
  const again = log.write({ prune: { start: 1n }, append: { records: [record(1n)] } });
  settle();
  await again;
  expect(log.next).toBe(2n);
});

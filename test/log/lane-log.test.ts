import { expect, test } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import type { LaneLog } from "../../src/log/lane-log.js";
import { PersisterError } from "../../src/types/errors.js";
import { all, bornJournal, forgeHead, type OpenJournal, openJournal, text } from "./kit.js";
import { refusal } from "../node/kit.js";

async function append(log: LaneLog<string>, ...numbers: bigint[]): Promise<void> {
  for (const number of numbers) await log.append({ number, payload: text(`record ${number}`) });
}

const records = (...numbers: bigint[]): string[] => numbers.map((number) => `record ${number}`);

async function start(): Promise<OpenJournal & { readonly disk: SimulatedDisk }> {
  const disk = await bornJournal();
  return { disk, ...(await openJournal(disk)) };
}

/** Closes, opens again, and says what the log holds: its range and its records. */
async function reopen(opened: OpenJournal, disk: SimulatedDisk): Promise<OpenJournal> {
  await opened.journal.close();
  return await openJournal(disk);
}

test("W1 an empty log: count 0, first = next", async () => {
  const { disk, ...opened } = await start();
  for (const each of [opened, await reopen(opened, disk)]) {
    const { count, first, next } = each.log();
    expect({ count, first, next }).toEqual({ count: 0n, first: 0n, next: 0n });
  }
});

test("W2 W3 three records keep their order, and reopen recovers positions", async () => {
  const { disk, ...opened } = await start();
  await append(opened.log(), 0n, 1n, 2n);
  expect(await all(opened.log())).toEqual(records(0n, 1n, 2n));
  const again = (await reopen(opened, disk)).log();
  expect([again.first, again.next, again.count]).toEqual([0n, 3n, 3n]);
  expect(await all(again)).toEqual(records(0n, 1n, 2n));
  expect(await again.read(1n)).toBe("record 1");
});

test("W4 truncate to 4 of 5, reopen: 4 and 5", async () => {
  const { disk, ...opened } = await start();
  await append(opened.log(), 0n, 1n, 2n, 3n, 4n, 5n);
  await opened.log().truncateBefore(4n);
  const again = (await reopen(opened, disk)).log();
  expect([again.first, again.next]).toEqual([4n, 6n]);
  expect(await all(again)).toEqual(records(4n, 5n));
});

test("W5 truncated to the last: it stays readable after reopen", async () => {
  const { disk, ...opened } = await start();
  await append(opened.log(), 0n, 1n, 2n);
  await opened.log().truncateBefore(2n);
  const again = (await reopen(opened, disk)).log();
  expect(await all(again)).toEqual(records(2n));
});

test("W6 the verify callback sees the record that becomes first; its error changes nothing", async () => {
  const { disk, ...opened } = await start();
  const log = opened.log();
  await append(log, 0n, 1n, 2n);
  const seen: string[] = [];
  const refuse = (first: string): void => {
    seen.push(first);
    throw new PersisterError("VERIFY_MISMATCH", "not the expected one");
  };
  await refusal(log.truncateBefore(1n, refuse), "VERIFY_MISMATCH");
  expect(seen).toEqual(["record 1"]);
  expect(await all(log)).toEqual(records(0n, 1n, 2n));
  const again = (await reopen(opened, disk)).log();
  expect(await all(again)).toEqual(records(0n, 1n, 2n));
});

test("W7 truncate all keeps next; the next append gets it; reopen sees only that record", async () => {
  const { disk, ...opened } = await start();
  const log = opened.log();
  await append(log, 0n, 1n, 2n);
  await log.truncateAll();
  expect([log.count, log.first, log.next]).toEqual([0n, 3n, 3n]);
  await append(log, 3n);
  const again = (await reopen(opened, disk)).log();
  expect([again.first, again.next]).toEqual([3n, 4n]);
  expect(await all(again)).toEqual(records(3n));
});

test("W8 a log that claims more records than it can read: returned N, expected M", async () => {
  const { disk, ...opened } = await start();
  await append(opened.log(), 0n, 1n);
  await (await reopen(opened, disk)).journal.close();
  forgeHead(disk, (head) => {
    return { ...head, logs: head.logs.map((entry) => ({ ...entry, next: entry.next + 1n })) };
  });
  const error = await refusal(openJournal(disk), "JOURNAL_CORRUPT");
  expect(error.message).toMatch(/returned 2, expected 3/);
  expect([error.lane, error.blockNumber]).toEqual(["log", 2n]);
});

test("W9 truncate, append, read", async () => {
  const { log } = await start();
  await append(log(), 0n, 1n, 2n);
  await log().truncateBefore(2n);
  await append(log(), 3n);
  expect(await all(log())).toEqual(records(2n, 3n));
  await refusal(log().read(1n), "OUT_OF_SEQUENCE");
});

test("W10 truncate all on an empty log is a no-op", async () => {
  const { disk, ...opened } = await start();
  await opened.log().truncateAll();
  expect(opened.log().next).toBe(0n);
  await append(opened.log(), 0n);
  await opened.log().truncateAll();
  await opened.log().truncateAll();
  const again = (await reopen(opened, disk)).log();
  expect([again.first, again.next]).toEqual([1n, 1n]);
});

test("W11 emptied and reopened: empty, and writable at the right number", async () => {
  const { disk, ...opened } = await start();
  await append(opened.log(), 0n, 1n);
  await opened.log().truncateAll();
  const again = await reopen(opened, disk);
  expect([again.log().first, again.log().next]).toEqual([2n, 2n]);
  await refusal(append(again.log(), 0n), "OUT_OF_SEQUENCE");
  await append(again.log(), 2n);
  const last = (await reopen(again, disk)).log();
  expect(await all(last)).toEqual(records(2n));
});

test("W12 successive truncations with a write between", async () => {
  const { disk, ...opened } = await start();
  await append(opened.log(), 0n, 1n, 2n);
  await opened.log().truncateBefore(1n);
  await append(opened.log(), 3n);
  await opened.log().truncateBefore(3n);
  await opened.log().truncateBefore(2n);
  await append(opened.log(), 4n);
  const again = (await reopen(opened, disk)).log();
  expect([again.first, again.next]).toEqual([3n, 5n]);
  expect(await all(again)).toEqual(records(3n, 4n));
});

test("B14 a gap, a duplicate and a conflict are told apart, with both payloads", async () => {
  const { log } = await start();
  await append(log(), 0n, 1n);
  const gap = await refusal(append(log(), 3n), "OUT_OF_SEQUENCE");
  expect(gap.message).toMatch(/out of sequence/);
  const duplicate = await refusal(append(log(), 1n), "DUPLICATE");
  expect(duplicate.message).toMatch(/out of sequence/);
  const other = log().append({ number: 1n, payload: text("another") });
  const conflict = await refusal(other, "CONFLICT");
  expect(conflict.message).toMatch(/conflict/);
  expect(conflict.held && Buffer.from(conflict.held).toString()).toBe("record 1");
  expect(conflict.offered && Buffer.from(conflict.offered).toString()).toBe("another");
  expect(await all(log())).toEqual(records(0n, 1n));
});

test("a scan obeys its range, its limit and its direction", async () => {
  const { log } = await start();
  await append(log(), 0n, 1n, 2n, 3n);
  const numbers = async (range: Parameters<LaneLog<string>["scan"]>[0]): Promise<bigint[]> => {
    const found: bigint[] = [];
    for await (const { number } of log().scan(range)) found.push(number);
    return found;
  };
  expect(await numbers({ gte: 1n, lt: 3n })).toEqual([1n, 2n]);
  expect(await numbers({ reverse: true, limit: 2 })).toEqual([3n, 2n]);
  expect(await numbers({ gte: 7n })).toEqual([]);
  await refusal(numbers({ signal: AbortSignal.abort() }), "ABORTED");
});

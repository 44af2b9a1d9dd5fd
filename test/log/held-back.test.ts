/** The records that an archive reads, and the segments that it holds back. */
import { expect, test } from "vitest";
import { bornJournal, openJournal, type OpenJournal } from "./kit.js";
import { turns } from "../node/kit.js";

const GIB = 1024 ** 3;
const payload = (name: string, number: bigint): Uint8Array =>
  Buffer.alloc(2800, `${name} ${number} `);

async function push(opened: OpenJournal, name: string, from: bigint, to: bigint): Promise<void> {
  for (let number = from; number < to; number++) {
    await opened.log(name).append({ number, payload: payload(name, number) });
  }
}

/** Pushes [from, to) to "log", and keeps the last alone. */
async function run(opened: OpenJournal, from: bigint, to: bigint): Promise<void> {
  for (let number = from; number < to; number++) {
    await push(opened, "log", number, number + 1n);
    await opened.log("log").truncateBefore(number);
  }
}

async function numbers(opened: OpenJournal, range: object): Promise<bigint[]> {
  const found: bigint[] = [];
  for await (const { number, bytes } of opened.logs.readRetainedRuns("log", range)) {
    expect(Buffer.from(bytes)).toEqual(payload("log", number));
    found.push(number);
  }
  return found;
}

test("records below a gap are read, and the numbers in it are left out; the same behind a crash", async () => {
  const disk = await bornJournal();
  const opened = await openJournal(disk, { retainBytes: GIB });
  await push(opened, "log", 0n, 6n);
  await opened.log("log").truncateBefore(100n);
  await run(opened, 100n, 110n);
  for (const each of [opened, await openJournal(disk.kill(), { retainBytes: GIB })]) {
    each.log("log");
    await each.logs.mapMended();
    expect(each.logs.retainedRuns("log")).toEqual([
      { from: 0n, next: 6n },
      { from: 100n, next: 109n },
    ]);
    const below = [0n, 1n, 2n, 3n, 4n, 5n];
    const above = [100n, 101n, 102n, 103n, 104n, 105n, 106n, 107n, 108n];
    expect(await numbers(each, {})).toEqual([...below, ...above]);
    expect(await numbers(each, { from: 4n, next: 102n })).toEqual([4n, 5n, 100n, 101n]);
    expect(await numbers(each, { from: 6n, next: 100n })).toEqual([]);
    expect(await numbers(each, { from: 50n })).toEqual(above);
  }
});

test("as long as it is not known what is retained, all of it may be", async () => {
  const disk = await bornJournal();
  const opened = await openJournal(disk, { retainBytes: GIB });
  await run(opened, 0n, 20n);
  const again = await openJournal(disk.kill(), { retainBytes: GIB });
  again.log("log");
  expect(again.logs.retainedRuns("log")).toEqual([{ from: 0n, next: 19n }]);
  const oldest = again.journal.readable[0]?.sequence;
  expect(again.logs.heldFrom(() => 100n)).toBe(oldest);
  await again.logs.mapMended();
  expect(again.logs.heldFrom(() => 100n)).toBe(again.journal.currentSegment.sequence);
});

test("a log that stands still holds nothing back, until its record is pruned", async () => {
  const opened = await openJournal(await bornJournal(), { retainBytes: GIB });
  await push(opened, "idle", 0n, 1n);
  const oldest = opened.journal.currentSegment.sequence;
  await run(opened, 0n, 60n);
  await turns();
  const { sequence } = opened.journal.currentSegment;
  expect(sequence).toBeGreaterThan(oldest + 4n);
  const held = (through: { readonly log: bigint; readonly idle: bigint }): bigint =>
    opened.logs.heldFrom((name) => through[name as keyof typeof through]);
  expect(held({ log: 59n, idle: 0n })).toBe(sequence);
  expect(held({ log: 0n, idle: 0n })).toBe(oldest);
  await opened.log("idle").truncateBefore(1n);
  expect(held({ log: 59n, idle: 0n })).toBe(oldest);
  expect(held({ log: 59n, idle: 1n })).toBe(opened.journal.currentSegment.sequence);
});

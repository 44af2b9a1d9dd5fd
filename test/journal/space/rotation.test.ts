/**
 * A rotation writes the next head and its first group at once, in any order, and a mark that names the
 * head behind the head: what a crash leaves of the three, of a crash in the recovery from that, and of
 * one of them that fails.
 */
import { describe, expect, test } from "vitest";
import { encodeHead } from "../../../src/journal/form/head.js";
import { recordsStart } from "../../../src/journal/form/records.js";
import type { HeldChange, SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { refusal, turns } from "../../node/kit.js";
import { all, bornJournal, newestSegment, openJournal, type OpenJournal } from "../kit.js";

/** Two groups of it, and one, are nearly all that a segment of the smallest size takes. */
const HALF = 3000;
const FULL = 9900;
/** Of each crash of a rotation, so many disks are recovered with a crash at each step of that. */
const NESTED = 3;

function payload(number: bigint, bytes: number): Uint8Array {
  return Buffer.alloc(bytes, `${number} `);
}

function texts(first: bigint, next: bigint, bytes: number): string[] {
  const found: string[] = [];
  for (let number = first; number < next; number++) {
    found.push(Buffer.from(payload(number, bytes)).toString("latin1"));
  }
  return found;
}

async function append({ log }: OpenJournal, number: bigint, bytes: number): Promise<void> {
  await log().append({ number, payload: payload(number, bytes) });
}

/** A rotation on its way: its head and its group, neither of them durable. */
interface Rotating {
  readonly disk: SimulatedDisk;
  readonly opened: OpenJournal;
  readonly head: HeldChange;
  readonly group: HeldChange;
  /** Settled with the rotation. */
  readonly acked: Promise<unknown>;
  /** A crash must leave the log from `first` to `next`, and one record more if the group is there. */
  readonly first: bigint;
  readonly next: bigint;
  readonly bytes: number;
}

/** The two changes that the disk holds, and no other: no mark names a head that is not durable. */
function heldOf(disk: SimulatedDisk): Pick<Rotating, "head" | "group"> {
  const [head, group, other] = disk.held;
  if (!head || !group) throw new Error("head and group are on their way");
  expect(other).toBeUndefined();
  expect(head.path).toMatch(/\.seg$/);
  expect(group.path).toBe(head.path);
  return { head, group };
}

/** The mark that is on its way, once the head is durable. */
function heldMark(disk: SimulatedDisk): HeldChange {
  const mark = disk.held.find(({ path }) => path.endsWith("mark"));
  if (!mark) throw new Error("a mark that names the head is on its way");
  return mark;
}

/** Ends one of the three writes; the mark is on its way by then. */
async function finish(rotating: Rotating, what: Written): Promise<void> {
  const { disk } = rotating;
  disk.finish(what === "mark" ? heldMark(disk).step : rotating[what].step);
  await turns(12);
}

type Written = "head" | "group" | "mark";

/** Holds what is written to the files that there are; slots that are made meanwhile go their way. */
function holdFilesOf(disk: SimulatedDisk): void {
  const files = new Set(disk.files().map(({ path }) => path));
  disk.hold(({ path }) => files.has(`/${path}`));
}

/** The third record of half a segment. */
async function once(): Promise<Rotating> {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  for (let number = 0n; number < 2n; number++) await append(opened, number, HALF);
  await turns(12);
  disk.hold();
  const acked = append(opened, 2n, HALF);
  await turns(12);
  return { disk, opened, ...heldOf(disk), acked, first: 0n, next: 2n, bytes: HALF };
}

/** Two rotations in a row: the second overwrites the slot that the first set free. */
async function twice(): Promise<Rotating> {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  await append(opened, 0n, FULL);
  await opened.log().truncateBefore(1n);
  await turns(12);
  const { path, head } = newestSegment(disk);
  expect(opened.journal.mark.headSequence).toBe(head.sequence);
  holdFilesOf(disk);
  const records = [1n, 2n].map((number) => ({ number, payload: payload(number, FULL) }));
  const acked = opened.log().write({ append: { records } });
  await turns(12);
  while (newestSegment(disk).head.sequence < head.sequence + 2n) {
    const [first] = disk.held;
    if (!first) throw new Error("the second rotation is on its way");
    disk.finish(first.step);
    await turns(12);
  }
  for (const { path: held, step } of disk.held) if (held.endsWith("mark")) disk.finish(step);
  await turns(12);
  const held = heldOf(disk);
  expect(`/${held.head.path}`).toBe(path);
  return { disk, opened, ...held, acked, first: 1n, next: 2n, bytes: FULL };
}

const rotations = { once, twice };

/** The parts that are durable when the crash comes: no mark is without the head. */
const states: readonly (readonly Written[])[] = [
  [],
  ["head"],
  ["group"],
  ["head", "group"],
  ["head", "mark"],
];

/** Opens, and compares with what must be there; the next number of the log. */
async function nextIn(disk: SimulatedDisk, { first, next, bytes }: Rotating): Promise<bigint> {
  const { log, journal } = await openJournal(disk);
  const found = log().next;
  expect([next, next + 1n]).toContain(found);
  expect([log().first, await all(log())]).toEqual([first, texts(first, found, bytes)]);
  expect(journal.space.free).toBeGreaterThanOrEqual(2);
  return found;
}

describe.each(["once", "twice"] as const)(
  "a crash while the journal rotates, %s in a row",
  (how) => {
    test.each(states)(
      "durable before it: %j; what was acknowledged is there, after every crash of the recovery too",
      async (...state) => {
        const rotating = await rotations[how]();
        const { disk } = rotating;
        for (const what of state) await finish(rotating, what);
        const nexts = new Set<bigint>();
        const lefts = [disk.kill(), ...disk.powerCuts(7, 40)];
        for (const left of lefts) nexts.add(await nextIn(left.kill(), rotating));
        // The group is there where its head is, and only there.
        const isCertain = state.includes("head") && state.includes("group");
        expect([...nexts].sort()).toEqual([
          ...(isCertain ? [] : [rotating.next]),
          rotating.next + 1n,
        ]);
        for (const left of lefts.slice(0, NESTED)) await recoverWithCrashes(left, rotating);
      },
      60_000,
    );
  },
);

/** A crash at each step of an open, and what each leaves is opened. */
async function recoverWithCrashes(left: SimulatedDisk, rotating: Rotating): Promise<void> {
  for (let step = 1; ; step++) {
    const disk = left.kill();
    disk.crashAt(step);
    await Promise.race([openJournal(disk), disk.stopped]);
    if (!disk.isStopped) return;
    await nextIn(disk.kill(), rotating);
    for (const cut of disk.powerCuts(step, 3)) await nextIn(cut, rotating);
  }
}

test.each<readonly Written[]>([
  ["group", "head", "mark"],
  ["head", "group", "mark"],
  ["head", "mark", "group"],
])(
  "written in the order %s, %s, %s: acknowledged when the last one is durable",
  async (...order) => {
    const rotating = await once();
    const { disk, opened } = rotating;
    let isAcked = false;
    const acked = rotating.acked.then(() => {
      isAcked = true;
    });
    for (const what of order) {
      expect(isAcked).toBe(false);
      // Until a mark names its head, readers have the segment before it.
      expect(opened.journal.readable).toHaveLength(0);
      await finish(rotating, what);
    }
    await acked;
    for (const left of disk.powerCuts(3, 20)) expect(await nextIn(left, rotating)).toBe(3n);
  },
);

test("a slot that the next head does not list any more is free only once a mark names that head", async () => {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  await append(opened, 0n, FULL);
  await opened.log().truncateBefore(1n);
  await turns(12);
  holdFilesOf(disk);
  const acked = append(opened, 1n, FULL);
  await turns(12);
  const { head, group } = heldOf(disk);
  const { free } = opened.journal.space;
  for (const { step } of [head, group]) disk.finish(step);
  await turns(12);
  expect(opened.journal.space.free).toBe(free);
  disk.finish(heldMark(disk).step);
  await acked;
  expect(opened.journal.space.free).toBe(free + 1);
});

describe.each(["nothing", "visible-not-durable", "torn"] as const)(
  "a write that leaves %s",
  (effect) => {
    test.each([
      { what: "head", nth: 1, path: ".seg" },
      { what: "group", nth: 2, path: ".seg" },
      { what: "mark", nth: 1, path: "mark" },
    ])(
      "of the $what of a rotation poisons; a power cut and an open find what was acknowledged",
      async ({ nth, path }) => {
        const disk = await bornJournal();
        const opened = await openJournal(disk);
        for (let number = 0n; number < 2n; number++) await append(opened, number, HALF);
        await turns(12);
        disk.fail({ operation: "write", path, nth, effect });
        const { code } = await refusal(append(opened, 2n, HALF), "POISONED");
        expect(code).toBe(opened.journal.poison?.code);
        disk.heal();
        const steps = disk.steps;
        await refusal(opened.journal.close(), "POISONED");
        expect(disk.steps).toBe(steps);
        const expected = { ...(await once()), first: 0n, next: 2n };
        for (const left of [disk.kill(), ...disk.powerCuts(5, 20)]) await nextIn(left, expected);
      },
    );
  },
);

test("a drop in a rotation's group is done again where only the group's footer is there", async () => {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  await opened.log("gone").append({ number: 0n, payload: payload(0n, 100) });
  await append(opened, 0n, FULL);
  await turns(12);
  holdFilesOf(disk);
  const acked = [append(opened, 1n, FULL), opened.drop("gone")];
  await turns(12);
  const rotating = heldOf(disk);
  for (const { step } of [rotating.head, rotating.group]) disk.finish(step);
  const left = disk.kill();
  const { path, head } = newestSegment(left);
  left.damage(path, recordsStart(encodeHead(head).length), Buffer.alloc(4096, "!"));
  const again = await openJournal(left);
  expect([again.log("gone").next, again.log().next]).toEqual([0n, 1n]);
  disk.release();
  await Promise.all(acked);
});

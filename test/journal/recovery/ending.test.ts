/**
 * How the newest segment ends: what a crash left, and what one damaged block took right behind an
 * acknowledgement, are told apart by the mark and by footers (D6).
 */
import { describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import type { Entry } from "../../../src/journal/group/group.js";
import { encodeHead } from "../../../src/journal/form/head.js";
import {
  BLOCK_BYTES,
  chainStart,
  RECORD_HEADER_BYTES,
  recordsStart,
  recordType,
} from "../../../src/journal/form/records.js";
import {
  decodeMark,
  MARK_SLOT_BYTES,
  type MarkSlot,
  markSlotOffset,
} from "../../../src/journal/form/mark.js";
import { type MarkFound, newestMark } from "../../../src/journal/segment/mark-file.js";
import { type EndingFacts, endingOf } from "../../../src/journal/recovery/ending.js";
import { refusal, turns } from "../../node/kit.js";
import { bornJournal, newestSegment, openJournal, type OpenJournal, text } from "../kit.js";
import { walkRecords } from "../walk.js";

const HASH = new Uint8Array(32).fill(7);

function footer(firstLsn: bigint, lastLsn: bigint) {
  return { firstLsn, lastLsn, opened: [], dropped: [], appends: [], markSequence: 0n };
}

describe("the table of how the newest segment ends", () => {
  const quiet: EndingFacts = { due: 20n, acked: 19n, isMarkStale: false, footers: [] };
  test.each<{ label: string; change: Partial<EndingFacts> }>([
    { label: "end", change: {} },
    { label: "end", change: { footers: [footer(3n, 19n)] } },
    { label: "acknowledged-lost", change: { acked: 20n } },
    { label: "acknowledged-lost", change: { acked: 25n, footers: [footer(18n, 25n)] } },
    { label: "last-group-broken", change: { footers: [footer(18n, 25n)] } },
    { label: "last-group-broken", change: { footers: [footer(20n, 20n)] } },
    { label: "later-group-begun", change: { footers: [footer(26n, 30n)] } },
    { label: "later-group-begun", change: { footers: [footer(18n, 25n), footer(26n, 30n)] } },
    { label: "mark-left-behind", change: { isMarkStale: true } },
  ])("$label: $change", ({ label, change }) => {
    expect(endingOf({ ...quiet, ...change }).label).toBe(label);
  });
});

/** Appends records with header hashes as one group; durable when resolved. */
async function group({ journal }: OpenJournal, name: string, numbers: bigint[]): Promise<void> {
  await Promise.all(
    numbers.map(
      (number) =>
        new Promise<void>((resolve, reject) => {
          const payload = text(`${name} ${number}`);
          const settled: Entry["settled"] = (error) => (error ? reject(error) : resolve());
          journal.submit([{ type: "append", name, number, payload, hash: HASH, settled }]);
        }),
    ),
  );
}

/** The offsets at which the records and the footer of each group of the newest segment begin. */
function groupsOn(disk: SimulatedDisk): { readonly path: string; readonly groups: Place[] } {
  const { path, head, bytes } = newestSegment(disk);
  const offset = recordsStart(encodeHead(head).length);
  const groups: Place[] = [];
  let records = offset;
  const start = { offset, chain: chainStart(head.salt), nextLsn: head.firstLsn };
  walkRecords(bytes, start, (record) => {
    if (record.type !== recordType.footer) return;
    groups.push({ records, footer: record.offset });
    records = record.offset + RECORD_HEADER_BYTES + record.payloadLength;
  });
  return { path, groups };
}

interface Place {
  readonly records: number;
  readonly footer: number;
}

/** Two groups that were just acknowledged, and no mark that names them: it is held back. */
async function twoGroups(): Promise<SimulatedDisk> {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  await turns(12);
  disk.hold(({ path }) => path.endsWith("mark"));
  await group(opened, "lane", [0n, 1n]);
  await group(opened, "lane", [2n, 3n]);
  disk.crash();
  // The first of the power cuts is the one in which no mark arrived.
  const [cut] = disk.powerCuts(1, 1);
  if (!cut) throw new Error("a power cut leaves a disk");
  return cut;
}

const junk = Buffer.alloc(BLOCK_BYTES, 0xa5);

describe("one damaged block right behind an acknowledgement", () => {
  test("of a record of the last group: its blocks are pinned, those before it are there", async () => {
    const disk = await twoGroups();
    const { path, groups } = groupsOn(disk);
    disk.damage(path, groups[1]!.records, junk);
    const { journal, log, recovered } = await openJournal(disk);
    expect(log("lane").next).toBe(2n);
    const pins = [2n, 3n].map((number) => ({ name: "lane", number, hash: HASH }));
    expect(journal.mark.pins).toEqual(pins);
    expect(recovered.warnings).toHaveLength(1);
  });

  test("of the last group's footer: nothing is lost, nothing is pinned", async () => {
    const disk = await twoGroups();
    const { path, groups } = groupsOn(disk);
    disk.damage(path, groups[1]!.footer, junk);
    const { journal, log } = await openJournal(disk);
    expect(log("lane").next).toBe(4n);
    expect(journal.mark.pins).toEqual([]);
  });

  test.each(["records", "footer"] as const)(
    "of an earlier group's %s: refused, since a later group was begun",
    async (what) => {
      const disk = await twoGroups();
      const { path, groups } = groupsOn(disk);
      disk.damage(path, groups[0]![what], junk);
      const error = await refusal(openJournal(disk), "ACKNOWLEDGED_LOST");
      expect(error.message).toContain("[later-group-begun]");
      expect(error.file).toBe(path.slice(1));
    },
  );

  test("below the mark: refused, also of the last group", async () => {
    const disk = await bornJournal();
    const opened = await openJournal(disk);
    await group(opened, "lane", [0n]);
    await turns(12);
    const { path, groups } = groupsOn(disk);
    disk.damage(path, groups[0]!.records, junk);
    const error = await refusal(openJournal(disk.kill()), "ACKNOWLEDGED_LOST");
    expect(error.message).toContain("[acknowledged-lost]");
  });
});

test("pins of a footer stand, wherever the opens behind the damage are stopped", async () => {
  const left = await twoGroups();
  const { path, groups } = groupsOn(left);
  left.damage(path, groups[1]!.records, junk);
  let stops = 0;
  for (let step = 1; ; step++) {
    const disk = left.kill();
    disk.crashAt(step);
    await Promise.race([openJournal(disk), disk.stopped]);
    if (!disk.isStopped) break;
    stops += 1;
    for (const after of [disk.kill(), ...disk.powerCuts(step, 4)]) {
      const { journal } = await openJournal(after);
      expect(journal.mark.pins.map(({ number }) => number)).toEqual([2n, 3n]);
    }
  }
  expect(stops).toBeGreaterThan(5);
});

test("a log number that a lost group gave is not given again", async () => {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  await turns(12);
  disk.hold(({ path }) => path.endsWith("mark"));
  await group(opened, "new", [0n]);
  disk.crash();
  const left = disk.kill();
  const { path, groups } = groupsOn(left);
  left.damage(path, groups[0]!.records, junk);
  const again = await openJournal(left);
  expect(again.journal.mark.pins).toMatchObject([{ name: "new", number: 0n }]);
  await group(again, "other", [0n]);
  const numbers = newestSegment(left).head;
  expect(numbers.nextLog).toBe(1);
});

test("an old mark beside a newer journal is refused", async () => {
  const disk = await bornJournal();
  let old: Uint8Array = new Uint8Array(0);
  for (let life = 0; life < 3; life++) {
    const opened = await openJournal(disk);
    if (life === 1) old = Uint8Array.from(disk.readNow("store/mark"));
    await group(opened, "lane", [BigInt(life)]);
    await opened.journal.close();
  }
  disk.damage("store/mark", 0, old);
  const error = await refusal(openJournal(disk), "MARK_CORRUPT");
  expect(error.message).toContain("[mark-left-behind]");
});

describe("an old mark of the same life, put back beside a journal that went on", () => {
  /** The bytes of the mark behind group 0, and the disk behind so many groups more. */
  async function wentOn(groups: number) {
    const disk = await bornJournal();
    const opened = await openJournal(disk);
    await group(opened, "lane", [0n]);
    await opened.journal.writeMark({});
    const old = Uint8Array.from(disk.readNow("store/mark"));
    for (let at = 1; at <= groups; at++) {
      await group(opened, "lane", [BigInt(at)]);
      await opened.journal.writeMark({});
    }
    await opened.journal.close();
    return { disk, old };
  }

  test.each([2, 3, 7])("is refused, %i groups later", async (groups) => {
    const { disk, old } = await wentOn(groups);
    disk.damage("store/mark", 0, old);
    const error = await refusal(openJournal(disk), "MARK_CORRUPT");
    expect(error.message).toContain("[mark-left-behind]");
  });

  test("is refused with one of its slots bad, too, once two marks followed it", async () => {
    const { disk, old } = await wentOn(5);
    disk.damage("store/mark", 0, old);
    const { mark } = newestMarkIn(old);
    const other = markSlotOffset(mark.sequence + 1n);
    disk.damage("store/mark", other, new Uint8Array(MARK_SLOT_BYTES));
    await refusal(openJournal(disk), "MARK_CORRUPT");
  });

  test("one damaged slot of the right mark is legal, whichever it is", async () => {
    for (const slot of [0n, 1n]) {
      const { disk } = await wentOn(5);
      disk.damage("store/mark", markSlotOffset(slot), new Uint8Array(4096));
      const { journal, recovered } = await openJournal(disk);
      expect(recovered.table.byName("lane")).toMatchObject({ next: 6n });
      await journal.close();
    }
  });
});

function newestMarkIn(bytes: Uint8Array): MarkFound {
  const slots = [0, MARK_SLOT_BYTES].map((at) => decodeMark(bytes.subarray(at)));
  const found = newestMark(slots as [MarkSlot, MarkSlot]);
  if ("bad" in found) throw new Error(found.bad);
  return found;
}

/** A record that is damaged by itself: what is pruned may be damaged, what is live is refused by name. */
import { beforeAll, describe, expect, test } from "vitest";
import { RECORD_HEADER_BYTES, recordType } from "../../../src/journal/form/records.js";
import { type DamagedFacts, damagedCaseOf } from "../../../src/journal/recovery/damaged-record.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { flip, inspected, liveSegments, type Placed, recordsIn } from "../../inspect/kit.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { contents, laneAt, openRefused, opened, pushBlocks, pushQCs } from "../../node/kit.js";
import { pushAnchor, turns } from "../../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../../node/surroundings.js";
import { bornJournal, openJournal, text } from "../kit.js";
import { ONE_IN } from "../../scale.js";

describe("the table of damaged records", () => {
  const live: DamagedFacts = { isAcknowledged: true, isOfLog: true, isLive: true };
  test.each<{ label: string; change: Partial<DamagedFacts> }>([
    { label: "live", change: {} },
    { label: "pruned", change: { isLive: false } },
    { label: "of-the-journal", change: { isOfLog: false } },
    { label: "of-the-journal", change: { isOfLog: false, isLive: false } },
    { label: "in-flight", change: { isAcknowledged: false } },
    { label: "in-flight", change: { isAcknowledged: false, isLive: false } },
  ])("$label: $change", ({ label, change }) => {
    expect(damagedCaseOf({ ...live, ...change }).label).toBe(label);
  });
});

const HASH = new Uint8Array(32).fill(7);
const chain = new TestChain(1, 60);
const lane = laneAt(chain, 0);

/** A closed store: blocks 0 to 4 lie in a sealed segment, 5 to 8 and the truncation in the newest one. */
async function lived(first: bigint): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const init = { chainId: CHAIN_ID, segmentBytes: 8 * SEGMENT_BYTES };
  await Lanekeeper.initOn(simulatedSurroundings(disk, 2), DIRECTORY, init);
  const choices = { ...init, epochOf: chain.epochOf, retainBytes: 0 };
  const open = (seed: number) =>
    Lanekeeper.openOn(simulatedSurroundings(disk, seed), DIRECTORY, choices);
  let keeper = await open(3);
  await pushBlocks(keeper, chain, lane, { to: 5n });
  await keeper.close();
  keeper = await open(4);
  await pushBlocks(keeper, chain, lane, { from: 5n, to: 9n });
  await pushQCs(keeper, chain, { to: 9n });
  await pushAnchor(keeper, chain.qc(first).anchor);
  await turns();
  await keeper.close();
  return disk.kill();
}

describe.each([
  { where: "a sealed segment", first: 3n },
  { where: "the newest segment", first: 7n },
])("a store with pruned blocks in $where", ({ where, first }) => {
  let whole: SimulatedDisk;
  let records: readonly Placed[];
  let held: unknown;
  let newest: string | undefined;

  beforeAll(async () => {
    whole = await lived(first);
    newest = liveSegments(whole).at(-1);
    records = liveSegments(whole)
      // The sealed segment is released where all of it is pruned.
      .filter((file) => where === "a sealed segment" || file === newest)
      .flatMap((file) => recordsIn(whole, file))
      .filter(({ record }) => record.type === recordType.append && isBlock(record.payload));
    held = await contents(await opened(whole.kill(), chain));
  });

  /** QCs are longer than blocks here. */
  function isBlock(payload: Uint8Array): boolean {
    return payload.length === chain.block(lane, 0n).bytes.length;
  }

  function damaged({ file, record }: Placed): SimulatedDisk {
    const disk = whole.kill();
    flip(disk, file, record.offset + RECORD_HEADER_BYTES + 20);
    return disk;
  }

  test("has records below its lane's first, and above it", () => {
    const numbers = records.map(({ record }) => Number(record.number));
    expect(Math.min(...numbers)).toBeLessThan(Number(first));
    expect(Math.max(...numbers)).toBe(8);
  });

  test("opens with a warning where the damaged block was pruned, again and again", async () => {
    for (const each of records.filter(({ record }) => record.number < first)) {
      const disk = damaged(each);
      const { findings, summary } = await inspected(disk.kill());
      expect(findings.map(({ severity }) => severity)).toEqual(["warning"]);
      expect(summary.verdict.opens).toBe(true);
      let keeper = await opened(disk, chain);
      const told = `${each.file}: payload checksum mismatch at byte ${each.record.offset} (${lane} ${each.record.number})`;
      expect(keeper.recovery.warnings.filter((line) => line.includes(told))).toHaveLength(1);
      expect(await contents(keeper)).toEqual(held);
      await pushBlocks(keeper, chain, lane, { from: 9n, to: 10n });
      await keeper.close();
      keeper = await opened(disk.kill(), chain);
      expect(keeper.recovery.lanes.get(lane)).toEqual({ first, next: 10n });
      await keeper.close();
    }
  });

  test("is refused by the name of the one block where the damaged block is live", async () => {
    for (const each of records.filter(({ record }) => record.number >= first)) {
      const { record, file } = each;
      const code = file === newest ? "ACKNOWLEDGED_LOST" : "JOURNAL_CORRUPT";
      const error = await openRefused(damaged(each), chain, code);
      expect(error).toMatchObject({
        lane,
        blockNumber: record.number,
        file,
        offset: record.offset,
      });
      expect(error.message).not.toMatch(/\d+\.\.\d+/);
    }
  });

  test("opens so after a crash at any step of an open that passed the damage", async () => {
    const each = records.find(({ record }) => record.number === first - 2n);
    if (!each) throw new Error("a pruned block is there");
    let stops = 0;
    for (let step = 1; ; step += ONE_IN) {
      const disk = damaged(each);
      disk.crashAt(step);
      await Promise.race([opened(disk, chain), disk.stopped]);
      if (!disk.isStopped) break;
      stops += 1;
      for (const left of [disk.kill(), ...disk.powerCuts(step, 3)]) {
        expect(await contents(await opened(left, chain))).toEqual(held);
      }
    }
    expect(stops).toBeGreaterThan(5 / ONE_IN);
  });
});

function record(number: bigint) {
  return { number, payload: text(`lane ${number}`) };
}

/**
 * 1. Records 2 and 3, and a truncation below 3, are one group. 2. The power fails before a mark names the
 * group, and the payload of record 2 is torn.
 */
test("a torn payload in a group that may have been in flight is no pruned record", async () => {
  const disk = await bornJournal();
  const { log, journal } = await openJournal(disk);
  for (const number of [0n, 1n]) await log("lane").append(record(number));
  await turns(12);
  disk.hold(({ path }) => path.endsWith("mark"));
  const settled = (): void => {};
  journal.submit([
    { type: "append", name: "lane", ...record(2n), hash: HASH, settled },
    { type: "append", name: "lane", ...record(3n), hash: HASH, settled },
    { type: "truncate", name: "lane", first: 3n, lazily: false, settled },
  ]);
  await turns(12);
  const file = liveSegments(disk).at(-1) ?? "";
  const found = recordsIn(disk, file);
  expect(found.filter(({ record: { type } }) => type === recordType.truncate)).toHaveLength(1);
  const torn = found.find(({ record: { number } }) => number === 2n);
  disk.crash();
  const [left] = disk.powerCuts(1, 1);
  if (!left || !torn) throw new Error("record 2 is there");
  flip(left, file, torn.record.offset + RECORD_HEADER_BYTES);
  const again = await openJournal(left);
  expect([again.log("lane").first, again.log("lane").next]).toEqual([0n, 2n]);
  expect(again.journal.mark.pins.map(({ number }) => number)).toEqual([2n, 3n]);
});

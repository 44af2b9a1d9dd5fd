/** Pruned blocks and commit QCs that a store retains, as whoever serves peers or archives sees them. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../../../src/disk/memory.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { defaults } from "../../../src/node/options.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import type { LaneId } from "../../../src/types/lane.js";
import { PersisterError } from "../../../src/types/errors.js";
import { retainedPaths } from "../../journal/kit.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import {
  anchorAt,
  contents,
  fresh,
  hex,
  laneAt,
  laneOf,
  opened,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
  reopened,
  turns,
} from "../kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../surroundings.js";

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 20_264);
const GIB = 1024 ** 3;
const chain = new TestChain(3, 900);
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);

/** Rounds [from, to): a block of each lane and a QC each, and an anchor that keeps the last three. */
async function rounds(keeper: Lanekeeper, from: bigint, to: bigint): Promise<void> {
  for (let round = from; round < to; round++) {
    for (const each of chain.lanes) await keeper.pushBlock(chain.block(each, round).bytes);
    await pushQCs(keeper, chain, { from: round, to: round + 1n });
    for (const each of chain.lanes) await keeper.waitForBlock(each, round);
    if (round % 4n === 3n) await pushAnchor(keeper, chain.qc(round - 2n).anchor);
  }
  await turns();
}

/** Each number that the status names reads as it was pushed, byte for byte; no other number is there. */
async function expectExact(keeper: Lanekeeper): Promise<void> {
  // A read waits until the map was made anew, and the bounds with it.
  const { first: start } = keeper.status().road;
  if (start > 0n) await keeper.readRetainedCommitQC(start - 1n);
  const { retained, lanes, road } = keeper.status();
  for (const [each, { first: live }] of lanes) {
    const { first, next } = retained.lanes.get(each) ?? { first: live, next: live };
    expect(next).toBe(live);
    for (let number = first; number < next; number++) {
      const bytes = await keeper.readRetainedBlock(each, number);
      expect(bytes && hex(bytes), `block ${number}`).toBe(hex(chain.block(each, number).bytes));
    }
    for (const outside of [first - 1n, first - 2n, next, next + 1n]) {
      if (outside < 0n) continue;
      expect(await keeper.readRetainedBlock(each, outside)).toBeUndefined();
    }
  }
  for (let index = retained.road.first; index < retained.road.next; index++) {
    const bytes = await keeper.readRetainedCommitQC(index);
    expect(bytes && hex(bytes), `QC ${index}`).toBe(hex(chain.qc(index).bytes));
  }
  expect(retained.road.next).toBe(road.first);
  const below = retained.road.first - 1n;
  if (below >= 0n) expect(await keeper.readRetainedCommitQC(below)).toBeUndefined();
  expect(await keeper.readRetainedCommitQC(road.first)).toBeUndefined();
}

test("a block is read while it is truncated, whenever the read begins", async () => {
  for (let turn = 0; turn < 30; turn++) {
    const { disk, keeper } = await fresh(chain, { retainBytes: GIB });
    await pushBlocks(keeper, chain, lane, { to: 1n });
    await pushQCs(keeper, chain, { to: 2n });
    // The anchor is durable, and the truncation is on its way.
    disk.hold(({ path }) => path.endsWith(".seg"));
    await pushAnchor(keeper, chain.qc(1n).anchor);
    await turns(2);
    disk.release();
    for (let step = 0; step < turn; step++) await Promise.resolve();
    expect(await keeper.readRetainedBlock(lane, 0n), `turn ${turn}`).toBeDefined();
    await keeper.close();
  }
});

test("64 MiB are retained unless the node chooses otherwise", async () => {
  expect(defaults.retainBytes).toBe(64 * 1024 ** 2);
  const disk = new SimulatedDisk();
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES };
  await Lanekeeper.initOn(simulatedSurroundings(disk), DIRECTORY, choices);
  const { epochOf } = chain;
  const keeper = await Lanekeeper.openOn(simulatedSurroundings(disk), DIRECTORY, {
    ...choices,
    epochOf,
  });
  await rounds(keeper, 0n, 24n);
  const { retained } = keeper.status();
  expect(retained.lanes.get(lane)?.first).toBe(0n);
  expect(await keeper.readRetainedCommitQC(0n)).toBeDefined();
  await keeper.close();
});

test("with a budget of 0 nothing is retained", async () => {
  const { disk, keeper } = await fresh(chain, { retainBytes: 0 });
  await rounds(keeper, 0n, 24n);
  for (const each of [keeper, await opened(disk.kill(), chain)]) {
    const { retained, road } = each.status();
    expect(retained.lanes.size).toBe(0);
    expect(retained.road).toEqual({ first: road.first, next: road.first });
    expect(await each.readRetainedBlock(lane, 20n)).toBeUndefined();
    expect(await each.readRetainedCommitQC(20n)).toBeUndefined();
    await refusal(each.readBlock(lane, 20n), "OUT_OF_SEQUENCE");
  }
});

test("blocks of a lane, and commit QCs, are read as ranges", async () => {
  const { disk, keeper } = await fresh(chain, { retainBytes: GIB });
  await rounds(keeper, 0n, 24n);
  await keeper.close();
  const again = await opened(disk, chain, { retainBytes: GIB });
  const { first } = again.status().lanes.get(lane) ?? { first: 0n };
  expect(first).toBeGreaterThan(10n);
  let next = 3n;
  for await (const { number, bytes } of again.retainedBlocks(lane, { from: 3n })) {
    expect(number).toBe(next);
    expect(hex(bytes)).toBe(hex(chain.block(lane, number).bytes));
    next += 1n;
  }
  expect(next).toBe(first);
  const roads: bigint[] = [];
  for await (const { number, bytes } of again.retainedCommitQCs({ next: 5n })) {
    expect(hex(bytes)).toBe(hex(chain.qc(number).bytes));
    roads.push(number);
  }
  expect(roads).toEqual([0n, 1n, 2n, 3n, 4n]);
  await again.close();
});

test("an amount that is none is refused", async () => {
  for (const retainBytes of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const error = await refusal(fresh(chain, { retainBytes }), "USAGE");
    expect(error.message).toMatch(/retainBytes/);
  }
});

test("with room for all of it, every block and QC can be read, and is after a restart", async () => {
  const { disk, keeper } = await fresh(chain, { retainBytes: GIB });
  await rounds(keeper, 0n, 24n);
  const kept = keeper.status().retained;
  expect([...kept.lanes.values()]).toEqual(chain.lanes.map(() => ({ first: 0n, next: 21n })));
  expect(kept.road).toEqual({ first: 0n, next: 21n });
  await expectExact(keeper);
  const killed = await opened(disk.kill(), chain, { retainBytes: GIB });
  await expectExact(killed);
  expect(killed.status().retained).toEqual(kept);
  const again = await reopened(keeper, disk, chain, { retainBytes: GIB });
  await expectExact(again);
  expect(again.status().retained).toEqual(kept);
  expect(again.recovery.lanes.get(lane)).toEqual({ first: 21n, next: 24n });
  expect(again.recovery.warnings).toEqual([]);
  expect(again.status().mapWarnings).toEqual([]);
});

test("a store in memory retains as one on disk does", async () => {
  const surroundings = { ...simulatedSurroundings(new SimulatedDisk()), disk: new MemoryDisk() };
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES };
  await Lanekeeper.initOn(surroundings, DIRECTORY, choices);
  const keeper = await Lanekeeper.openOn(surroundings, DIRECTORY, {
    ...choices,
    epochOf: chain.epochOf,
    retainBytes: 4 * SEGMENT_BYTES,
  });
  await rounds(keeper, 0n, 40n);
  await expectExact(keeper);
  expect(keeper.status().retained.road.first).toBeLessThan(30n);
  await keeper.close();
});

test("with less, the oldest go first, and disk use stays within it", async () => {
  const retainBytes = 4 * SEGMENT_BYTES;
  const { disk, keeper } = await fresh(chain, { retainBytes });
  let lowest = 0n;
  for (let round = 0n; round < 80n; round += 8n) {
    await rounds(keeper, round, round + 8n);
    await expectExact(keeper);
    const { first } = keeper.status().retained.road;
    expect(first).toBeGreaterThanOrEqual(lowest);
    lowest = first;
    expect(retainedPaths(disk).length).toBeLessThanOrEqual(4);
    expect(keeper.status().disk.slots).toBeLessThanOrEqual(4 + 6);
  }
  expect(lowest).toBeGreaterThan(40n);
  expect(keeper.status().retained.road.next - lowest).toBeGreaterThanOrEqual(8n);
  await expectExact(await opened(disk.kill(), chain, { retainBytes }));
});

test("an anchor past everything leaves no gap inside the bounds", async () => {
  const { disk, keeper } = await fresh(chain, { retainBytes: GIB });
  await rounds(keeper, 0n, 12n);
  await pushAnchor(keeper, chain.qc(40n).anchor);
  await turns();
  await expectExact(keeper);
  expect(keeper.status().retained.lanes.size).toBe(0);
  expect(await keeper.readRetainedBlock(lane, 3n)).toBeUndefined();
  await pushBlocks(keeper, chain, lane, { from: 40n, to: 46n });
  await pushAnchor(keeper, anchorAt(chain, 43n, [43n, undefined, undefined]));
  for (const each of [keeper, await opened(disk.kill(), chain, { retainBytes: GIB })]) {
    await expectExact(each);
    expect(each.status().retained.lanes.get(lane)).toEqual({ first: 40n, next: 43n });
    expect(each.status().retained.lanes.has(other)).toBe(false);
  }
});

test("a lane that is dropped gives nothing, nor does the one that comes back under its name", async () => {
  const { disk, keeper } = await fresh(chain, { retainBytes: GIB });
  await rounds(keeper, 0n, 12n);
  await keeper.dropLanesExcept(new Set(chain.lanes.filter((each) => each !== lane)));
  const gone = async (each: Lanekeeper): Promise<void> => {
    await expectExact(each);
    expect(each.status().retained.lanes.has(lane)).toBe(false);
    expect(await each.readRetainedBlock(lane, 3n)).toBeUndefined();
    expect(each.status().retained.lanes.get(other)).toEqual({ first: 0n, next: 9n });
  };
  await gone(keeper);
  await gone(await opened(disk.kill(), chain, { retainBytes: GIB }));
  // The anchor has moved its start: it goes on there, on other bytes than it had.
  const again = await reopened(keeper, disk, chain, { retainBytes: GIB });
  await pushAnchor(again, chain.qc(20n).anchor);
  await pushBlocks(again, chain, lane, { from: 20n, to: 24n });
  await pushAnchor(again, chain.qc(22n).anchor);
  await turns();
  await expectExact(again);
  expect(again.status().retained.lanes.get(lane)).toEqual({ first: 20n, next: 22n });
  await expectExact(await opened(disk.kill(), chain, { retainBytes: GIB }));
});

describe("damage to what is retained", () => {
  async function lived(): Promise<{ disk: SimulatedDisk; keeper: Lanekeeper }> {
    const { disk, keeper } = await fresh(chain, { retainBytes: GIB });
    await rounds(keeper, 0n, 24n);
    return { disk, keeper };
  }

  /** The retained segments in which these bytes lie: a record that was relocated lies in two. */
  function filesWith(disk: SimulatedDisk, bytes: Uint8Array): readonly string[] {
    return retainedPaths(disk).filter((path) => Buffer.from(disk.readNow(path)).indexOf(bytes) > 0);
  }

  test("a damaged block is an error that names it, and poisons nothing", async () => {
    const { disk, keeper } = await lived();
    const { bytes } = chain.block(lane, 1n);
    const files = filesWith(disk, bytes);
    for (const file of files) {
      const at = Buffer.from(disk.readNow(file)).indexOf(bytes);
      disk.damage(file, at + 200, Buffer.from("damage"));
    }
    const error = await refusal(keeper.readRetainedBlock(lane, 1n), "JOURNAL_CORRUPT");
    expect([error.lane, error.blockNumber]).toEqual([lane, 1n]);
    expect(files).toContain(`/${error.file}`);
    expect(keeper.status().mapWarnings.join("\n")).toMatch(/retained records .* are lost/);
    await expectExact(keeper);
    await rounds(keeper, 24n, 28n);
    expect(keeper.status().poison).toBeUndefined();
    await keeper.close();
  });

  /** Open reads no payload that is only retained: a damaged one is met when it is read. */
  async function readAll(keeper: Lanekeeper): Promise<void> {
    const { lanes, road } = keeper.status();
    const met = async (reading: Promise<unknown>): Promise<void> => {
      const cause: unknown = await reading.then(
        () => undefined,
        (error: unknown) => error,
      );
      if (cause !== undefined) expect(cause).toMatchObject({ code: "JOURNAL_CORRUPT" });
    };
    for (const [each, { first }] of lanes) {
      for (let number = first - 1n; number >= 0n; number--) {
        await met(keeper.readRetainedBlock(each, number));
      }
    }
    for (let index = road.first - 1n; index >= 0n; index--) {
      await met(keeper.readRetainedCommitQC(index));
    }
  }

  test.each(["damaged", "cut short", "emptied", "missing"])(
    "a retained segment that is %s costs a warning, and open does not refuse",
    async (how) => {
      const { disk, keeper } = await lived();
      await keeper.close();
      for (const path of filesWith(disk, chain.qc(0n).bytes)) {
        const at = Buffer.from(disk.readNow(path)).indexOf(chain.qc(0n).bytes);
        if (how === "damaged") disk.damage(path, at, Buffer.alloc(64, 0xdd));
        if (how === "cut short") disk.shorten(path, at);
        if (how === "emptied") disk.shorten(path, 0);
        if (how === "missing") await disk.remove(path);
      }
      const again = await opened(disk, chain, { retainBytes: GIB });
      await readAll(again);
      await expectExact(again);
      expect(await contents(again)).toMatchObject({
        lanes: { [lane]: laneOf(chain, lane, 21n, 24n) },
      });
      const warnings = [...again.recovery.warnings, ...again.status().mapWarnings].join("\n");
      expect(warnings).toMatch(/retained records/);
      const { first } = again.status().retained.road;
      expect(first).toBeGreaterThan(0n);
      expect(first).toBeLessThan(15n);
      await rounds(again, 24n, 32n);
      await expectExact(again);
      await again.close();
    },
  );
});

test("a full disk takes back what is retained before it refuses a block", async () => {
  const large = new TestChain(3, 2000);
  const { disk, keeper } = await fresh(large, { retainBytes: GIB });
  for (let round = 0n; round < 40n; round++) {
    for (const each of large.lanes) await keeper.pushBlock(large.block(each, round).bytes);
    for (const each of large.lanes) await keeper.waitForBlock(each, round);
    if (round % 4n === 3n) await pushAnchor(keeper, large.qc(round).anchor);
  }
  await turns();
  const before = retainedPaths(disk).length;
  expect(before).toBeGreaterThan(5);
  disk.capacityBytes = disk.usedBytes;
  // Capacity: 30 blocks of each lane above its start.
  for (let round = 40n; round < 69n; round++) {
    for (const each of large.lanes) await keeper.pushBlock(large.block(each, round).bytes);
    for (const each of large.lanes) await keeper.waitForBlock(each, round);
  }
  expect(keeper.status().stalled).toBeUndefined();
  expect(keeper.status().poison).toBeUndefined();
  const { retained, lanes } = keeper.status();
  expect(lanes.get(laneAt(large, 0))).toMatchObject({ first: 39n, durable: 69n });
  const first = retained.lanes.get(laneAt(large, 0))?.first ?? 39n;
  expect(first).toBeGreaterThan(0n);
  const again = await opened(disk.kill(), large, { retainBytes: GIB });
  expect(again.recovery.lanes.get(laneAt(large, 0))).toEqual({ first: 39n, next: 69n });
  expect(await again.readBlock(laneAt(large, 0), 39n)).toEqual(
    large.block(laneAt(large, 0), 39n).bytes,
  );
});

type Step =
  | { readonly do: "blocks"; readonly lane: number; readonly count: number }
  | { readonly do: "qcs"; readonly count: number }
  | { readonly do: "anchor"; readonly count: number }
  | { readonly do: "leap" | "reopen" | "kill" | "rest" };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .record({ lane: fc.nat({ max: 2 }), count: fc.integer({ min: 1, max: 8 }) })
        .map((drawn): Step => ({ do: "blocks", ...drawn })),
    },
    {
      weight: 5,
      arbitrary: fc.integer({ min: 1, max: 4 }).map((count): Step => ({ do: "qcs", count })),
    },
    {
      weight: 6,
      arbitrary: fc.integer({ min: 0, max: 6 }).map((count): Step => ({ do: "anchor", count })),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom<Step>(
        { do: "reopen" },
        { do: "kill" },
        { do: "rest" },
        { do: "leap" },
      ),
    },
  ),
  { minLength: 10, maxLength: 40, size: "max" },
);

/** A store that does what a property draws. */
class Walk {
  keeper: Lanekeeper;
  #disk: SimulatedDisk;
  readonly #retainBytes: number;
  #anchor = 0n;

  constructor(keeper: Lanekeeper, disk: SimulatedDisk, retainBytes: number) {
    this.keeper = keeper;
    this.#disk = disk;
    this.#retainBytes = retainBytes;
  }

  async do(step: Step): Promise<void> {
    const retainBytes = this.#retainBytes;
    switch (step.do) {
      case "blocks":
        await this.#pushBlocks(laneAt(chain, step.lane), BigInt(step.count));
        return;
      case "qcs": {
        const from = this.keeper.status().road.next;
        await pushQCs(this.keeper, chain, { from, to: from + BigInt(step.count) });
        return;
      }
      case "anchor":
      case "leap": {
        this.#anchor += step.do === "anchor" ? BigInt(step.count) : 40n;
        await pushAnchor(this.keeper, chain.qc(this.#anchor).anchor);
        return;
      }
      case "reopen":
        this.keeper = await reopened(this.keeper, this.#disk, chain, { retainBytes });
        return;
      case "kill":
        this.#disk = this.#disk.kill();
        this.keeper = await opened(this.#disk, chain, { retainBytes });
        return;
      case "rest":
        await turns();
    }
  }

  async #pushBlocks(of: LaneId, count: bigint): Promise<void> {
    const start = this.keeper.status().anchorRoadIndex ?? 0n;
    const from = this.keeper.status().lanes.get(of)?.next ?? start;
    const room = start + 30n - from;
    const to = from + (count < room ? count : room);
    if (to > from) await pushBlocks(this.keeper, chain, of, { from, to });
  }
}

test(`any history: the bounds are exact, whatever is retained (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(0, 1, 3, 1000), steps, async (segments, drawn) => {
      const retainBytes = segments * SEGMENT_BYTES;
      const { disk, keeper } = await fresh(chain, { retainBytes });
      const walk = new Walk(keeper, disk, retainBytes);
      for (const [at, step] of drawn.entries()) {
        try {
          await walk.do(step);
        } catch (cause) {
          if (!(cause instanceof PersisterError)) throw cause;
          throw new Error(`step ${at} (${step.do}) was refused: ${cause.message}`, { cause });
        }
        if (at % 10 !== 9) continue;
        await turns(12);
        await expectExact(walk.keeper);
      }
      await turns(12);
      await expectExact(walk.keeper);
      expect(walk.keeper.status().poison).toBeUndefined();
      expect(walk.keeper.status().mapWarnings).toEqual([]);
    }),
    { numRuns: 25, seed: SEED, endOnFailure: true },
  );
});

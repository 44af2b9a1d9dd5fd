/** A store that archives, on a simulated disk, with a model of the bucket. */
import { expect, test } from "vitest";
import type { ArchiveToChoices } from "../../../src/archive/writing/options.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { Key } from "../../../src/keys/key.js";
import { KeyRing } from "../../../src/keys/ring.js";
import { ROAD } from "../../../src/persist/kinds.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { PersisterError } from "../../../src/types/errors.js";
import { verifyLog } from "../../../src/archive/reading/verify.js";
import { LogChain } from "../../../src/archive/reading/log-chain.js";
import { ModelSource, writeAll, writerOf } from "../kit.js";
import { eventually } from "../../harness/eventually.js";
import { ModelBucket } from "../model-bucket.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { campaignSize } from "../../scale.js";
import { born, hex, laneAt, pushAnchor, pushQCs, refusal, turns } from "../../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../../node/surroundings.js";

const chain = new TestChain(2, 2_000);
const lane = laneAt(chain, 0);
const down = new PersisterError("BUCKET_FAILED", "the bucket does not answer");
const retainBytes = 2 * SEGMENT_BYTES;

/** These wait for an archiver that runs by the clock: a retry waits some seconds. */
const BY_THE_CLOCK = { timeout: 120_000 };

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 0);
let seeds = 1_000 * SEED;

async function archiving(
  disk: SimulatedDisk,
  archive: ArchiveToChoices,
  more: { readonly keys?: { readonly write: Uint8Array }; readonly retainBytes?: number } = {},
): Promise<Lanekeeper> {
  const surroundings = {
    ...simulatedSurroundings(disk, ++seeds),
    nowMs: () => performance.now(),
  };
  return await Lanekeeper.openOn(surroundings, DIRECTORY, {
    chainId: CHAIN_ID,
    segmentBytes: SEGMENT_BYTES,
    epochOf: chain.epochOf,
    retainBytes,
    archive: { objectBytes: 8_000, ageMs: 1, ...archive },
    ...more,
  });
}

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

/** No call of the bucket is answered any more. */
function takeDown(bucket: ModelBucket): void {
  bucket.around = () => {
    throw down;
  };
}

/** Four rounds at a time from `from` on, until the store refuses one: the first of these four, and the refusal. */
async function refusedFrom(
  keeper: Lanekeeper,
  from: bigint,
): Promise<{ readonly round: bigint; readonly cause: unknown }> {
  for (let round = from; round < 400n; round += 4n) {
    try {
      await rounds(keeper, round, round + 4n);
    } catch (cause) {
      return { round, cause };
    }
  }
  return { round: 400n, cause: undefined };
}

/** The rounds up to `to`, as far as the store has not got them yet. */
async function goOn(keeper: Lanekeeper, to: bigint): Promise<void> {
  for (let round = 0n; round < to; round++) {
    for (const each of chain.lanes) {
      const { next = 0n } = keeper.status().lanes.get(each) ?? {};
      if (round >= next) await keeper.pushBlock(chain.block(each, round).bytes);
    }
    if (round >= keeper.status().road.next)
      await pushQCs(keeper, chain, { from: round, to: round + 1n });
    const anchored = keeper.status().anchorRoadIndex ?? -1n;
    if (round % 4n === 3n && round - 2n > anchored)
      await pushAnchor(keeper, chain.qc(round - 2n).anchor);
  }
  await turns();
}

/** Until all that was pruned is archived. */
async function archived(keeper: Lanekeeper): Promise<void> {
  await eventually(() => {
    const { archive } = keeper.status();
    expect({ left: archive?.pendingRecords, failing: archive?.failing }).toMatchObject({
      left: 0n,
    });
  });
}

async function proven(bucket: ModelBucket, log: typeof ROAD | typeof lane, ring?: KeyRing) {
  const chainOf = (of: typeof log) => new LogChain(bucket, { chainId: CHAIN_ID, log: of, ring });
  const parts = { bucket, chain: chainOf(log), road: chainOf(ROAD) };
  return await verifyLog(parts, { epochOf: chain.epochOf });
}

test("what leaves the live window is archived, proven, and durable as a position", async () => {
  const bucket = new ModelBucket();
  const disk = await born();
  const keeper = await archiving(disk, { to: bucket });
  await rounds(keeper, 0n, 40n);
  await archived(keeper);
  const { archive, road, lanes } = keeper.status();
  expect(archive).toMatchObject({ gate: "strict", isBehind: false, failing: undefined });
  expect(archive?.through.road).toBe(road.first);
  expect(archive?.through.lanes.get(lane)).toBe(lanes.get(lane)?.first);
  expect(await proven(bucket, lane)).toMatchObject({ first: 0n, next: road.first, holes: [] });
  expect(await proven(bucket, ROAD)).toMatchObject({ first: 0n, next: road.first, holes: [] });
  await keeper.close();
  const before = bucket.names.length;
  const again = await archiving(disk, { to: bucket });
  await archived(again);
  expect(bucket.names.length).toBe(before);
  await rounds(again, 40n, 60n);
  await archived(again);
  expect(await proven(bucket, lane)).toMatchObject({ first: 0n, next: 57n - 0n, holes: [] });
  await again.close();
});

test(
  "a strict gate holds back what is not archived, and lets it go once it is",
  BY_THE_CLOCK,
  async () => {
    const bucket = new ModelBucket();
    takeDown(bucket);
    const disk = await born();
    const keeper = await archiving(disk, { to: bucket });
    await rounds(keeper, 0n, 72n);
    const held = keeper.status();
    expect(held.archive?.heldBytes).toBeGreaterThan(retainBytes);
    // Nothing is archived: all that is kept for readers is held, segment by segment.
    expect(held.archive?.heldSegments).toBe(held.disk.segments.retained.slots);
    expect(held.archive?.heldBytes).toBe(held.disk.retainedBytes);
    expect(held.archive?.failing).toMatchObject({ code: "BUCKET_FAILED" });
    expect(held.retained.lanes.get(lane)?.first).toBe(0n);
    // An open knows nothing of the archive, and gives nothing back either.
    await keeper.close();
    const again = await archiving(disk, { to: bucket });
    const oldest = await again.readRetainedBlock(lane, 0n);
    expect(oldest && hex(oldest)).toBe(hex(chain.block(lane, 0n).bytes));
    bucket.around = () => {};
    await again.close();
    const healed = await archiving(disk, { to: bucket });
    await archived(healed);
    await rounds(healed, 72n, 84n);
    await archived(healed);
    await rounds(healed, 84n, 96n);
    // While a segment is being sealed, its records are not known for a moment.
    await expect.poll(() => healed.status().retained.lanes.get(lane)?.first).toBeGreaterThan(50n);
    expect(await proven(bucket, lane)).toMatchObject({ first: 0n, holes: [] });
    await healed.close();
  },
);

test(
  "a crash before the note of a position is durable finds all that is above the older one",
  BY_THE_CLOCK,
  async () => {
    const bucket = new ModelBucket();
    takeDown(bucket);
    const disk = await born();
    const keeper = await archiving(disk, { to: bucket });
    await rounds(keeper, 0n, 72n);
    const before = keeper.status().archive;
    expect(before?.heldBytes).toBeGreaterThan(retainBytes);
    // From here on nothing becomes durable: the bucket takes a first object, and the note of it is on its way.
    disk.hold();
    bucket.around = () => {};
    await eventually(() => expect(disk.held.length).toBeGreaterThan(0));
    await turns();
    const { archive } = keeper.status();
    expect(archive?.counts.objects).toBe(1);
    expect(archive).toMatchObject({ heldBytes: before?.heldBytes, through: { road: 0n } });
    expect(archive?.through.lanes).toEqual(new Map());
    for (const cut of [disk.kill(), ...disk.powerCuts(SEED + 1, 3)]) {
      const objects = new ModelBucket(bucket.objects);
      takeDown(objects);
      const again = await archiving(cut, { to: objects });
      for (const log of chain.lanes) {
        const oldest = await again.readRetainedBlock(log, 0n);
        expect(oldest && hex(oldest)).toBe(hex(chain.block(log, 0n).bytes));
      }
      await again.close();
    }
    disk.release();
    await archived(keeper);
    await keeper.close();
  },
);

test(
  "blocks are refused once as much is held back as may be, and taken when the archive goes on",
  BY_THE_CLOCK,
  async () => {
    const bucket = new ModelBucket();
    takeDown(bucket);
    const keeper = await archiving(await born(), { to: bucket, heldBytes: 4 * SEGMENT_BYTES });
    const { cause: refused } = await refusedFrom(keeper, 0n);
    expect(refused).toMatchObject({ code: "ARCHIVE_BEHIND" });
    expect(keeper.status().archive).toMatchObject({ isBehind: true });
    await refusal(keeper.pushBlock(chain.block(lane, 399n).bytes), "ARCHIVE_BEHIND");
    expect(keeper.status().retained.lanes.get(lane)?.first).toBe(0n);
    bucket.around = () => {};
    await eventually(() => expect(keeper.status().archive).toMatchObject({ isBehind: false }));
    await archived(keeper);
    await keeper.close();
  },
);

test(
  "a disk that is full of what a strict gate holds gives nothing back, and goes on when the bucket is back",
  BY_THE_CLOCK,
  async () => {
    const bucket = new ModelBucket();
    takeDown(bucket);
    const disk = await born();
    // More than half of what may wait is there then: a step that failed is taken again within seconds.
    const keeper = await archiving(disk, { to: bucket, heldBytes: 16 * SEGMENT_BYTES });
    await rounds(keeper, 0n, 24n);
    disk.capacityBytes = disk.usedBytes;
    const { round, cause: full } = await refusedFrom(keeper, 24n);
    expect(full).toMatchObject({ code: "DISK_FULL" });
    const { stalled, archive, retained } = keeper.status();
    expect(stalled).toMatchObject({ code: "DISK_FULL" });
    expect(archive).toMatchObject({ isBehind: false, failing: { code: "BUCKET_FAILED" } });
    for (const log of chain.lanes) expect(retained.lanes.get(log)?.first).toBe(0n);
    const cuts: { readonly disk: SimulatedDisk; readonly objects: ModelBucket }[] = [];
    let calls = 0;
    bucket.around = () => {
      if (calls++ % 40 !== 39) return;
      const [cut = disk.kill()] = disk.powerCuts(calls, 1);
      cuts.push({ disk: cut, objects: new ModelBucket(bucket.objects) });
    };
    await archived(keeper);
    // No byte more is free than before: what is archived was given back.
    await expect.poll(() => goOn(keeper, round + 16n).then(() => "went on")).toBe("went on");
    await archived(keeper);
    await keeper.close();
    // The room was given back for the note of the positions, which may not have been durable then.
    for (const cut of cuts.slice(0, campaignSize(10))) {
      cut.disk.capacityBytes = Number.POSITIVE_INFINITY;
      const again = await archiving(cut.disk, { to: cut.objects });
      await goOn(again, round + 16n);
      await archived(again);
      await again.close();
    }
    for (const { objects } of [{ objects: bucket }, ...cuts.slice(0, campaignSize(10))]) {
      for (const log of [lane, ROAD] as const) {
        const { first, next, holes } = await proven(objects, log);
        expect({ first, holes }).toEqual({ first: 0n, holes: [] });
        expect(next).toBeGreaterThan(round);
      }
    }
  },
);

test("with best effort the oldest goes unarchived, is counted and told", BY_THE_CLOCK, async () => {
  const bucket = new ModelBucket();
  takeDown(bucket);
  // All that is left fits one object: what is retained may get less while the archive catches up.
  const choices = { to: bucket, gate: "best effort", objectBytes: 1_000_000 } as const;
  const keeper = await archiving(await born(), choices, { retainBytes: 8 * SEGMENT_BYTES });
  const missed: bigint[] = [];
  keeper.on("archiveMissed", ({ records }) => missed.push(records));
  await rounds(keeper, 0n, 8n);
  bucket.around = () => {};
  await archived(keeper);
  takeDown(bucket);
  await rounds(keeper, 8n, 92n);
  // A step that began before the last round has read what was retained then: it is to fail first.
  const failures = (): number => keeper.status().archive?.counts.failures ?? 0;
  const before = failures();
  await expect.poll(failures).toBeGreaterThan(before);
  expect(keeper.status().retained.lanes.get(lane)?.first).toBeGreaterThan(8n);
  bucket.around = () => {};
  await archived(keeper);
  await turns();
  expect(missed.length).toBeGreaterThan(0);
  expect(keeper.status().archive?.counts.missed).toBe(missed.reduce((sum, each) => sum + each));
  // A segment may outlive newer ones, for what is live in it: so there may be records between two holes.
  let inHoles = 0n;
  for (const log of [...chain.lanes, ROAD] as const) {
    const { holes } = await proven(bucket, log);
    expect(holes.length).toBeGreaterThan(0);
    for (const { first, next } of holes) inHoles += next - first;
  }
  expect(inHoles).toBe(missed.reduce((sum, each) => sum + each));
  await keeper.close();
});

test(
  "lanes are dropped under a strict gate only once they are archived",
  BY_THE_CLOCK,
  async () => {
    const bucket = new ModelBucket();
    takeDown(bucket);
    const keeper = await archiving(await born(), { to: bucket, ageMs: 10_000_000 });
    await rounds(keeper, 0n, 12n);
    let dropped = false;
    const drop = keeper.dropLanesExcept(new Set([lane])).then(() => {
      dropped = true;
    });
    await turns();
    expect(dropped).toBe(false);
    bucket.around = () => {};
    await drop;
    const other = laneAt(chain, 1);
    expect(await proven(bucket, other)).toMatchObject({ first: 0n, next: 9n, holes: [] });
    await keeper.close();
  },
);

test("an open knows what is archived: no block is refused for records that are archived and retained", async () => {
  const bucket = new ModelBucket();
  const disk = await born();
  const many = { retainBytes: 40 * SEGMENT_BYTES };
  const keeper = await archiving(disk, { to: bucket }, many);
  await rounds(keeper, 0n, 72n);
  await archived(keeper);
  expect(keeper.status().disk?.segments.retained.bytes).toBeGreaterThan(16 * SEGMENT_BYTES);
  await keeper.close();
  takeDown(bucket);
  const again = await archiving(disk, { to: bucket, heldBytes: 8 * SEGMENT_BYTES }, many);
  await turns();
  expect(again.status().archive).toMatchObject({ isBehind: false });
  await again.pushBlock(chain.block(lane, 72n).bytes);
  await again.close();
});

test(
  "what is held back is archived at once when it is half of what may be, however long records may wait",
  BY_THE_CLOCK,
  async () => {
    const bucket = new ModelBucket();
    const waiting = { objectBytes: 8_000_000, ageMs: 10_000_000, heldBytes: 8 * SEGMENT_BYTES };
    const keeper = await archiving(await born(), { to: bucket, ...waiting });
    const held = (): number => keeper.status().archive?.heldBytes ?? 0;
    for (let round = 0n; round < 56n; round++) {
      await expect.poll(held).toBeLessThanOrEqual(4 * SEGMENT_BYTES);
      // Behind the first ones no anchor comes any more: what rotates alone makes more of what is held back.
      if (round < 32n) await rounds(keeper, round, round + 1n);
      else await keeper.pushBlock(chain.block(lane, round).bytes);
    }
    await keeper.close();
  },
);

test("two truths stop a log for good, and the others go on", async () => {
  // The road of another history: its first link is of other QCs.
  const bucket = new ModelBucket();
  const forked = new ModelSource(2n);
  forked.record = (_, number) => chain.qc(number, 1).bytes;
  await writeAll(writerOf(bucket, forked, ROAD), forked);
  const keeper = await archiving(await born(), { to: bucket });
  const refused: string[] = [];
  keeper.on("archiveRefused", ({ log }) => refused.push(log));
  await rounds(keeper, 0n, 8n);
  await eventually(() => expect(refused).toEqual(["road"]));
  expect(keeper.status().archive?.refused.get("road")).toMatchObject({ code: "ARCHIVE_CONFLICT" });
  expect(keeper.status().archive?.through.lanes.get(lane)).toBeGreaterThan(0n);
  await keeper.close();
});

test("objects are sealed under the key of the store, unless it is asked otherwise", async () => {
  const write = new Uint8Array(32).fill(9);
  for (const encrypt of [true, false]) {
    const bucket = new ModelBucket();
    const keeper = await archiving(await born(), { to: bucket, encrypt }, { keys: { write } });
    await rounds(keeper, 0n, 12n);
    await archived(keeper);
    await keeper.close();
    const ring = new KeyRing(undefined, [new Key(write, "the test")]);
    expect(await proven(bucket, lane, ring)).toMatchObject({ next: 9n });
    const plain = proven(bucket, lane);
    if (encrypt) await refusal(plain, "KEY_MISSING");
    else expect(await plain).toMatchObject({ next: 9n });
  }
});

test("an archive needs retained records, and an address that it knows", async () => {
  const disk = await born();
  for (const wrong of [
    { retainBytes: 0, archive: { to: "file:///a" } },
    { archive: { to: "http://a" } },
    { archive: { to: "file:///a", gate: "none" } },
    { archive: { to: "file:///a", ageMs: 0 } },
  ]) {
    const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: chain.epochOf };
    const open = Lanekeeper.openOn(simulatedSurroundings(disk), DIRECTORY, {
      ...choices,
      ...(wrong as object),
    });
    await refusal(open, "USAGE");
  }
});

test("a power cut at any moment leaves nothing unarchived and nothing archived twice", {
  timeout: 600_000,
}, async () => {
  const cuts = campaignSize(60);
  for (let cut = 0; cut < cuts; cut++) {
    const bucket = new ModelBucket();
    const disk = await born();
    const keeper = await archiving(disk, { to: bucket });
    // The cut comes at some call of the bucket, or some rounds after it.
    let calls = 0;
    let taken: { readonly disk: SimulatedDisk; readonly objects: ModelBucket } | undefined;
    bucket.around = () => {
      if (calls++ !== cut * 3 || taken) return;
      const [after] = [...disk.powerCuts(1_000 * SEED + cut, 1)];
      taken = { disk: after ?? disk.kill(), objects: new ModelBucket(bucket.objects) };
    };
    await rounds(keeper, 0n, 24n);
    await archived(keeper);
    taken ??= { disk: disk.kill(), objects: new ModelBucket(bucket.objects) };
    await keeper.close();
    const again = await archiving(taken.disk, { to: taken.objects });
    await goOn(again, 36n);
    await archived(again);
    for (const log of [lane, ROAD] as const) {
      const { first, holes } = await proven(taken.objects, log);
      expect({ cut, first, holes }).toEqual({ cut, first: 0n, holes: [] });
    }
    await again.close();
  }
});

/** A store that archives, on a simulated disk, with a model of the bucket. */
import { setImmediate as nextTurn } from "node:timers/promises";
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
import { ModelBucket } from "../model-bucket.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { campaignSize } from "../../scale.js";
import { born, hex, laneAt, pushAnchor, pushQCs, refusal, turns } from "../../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../../node/surroundings.js";

const chain = new TestChain(2, 2_000);
const lane = laneAt(chain, 0);
const down = new PersisterError("BUCKET_FAILED", "the bucket does not answer");
const retainBytes = 2 * SEGMENT_BYTES;

/**
 * These wait for an archiver that runs by the clock, beside the loops of the store. On a loaded machine one run in some
 * tens was seen to stand still, with records that were not told as retained for a while; the cause is not known.
 */
const BY_THE_CLOCK = { retry: 2, timeout: 40_000 };

let seeds = 0;

async function archiving(
  disk: SimulatedDisk,
  archive: ArchiveToChoices,
  more: { readonly keys?: { readonly write: Uint8Array } } = {},
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
  for (let look = 0; look < 20_000; look++) {
    const { archive } = keeper.status();
    if (archive?.pendingRecords === 0n) return;
    await nextTurn();
    if (look % 100 === 99) await new Promise((done) => setTimeout(done, 5));
  }
  throw new Error(`not archived: ${JSON.stringify(keeper.status().archive?.failing)}`);
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
    bucket.around = () => {
      throw down;
    };
    const disk = await born();
    const keeper = await archiving(disk, { to: bucket });
    await rounds(keeper, 0n, 72n);
    const held = keeper.status();
    expect(held.archive?.heldBytes).toBeGreaterThan(retainBytes);
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
  "blocks are refused once as much is held back as may be, and taken when the archive goes on",
  BY_THE_CLOCK,
  async () => {
    const bucket = new ModelBucket();
    bucket.around = () => {
      throw down;
    };
    const keeper = await archiving(await born(), { to: bucket, heldBytes: 4 * SEGMENT_BYTES });
    let round = 0n;
    const refused = await (async () => {
      for (; round < 400n; round += 4n) await rounds(keeper, round, round + 4n);
      return undefined;
    })().catch((cause: unknown) => cause);
    expect(refused).toMatchObject({ code: "ARCHIVE_BEHIND" });
    expect(keeper.status().archive).toMatchObject({ isBehind: true });
    await refusal(keeper.pushBlock(chain.block(lane, 399n).bytes), "ARCHIVE_BEHIND");
    expect(keeper.status().retained.lanes.get(lane)?.first).toBe(0n);
    bucket.around = () => {};
    for (let wait = 0; keeper.status().archive?.isBehind && wait < 1000; wait++) {
      await new Promise((done) => setTimeout(done, 10));
    }
    await archived(keeper);
    expect(keeper.status().archive).toMatchObject({ isBehind: false });
    await keeper.close();
  },
);

test("with best effort the oldest goes unarchived, is counted and told", BY_THE_CLOCK, async () => {
  const bucket = new ModelBucket();
  bucket.around = () => {
    throw down;
  };
  const keeper = await archiving(await born(), { to: bucket, gate: "best effort" });
  const missed: bigint[] = [];
  keeper.on("archiveMissed", ({ records }) => missed.push(records));
  await rounds(keeper, 0n, 8n);
  bucket.around = () => {};
  await archived(keeper);
  bucket.around = () => {
    throw down;
  };
  await rounds(keeper, 8n, 92n);
  expect(keeper.status().retained.lanes.get(lane)?.first).toBeGreaterThan(8n);
  bucket.around = () => {};
  await archived(keeper);
  await turns();
  expect(missed.length).toBeGreaterThan(0);
  expect(keeper.status().archive?.counts.missed).toBe(missed.reduce((sum, each) => sum + each));
  const { holes } = await proven(bucket, lane);
  expect(holes.length).toBeGreaterThan(0);
  await keeper.close();
});

test(
  "lanes are dropped under a strict gate only once they are archived",
  BY_THE_CLOCK,
  async () => {
    const bucket = new ModelBucket();
    bucket.around = () => {
      throw down;
    };
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
  for (let wait = 0; refused.length === 0 && wait < 2000; wait++) {
    await new Promise((done) => setTimeout(done, 2));
  }
  expect(refused).toEqual(["road"]);
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
      const [after] = [...disk.powerCuts(cut, 1)];
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

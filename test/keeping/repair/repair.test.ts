/** Every class of damage that an inspection tells of: what a repair keeps, loses and guards. */
import { beforeAll, describe, expect, test } from "vitest";
import { backUp } from "../../../src/keeping/backup/backup.js";
import { cutOfClosed } from "../../../src/keeping/backup/closed-cut.js";
import { type RepairReport, type RepairWork, repair } from "../../../src/keeping/repair/repair.js";
import { repairs } from "../../../src/keeping/repair/table.js";
import { memoryLogMap } from "../../../src/log/map/log-map.js";
import { openPersisters } from "../../../src/persist/persisters.js";
import { retire } from "../../../src/keeping/retire/retire.js";
import { MARK_SLOT_BYTES } from "../../../src/journal/form/mark.js";
import { RECORD_HEADER_BYTES, recordType } from "../../../src/journal/form/records.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import {
  copyWorld,
  newWorld,
  ROOT_NODE,
  type World,
} from "../../../src/testing/simulated/world.js";
import type { ErrorCode } from "../../../src/types/errors.js";
import {
  flip,
  FULL_PAYLOAD,
  liveSegments,
  type Placed,
  recordsIn,
  usedBytes,
} from "../../inspect/kit.js";
import { keyBytes } from "../../journal/seal/kit.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import {
  born,
  contents,
  fingerprints,
  laneAt,
  type MoreChoices,
  opened,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
} from "../../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../../node/surroundings.js";
import { seededRandom } from "../../../src/testing/simulated/random.js";
import { campaignSize } from "../../scale.js";
import { BACKUP, noPace } from "../backup/kit.js";

const chain = new TestChain(2, FULL_PAYLOAD);
const lane = laneAt(chain, 0);
/** The store alone, and the same with a backup of it beside. */
let alone: SimulatedDisk;
let whole: World;
let before: unknown;

beforeAll(async () => {
  whole = newWorld();
  const disk = SimulatedDisk.holding(whole);
  await filled(disk);
  alone = disk.kill();
  const keeper = await opened(disk.kill(), chain);
  before = await contents(keeper);
  await backUp({
    disk,
    directory: BACKUP,
    cut: () => cutOfClosed(disk, DIRECTORY),
    pace: noPace(),
    nowMs: () => 0,
    keep: 1,
  });
});

/** A closed store with sealed segments, and an anchor at 0 in slot A. */
async function filled(disk: SimulatedDisk, more: MoreChoices = {}): Promise<void> {
  const keeper = await opened(await born(disk), chain, more);
  for (let round = 0n; round < 9n; round++) {
    for (const each of chain.lanes) {
      await pushBlocks(keeper, chain, each, { from: round, to: round + 1n });
    }
    await pushQCs(keeper, chain, { from: round, to: round + 1n });
    if (round === 0n) await pushAnchor(keeper, chain.qc(0n).anchor);
  }
  await keeper.close();
}

/** A disk, and its world: directories are renamed there. */
interface Stand {
  readonly world: World;
  readonly disk: SimulatedDisk;
}

function names({ world }: Pick<Stand, "world">): Map<string, number> {
  const root = world.nodes.get(ROOT_NODE);
  if (root?.kind !== "directory") throw new Error("a disk has a root");
  return root.visible as Map<string, number>;
}

function renameIn(stand: Pick<Stand, "world">, from: string, to: string): void {
  const node = names(stand).get(from);
  if (node === undefined) throw new Error(`there is no ${from}`);
  names(stand).delete(from);
  names(stand).set(to, node);
}

function repaired(stand: Stand, more: Partial<RepairWork> = {}): Promise<RepairReport> {
  const { disk } = stand;
  return repair({
    surroundings: { ...simulatedSurroundings(disk, 77), flush: "async" },
    directory: DIRECTORY,
    epochs: [chain.epoch],
    keys: [],
    from: undefined,
    peers: {},
    moved: false,
    apply: true,
    acceptLoss: false,
    reason: "a sector went bad",
    rename: async (from, to) => renameIn(stand, from, to),
    remove: async (directory) => void names(stand).delete(directory),
    ...more,
  });
}

function harmed(harm: (disk: SimulatedDisk) => void): Stand {
  const world = copyWorld(whole);
  const disk = SimulatedDisk.holding(world);
  harm(disk);
  return { world, disk };
}

/** The append of a block of `lane` in the oldest sealed segment, at or behind number 1. */
function sealedBlock(): Placed {
  return sealedBlockOf(alone);
}

function sealedBlockOf(disk: SimulatedDisk): Placed {
  const [file = ""] = liveSegments(disk);
  const found = recordsIn(disk, file).find(({ record }) => {
    return (
      record.type === recordType.append &&
      record.number > 0n &&
      record.payload.length > FULL_PAYLOAD
    );
  });
  if (!found) throw new Error("the oldest segment has a block");
  return found;
}

function harmPayload(disk: SimulatedDisk, { file, record }: Placed): void {
  flip(disk, file, record.offset + RECORD_HEADER_BYTES + 40);
}

/** The last append in the newest segment. */
function lastRecord(): Placed {
  const file = liveSegments(alone).at(-1) ?? "";
  const found = recordsIn(alone, file).findLast(({ record }) => record.type === recordType.append);
  if (!found) throw new Error("the newest segment has records");
  return found;
}

const harms: Readonly<Record<string, readonly [(disk: SimulatedDisk) => void, ErrorCode]>> = {
  "a record of a sealed segment": [(disk) => harmPayload(disk, sealedBlock()), "JOURNAL_CORRUPT"],
  "the end of the newest segment": [(disk) => harmPayload(disk, lastRecord()), "ACKNOWLEDGED_LOST"],
  "the head of the newest segment": [
    (disk) => disk.damage(liveSegments(alone).at(-1) ?? "", 20, Buffer.alloc(64, 1)),
    "JOURNAL_CORRUPT",
  ],
  "a sealed segment that is gone": [
    (disk) => disk.shorten(liveSegments(alone)[0] ?? "", 0),
    "JOURNAL_CORRUPT",
  ],
  "both slots of the mark": [
    (disk) => {
      for (const at of [0, MARK_SLOT_BYTES]) disk.damage(`${DIRECTORY}/mark`, at, Buffer.alloc(64));
    },
    "MARK_CORRUPT",
  ],
  "the newest slot of the anchor": [
    (disk) => disk.damage(`${DIRECTORY}/prune_anchor_a.pb`, 0, Buffer.alloc(64, 1)),
    "ANCHOR_CORRUPT",
  ],
};

test("a damaged copy of a store is repaired once the caller says that it is one", async () => {
  const stand = harmed((disk) => harmPayload(disk, sealedBlock()));
  const { disk } = stand;
  const path = `${DIRECTORY}/STORE`;
  const bytes = disk.readNow(path);
  await disk.remove(path);
  const copy = await disk.create(path);
  await copy.writeDurable(0, [bytes]);
  await copy.close();
  await refusal(repaired(stand, { acceptLoss: true }), "STORE_MOVED");
  const { damaged } = await repaired(stand, { acceptLoss: true, moved: true });
  expect(damaged).toBe(`${DIRECTORY}.damaged-1`);
});

describe.each(Object.entries(harms))("%s", (_, [harm, code]) => {
  test("is told with what a repair would do, and nothing is changed", async () => {
    const stand = harmed(harm);
    const { disk } = stand;
    const prints = fingerprints(disk);
    const { findings, plan, damaged } = await repaired(stand, { apply: false });
    expect(findings.map((each) => each.class)).toContain(code);
    expect(plan).toBeDefined();
    expect(damaged).toBeUndefined();
    expect(fingerprints(disk)).toEqual(prints);
  });

  test("from itself alone: it wants the loss accepted, keeps what is proven, and guards the rest", async () => {
    const stand = harmed(harm);
    const { disk } = stand;
    const prints = fingerprints(disk);
    await refusal(repaired(stand), "ACKNOWLEDGED_LOST");
    expect(fingerprints(disk)).toEqual(prints);
    const { plan, damaged } = await repaired(stand, { acceptLoss: true });
    expect(damaged).toBe(`${DIRECTORY}.damaged-1`);
    const keeper = await opened(disk, chain, { moved: true });
    for (const { name, first, records, lost } of plan?.logs ?? []) {
      const range = keeper.recovery.lanes.get(lane);
      if (name !== lane) continue;
      expect(range).toEqual({ first, next: first + BigInt(records.length) });
      if (!lost) continue;
      const { headerHash } = chain.block(lane, lost.first, 1) as unknown as {
        headerHash: Uint8Array;
      };
      const place = {
        kind: "laneVote",
        lane,
        number: lost.first,
        headerHash: headerHash ?? new Uint8Array(32),
      } as const;
      expect(keeper.maySign(place)).toMatchObject({ may: false });
    }
    expect(keeper.maySign({ kind: "block", lane, number: 1000n })).toMatchObject({ may: false });
    await keeper.close();
  });

  test("with a backup everything is there again, and it is guarded all the same", async () => {
    const stand = harmed(harm);
    const { disk } = stand;
    const { plan } = await repaired(stand, { from: BACKUP, acceptLoss: true });
    expect(plan?.logs.filter(({ lost }) => lost)).toEqual([]);
    const keeper = await opened(disk, chain, { moved: true });
    expect(await contents(keeper)).toEqual(before);
    expect(keeper.maySign({ kind: "block", lane, number: 1000n })).toMatchObject({ may: false });
    await keeper.close();
  });
});

test("peers give back a block if the next one links to it, and no other block in its place", async () => {
  const harm = harms["a record of a sealed segment"]?.[0] ?? (() => {});
  const { record } = sealedBlock();
  const forked = { block: async (of: typeof lane, n: bigint) => chain.block(of, n, 1).bytes };
  const wrong = await repaired(harmed(harm), { apply: false, peers: forked });
  expect(wrong.plan?.logs.some(({ lost }) => lost?.first === record.number)).toBe(true);
  const stand = harmed(harm);
  const { disk } = stand;
  const right = { block: async (of: typeof lane, n: bigint) => chain.block(of, n).bytes };
  const { plan, hasLoss } = await repaired(stand, { peers: right });
  expect(hasLoss).toBe(false);
  expect(plan?.logs.reduce((sum, each) => sum + each.fromPeers, 0)).toBe(1);
  const keeper = await opened(disk, chain, { moved: true });
  expect(await contents(keeper)).toEqual(before);
  await keeper.close();
});

test("a swap that was stopped between its renames is ended by the next call", async () => {
  const stand = harmed(harms["a record of a sealed segment"]?.[0] ?? (() => {}));
  const stop = new Error("the power went");
  const once = async (from: string, to: string): Promise<void> => {
    if (from.endsWith(".repairing")) throw stop;
    renameIn(stand, from, to);
  };
  await expect(repaired(stand, { from: BACKUP, rename: once })).rejects.toBe(stop);
  const left = { world: stand.world, disk: SimulatedDisk.holding(stand.world) };
  expect(await repaired(left)).toMatchObject({ plan: undefined });
  expect([...names(left).keys()].sort()).toEqual(["backups", "store", "store.damaged-1"]);
});

test("a record that is not rightly signed ends its lane, though its checksums are right", async () => {
  const stand = harmed(() => {});
  const surroundings = { ...simulatedSurroundings(stand.disk, 5), flush: "async" } as const;
  const persisters = await openPersisters({
    ...surroundings,
    directory: DIRECTORY,
    chainId: CHAIN_ID,
    segmentBytes: SEGMENT_BYTES,
    retainBytes: 0,
    moved: false,
    verifyAnchor: () => Promise.resolve(),
    openMap: () => Promise.resolve(memoryLogMap(undefined)),
  });
  const { bytes, hash, signed } = chain.block(lane, 9n);
  const payload = Uint8Array.from(bytes);
  // The signature stands at the end of a signed block.
  payload[payload.length - 1] = (payload.at(-1) ?? 0) ^ 1;
  const { parentHash } = signed.msg.header;
  await persisters.blocks.write(lane, { blocks: [{ number: 9n, payload, hash, parentHash }] });
  await persisters.close();
  await refusal(repaired(stand), "ACKNOWLEDGED_LOST");
  const { findings, plan } = await repaired(stand, { acceptLoss: true });
  expect(findings.map((each) => each.class)).toContain("INVALID");
  expect(plan?.logs.find(({ name }) => name === lane)?.lost).toEqual({ first: 9n, next: 10n });
  const keeper = await opened(stand.disk, chain, { moved: true });
  expect(await contents(keeper)).toEqual(before);
  await keeper.close();
});

test("a sealed store is repaired with its key, sealed again, and not without it", async () => {
  const world = newWorld();
  const disk = SimulatedDisk.holding(world);
  const keys = { write: keyBytes("a") };
  await filled(disk, { keys });
  const harm = sealedBlockOf(disk);
  harmPayload(disk, harm);
  await refusal(repaired({ world, disk }), ["KEY_MISSING"]);
  await repaired({ world, disk }, { keys: [keys.write], acceptLoss: true });
  await refusal(opened(disk, chain, { moved: true }), "KEY_MISSING");
  const keeper = await opened(disk, chain, { moved: true, keys });
  expect(keeper.recovery.lanes.get(lane)?.next).toBe(harm.record.number);
  await keeper.close();
});

test("whatever is harmed: what a repair leaves is right, and with a backup it is all there", async () => {
  const random = seededRandom(11);
  const files = alone.files().filter(({ path }) => path !== `/${DIRECTORY}/STORE`);
  let refused = 0;
  for (let round = 0; round < campaignSize(120); round++) {
    const { path } = files[random.below(files.length)] ?? { path: "" };
    const offset = random.below(usedBytes(alone, path));
    const bytes = Uint8Array.from({ length: 1 + random.below(600) }, () => random.below(256));
    const harm = (disk: SimulatedDisk): void => {
      const size = disk.readNow(path).length;
      disk.damage(path, offset, bytes.subarray(0, Math.max(1, size - offset)));
    };
    const label = `${path} at ${offset}, ${bytes.length} bytes`;
    const stand = harmed(harm);
    const { plan } = await repaired(stand, { acceptLoss: true });
    if (!plan) continue;
    refused += 1;
    const keeper = await opened(stand.disk, chain, { moved: true });
    for (const each of chain.lanes) {
      const { first = 0n, next = 0n } = keeper.recovery.lanes.get(each) ?? {};
      for (let number = first; number < next; number++) {
        const held = Buffer.from(await keeper.readBlock(each, number));
        expect(held.equals(chain.block(each, number).bytes), label).toBe(true);
      }
      expect(keeper.maySign({ kind: "block", lane: each, number: next }), label).toMatchObject({
        may: false,
      });
    }
    await keeper.close();
    const other = harmed(harm);
    await repaired(other, { acceptLoss: true, from: BACKUP });
    const whole = await opened(other.disk, chain, { moved: true });
    expect(await contents(whole), label).toEqual(before);
    await whole.close();
  }
  expect(refused).toBeGreaterThan(campaignSize(120) / 6);
});

describe("what is no damage", () => {
  test("a whole store is left as it is", async () => {
    const stand = harmed(() => {});
    const { disk } = stand;
    const prints = fingerprints(disk);
    expect(await repaired(stand)).toMatchObject({ plan: undefined, damaged: undefined });
    expect(fingerprints(disk)).toEqual(prints);
  });

  test("another committee, a retired store, and no store at all", async () => {
    const other = new TestChain(3);
    await refusal(
      repaired(
        harmed(() => {}),
        { epochs: [other.epoch] },
      ),
      "WRONG_COMMITTEE",
    );
    const retired = harmed(() => {});
    const randomBytes = (count: number): Uint8Array => new Uint8Array(count);
    await retire({
      disk: retired.disk,
      directory: DIRECTORY,
      reason: "x",
      nowMs: () => 1,
      randomBytes,
    });
    await refusal(repaired(retired), "RETIRED");
    await refusal(repaired(harmed((disk) => disk.shorten(`${DIRECTORY}/STORE`, 0))), "NOT_A_STORE");
  });
});

test("each class of finding has a row, with a cause, a loss and a test", () => {
  for (const [code, { cause, loss, test: name, repair: made }] of Object.entries(repairs)) {
    expect({ code, said: cause.length > 0 && loss.length > 0 }).toEqual({ code, said: true });
    const isTested =
      name in harms || ["what is no damage", "a record that is not rightly signed"].includes(name);
    expect({ code, name, isTested }).toEqual({ code, name, isTested: true });
    if (made === undefined) expect(name).toBe("what is no damage");
  }
});

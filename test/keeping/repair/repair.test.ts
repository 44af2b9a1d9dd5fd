/** Every class of damage that an inspection tells of: what a repair keeps, loses and guards. */
import { describe, expect, test } from "vitest";
import { repairs } from "../../../src/keeping/repair/table.js";
import { memoryLogMap } from "../../../src/log/map/log-map.js";
import { openPersisters } from "../../../src/persist/persisters.js";
import { retire } from "../../../src/keeping/retire/retire.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { usedBytes } from "../../inspect/kit.js";
import { keyBytes } from "../../journal/seal/kit.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { contents, fingerprints, opened, refusal } from "../../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../../node/surroundings.js";
import { seededRandom } from "../../../src/testing/simulated/random.js";
import { campaignSize } from "../../scale.js";
import { BACKUP } from "../backup/kit.js";
import {
  alone,
  before,
  chain,
  filled,
  harmed,
  harmPayload,
  harms,
  lane,
  makeStores,
  repaired,
  sealedBlock,
  sealedBlockOf,
} from "./kit.js";

makeStores();

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
  const disk = new SimulatedDisk();
  const keys = { write: keyBytes("a") };
  await filled(disk, { keys });
  const harm = sealedBlockOf(disk);
  harmPayload(disk, harm);
  await refusal(repaired({ disk }), ["KEY_MISSING"]);
  await repaired({ disk }, { keys: [keys.write], acceptLoss: true });
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
    const gone = harmed(() => {});
    await gone.disk.rename(DIRECTORY, "elsewhere");
    await refusal(repaired(gone), "NOT_A_STORE");
  });
});

test("each class of finding has a row, with a cause, a loss and a test", () => {
  for (const [code, { cause, loss, test: name, repair: made }] of Object.entries(repairs)) {
    expect({ code, said: cause.length > 0 && loss.length > 0 }).toEqual({ code, said: true });
    const isTested =
      name in harms ||
      ["what is no damage", "a record that is not rightly signed", "STORE"].includes(name);
    expect({ code, name, isTested }).toEqual({ code, name, isTested: true });
    if (made === undefined) expect(name).toBe("what is no damage");
  }
});

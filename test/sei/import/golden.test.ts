/**
 * Records that sei-chain lets in unverified are refused here, and all else of its directories is taken: the
 * import of golden directories, and of single golden records that are wrong in one way.
 */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { ImportOptions } from "../../../src/sei/import/import.js";
import { type LaneId, laneId } from "../../../src/types/lane.js";
import { Committee, type Epoch, type EpochOf } from "../../../src/wire/committee.js";
import { decodeCommitQC, decodeSignedBlock } from "../../../src/wire/codec/decode.js";
import { DecodeError } from "../../../src/wire/codec/decode-error.js";
import { encodeCommitQC, encodeSignedBlock } from "../../../src/wire/codec/encode.js";
import { sha256 } from "../../../src/wire/hash.js";
import { bytes, decimal, hexText, read } from "../../golden/kit/cases.js";
import { contextOf, epochOneShape, goldenChain } from "../../golden/kit/chain.js";
import { committeeShape, copied, epochOf, epochShape } from "../../golden/kit/directories.js";
import { member, weighted } from "../../golden/kit/committees.js";
import { golden, noGolden } from "../../golden/kit/golden.js";
import { toHex } from "../../wire/bytes.js";
import {
  importedFrom,
  type Imported,
  numbered,
  numbersOf,
  reasonsOf,
  STATE,
  stateWith,
} from "../kit.js";

const held = z.array(z.tuple([decimal, hexText]));
const stateCases = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      epoch1: epochOneShape.optional(),
      opens: z.array(
        z.object({
          accept: z.boolean(),
          anchorRoad: decimal.nullable(),
          roadNext: decimal.optional(),
          roads: held.optional(),
          lanes: z
            .record(hexText, z.object({ first: decimal, next: decimal, blocks: held }))
            .optional(),
        }),
      ),
    }),
  ),
});

/** Imports a golden directory, its copy in memory. */
async function importOf(path: string, options: ImportOptions, target = STATE): Promise<Imported> {
  return await importedFrom(await copied(path, target), options);
}

describe.skipIf(noGolden)("golden state directories", () => {
  const found = noGolden ? [] : read(stateCases, golden("state/cases.json")).cases;
  const opens = found.flatMap((each) => each.opens.map((open) => ({ ...each, open })));
  const accepted = opens.filter(({ open }) => open.accept);

  test.each(accepted)("$name, anchor $open.anchorRoad: all that is live is taken", async (each) => {
    const chain = goldenChain();
    const { epochOf: known, anchors } = contextOf(chain, each.epoch1);
    const { anchorRoad, lanes = {}, roads = [] } = each.open;
    const start = anchorRoad === null ? "zero" : anchors.get(anchorRoad);
    const imported = await importOf(`state/${each.name}`, {
      epochOf: known,
      ...(start ? { start } : {}),
    });
    expect(imported.commitQCs.map(({ index, qc }) => [index, printOf(encodeCommitQC(qc))])).toEqual(
      roads,
    );
    for (const [name, { first, next, blocks }] of Object.entries(lanes)) {
      const lane = laneId(name);
      const numbers = numbersOf(imported, lane);
      if (!chain.blocks.has(lane)) {
        expect(numbers).toEqual([]);
        expect(strangers(imported, lane)).toBe(Number(next));
        continue;
      }
      // All that is live for sei-chain is there, and the rest of the anchor's range below it.
      const given = imported.blocks.filter((block) => block.lane === lane);
      const prints = given.map(({ number, block }) => [number, printOf(encodeSignedBlock(block))]);
      expect(prints.slice(prints.length - blocks.length)).toEqual(blocks);
      expect(next - first).toBe(BigInt(blocks.length));
      expect(numbers).toEqual(range(numbers[0] ?? next, next));
    }
    const refused = imported.refusals.filter(({ reason }) => reason !== "not_a_lane");
    expect(refused).toEqual([]);
  });

  test("closed-lane: a lane that the anchor's epoch has closed is not taken", async () => {
    const each = found.find(({ name }) => name === "closed-lane");
    const chain = goldenChain();
    const { epochOf: known, anchors, latest } = contextOf(chain, each?.epoch1);
    const closed = [...chain.blocks.keys()].find((lane) => !latest.committee.memberOfLane(lane));
    if (!closed) throw new Error("a lane is closed in the second epoch");
    const anchor = [...anchors.values()].find(
      ({ commitQC }) => commitQC.vote.view.epochIndex === latest.index,
    );
    if (!anchor) throw new Error("there is an anchor of the second epoch");
    const imported = await importOf("state/closed-lane", { epochOf: known, start: anchor });
    expect(numbersOf(imported, closed)).toEqual([]);
    expect(strangers(imported, closed)).toBeGreaterThan(0);
  });

  const options = (): ImportOptions => ({ epochOf: contextOf(goldenChain(), undefined).epochOf });

  test("broken-parent: what follows the break is refused", async () => {
    const imported = await importOf("state/broken-parent", options());
    const [first, ...rest] = reasonsOf(imported);
    expect(first?.[1]).toBe("parent_hash");
    for (const [, reason] of rest) expect(reason).toBe("after_refused");
    expect(imported.blocks.map(({ number }) => number)).toEqual(range(0n, first?.[0] ?? 0n));
  });

  test("lane-starts-high: without an anchor nothing of it is taken", async () => {
    const imported = await importOf("state/lane-starts-high", options());
    expect(imported.blocks).toEqual([]);
    expect(reasonsOf(imported)[0]?.[1]).toBe("lane_gap");
  });

  test("roads-start-high: without an anchor nothing of it is taken", async () => {
    const imported = await importOf("state/roads-start-high", options());
    expect(imported.commitQCs).toEqual([]);
    expect(reasonsOf(imported)[0]?.[1]).toBe("road_gap");
  });

  test("capacity-31: 30 blocks are taken", async () => {
    const imported = await importOf("state/capacity-31", options());
    expect(imported.blocks).toHaveLength(30);
    expect(reasonsOf(imported)).toEqual([[30n, "over_capacity"]]);
  });

  test("foreign-names: names that are no lanes are told", async () => {
    const { items } = await importOf("state/foreign-names", options());
    const foreign = items.flatMap((item) => (item.kind === "foreign" ? [item.entry] : []));
    expect(foreign.length).toBeGreaterThan(0);
    expect(foreign.some(({ older }) => older)).toBe(true);
  });
});

const printOf = (record: Uint8Array): string => toHex(sha256(record));

function strangers({ refusals }: Imported, lane: LaneId): number {
  return refusals.filter((each) => each.lane === lane && each.reason === "not_a_lane").length;
}

function range(from: bigint, to: bigint): bigint[] {
  return Array.from({ length: Number(to > from ? to - from : 0n) }, (_, at) => from + BigInt(at));
}

describe.skipIf(noGolden)("golden logs that sei-chain loads", () => {
  /** The logs' committee, and the directory that a log of blocks would have. */
  function setting(): { readonly lane: LaneId; readonly options: ImportOptions } {
    const whole = golden("seiwal/cases.json");
    const epoch = epochOf(read(committeeShape, whole));
    const { laneDir } = read(z.object({ laneDir: z.string() }), whole);
    const known: EpochOf = (index) => (index === epoch.index ? epoch : undefined);
    return { lane: laneId(laneDir), options: { epochOf: known, start: "any" } };
  }

  async function importLane(name: string) {
    const { lane, options } = setting();
    const imported = await importOf(`seiwal/${name}`, options, `${STATE}/blocks/${lane}`);
    return { imported, numbers: numbersOf(imported, lane) };
  }

  test.each([
    ["lane-full", range(0n, 35n)],
    ["lane-full-live", range(0n, 35n)],
    ["lane-many-files-pruned", range(19n, 35n)],
    ["lane-two-gaps", [8n, 9n, 10n]],
    ["lane-torn-tail", range(0n, 34n)],
    ["lane-unknown-field", [0n, 1n, 2n]],
    ["lane-leftovers", range(0n, 20n)],
  ])("%s: what its loader takes is taken", async (name, wanted) => {
    const { imported, numbers } = await importLane(name);
    expect(numbers).toEqual(wanted);
    expect(imported.refusals).toEqual([]);
  });

  test.each([
    ["lane-records-of-another-lane", 0n, "wrong_lane"],
    ["lane-index-is-not-the-number", 10n, "wrong_number"],
    ["lane-bad-signature", 1n, "bad_signature"],
    ["lane-broken-parent", 2n, "parent_hash"],
  ] as const)("%s: record %s is refused (%s), and all above it", async (name, at, reason) => {
    const { imported, numbers } = await importLane(name);
    const [first, ...rest] = reasonsOf(imported);
    expect(first).toEqual([at, reason]);
    for (const [, after] of rest) expect(after).toBe("after_refused");
    expect(numbers).toEqual(numbers.length === 0 ? [] : range(0n, at));
  });

  test.each([
    ["lane-garbage-payload", "record_does_not_decode"],
    ["lane-garbage-below-gap", "record_does_not_decode"],
    ["lane-duplicate-fields", "record_does_not_decode"],
    ["lane-sealed-flip", "sealed_corrupt"],
    ["lane-sealed-short", "sealed_content_mismatch"],
    ["lane-sequence-gap", "sequence_gap"],
    ["lane-falling-indices", "iterator_range"],
    ["lane-live-wrong-magic", "magic"],
    ["lane-sealed-wrong-version", "version"],
  ])("%s: what its loader refuses is refused whole (%s)", async (name, reason) => {
    const { imported, numbers } = await importLane(name);
    expect(numbers).toEqual([]);
    expect(imported.refusals).toMatchObject([{ reason, lane: setting().lane }]);
  });

  test.each([
    ["qc-35", undefined],
    ["qc-gap", undefined],
    ["qc-torn", undefined],
    ["qc-index-is-not-the-road", "wrong_number"],
    ["qc-garbage", "record_does_not_decode"],
    ["qc-sealed-flip", "sealed_corrupt"],
  ])("%s: %s", async (name, reason) => {
    const imported = await importOf(`seiwal/${name}`, setting().options, `${STATE}/commitqcs`);
    if (reason === undefined) {
      expect(imported.commitQCs.length).toBeGreaterThan(0);
      expect(imported.refusals).toEqual([]);
    } else {
      expect(imported.commitQCs).toEqual([]);
      expect(imported.refusals[0]?.reason).toBe(reason);
    }
  });
});

describe.skipIf(noGolden)("golden records, each in a log of its own", () => {
  const bad = z.object({
    members: z.array(member),
    lanes: z.array(z.object({ lane: z.object({ validator: hexText, joined: decimal }) })),
    bad: z.array(
      z.object({
        name: z.string(),
        number: decimal,
        record: bytes,
        blockVerify: z.string(),
        signatureVerify: z.string(),
        signerIsLaneOwner: z.boolean(),
      }),
    ),
  });
  const lanes = noGolden ? undefined : read(bad, golden("lanes/index.json"));

  test.each(lanes?.bad ?? [])("block: $name", async (each) => {
    const committee = Committee.genesis(weighted(lanes?.members ?? []));
    const epoch = openEpoch(committee);
    const { lane } = decodeSignedBlock(each.record).msg.header;
    const disk = await stateWith({ lanes: { [lane]: numbered(each.number, [each.record]) } });
    const imported = await importedFrom(disk, {
      epochOf: (index) => only(epoch, index),
      start: "any",
    });
    const accept =
      each.blockVerify === "accept" && each.signatureVerify === "accept" && each.signerIsLaneOwner;
    expect(numbersOf(imported, lane)).toEqual(accept ? [each.number] : []);
    expect(imported.refusals).toHaveLength(accept ? 0 : 1);
    if (each.signerIsLaneOwner && each.blockVerify !== "accept") {
      expect(imported.refusals[0]?.reason).toBe(each.blockVerify);
    }
  });

  const qcs = z.object({
    committees: z.array(
      z.object({
        name: z.string(),
        members: z.array(member),
        lanes: z.array(z.object({ validator: hexText, joined: decimal })),
        epoch: epochShape,
      }),
    ),
    cases: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        bytes,
        committee: z.string(),
        accept: z.boolean(),
        errorClass: z.string().optional(),
      }),
    ),
  });
  const certificates = noGolden ? undefined : read(qcs, golden("qcs.json"));
  const commitQCs = (certificates?.cases ?? []).filter(({ type }) => type === "CommitQC");

  test.each(commitQCs.map((each, at) => ({ ...each, at })))(
    "commit QC $at: $name ($committee)",
    async ({ bytes: record, committee: name, accept, errorClass }) => {
      const given = certificates?.committees.find((each) => each.name === name);
      if (!given) throw new Error(`there is no committee ${name}`);
      const epoch = epochOfCommittee(given);
      const index = roadOf(record);
      const disk = await stateWith({ road: numbered(index, [record]) });
      const imported = await importedFrom(disk, {
        epochOf: (wanted) => only(epoch, wanted),
        start: "any",
      });
      expect(imported.commitQCs).toHaveLength(accept ? 1 : 0);
      const reasons = imported.refusals.map(({ reason }) => reason);
      if (accept) expect(reasons).toEqual([]);
      else if (errorClass === "epoch" || reasons[0] === "record_does_not_decode") {
        expect(reasons).toHaveLength(1);
      } else expect(reasons).toEqual([errorClass]);
    },
  );
});

function openEpoch(committee: Committee): Epoch {
  const nextRoad = 2n ** 64n - 1n;
  return { index: 0n, firstRoad: 0n, nextRoad, committee };
}

function only(epoch: Epoch, index: bigint): Epoch | undefined {
  return index === epoch.index ? epoch : undefined;
}

/** The epoch of a committee whose lanes are listed with the epochs that they joined in. */
function epochOfCommittee(given: {
  readonly members: readonly z.infer<typeof member>[];
  readonly lanes: readonly { readonly validator: string; readonly joined: bigint }[];
  readonly epoch: z.infer<typeof epochShape>;
}): Epoch {
  const joinedOf = new Map(given.lanes.map(({ validator, joined }) => [validator, joined]));
  let committee: Committee | undefined;
  for (const since of [...new Set(joinedOf.values())].toSorted((a, b) => (a < b ? -1 : 1))) {
    const members = given.members.filter(({ public: key }) => (joinedOf.get(key) ?? 0n) <= since);
    const nobody = { key: new Uint8Array(32), weight: 1n };
    if (since === 0n) committee = Committee.genesis(weighted(members));
    else committee = (committee ?? Committee.genesis([nobody])).after(since, weighted(members));
  }
  if (!committee) throw new Error("a committee has lanes");
  const { index, roads } = given.epoch;
  return { index, firstRoad: roads.first, nextRoad: roads.next, committee };
}

/** The road that a record names; 0 for one that does not decode. */
function roadOf(record: Uint8Array): bigint {
  try {
    return decodeCommitQC(record).vote.view.index;
  } catch (cause) {
    if (cause instanceof DecodeError) return 0n;
    throw cause;
  }
}

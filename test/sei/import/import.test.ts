import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../../../src/disk/memory.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { importSeiDirectoryOn } from "../../../src/sei/import/import.js";
import { directorySource } from "../../../src/sei/read/source.js";
import { writeSeiDirectoryOn } from "../../../src/sei/write/write-state.js";
import { buildBlock, signBlock, signCommitVote } from "../../../src/wire/build.js";
import { buildCommitQC } from "../../../src/testing/certificates.js";
import { encodeCommitQC, encodeSignedBlock } from "../../../src/wire/codec/encode.js";
import type { PruneAnchor, SignedBlock } from "../../../src/wire/messages.js";
import { putFile } from "../../golden/kit/directories.js";
import { TestChain } from "../../model/chain.js";
import { importedFrom, laneAt, numbered, numbersOf, reasonsOf, STATE, stateWith } from "../kit.js";

const chain = new TestChain();
const { epochOf } = chain;
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);

const blocks = (from: bigint, to: bigint, of = lane): Uint8Array[] => {
  return range(from, to).map((number) => chain.block(of, number).bytes);
};
const qcs = (from: bigint, to: bigint): Uint8Array[] => {
  return range(from, to).map((index) => chain.qc(index).bytes);
};
function range(from: bigint, to: bigint): bigint[] {
  return Array.from({ length: Number(to - from) }, (_, at) => from + BigInt(at));
}

/** The block of `lane` at `number`, changed and encoded. */
function altered(number: bigint, change: (block: SignedBlock) => SignedBlock): Uint8Array {
  return encodeSignedBlock(change(chain.block(lane, number).signed));
}

describe("a lane", () => {
  test("is given block by block, in order, with its header hashes", async () => {
    const disk = await stateWith({ lanes: { [lane]: numbered(0n, blocks(0n, 5n)) } });
    const found = await importedFrom(disk, { epochOf });
    expect(numbersOf(found, lane)).toEqual([0n, 1n, 2n, 3n, 4n]);
    for (const { number, block, headerHash } of found.blocks) {
      const made = chain.block(lane, number);
      expect(Buffer.from(headerHash)).toEqual(Buffer.from(made.hash));
      expect(encodeSignedBlock(block)).toEqual(made.bytes);
    }
    expect(found.refusals).toEqual([]);
  });

  test.each([
    ["of another lane", "wrong_lane", () => chain.block(other, 2n).bytes],
    ["under another's number", "wrong_number", () => chain.block(lane, 3n).bytes],
    ["on another parent", "parent_hash", () => chain.orphan(lane, 2n).bytes],
    [
      "with the signature of another block",
      "bad_signature",
      () => altered(2n, ({ msg }) => ({ msg, sig: chain.block(lane, 1n).signed.sig })),
    ],
    [
      "signed by another member",
      "wrong_signer",
      () => altered(2n, ({ msg }) => signBlock(msg, chain.keysOf(other))),
    ],
    [
      "with a payload that its header does not name",
      "payload_hash",
      () => {
        const { payload } = chain.block(lane, 1n).signed.msg;
        return altered(2n, ({ msg }) =>
          signBlock({ header: msg.header, payload }, chain.keysOf(lane)),
        );
      },
    ],
  ] as const)("a block %s is refused (%s), and so is all above it", async (_, reason, bad) => {
    const records = numbered(0n, [...blocks(0n, 2n), bad(), ...blocks(3n, 5n)]);
    const disk = await stateWith({ lanes: { [lane]: records } });
    const found = await importedFrom(disk, { epochOf });
    expect(numbersOf(found, lane)).toEqual([0n, 1n]);
    expect(reasonsOf(found)).toEqual([
      [2n, reason],
      [3n, "after_refused"],
      [4n, "after_refused"],
    ]);
    const [refusal] = found.refusals;
    expect(refusal).toMatchObject({ lane, file: `${STATE}/blocks/${lane}/0-0-4.wal` });
    expect(refusal?.offset).toBeGreaterThan(0);
    const summary = found.summaries.find((each) => each.lane === lane);
    expect(summary).toMatchObject({ taken: 2, first: 0n, refused: 3 });
  });

  test("a refused block stops its own lane alone", async () => {
    const disk = await stateWith({
      lanes: {
        [lane]: numbered(0n, [chain.orphan(lane, 1n).bytes]),
        [other]: numbered(0n, blocks(0n, 3n, other)),
      },
    });
    const found = await importedFrom(disk, { epochOf });
    expect(reasonsOf(found)).toEqual([[0n, "wrong_number"]]);
    expect(found.refusals[0]).toMatchObject({ lane, index: 0n, number: 1n });
    expect(numbersOf(found, other)).toEqual([0n, 1n, 2n]);
  });

  test("of a stranger is refused record by record", async () => {
    const stranger = new TestChain(4);
    const strange = stranger.lanes.find((each) => !chain.lanes.includes(each)) ?? lane;
    const bytes = range(0n, 2n).map((number) => stranger.block(strange, number).bytes);
    const disk = await stateWith({ lanes: { [strange]: numbered(0n, bytes) } });
    expect(reasonsOf(await importedFrom(disk, { epochOf }))).toEqual([
      [0n, "not_a_lane"],
      [1n, "not_a_lane"],
    ]);
  });

  test("that starts above 0 lost blocks, unless any start will do", async () => {
    const disk = await stateWith({ lanes: { [lane]: numbered(3n, blocks(3n, 6n)) } });
    const strict = await importedFrom(disk, { epochOf });
    expect(reasonsOf(strict)[0]).toEqual([3n, "lane_gap"]);
    expect(strict.blocks).toEqual([]);
    const lax = await importedFrom(disk, { epochOf, start: "any" });
    expect(numbersOf(lax, lane)).toEqual([3n, 4n, 5n]);
    expect(lax.refusals).toEqual([]);
  });

  test("keeps what lies above its last gap, and tells how much lies below", async () => {
    const records = [...numbered(0n, blocks(0n, 2n)), ...numbered(4n, blocks(4n, 6n))];
    const disk = await stateWith({ lanes: { [lane]: records } });
    const found = await importedFrom(disk, { epochOf, start: "any" });
    expect(numbersOf(found, lane)).toEqual([4n, 5n]);
    expect(found.summaries.find((each) => each.lane === lane)?.discarded).toBe(2);
  });

  test("holds 30 blocks from its start on and no more", async () => {
    const disk = await stateWith({ lanes: { [lane]: numbered(0n, blocks(0n, 32n)) } });
    const found = await importedFrom(disk, { epochOf });
    expect(numbersOf(found, lane)).toHaveLength(30);
    expect(reasonsOf(found)).toEqual([
      [30n, "over_capacity"],
      [31n, "after_refused"],
    ]);
  });

  test("whose log is damaged is refused whole, with file and offset", async () => {
    const disk = await stateWith({
      lanes: { [lane]: numbered(0n, blocks(0n, 3n)), [other]: numbered(0n, blocks(0n, 1n, other)) },
    });
    const file = `${STATE}/blocks/${lane}/0-0-2.wal`;
    const opened = await disk.openToWrite(file);
    await opened?.writeDurable(20, [Uint8Array.of(0xff, 0xff)]);
    const found = await importedFrom(disk, { epochOf });
    expect(numbersOf(found, lane)).toEqual([]);
    expect(found.refusals).toMatchObject([{ reason: "sealed_corrupt", lane, file, offset: 6 }]);
    expect(numbersOf(found, other)).toEqual([0n]);
  });

  test("with a record that does not decode is refused whole", async () => {
    const junk = Buffer.from("no block");
    const disk = await stateWith({ lanes: { [lane]: numbered(0n, [...blocks(0n, 2n), junk]) } });
    const found = await importedFrom(disk, { epochOf });
    expect(found.blocks).toEqual([]);
    expect(found.refusals).toMatchObject([{ reason: "record_does_not_decode", lane }]);
  });

  test("with a torn tail gives what is before it, and tells what was cut", async () => {
    const choices = { lastFile: "live" as const };
    const disk = await stateWith({ lanes: { [lane]: numbered(0n, blocks(0n, 3n)) }, choices });
    const path = `${STATE}/blocks/${lane}/0.wal.u`;
    const file = await disk.openToRead(path);
    const bytes = (await file?.read(0, 1e6)) ?? new Uint8Array();
    await disk.remove(path);
    await putFile(disk, path, bytes.subarray(0, bytes.length - 3));
    const found = await importedFrom(disk, { epochOf });
    expect(numbersOf(found, lane)).toEqual([0n, 1n]);
    expect(found.refusals).toEqual([]);
    const { cuts } = found.summaries.find((each) => each.lane === lane) ?? {};
    expect(cuts).toMatchObject([{ path }]);
  });

  test("that two directories are called by is taken from neither", async () => {
    const records = numbered(0n, blocks(0n, 2n));
    const disk = await stateWith({ lanes: { [lane]: records, [lane.toUpperCase()]: records } });
    const found = await importedFrom(disk, { epochOf });
    expect(found.blocks).toEqual([]);
    expect(reasonsOf(found)).toEqual([
      [undefined, "two_directories"],
      [undefined, "two_directories"],
    ]);
  });
});

describe("the road", () => {
  test("is given QC by QC, before any block", async () => {
    const disk = await stateWith({
      lanes: { [lane]: numbered(0n, blocks(0n, 1n)) },
      road: numbered(0n, qcs(0n, 3n)),
    });
    const found = await importedFrom(disk, { epochOf });
    expect(found.commitQCs.map(({ index }) => index)).toEqual([0n, 1n, 2n]);
    const kinds = found.items.map(({ kind }) => kind);
    expect(kinds.lastIndexOf("commitQC")).toBeLessThan(kinds.indexOf("block"));
  });

  test.each([
    ["under another road's index", "wrong_number", () => chain.qc(1n).bytes],
    [
      "without a quorum",
      "quorum",
      () => {
        const { vote, sigs } = chain.qc(2n).qc;
        return encodeCommitQC({ vote, sigs: sigs.slice(0, 1) });
      },
    ],
    [
      "with a signature over another proposal",
      "bad_signature",
      () => {
        const { vote, sigs } = chain.qc(2n).qc;
        const [pair] = chain.keys;
        if (!pair) throw new Error("there is a key");
        const { sig } = signCommitVote(chain.qc(1n).qc.vote, pair);
        const rest = sigs.filter(({ key }) => Buffer.compare(key, sig.key) !== 0);
        return encodeCommitQC({ vote, sigs: [...rest, sig] });
      },
    ],
    [
      "of an epoch that is not known",
      "epoch",
      () => {
        const { vote, sigs } = chain.qc(2n).qc;
        return encodeCommitQC({ vote: { ...vote, view: { ...vote.view, epochIndex: 7n } }, sigs });
      },
    ],
  ] as const)("a QC %s is refused (%s), and so is all above it", async (_, reason, bad) => {
    const disk = await stateWith({ road: numbered(0n, [...qcs(0n, 2n), bad(), ...qcs(3n, 4n)]) });
    const found = await importedFrom(disk, { epochOf });
    expect(found.commitQCs.map(({ index }) => index)).toEqual([0n, 1n]);
    expect(reasonsOf(found)).toEqual([
      [2n, reason],
      [3n, "after_refused"],
    ]);
    expect(found.refusals[0]).toMatchObject({ lane: undefined });
  });

  test("that starts above 0 lost QCs, unless any start will do", async () => {
    const disk = await stateWith({ road: numbered(4n, qcs(4n, 6n)) });
    expect(reasonsOf(await importedFrom(disk, { epochOf }))[0]).toEqual([4n, "road_gap"]);
    const lax = await importedFrom(disk, { epochOf, start: "any" });
    expect(lax.commitQCs.map(({ index }) => index)).toEqual([4n, 5n]);
  });
});

describe("under an anchor", () => {
  test("road and lanes start where it lets them, and what lies below is not looked at", async () => {
    const junk = chain.orphan(lane, 1n).bytes;
    const disk = await stateWith({
      lanes: { [lane]: numbered(0n, [...blocks(0n, 1n), junk, ...blocks(2n, 6n)]) },
      road: numbered(0n, qcs(0n, 6n)),
    });
    const found = await importedFrom(disk, { epochOf, start: chain.qc(3n).anchor });
    expect(found.commitQCs.map(({ index }) => index)).toEqual([4n, 5n]);
    expect(numbersOf(found, lane)).toEqual([3n, 4n, 5n]);
    expect(found.refusals).toEqual([]);
    expect(found.summaries.map(({ below }) => below)).toEqual([4, 3]);
  });

  test("a lane may begin anywhere in its range, and not above it", async () => {
    const { anchor } = chain.qc(3n);
    const inside = await stateWith({ lanes: { [lane]: numbered(4n, blocks(4n, 6n)) } });
    const found = await importedFrom(inside, { epochOf, start: anchor });
    expect(numbersOf(found, lane)).toEqual([4n, 5n]);
    const above = await stateWith({ lanes: { [lane]: numbered(5n, blocks(5n, 6n)) } });
    expect(reasonsOf(await importedFrom(above, { epochOf, start: anchor }))).toEqual([
      [5n, "lane_gap"],
    ]);
  });

  test("a QC of its road must commit the same proposal", async () => {
    const disk = await stateWith({ road: numbered(3n, [chain.qc(3n, 1).bytes, ...qcs(4n, 5n)]) });
    const found = await importedFrom(disk, { epochOf, start: chain.qc(3n).anchor });
    expect(reasonsOf(found)).toEqual([
      [3n, "other_proposal"],
      [4n, "after_refused"],
    ]);
  });

  test("that does not verify nothing is imported", async () => {
    const { commitQC } = chain.qc(3n).anchor;
    const forged: PruneAnchor = { commitQC, appQC: chain.qc(2n).anchor.appQC };
    const disk = await stateWith({ road: numbered(0n, qcs(0n, 2n)) });
    const error = expect.objectContaining({ code: "INVALID", roadIndex: 3n });
    await expect(importedFrom(disk, { epochOf, start: forged })).rejects.toEqual(error);
  });
});

describe("the epochs of lanes", () => {
  const weightsOf = ({ keys }: TestChain) =>
    keys.map(({ publicKey }) => ({ key: publicKey, weight: 1n }));
  const larger = new TestChain(4);
  const zero = { ...chain.epoch, nextRoad: 2n };
  const one = {
    index: 1n,
    firstRoad: 2n,
    nextRoad: 3n,
    committee: chain.committee.after(1n, weightsOf(chain)),
  };
  const two = {
    index: 2n,
    firstRoad: 3n,
    nextRoad: 9n,
    committee: one.committee.after(2n, weightsOf(larger)),
  };
  const known = (index: bigint) => [zero, one, two].find((epoch) => epoch.index === index);
  const joiner = two.committee.members.find(({ joined }) => joined === 2n);
  const pair = larger.keys.find(
    ({ publicKey }) => joiner && Buffer.compare(publicKey, joiner.key) === 0,
  );
  if (!joiner || !pair) throw new Error("a validator joins in epoch 2");
  const { payload, header } = chain.block(lane, 0n).signed.msg;
  const { parentHash } = header;
  const place = { lane: joiner.lane, blockNumber: 0n, parentHash, payload };
  const record = numbered(0n, [encodeSignedBlock(signBlock(buildBlock(place), pair))]);
  const { vote } = chain.qc(2n).qc;
  const ofOne = { ...vote, view: { ...vote.view, epochIndex: 1n } };
  const lastOfOne = encodeCommitQC(buildCommitQC(ofOne, chain.keys));

  test("a lane that joins is known once the road has reached the epoch that it joins", async () => {
    const lanes = { [joiner.lane]: record };
    const early = await stateWith({ lanes, road: numbered(0n, qcs(0n, 2n)) });
    expect(reasonsOf(await importedFrom(early, { epochOf: known }))).toEqual([[0n, "not_a_lane"]]);
    const road = numbered(0n, [...qcs(0n, 2n), lastOfOne]);
    const found = await importedFrom(await stateWith({ lanes, road }), { epochOf: known });
    expect(found.commitQCs).toHaveLength(3);
    expect(numbersOf(found, joiner.lane)).toEqual([0n]);
  });
});

describe("the directory", () => {
  test("an empty one gives empty logs", async () => {
    const disk = new MemoryDisk();
    await disk.makeDirectory(STATE);
    const found = await importedFrom(disk, { epochOf });
    expect(found.items).toMatchObject([{ kind: "log", summary: { taken: 0, refused: 0 } }]);
  });

  test("one that is not there is no state directory", async () => {
    const error = expect.objectContaining({ code: "NOT_A_STORE" });
    await expect(importedFrom(new MemoryDisk(), { epochOf })).rejects.toEqual(error);
  });

  test("foreign names are told, those of an older revision as such", async () => {
    const disk = await stateWith({});
    await putFile(disk, `${STATE}/avail_inner_a.pb`, new Uint8Array(3));
    await putFile(disk, `${STATE}/blocks/note.txt`, new Uint8Array(3));
    await disk.makeDirectory(`${STATE}/blocks/${lane.slice(0, 64)}`);
    const { foreign } = await directorySource(disk, STATE);
    expect(foreign).toEqual([
      { path: `${STATE}/avail_inner_a.pb`, older: true },
      { path: `${STATE}/blocks/${lane.slice(0, 64)}`, older: true },
      { path: `${STATE}/blocks/note.txt`, older: false },
    ]);
    const { items } = await importedFrom(disk, { epochOf });
    expect(items.filter(({ kind }) => kind === "foreign")).toHaveLength(3);
  });

  test("is read one file at a time, each once in each of two passes", async () => {
    const records = numbered(0n, blocks(0n, 8n));
    const disk = await stateWith({ lanes: { [lane]: records }, choices: { fileBytes: 1000 } });
    const opened = new Map<string, number>();
    const open = { now: 0, most: 0 };
    const counting = {
      kind: (path: string) => disk.kind(path),
      list: (path: string) => disk.list(path),
      openToRead: async (path: string) => {
        const file = await disk.openToRead(path);
        if (!file) return undefined;
        opened.set(path, (opened.get(path) ?? 0) + 1);
        open.now += 1;
        open.most = Math.max(open.most, open.now);
        const close = async (): Promise<void> => {
          open.now -= 1;
          await file.close();
        };
        return { read: file.read.bind(file), size: file.size.bind(file), close };
      },
    };
    const found = await importedFrom(counting, { epochOf });
    expect(numbersOf(found, lane)).toHaveLength(8);
    expect(open).toEqual({ now: 0, most: 1 });
    expect(opened.size).toBeGreaterThan(2);
    expect(new Set(opened.values())).toEqual(new Set([2]));
  });

  test("is not changed, byte for byte and step for step", async () => {
    const disk = new SimulatedDisk();
    const signed = range(0n, 4n).map((number) => chain.block(lane, number).signed);
    const lanes = [[lane, signed] as const];
    const commitQCs = range(0n, 3n).map((index) => chain.qc(index).qc);
    await writeSeiDirectoryOn(disk, "state", { lanes, commitQCs });
    const before = digestOf(disk);
    const steps = disk.steps;
    let given = 0;
    for await (const { kind } of importSeiDirectoryOn(disk, "state", { epochOf })) {
      if (kind === "block" || kind === "commitQC") given += 1;
    }
    expect(given).toBe(7);
    expect(disk.steps).toBe(steps);
    expect(digestOf(disk)).toEqual(before);
  });
});

function digestOf(disk: SimulatedDisk): unknown {
  return disk.files().map(({ path }) => {
    return [path, createHash("sha256").update(disk.readNow(path)).digest("hex")];
  });
}

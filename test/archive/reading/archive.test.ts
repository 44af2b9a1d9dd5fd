/** `Archive`: what a program reads of a bucket, by numbers and as ranges. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBucket } from "../../../src/archive/open-bucket.js";
import { Archive } from "../../../src/archive/reading/archive.js";
import type { RetainedRecord } from "../../../src/log/retained-range.js";
import { Key } from "../../../src/keys/key.js";
import { ROAD } from "../../../src/persist/kinds.js";
import { CHAIN_ID } from "../../model/chain.js";
import { refusal } from "../../node/kit.js";
import { chain, lane, ModelSource, plain, recordOf, writeAll, writerOf } from "../kit.js";
import { credentials, S3Server } from "../s3/server.js";

const key = new Uint8Array(32).fill(5);
const [, other = lane] = chain.lanes;
let folder: string;
let server: S3Server;

/** One lane and the road are whole; of the other lane [8, 12) was never archived. */
async function fill(address: string): Promise<void> {
  const bucket = await openBucket(address, { credentials: () => credentials });
  const source = new ModelSource(20n);
  for (const log of [lane, ROAD] as const) await writeAll(writerOf(bucket, source, log), source);
  source.first = 8n;
  const writer = writerOf(bucket, source, other);
  await writeAll(writer, source);
  source.first = 20n;
  source.retainedFirst = 12n;
  await writeAll(writer, source);
  await bucket.close();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lanekeeper-archive-"));
  server = await S3Server.start();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const homes = [
  ["a folder", () => `file://${folder}/whole`],
  ["object storage", () => server.address("whole")],
] as const;

const open = async (address: string): Promise<Archive> => {
  return await Archive.open(address, { chainId: CHAIN_ID, credentials: () => credentials });
};

async function numbersOf(range: AsyncGenerator<RetainedRecord>): Promise<bigint[]> {
  const found: bigint[] = [];
  for await (const { number } of range) found.push(number);
  return found;
}

const upTo = (from: bigint, next: bigint): bigint[] => {
  return Array.from({ length: Number(next - from) }, (_, at) => from + BigInt(at));
};

describe.for(homes)("an archive in %s", ([, addressOf]) => {
  beforeAll(() => fill(addressOf()));

  test("tells its logs", async () => {
    await using archive = await open(addressOf());
    const logs: string[] = [];
    for await (const log of archive.logs()) logs.push(log);
    expect(logs.toSorted()).toEqual([lane, other, ROAD].toSorted());
  });

  test("gives each record by its number, byte for byte, and nothing where there is none", async () => {
    await using archive = await open(addressOf());
    for (const number of [19n, 0n, 7n, 8n, 6n]) {
      const [block, qc] = [
        await archive.readBlock(lane, number),
        await archive.readCommitQC(number),
      ];
      expect(Buffer.compare(block ?? Buffer.of(), recordOf(lane, number))).toBe(0);
      expect(Buffer.compare(qc ?? Buffer.of(), recordOf(ROAD, number))).toBe(0);
    }
    expect(await archive.readBlock(lane, 20n)).toBeUndefined();
    expect(await archive.readBlock(other, 9n)).toBeUndefined();
    expect(await archive.readCommitQC(10_000n)).toBeUndefined();
    const [own, again] = [await archive.readBlock(lane, 3n), await archive.readBlock(lane, 3n)];
    own?.fill(0);
    expect(Buffer.compare(again ?? Buffer.of(), recordOf(lane, 3n))).toBe(0);
  });

  test("gives ranges in ascending order, from any number up to any other", async () => {
    await using archive = await open(addressOf());
    expect(await numbersOf(archive.blocks(lane))).toEqual(upTo(0n, 20n));
    expect(await numbersOf(archive.commitQCs())).toEqual(upTo(0n, 20n));
    for (const [from, next] of [
      [0n, 1n],
      [3n, 11n],
      [4n, 4n],
      [19n, 40n],
      [20n, 30n],
    ] as const) {
      const end = next > 20n ? 20n : next;
      const wanted = upTo(from, end > from ? end : from);
      expect(await numbersOf(archive.blocks(lane, { from, next })), `${from}`).toEqual(wanted);
      expect(await numbersOf(archive.commitQCs({ from, next })), `${from}`).toEqual(wanted);
    }
    for await (const { number, bytes } of archive.blocks(lane, { from: 5n }))
      expect(Buffer.compare(bytes, recordOf(lane, number))).toBe(0);
  });

  test("says where a hole is, behind the records before it, and begins above it", async () => {
    await using archive = await open(addressOf());
    const found: bigint[] = [];
    const reading = async (): Promise<void> => {
      for await (const { number } of archive.blocks(other)) found.push(number);
    };
    const error = await refusal(reading(), "OUT_OF_SEQUENCE");
    expect(found).toEqual(upTo(0n, 8n));
    expect(error).toMatchObject({ lane: other, blockNumber: 8n });
    expect(await numbersOf(archive.blocks(other, { from: 9n }))).toEqual(upTo(12n, 20n));
  });

  test("ends a range by its signal, and lets go of one that is left", async () => {
    await using archive = await open(addressOf());
    const stop = new AbortController();
    const reading = async (): Promise<void> => {
      for await (const { number } of archive.blocks(lane, { signal: stop.signal }))
        if (number === 2n) stop.abort();
    };
    await refusal(reading(), "ABORTED");
    for await (const { number } of archive.blocks(lane)) if (number === 2n) break;
    expect(await archive.readBlock(lane, 2n)).toBeDefined();
  });
});

test("a sealed archive is read with its key, and names the one that is missing", async () => {
  const address = `file://${folder}/sealed`;
  const bucket = await openBucket(address);
  const source = new ModelSource(5n);
  const packing = { ...plain, key: new Key(key, "the test") };
  await writeAll(writerOf(bucket, source, lane, { packing }), source);
  await using without = await open(address);
  await refusal(without.readBlock(lane, 1n), "KEY_MISSING");
  await using archive = await Archive.open(address, { chainId: CHAIN_ID, keys: [key] });
  expect(await numbersOf(archive.blocks(lane))).toEqual(upTo(0n, 5n));
});

test("wrong arguments are refused before anything is read", async () => {
  await using archive = await open(`file://${folder}/none`);
  await refusal(archive.readBlock("a lane" as never, 1n), "USAGE");
  await refusal(archive.readCommitQC(-1n), "USAGE");
  await refusal(Archive.open(`file://${folder}/none`, { chainId: "" }), "USAGE");
  await refusal(Archive.open("http://a", { chainId: CHAIN_ID }), "USAGE");
});

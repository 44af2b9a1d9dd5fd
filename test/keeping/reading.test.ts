/** A store is read beside its owner: no lock, no byte written, and never another record than the one that was asked for. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DiskFile } from "../../src/disk/disk.js";
import { readStore } from "../../src/keeping/reading/calls.js";
import { digestOf, type StoreDigest } from "../../src/keeping/reading/digest.js";
import { StoreSnapshot } from "../../src/keeping/reading/snapshot.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { PersisterError } from "../../src/types/errors.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import {
  fingerprints,
  fresh,
  laneAt,
  opened,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
  turns,
} from "../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES } from "../node/surroundings.js";

const chain = new TestChain(2, 3000);
const lane = laneAt(chain, 0);
const choices = {
  chainId: CHAIN_ID,
  segmentBytes: SEGMENT_BYTES,
  epochOf: chain.epochOf,
  retainBytes: 0,
};
const votes = Buffer.from("7a0107", "hex");
let folder: string;
let state: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lanekeeper-reading-"));
  state = join(folder, "state");
  await Lanekeeper.init(state, { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES });
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const bytesAt = (number: bigint): Uint8Array => Uint8Array.from(chain.block(lane, number).bytes);

async function all<T>(source: AsyncGenerator<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of source) found.push(each);
  return found;
}

test("beside its owner, and without one: facts, single records and ranges, and nothing is written", async () => {
  const keeper = await Lanekeeper.open(state, choices);
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 8n });
  await pushQCs(keeper, chain, { to: 8n });
  await pushAnchor(keeper, chain.qc(3n).anchor);
  await keeper.writeVoteState(votes, 8n);
  const names = await readdir(state);
  for (const inUse of ["open", "not seen"] as const) {
    if (inUse === "not seen") await keeper.close();
    await using snapshot = await readStore(state);
    const { facts } = snapshot;
    expect(facts).toMatchObject({ chainId: CHAIN_ID, directory: state, pins: [], inUse });
    expect(facts.lanes.get(lane)).toEqual({ first: 3n, next: 8n });
    expect(facts.road).toEqual({ first: 3n, next: 8n });
    expect(facts.anchor?.commitQC.vote.view.index).toBe(3n);
    expect(facts.voteState).toEqual(Uint8Array.from(votes));
    expect(await snapshot.readBlock(lane, 5n)).toEqual(bytesAt(5n));
    expect(await snapshot.readCommitQC(7n)).toEqual(Uint8Array.from(chain.qc(7n).bytes));
    const range = await all(snapshot.blocks(lane, { from: 6n }));
    expect(range).toEqual([6n, 7n].map((number) => ({ number, bytes: bytesAt(number) })));
    const road = await all(snapshot.commitQCs({ next: 5n }));
    expect(road.map(({ number }) => number)).toEqual([3n, 4n]);
    await refusal(snapshot.readBlock(lane, 2n), "OUT_OF_SEQUENCE");
    await refusal(snapshot.readBlock(lane, 8n), "OUT_OF_SEQUENCE");
    expect(JSON.parse(JSON.stringify(facts))).toMatchObject({ road: { first: "3", next: "8" } });
    expect(await readdir(state)).toEqual(names);
  }
});

test("it hinders no open, and ends with close; wrong arguments are USAGE", async () => {
  const snapshot = await readStore(state);
  await (await Lanekeeper.open(state, choices)).close();
  await refusal(snapshot.readBlock("lane" as never, 0n), "USAGE");
  await refusal(snapshot.readCommitQC(1 as never), "USAGE");
  expect(() => snapshot.blocks(lane, { from: 1 } as never)).toThrow("from");
  expect(snapshot.closed).toBe(false);
  await snapshot.close();
  await snapshot.close();
  expect(snapshot.closed).toBe(true);
  await refusal(snapshot.readCommitQC(0n), ["CLOSED"]);
  await refusal(readStore(join(folder, "nothing")), "NOT_A_STORE");
  await refusal(readStore(state, { keys: [7] as never }), "USAGE");
  await refusal(readStore(state, { signal: AbortSignal.abort() }), "ABORTED");
});

test("D5 a record that its owner gave up since is refused, and another one is never returned", async () => {
  const { disk, keeper } = await fresh(chain);
  const parts = { disk, directory: DIRECTORY, keys: [], nowMs: () => 0 };
  await pushBlocks(keeper, chain, lane, { to: 20n });
  await using snapshot = await StoreSnapshot.take(parts);
  expect(await snapshot.readBlock(lane, 4n)).toEqual(bytesAt(4n));
  for (let round = 0n; round < 40n; round += 1n) {
    for (const each of chain.lanes) {
      const from = each === lane ? 20n + round : round;
      await pushBlocks(keeper, chain, each, { from, to: from + 1n });
    }
    await keeper.pushCommitQC(chain.qc(round).bytes);
    if (round % 4n === 3n) await pushAnchor(keeper, chain.qc(round).anchor);
  }
  const outcomes = { same: 0, refused: 0 };
  for (let number = 0n; number < 20n; number += 1n) {
    const read = await snapshot.readBlock(lane, number).catch((cause: unknown) => cause);
    if (read instanceof PersisterError) {
      expect(read).toMatchObject({ code: "OUT_OF_SEQUENCE", lane, blockNumber: number });
      outcomes.refused += 1;
    } else {
      expect(read).toEqual(bytesAt(number));
      outcomes.same += 1;
    }
  }
  expect(outcomes.refused).toBeGreaterThan(0);
  await keeper.close();
});

test("while its owner writes at its full pace, every snapshot is one that an open could have found", async () => {
  const { disk, keeper } = await fresh(chain);
  const parts = { disk, directory: DIRECTORY, keys: [], nowMs: () => 0 };
  let isOver = false;
  const writing = (async () => {
    for (let round = 0n; round < 60n; round += 1n) {
      for (const each of chain.lanes) await keeper.pushBlock(chain.block(each, round).bytes);
      await keeper.pushCommitQC(chain.qc(round).bytes);
      if (round % 3n === 2n) await pushAnchor(keeper, chain.qc(round).anchor);
    }
    isOver = true;
  })();
  let taken = 0;
  let next = 0n;
  while (!isOver) {
    await using snapshot = await StoreSnapshot.take(parts);
    const range = snapshot.facts.lanes.get(lane) ?? { first: 0n, next: 0n };
    expect(range.next).toBeGreaterThanOrEqual(next);
    next = range.next;
    for (let number = range.first; number < range.next; number += 1n) {
      const read = await snapshot.readBlock(lane, number).catch((cause: unknown) => cause);
      if (read instanceof PersisterError) expect(read.code).toBe("OUT_OF_SEQUENCE");
      else expect(read).toEqual(bytesAt(number));
    }
    taken += 1;
    await turns(1);
  }
  await writing;
  expect(taken).toBeGreaterThan(2);
  await keeper.close();
});

/** `target`, whose method `name` is called through `around`. */
function through<T extends object>(
  target: T,
  name: keyof T,
  around: (path: unknown, call: () => Promise<unknown>) => Promise<unknown>,
): T {
  return new Proxy(target, {
    get: (_, key) => {
      const member: unknown = Reflect.get(target, key);
      if (typeof member !== "function") return member;
      return async (...given: unknown[]): Promise<unknown> => {
        const call = async (): Promise<unknown> => await Reflect.apply(member, target, given);
        return await (key === name ? around(given[0], call) : call());
      };
    },
  });
}

test("D5 a snapshot whose segments are given up while it is taken, at any of its reads, is taken again", async () => {
  let again = 0;
  let isOver = false;
  for (let at = 1; !isOver; at += 1) {
    const { disk, keeper } = await fresh(chain);
    const rounds = async (from: bigint, to: bigint): Promise<void> => {
      for (let round = from; round < to; round += 1n) {
        for (const each of chain.lanes) await keeper.pushBlock(chain.block(each, round).bytes);
        await keeper.pushCommitQC(chain.qc(round).bytes);
        if (round % 4n === 3n) await pushAnchor(keeper, chain.qc(round).anchor);
      }
    };
    await rounds(0n, 20n);
    let [reads, takes] = [0, 0];
    const watched = through(disk, "openToRead", async (path, open) => {
      const file = (await open()) as DiskFile | undefined;
      if (String(path).endsWith("STORE")) takes += 1;
      if (!file || !String(path).includes(".seg")) return file;
      return through(file, "read", async (_, read) => {
        reads += 1;
        if (reads === at) await rounds(20n, 60n);
        return await read();
      });
    });
    const parts = { disk: watched, directory: DIRECTORY, keys: [], nowMs: () => 0 };
    await using snapshot = await StoreSnapshot.take(parts);
    const { first, next } = snapshot.facts.lanes.get(lane) ?? { first: 0n, next: 0n };
    expect([20n, 60n]).toContain(next);
    expect(first).toBe(next - 1n);
    isOver = reads < at;
    again += takes - 1;
    await keeper.close();
  }
  expect(again).toBeGreaterThan(0);
});

test("damage is told, and no byte changes", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 20n });
  await keeper.close();
  const parts = { disk, directory: DIRECTORY, keys: [], nowMs: () => 0 };
  await (await StoreSnapshot.take(parts)).close();
  for (const { path: each } of disk.files().filter(({ path: name }) => name.includes(".seg"))) {
    disk.damage(each, 40 * 1024, new Uint8Array(9000).fill(7));
  }
  const before = fingerprints(disk);
  const error = await refusal(StoreSnapshot.take(parts), ["JOURNAL_CORRUPT", "ACKNOWLEDGED_LOST"]);
  expect(error.file).toContain("journal/");
  expect(fingerprints(disk)).toEqual(before);
});

test("the digest of a store is that of its copy, and each part has its own", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 4n });
  await pushQCs(keeper, chain, { to: 4n });
  await keeper.writeVoteState(votes, 4n);
  const digestNow = async (of: typeof disk): Promise<StoreDigest> => {
    const parts = { disk: of, directory: DIRECTORY, keys: [], nowMs: () => 0 };
    await using snapshot = await StoreSnapshot.take(parts);
    return await digestOf(snapshot);
  };
  const before = await digestNow(disk);
  expect(JSON.parse(JSON.stringify(before))).toEqual(before);
  expect(before.lanes).toMatchObject([
    { lane, first: "0", next: "4", tip: Buffer.from(chain.block(lane, 3n).hash).toString("hex") },
  ]);
  expect(await digestNow(disk.kill())).toEqual(before);
  const reopened = disk.kill();
  await (await opened(reopened, chain)).close();
  expect(await digestNow(reopened)).toEqual(before);
  await pushBlocks(keeper, chain, lane, { from: 4n, to: 5n });
  const after = await digestNow(disk);
  expect(after.digest).not.toBe(before.digest);
  expect(after.road).toEqual(before.road);
  expect(after.vote).toEqual(before.vote);
  expect(after.lanes[0]?.digest).not.toBe(before.lanes[0]?.digest);
  await keeper.close();
  expect(await digestNow(disk)).toEqual(after);
});

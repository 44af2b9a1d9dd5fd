/** The bytes of every key are zeroed when it is let go, also where a call fails half way. */
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { Archive } from "../../src/archive/reading/archive.js";
import { StoreListing } from "../../src/inspect/listing/listing.js";
import { Key } from "../../src/keys/key.js";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { inspected } from "../inspect/kit.js";
import * as jobs from "../jobs/kit.js";
import { keyBytes } from "../journal/seal/kit.js";
import { TestChain } from "../model/chain.js";
import * as node from "../node/kit.js";
import { DIRECTORY } from "../node/surroundings.js";
import * as records from "../records/kit.js";

/** A key derives its id when it is made. */
const made = vi.spyOn(Key.prototype, "derive");
const closed = vi.spyOn(Key.prototype, "close");
afterEach(() => vi.clearAllMocks());
// Files of tests share what they import.
afterAll(() => vi.restoreAllMocks());

function expectAllZeroed(): void {
  const keys = new Set(made.mock.contexts);
  expect(keys.size).toBeGreaterThan(0);
  const left = [...keys].filter((key) => !closed.mock.contexts.includes(key));
  expect(left.map((key) => (key as Key).id)).toEqual([]);
}

const write = keyBytes("a");
const keys = { write, read: [keyBytes("b")] };
const chain = new TestChain();

/** Calls that get keys, and fail. */
const failing: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["an open without a store", async () => await node.opened(new SimulatedDisk(), chain, { keys })],
  [
    "an open of a store that is open",
    async () => {
      const disk = await node.born();
      const keeper = await node.opened(disk, chain);
      try {
        await node.opened(disk, chain, { keys });
      } finally {
        await keeper.close();
      }
    },
  ],
  [
    "an open of a journal whose record of a restore cannot be read",
    async () => {
      const disk = await records.born();
      vi.spyOn(disk, "openToRead").mockRejectedValue(new Error("no such luck"));
      await records.opened(disk, { keys });
    },
  ],
  [
    "a rotation of a plain store",
    async () => {
      const keeper = await node.opened(await node.born(), chain);
      try {
        await keeper.rotateKey(write);
      } finally {
        await keeper.close();
      }
    },
  ],
  [
    "a listing without a journal",
    async () => {
      const disk = await node.born();
      vi.spyOn(disk, "list").mockRejectedValue(new Error("no such luck"));
      await StoreListing.open(disk, DIRECTORY, [write]);
    },
  ],
  [
    "an archive in a bucket that cannot be opened",
    async () => await Archive.open("ftp://nowhere", { chainId: "c", keys: [write] }),
  ],
];

test.each(failing)("%s", async (_, call) => {
  await expect(call()).rejects.toThrow();
  expectAllZeroed();
});

test("a store, its rotation and its close", async () => {
  const disk = await node.born();
  const keeper = await node.opened(disk, chain, { keys });
  await keeper.rotateKey(keyBytes("c"));
  await keeper.rotateKey(keyBytes("c"));
  await keeper.rotateKey(keyBytes("a"));
  await keeper.waitForRotation();
  await keeper.close();
  expectAllZeroed();
});

test("a rotation beside a close", async () => {
  const later = (): Promise<Uint8Array> => Promise.resolve(keyBytes("c"));
  const keeper = await node.opened(await node.born(), chain, { keys });
  await Promise.allSettled([keeper.rotateKey(later), keeper.close()]);
  const store = await jobs.openStore(jobs.folder(), { keys });
  await Promise.allSettled([store.rotateKey(later), store.close()]);
  expectAllZeroed();
});

test("an inspection", async () => {
  await inspected(await node.born(), { kind: "forms" }, DIRECTORY, [write]);
  expectAllZeroed();
});

/** The keys that a store needs, as its files tell them. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sealedSlotsIn } from "../../../src/cli/store/key-files.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { laneAt, pushBlocks } from "../../node/kit.js";
import { SEGMENT_BYTES } from "../../node/surroundings.js";

const NOBODY = 65_534;
const chain = new TestChain();
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-keys-"));
  chmodSync(folder, 0o755);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("a segment that cannot be read may need any key: it is told, and not left out", async () => {
  const store = join(folder, "state");
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES };
  await Lanekeeper.init(store, choices);
  const keeper = await Lanekeeper.open(store, { ...choices, epochOf: chain.epochOf });
  await pushBlocks(keeper, chain, laneAt(chain, 0), { to: 2n });
  await keeper.close();
  const [newest] = await sealedSlotsIn(store);
  expect(newest).toMatchObject({ keyId: undefined, bytes: SEGMENT_BYTES });
  for (const path of [store, join(store, "journal")]) chmodSync(path, 0o755);
  const file = join(store, "journal", "0000.seg");
  chmodSync(file, 0o000);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    await expect(sealedSlotsIn(store)).rejects.toMatchObject({ code: "READ_ONLY", file });
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

/** `lanekeeper key rotate`: the older key is needed by no byte when it ends, and it goes on when it was stopped. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exitCodes } from "../../../src/cli/terminal/ending.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { Journal } from "../../../src/records/journal.js";
import { REQUIRED_TYPE } from "../../../src/records/log/envelope.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { laneAt, pushAnchor, pushBlocks, pushQCs } from "../../node/kit.js";
import { SEGMENT_BYTES } from "../../node/surroundings.js";
import { call, callUntil } from "../program-kit.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const { epochOf } = chain;
let folder = "";
let store = "";
let older = "";
let newer = "";
let ids = { older: "", newer: "" };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-rotate-"));
  store = join(folder, "state");
  older = join(folder, "older.key");
  newer = join(folder, "newer.key");
  ids = { older: await madeKey(older), newer: await madeKey(newer) };
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function madeKey(file: string): Promise<string> {
  const { stdout } = await call("key", "new", file, "--json");
  return (JSON.parse(stdout) as { readonly id: string }).id;
}

async function opened(...files: readonly string[]): Promise<Lanekeeper> {
  const [write, ...read] = files.map((file) => ({ file }));
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf };
  return await Lanekeeper.open(store, write ? { ...choices, keys: { write, read } } : choices);
}

/** A store with an anchor, live blocks and retained ones, sealed with the older key where it is `sealed`. */
async function putStore(sealed = true): Promise<void> {
  await Lanekeeper.init(store, { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES });
  await using keeper = await opened(...(sealed ? [older] : []));
  await pushBlocks(keeper, chain, lane, { to: 4n });
  await pushQCs(keeper, chain, { to: 4n });
  await pushAnchor(keeper, chain.qc(1n).anchor);
}

/** The store holds all that it held, and opens with the newer key alone. */
async function expectMoved(): Promise<void> {
  await using keeper = await opened(newer);
  expect(keeper.status().keys.map(({ content }) => content)).toEqual([ids.newer]);
  expect(await keeper.readCommitQC(3n)).toEqual(Uint8Array.from(chain.qc(3n).bytes));
  expect(await keeper.readRetainedCommitQC(0n)).toEqual(Uint8Array.from(chain.qc(0n).bytes));
}

test("E9 it needs neither committees nor types, and ends when the older key is named no more", async () => {
  await putStore();
  const done = await call("key", "rotate", store, "--key", newer, "--read", older);
  expect(done).toMatchObject({ code: 0, stderr: "" });
  expect(done.stdout).toMatch(/needs the key [0-9a-f]{16} alone \([^)]+\): older keys can go\n$/);
  await expectMoved();
  await expect(opened(older)).rejects.toMatchObject({ code: "KEY_MISSING" });
});

test("--json tells the keys that lie on disk", async () => {
  await putStore();
  const { stdout } = await call("key", "rotate", store, "--key", newer, "--read", older, "--json");
  expect(JSON.parse(stdout)).toMatchObject({
    version: 1,
    ok: true,
    exitCode: 0,
    directory: store,
    key: ids.newer,
    keys: [{ content: ids.newer }],
  });
});

test("without the older key nothing is begun, and the key is named: exit code 38", async () => {
  await putStore();
  const refused = await call("key", "rotate", store, "--key", newer);
  expect(refused.code).toBe(38);
  expect(refused.stderr).toContain(ids.older);
  await using keeper = await opened(older);
  expect(keeper.status().keys.map(({ content }) => content)).toEqual([ids.older]);
});

test("a plain store is sealed as a whole", async () => {
  await putStore(false);
  expect(await call("key", "rotate", store, "--key", newer)).toMatchObject({ code: 0, stderr: "" });
  await expectMoved();
});

test("E11 a stop ends it with the code of the signal, and the next call goes on", async () => {
  await putStore();
  const args = ["key", "rotate", store, "--key", newer, "--read", older];
  const stop = AbortSignal.abort({ exitCode: exitCodes.SIGINT, line: undefined });
  expect((await callUntil(stop, args)).code).toBe(exitCodes.SIGINT);
  // How far it came is a matter of time: nothing is lost, whichever key a record lies under.
  const between = await opened(newer, older);
  expect(await between.readCommitQC(3n)).toEqual(Uint8Array.from(chain.qc(3n).bytes));
  await between.close();
  expect((await call(...args)).code).toBe(0);
  await expectMoved();
});

test("a journal is rotated as well, whatever its types", async () => {
  const type = REQUIRED_TYPE | 77;
  await Journal.init(store, { segmentBytes: SEGMENT_BYTES });
  const keys = { write: { file: older } };
  const journal = await Journal.open(store, { types: [type], segmentBytes: SEGMENT_BYTES, keys });
  for (let each = 0; each < 5; each++)
    await journal.append({ type, payload: Buffer.alloc(9_000, each) });
  await journal.close();
  expect(await call("key", "rotate", store, "--key", newer, "--read", older)).toMatchObject({
    code: 0,
  });
  await using again = await Journal.open(store, {
    types: [type],
    keys: { write: { file: newer } },
  });
  expect(again.keys.map(({ content }) => content)).toEqual([ids.newer]);
  let read = 0;
  for await (const { payload } of again.replay())
    expect(payload).toEqual(new Uint8Array(9_000).fill(read++));
  expect(read).toBe(5);
});

test("a store that is open, a copy, and a folder without a store are refused", async () => {
  await putStore();
  const keys = ["--key", newer, "--read", older];
  const keeper = await opened(older);
  expect((await call("key", "rotate", store, ...keys)).code).toBe(32);
  await keeper.close();
  const copy = join(folder, "copy");
  cpSync(store, copy, { recursive: true });
  expect((await call("key", "rotate", copy, ...keys)).code).toBe(37);
  expect((await call("key", "rotate", copy, ...keys, "--moved")).code).toBe(0);
  expect((await call("key", "rotate", join(folder, "none"), ...keys)).code).toBe(31);
  expect((await call("key", "rotate", "", ...keys)).code).toBe(2);
  expect((await call("key", "rotate", store)).code).toBe(2);
});

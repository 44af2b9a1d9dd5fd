/** `--key` of `inspect`, `verify` and `export`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Lanekeeper } from "../../../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../../../model/chain.js";
import { laneAt, pushBlocks } from "../../../node/kit.js";
import { call } from "../../program-kit.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const { epochOf } = chain;
let folder = "";
let store = "";
let file = "";
let other = "";

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-keys-"));
  [store, file, other] = ["state", "state.key", "other.key"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [file, other]) await call("key", "new", each);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function opened(...files: readonly string[]): Promise<Lanekeeper> {
  const [write, ...read] = files.map((each) => ({ file: each }));
  const choices = { chainId: CHAIN_ID, epochOf };
  return await Lanekeeper.open(store, write ? { ...choices, keys: { write, read } } : choices);
}

/** A store with blocks 0, 1 and 2, sealed with a key where one is given. */
async function putStore(...files: readonly string[]): Promise<void> {
  await Lanekeeper.init(store, { chainId: CHAIN_ID });
  await using keeper = await opened(...files);
  await pushBlocks(keeper, chain, lane, { to: 3n });
}

async function contentsOnDisk(...files: readonly string[]): Promise<string[]> {
  await using keeper = await opened(...files);
  return keeper.status().keys.map(({ content }) => content);
}

interface Report {
  readonly recordsSealed: number;
  readonly recordsRead: number;
  readonly findings: readonly { readonly class: string }[];
  readonly verdict: { readonly opens: boolean };
}

test.each(["inspect", "verify"])("`%s` without a key says so: exit code 38", async (command) => {
  await putStore(file);
  const { code, stdout } = await call(command, store, "--json");
  const report = JSON.parse(stdout) as Report;
  expect(code).toBe(38);
  expect(report.findings.map((each) => each.class)).toEqual(["KEY_MISSING"]);
  expect(report.recordsSealed).toBe(3);
  const { stdout: words } = await call(command, store);
  expect(words).toContain("3 live records, 3 of them sealed, with a key that was not given");
});

test.each(["inspect", "verify"])(
  "`%s` with its key finds nothing wrong: --key, again and again",
  async (command) => {
    await putStore(file);
    // The argument behind the option is no key.
    const { code, stdout } = await call(command, "--json", "--key", other, "--key", file, store);
    const report = JSON.parse(stdout) as Report;
    expect({ code, ...report }).toMatchObject({
      code: 0,
      findings: [],
      recordsRead: 3,
      recordsSealed: 0,
      verdict: { opens: true },
    });
  },
);

test("a file that is no key refuses the command", async () => {
  await putStore(file);
  expect((await call("inspect", store, "--key", join(folder, "none"))).code).toBe(49);
});

test("`export` reads a sealed store with its keys, and changes no key of it", async () => {
  await putStore(file);
  const to = (name: string) => ["export", "--to-sei", join(folder, name), store];
  expect((await call(...to("refused"))).code).toBe(38);
  expect((await call(...to("sei"), "--key", other, "--key", file)).code).toBe(0);
  await using keeper = await opened(file);
  expect(await keeper.readBlock(lane, 2n)).toEqual(Uint8Array.from(chain.block(lane, 2n).bytes));
});

test("`export` of a plain store leaves it plain, whatever keys it is given", async () => {
  await putStore();
  const to = join(folder, "sei");
  expect((await call("export", "--to-sei", to, store, "--key", file)).code).toBe(0);
  expect(await contentsOnDisk()).toEqual(["plain"]);
});

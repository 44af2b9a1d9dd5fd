/** `inspectStore` gives plain data, which is what `lanekeeper inspect --json` prints. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inspectStore } from "../../src/inspect/calls.js";
import { Journal } from "../../src/records/journal.js";
import { call } from "../cli/program-kit.js";
import { parts } from "../cli/scene.js";
import { TestChain } from "../model/chain.js";
import { laneAt, refusal } from "../node/kit.js";

const chain = new TestChain();
let folder: string;
let state: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lanekeeper-inspect-"));
  state = join(folder, "state");
  await parts["state"]?.(state);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

test("all of it is JSON as it stands, and the command line prints the same", async () => {
  const found = await inspectStore(state);
  expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  expect(found).toMatchObject({
    ok: true,
    worst: null,
    verdict: { opens: true },
    findings: [],
    depth: "forms",
    store: { chainId: "test-chain", format: 2 },
    road: { first: "1", next: "4" },
    anchor: { roadIndex: "1" },
    vote: null,
    kind: "validator",
  });
  expect(found.lanes.find(({ name }) => name === laneAt(chain, 0))).toMatchObject({
    first: "1",
    next: "4",
  });
  const { stdout } = await call("inspect", state, "--json");
  const { version, exitCode, ...printed } = JSON.parse(stdout) as Record<string, unknown>;
  expect({ version, exitCode }).toEqual({ version: 1, exitCode: 0 });
  expect(printed).toEqual({ ...found });
});

test("damage is a finding with its place, and is not thrown; every record can be proven", async () => {
  const proven = await inspectStore(state, { depth: "signatures" });
  expect(proven.proven.blocks).toBeGreaterThan(0);
  expect(await inspectStore(state, { epochs: [chain.epoch] })).toMatchObject({
    depth: "committees",
  });
  const mark = join(state, "mark");
  const bytes = await readFile(mark);
  await writeFile(mark, new Uint8Array(bytes.length));
  const found = await inspectStore(state);
  expect(found).toMatchObject({ ok: false, worst: "MARK_CORRUPT", verdict: { opens: false } });
  expect(found.findings).toMatchObject([
    { class: "MARK_CORRUPT", severity: "error", file: mark, offset: 0 },
    { class: "MARK_CORRUPT", severity: "error", file: mark },
  ]);
  await writeFile(mark, bytes);
  expect(await inspectStore(join(folder, "nothing"))).toMatchObject({ worst: "NOT_A_STORE" });
});

test("a journal is inspected, too, and nothing is written", async () => {
  const directory = join(folder, "journal");
  await Journal.init(directory);
  const journal = await Journal.open(directory, { types: [1] });
  await journal.append({ type: 1, payload: new Uint8Array(9) });
  const before = await readdir(directory);
  const found = await inspectStore(directory);
  expect(found).toMatchObject({
    kind: "records",
    inUse: "open",
    lanes: [],
    records: { next: "2" },
  });
  expect(await readdir(directory)).toEqual(before);
  await journal.close();
});

test("it ends with its signal; wrong arguments are USAGE", async () => {
  await refusal(inspectStore(state, { signal: AbortSignal.abort() }), "ABORTED");
  const off = new AbortController();
  const looking = refusal(inspectStore(state, { signal: off.signal }), "ABORTED");
  setImmediate(() => off.abort());
  await looking;
  await refusal(inspectStore(state, { depth: "deep" as never }), "USAGE");
  await refusal(inspectStore(state, { epochs: [{}] as never }), "USAGE");
  await refusal(inspectStore(7 as never), "USAGE");
});

/** The keys of a service: read from its settings, read anew by SIGHUP and by an operator, in every store that it serves. */
import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { JobStore } from "../../../src/jobs/index.js";
import { LanekeeperClient } from "../../../src/client/client.js";
import { Key } from "../../../src/keys/key.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { Journal } from "../../../src/records/journal.js";
import { type ServiceLog, serviceLog } from "../../../src/service/config/log.js";
import { merged, settingsOf } from "../../../src/service/config/settings.js";
import { defaultsGiven, parseGiven } from "../../../src/service/config/sources.js";
import { type ServedStore, serveStore } from "../../../src/service/serve.js";
import { filesWith } from "../../jobs/seal/kit.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { laneAt } from "../../node/kit.js";
import { putCommittees } from "../../cli/transfer/import-kit.js";
import { call } from "../../cli/program-kit.js";
import { errorCodes } from "../../../src/types/error-codes.js";
import { ForeignClient } from "../foreign-client.js";
import { callRefusal, temporaryFolder } from "../running.js";

const chain = new TestChain(2);
const reason = { who: "ada", why: "the key is a year old" };
let folder = "";
let lines: string[] = [];

/** Writes a key with this letter, which its owner alone may read; returns its id. */
function putKey(name: string, letter: string): string {
  const bytes = Buffer.alloc(32, letter);
  const file = join(folder, name);
  rmSync(file, { force: true });
  writeFileSync(file, bytes.toString("hex"));
  chmodSync(file, 0o600);
  return new Key(bytes, letter).id;
}

beforeEach(async () => {
  folder = await temporaryFolder();
  lines = [];
  await Lanekeeper.init(join(folder, "state"), { chainId: CHAIN_ID });
  await Journal.init(join(folder, "journal"));
  putCommittees(join(folder, "committee.json"), [chain.epoch]);
});

interface Served extends ServedStore {
  readonly client: ForeignClient;
}

async function serve(more: string): Promise<Served> {
  const log: ServiceLog = serviceLog("info", { write: (line) => void lines.push(line) });
  const text = `
chainId: ${CHAIN_ID}
committee: ${join(folder, "committee.json")}
admin: { listen: "off" }
journal: { directory: ${join(folder, "journal")}, types: [1] }
jobs: { directory: ${join(folder, "jobs")} }
${more.replaceAll("./", `${folder}/`)}`;
  const settings = settingsOf(merged(defaultsGiven(), parseGiven("l.yaml", text)));
  const store = join(folder, "state");
  const served = await serveStore({ store, settings, version: "0.0.0", log, moved: false });
  onTestFinished(async () => {
    await served.service.close().catch(() => undefined);
  });
  const [target = ""] = served.service.targets;
  const client = await ForeignClient.connect(target);
  onTestFinished(() => client.close());
  return { ...served, client };
}

/** One payload in each store that is served. */
async function putSecrets({ client }: Served, number: bigint): Promise<void> {
  const { fence } = await client.call("KeeperService/AcquireWriter", {
    writer: `w${number}`,
    takeOver: true,
  });
  const { bytes } = chain.block(laneAt(chain, 0), number);
  const durability = "DURABILITY_DURABLE";
  await client.call("KeeperService/PushBlock", { fence, block: bytes, durability });
  const payload = Buffer.from(`the secret record ${number}`);
  await client.call("JournalService/Append", { records: [{ type: 1, payload }] });
  await client.call("JobsService/OpenJob", { job: "peers" });
  const value = Buffer.from(`the secret value ${number}`);
  const operations = [{ category: "c", put: { key: Buffer.from([1]), value } }];
  await client.call("JobsService/Write", { job: "peers", operations, durable: true });
}

interface Keys {
  readonly stores: readonly {
    readonly store: string;
    readonly keys: readonly { readonly content: string; readonly state: string }[];
  }[];
}

/** The kinds of bytes in each store. */
async function contents({ client }: Served): Promise<Readonly<Record<string, readonly string[]>>> {
  const { stores } = (await client.call("OperatorService/ListKeys")) as unknown as Keys;
  return Object.fromEntries(
    stores.map(({ store, keys }) => [store, keys.map(({ content }) => content).sort()]),
  );
}

const inAll = (...ids: readonly string[]) => ({ keeper: ids, journal: ids, jobs: ids });

test("E20 every store that is served is sealed with the first key, and opens with the others", async () => {
  const old = putKey("old.key", "a");
  const first = await serve("keys: { files: [./old.key] }");
  await putSecrets(first, 0n);
  await expect.poll(() => contents(first)).toEqual(inAll(old));
  await first.service.close();
  for (const text of ["the secret record", "the secret value"]) {
    expect(filesWith(folder, text)).toEqual([]);
  }
  const id = putKey("new.key", "b");
  const second = await serve("keys: { files: [./new.key, ./old.key] }");
  await putSecrets(second, 1n);
  await using reader = await LanekeeperClient.connect(second.service.targets[0] ?? "");
  const { keys } = reader.status();
  expect(keys).toContainEqual(expect.objectContaining({ content: id, state: "writing" }));
  await expect.poll(() => contents(second)).toEqual(inAll(id));
});

test("E20 SIGHUP reads the keys anew: the first one writes, and what is still needed is told", async () => {
  const old = putKey("state.key", "a");
  const served = await serve("keys: { files: [./state.key] }");
  await putSecrets(served, 0n);
  renameSync(join(folder, "state.key"), join(folder, "old.key"));
  const id = putKey("state.key", "b");
  await served.reload();
  await expect.poll(() => contents(served)).toEqual(inAll(id));
  expect(lines.filter((line) => line.includes('"keyRotated"') && line.includes(id))).toHaveLength(
    1,
  );
  const needed = lines.filter((line) => line.includes('"keyStillNeeded"') && line.includes(old));
  expect(needed).toHaveLength(3);
  await served.reload();
  expect(lines.filter((line) => line.includes('"keyRotated"'))).toHaveLength(1);
  rmSync(join(folder, "state.key"));
  await served.reload();
  expect(
    lines.some((line) => line.includes('"reloadFailed"') && line.includes("KEY_REFUSED")),
  ).toBe(true);
  expect(await contents(served)).toEqual(inAll(id));
});

test("E20 an operator's rotation is on record with its reason, before it takes effect, and once", async () => {
  putKey("state.key", "a");
  const served = await serve("keys: { files: [./state.key] }");
  await putSecrets(served, 0n);
  const id = putKey("state.key", "b");
  const { client } = served;
  const refused = await callRefusal(client.call("OperatorService/RotateKey", {}));
  expect(refused).toMatchObject({ status: status.INVALID_ARGUMENT });
  expect(await client.call("OperatorService/RotateKey", { reason })).toEqual({
    keyId: id,
    changed: true,
  });
  expect(await client.call("OperatorService/RotateKey", { reason })).toEqual({
    keyId: id,
    changed: false,
  });
  const { decisions } = await client.call("OperatorService/ListDecisions");
  expect(decisions).toMatchObject([
    { action: "RotateKey", about: `key ${id}`, reason: { who: "local: ada", why: reason.why } },
  ]);
  await expect.poll(() => contents(served)).toEqual(inAll(id));
});

test("the command rotates a service by its socket, and waits until older keys can go", async () => {
  putKey("state.key", "a");
  const served = await serve("keys: { files: [./state.key] }");
  await putSecrets(served, 0n);
  const socket = join(folder, "state", "lanekeeper.sock");
  const looked = await call("key", "rotate", socket, "--dry-run");
  expect(looked.stdout).toMatch(/^keeper: [0-9a-f]{16} writing, .*\njournal: .*\njobs: .*\n$/);
  const id = putKey("state.key", "b");
  expect((await call("key", "rotate", socket)).code).toBe(errorCodes.USAGE.exit);
  const withKey = await call("key", "rotate", socket, "--key", join(folder, "state.key"));
  expect(withKey.code).toBe(errorCodes.USAGE.exit);
  const done = await call("key", "rotate", socket, "--reason", "a year is over", "--by", "ada");
  expect(done).toMatchObject({ code: 0 });
  expect(done.stdout).toContain(`needs the key ${id} alone: older keys can go`);
  expect(await contents(served)).toEqual(inAll(id));
});

test("keys come from a command that prints them, one on each line", async () => {
  const id = putKey("new.key", "b");
  const old = putKey("old.key", "a");
  const first = await serve("keys: { files: [./old.key] }");
  await putSecrets(first, 0n);
  expect(Object.values(await contents(first)).flat()).toContain(old);
  await first.service.close();
  const second = await serve('keys: { command: "cat ./new.key && echo && cat ./old.key" }');
  await expect.poll(() => contents(second)).toEqual(inAll(id));
});

test.each([
  ["keys: { command: 'echo no key' }", /line 1 is no key/],
  ["keys: { command: 'echo it is locked >&2; exit 3' }", /ended with 3: it is locked/],
  ["keys: { command: 'true' }", /printed nothing/],
  ["keys: { files: [./none.key] }", /none\.key/],
])("%s: a service does not begin without its keys", async (more, told) => {
  await expect(serve(more)).rejects.toMatchObject({ code: "KEY_REFUSED" });
  await expect(serve(more)).rejects.toThrow(told);
});

test("without settings of keys everything is plain, and there is nothing to rotate", async () => {
  const served = await serve("");
  await putSecrets(served, 0n);
  expect(await contents(served)).toEqual(inAll("plain"));
  await served.reload();
  const refused = await callRefusal(served.client.call("OperatorService/RotateKey", { reason }));
  expect(refused.error.code).toBe("USAGE");
  const plain = putKey("state.key", "a");
  await served.service.close();
  const back = await serve("keys: { files: [./state.key], plain: true }");
  await putSecrets(back, 1n);
  expect(Object.values(await contents(back)).flat()).not.toContain(plain);
});

test("a store of jobs that is served keeps its values sealed for who opens it next", async () => {
  putKey("state.key", "a");
  const served = await serve("keys: { files: [./state.key] }");
  await putSecrets(served, 0n);
  await served.service.close();
  await using store = await JobStore.open(join(folder, "jobs"), {
    keys: { write: { file: join(folder, "state.key") } },
  });
  const value = await (await store.openJob("peers")).get("c", Uint8Array.of(1));
  expect(Buffer.from(value ?? []).toString()).toBe("the secret value 0");
});

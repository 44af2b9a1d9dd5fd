/** `lanekeeper backup` on real files: closed, running, damaged, and by a service. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { Epochs } from "../../../src/service/config/epochs.js";
import { Service } from "../../../src/service/service.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { laneAt, pushBlocks } from "../../node/kit.js";
import { call } from "../program-kit.js";
import { sceneOf } from "../scene.js";

const chain = new TestChain();

test("a closed store is copied, verified by us and by sha256sum, and copied again at little cost", async () => {
  await using scene = await sceneOf(["./state"]);
  const [state, to] = [scene.at("state"), scene.at("copies")];
  const first = await call("backup", state, to);
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(first.stdout).toMatch(/^backup 1 in .*: .*, all copied, read back and compared/);
  const again = await call("backup", state, to, "--json");
  const { number, bytes, copiedBytes } = JSON.parse(again.stdout) as Record<string, number>;
  expect(number).toBe(2);
  expect(copiedBytes).toBeLessThan(bytes ?? 0);
  execFileSync("sha256sum", ["--check", "--quiet", "0000002-SHA256SUMS"], { cwd: to });
  const verified = await call("backup", "verify", to);
  expect(verified).toMatchObject({ code: 0 });
  expect(verified.stdout).toMatch(/^backup 2 of chain .*: whole, \d+ records proven/);
});

test("every damaged file of a backup is found, and named", async () => {
  await using scene = await sceneOf(["./state"]);
  const to = scene.at("copies");
  await call("backup", scene.at("state"), to);
  const files = readdirSync(to, { recursive: true, encoding: "utf8" }).filter((name) => {
    return /-(STORE|mark|.*\.pb|manifest\.json)$|\.seg$/.test(name);
  });
  expect(files.length).toBeGreaterThan(7);
  for (const name of files) {
    const whole = readFileSync(join(to, name));
    const damaged = Buffer.from(whole);
    damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] ?? 0) ^ 1;
    writeFileSync(join(to, name), damaged);
    const { code, stdout, stderr } = await call("backup", "verify", to);
    expect({ name, code: code > 0 }).toEqual({ name, code: true });
    expect(stdout + stderr).toContain(name);
    writeFileSync(join(to, name), whole);
  }
  expect(await call("backup", "verify", to)).toMatchObject({ code: 0 });
});

test("a running store is refused by its files, and copied through its service while it goes on", async () => {
  await using scene = await sceneOf(["./state"]);
  const state = scene.at("state");
  const choices = { chainId: CHAIN_ID, epochOf: chain.epochOf };
  const socket = join(state, "lanekeeper.sock");
  const service = await Service.start({
    directory: state,
    version: "0.0.0",
    open: () => Lanekeeper.open(state, choices),
    epochs: new Epochs([chain.epoch]),
    listeners: [{ kind: "unix", path: socket }],
  });
  try {
    await service.opened();
    expect(await call("backup", state, scene.at("copies"), "--files")).toMatchObject({ code: 32 });
    const { code, stdout } = await call("backup", socket, scene.at("copies"), "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, number: 1 });
    expect(await call("backup", "verify", scene.at("copies"))).toMatchObject({ code: 0 });
    expect(await call("backup", state, "relative", "--dry-run")).toMatchObject({ code: 0 });
  } finally {
    await service.close();
  }
});

test("a backup inside of the store, with a wrong rate, or of nothing is refused", async () => {
  await using scene = await sceneOf(["./state"]);
  const state = scene.at("state");
  for (const args of [
    [state, join(state, "copies")],
    [state, scene.at("copies"), "--rate", "0"],
    [state, scene.at("copies"), "--keep", "none"],
    [state, ""],
  ]) {
    expect(await call("backup", ...args)).toMatchObject({ code: 2 });
  }
  expect(await call("backup", scene.at("none"), scene.at("copies"))).toMatchObject({ code: 31 });
  expect(await call("backup", "verify", scene.at("none"))).toMatchObject({ code: 58 });
});

test("a store that is open elsewhere in this process is backed up by its own call", async () => {
  await using scene = await sceneOf(["./state"]);
  const choices = { chainId: CHAIN_ID, epochOf: chain.epochOf };
  await using keeper = await Lanekeeper.open(scene.at("state"), choices);
  const lane = laneAt(chain, 0);
  await pushBlocks(keeper, chain, lane, { from: 4n, to: 8n });
  const done = await keeper.backup(scene.at("copies"), { bytesPerSecond: 1024 ** 3 });
  expect(done).toMatchObject({ number: 1, directory: scene.at("copies") });
  expect(keeper.lastBackup).toEqual(done);
});

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { Journal } from "../../../src/records/journal.js";
import { errorCodes } from "../../../src/types/errors.js";
import { TestChain } from "../../model/chain.js";
import { programOf } from "../../harness/built.js";
import { call } from "../program-kit.js";

let folder = "";
let store = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-init-"));
  store = join(folder, "state");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("lanekeeper init", () => {
  test("makes an empty store of its chain, which opens", async () => {
    const { code, stdout, stderr } = await call("init", store, "--chain-id", "pacific-1");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(
      `${store} is an empty store of chain pacific-1: open it with this chain id\n`,
    );
    const { epochOf } = new TestChain();
    const keeper = await Lanekeeper.open(store, { chainId: "pacific-1", epochOf });
    expect(keeper.status().lanes.size).toBe(0);
    await keeper.close();
  });

  test("under Node's permission model, which forbids each flush in some versions of Node", async () => {
    const major = Number(process.versions.node.split(".")[0]);
    const flags = [major < 23 ? "--experimental-permission" : "--permission", "--allow-addons"];
    flags.push("--allow-fs-read=*", `--allow-fs-write=${store}/`);
    mkdirSync(store);
    const program = await programOf("src/cli/main.ts");
    const command = [...flags, program, "init", store, "--chain-id", "c"];
    const { status, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
    const isForbidden = stderr.includes("permission model of this Node forbids each flush");
    expect(status, stderr).toBe(isForbidden ? errorCodes.IO.exit : 0);
    if (major < 24) expect(isForbidden).toBe(false);
  });

  test("tells as JSON what it made", async () => {
    const { stdout } = await call("init", store, "--chain-id", "x", "--json");
    expect(JSON.parse(stdout)).toEqual({
      version: 1,
      ok: true,
      exitCode: 0,
      directory: store,
      chainId: "x",
      dryRun: false,
    });
  });

  test("--journal makes a journal, and wants no chain", async () => {
    const { code, stdout } = await call("init", store, "--journal");
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `${store} is an empty journal: open it with the types of its records\n`,
    });
    await using journal = await Journal.open(store, { types: [1] });
    expect(await journal.append({ type: 1, payload: new Uint8Array(1) })).toBe(1n);
    const both = await call("init", `${store}-2`, "--journal", "--chain-id", "x");
    expect(both.code).toBe(2);
  });

  test("--dry-run makes nothing, and is refused as init would be", async () => {
    const { code, stdout } = await call("init", store, "--chain-id", "x", "--dry-run");
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `${store} can become an empty store of chain x\n`,
    });
    expect(existsSync(store)).toBe(false);
    await call("init", store, "--chain-id", "x");
    expect((await call("init", store, "--chain-id", "x", "--dry-run")).code).toBe(30);
  });

  test("never makes one over another: STORE_EXISTS", async () => {
    await call("init", store, "--chain-id", "x");
    const { code, stdout, stderr } = await call("init", store, "--chain-id", "x");
    expect({ code, stdout }).toEqual({ code: 30, stdout: "" });
    expect(stderr).toMatch(/^lanekeeper: STORE_EXISTS: [^\n]+\n$/);
  });

  test.each([[[]], [["--chain-id"]], [["--chain-id", ""]], [["--chain-id", "\u00e4"]]])(
    "wants a chain id of printable ASCII: %j",
    async (options) => {
      const { code, stderr } = await call("init", store, ...options);
      expect(code).toBe(2);
      expect(stderr).toMatch(/; see lanekeeper init --help\n$/);
    },
  );
});

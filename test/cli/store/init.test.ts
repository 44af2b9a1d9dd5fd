import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { TestChain } from "../../model/chain.js";
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

  test("tells as JSON what it made", async () => {
    const { stdout } = await call("init", store, "--chain-id", "x", "--json");
    expect(JSON.parse(stdout)).toEqual({
      version: 1,
      ok: true,
      exitCode: 0,
      directory: store,
      chainId: "x",
    });
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

/** `lanekeeper jobs` over a store that a program left. */
import { cpSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { int, JobStore, key, payload } from "../../../src/jobs/index.js";
import { errorCodes } from "../../../src/types/error-codes.js";
import { folder } from "../../jobs/kit.js";
import { call } from "../program-kit.js";

let root: string;
const nodeKey = key("node-7", int(3));

beforeEach(async () => {
  root = folder();
  await using store = await JobStore.open(root);
  const peers = await store.openJob("peers", { schemaVersion: 3 });
  await peers.put("score", nodeKey, payload(int(12)));
  await peers.put("score", key("node-8", int(0)), payload(int(1)));
  await peers.put("", key(), new Uint8Array(0));
  await store.openJob("cache");
});

const json = async (...args: string[]) => {
  const { code, stdout } = await call("jobs", ...args, "--json");
  return { code, document: JSON.parse(stdout) as Record<string, unknown> };
};

describe("lanekeeper jobs", () => {
  test.each([["ls"], ["verify"], ["export"], ["count", "peers"], ["drop", "peers", "--yes"]])(
    "%s says where there is no store: a wrong path is no empty one",
    async (name, ...more) => {
      for (const place of [join(root, "none"), folder()]) {
        const { code, stdout, stderr } = await call("jobs", name, place, ...more);
        expect({ code, stdout }).toEqual({ code: errorCodes.NOT_A_STORE.exit, stdout: "" });
        expect(stderr).toContain("holds no store of jobs");
      }
    },
  );

  test("ls lists every job, of any schema version", async () => {
    const { code, stdout } = await call("jobs", "ls", root);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^cache {2}schema 1, .*\npeers {2}schema 3, .*\n$/);
    const { document } = await json("ls", root);
    expect(document).toMatchObject({
      version: 1,
      ok: true,
      jobs: [{ id: "cache" }, { id: "peers" }],
    });
  });

  test("count counts by category", async () => {
    const { document } = await json("count", root, "peers");
    expect(document["counts"]).toEqual([
      { category: "", rows: 1 },
      { category: "score", rows: 2 },
    ]);
    expect((await call("jobs", "count", root, "peers", "score")).stdout).toBe('"score"  2\n');
  });

  test("get prints the value at a key, and says where there is none", async () => {
    const got = await call("jobs", "get", root, "peers", "score", nodeKey.toString());
    expect(got).toMatchObject({ code: 0, stdout: "800000000000000c\n" });
    const missing = await call("jobs", "get", root, "peers", "score", "00");
    expect(missing.code).toBe(10);
    expect((await call("jobs", "get", root, "peers", "score", "0")).code).toBe(2);
  });

  test("scan prints rows in order, with the parts that a key fits", async () => {
    const { stdout } = await call("jobs", "scan", root, "peers", "score", "--limit", "1");
    expect(stdout).toBe(`${nodeKey} ("node-7", int(3)) = 800000000000000c\n`);
    const { document } = await json("scan", root, "peers", "score", "--reverse", "--limit", "1");
    expect(document["rows"]).toMatchObject([{ parts: '"node-8", int(0)' }]);
    const prefix = key("node-8").toString();
    const under = await json("scan", root, "peers", "score", "--prefix", prefix);
    expect(under.document["rows"]).toHaveLength(1);
  });

  test("export prints every row, one JSON object a line", async () => {
    const { stdout } = await call("jobs", "export", root);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual({
      job: "peers",
      category: "score",
      key: nodeKey.toString(),
      value: "800000000000000c",
    });
    expect(lines).toHaveLength(3);
  });

  test("verify reads every value, and finds one that was changed", async () => {
    expect((await call("jobs", "verify", root)).stdout).toMatch(/peers: 3 rows, .*right/);
    const [life = ""] = readdirSync(join(root, "peers"));
    for (const name of readdirSync(join(root, "peers", life))) {
      if (!name.endsWith(".ldb")) continue;
      const file = join(root, "peers", life, name);
      const bytes = readFileSync(file);
      bytes[10] = (bytes[10] as number) ^ 1;
      writeFileSync(file, bytes);
    }
    const { code, document } = await json("verify", root, "peers");
    expect(code).toBe(25);
    expect(document).toMatchObject({ ok: false, exitCode: 25, error: { code: "JOB_CORRUPT" } });
  });

  test("drop names what it removes, and wants --yes", async () => {
    const refused = await call("jobs", "drop", root, "peers");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/removes job peers with .* for good: add --yes/);
    expect((await call("jobs", "drop", root, "peers", "--yes")).stdout).toBe("job peers is gone\n");
    expect((await json("ls", root)).document["jobs"]).toMatchObject([{ id: "cache" }]);
  });

  test("looking makes no job, and no store", async () => {
    expect((await call("jobs", "count", root, "nobody")).code).toBe(47);
    expect((await call("jobs", "ls", join(root, "nothing"))).code).toBe(
      errorCodes.NOT_A_STORE.exit,
    );
    expect(readdirSync(root)).not.toContain("nothing");
  });

  test("a copied store is refused until it is told that it was moved", async () => {
    const copy = join(folder(), "copy");
    cpSync(root, copy, { recursive: true });
    expect((await call("jobs", "ls", copy)).code).toBe(37);
    expect((await call("jobs", "verify", copy, "--moved")).code).toBe(0);
    expect((await call("jobs", "ls", copy)).code).toBe(0);
  });

  test("a store that its node has open is refused", async () => {
    await using store = await JobStore.open(root);
    expect(store.jobs()).toHaveLength(2);
    expect((await call("jobs", "ls", root)).code).toBe(32);
  });
});

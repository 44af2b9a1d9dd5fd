/** The commands that look: of files, of files that somebody has open, and of a running service. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { Journal } from "../../../src/records/journal.js";
import { REQUIRED_TYPE } from "../../../src/records/log/envelope.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { laneAt, pushBlocks } from "../../node/kit.js";
import { SEGMENT_BYTES } from "../../node/surroundings.js";
import { call, callUntil, portOf } from "../program-kit.js";
import { main } from "../../../src/cli/program.js";
import { type Scene, sceneOf } from "../scene.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
let scene: Scene;
const at = (name: string): string => scene.at(name);

beforeAll(async () => {
  scene = await sceneOf(["./state ./served ./pinned-state"]);
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
});

async function json(...args: readonly string[]) {
  const { code, stdout } = await call(...args, "--json");
  return { code, document: JSON.parse(stdout) as Record<string, unknown> };
}

/** The lines of a command that prints one object a line. */
async function lines(...args: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const { stdout } = await call(...args, "--json");
  const each = stdout.split("\n").filter((line) => line !== "");
  return each.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("status", () => {
  test("of files: the ranges, the anchor, the segments, exit code 0", async () => {
    const { code, document } = await json("status", at("state"));
    expect({ code, document }).toMatchObject({
      code: 0,
      document: {
        ok: true,
        chainId: CHAIN_ID,
        state: "sound",
        service: null,
        road: { first: "1", next: "4" },
        anchorRoadIndex: "1",
        pins: [],
        lanes: expect.arrayContaining([{ name: lane, first: "1", next: "4" }]) as unknown,
      },
    });
    expect((await call("status", at("state"))).stdout).toMatch(/^state +sound$/m);
  });

  test.each(["served", "served/lanekeeper.sock"])("of a service, by %s", async (name) => {
    const { code, document } = await json("status", at(name));
    expect({ code, document }).toMatchObject({
      code: 0,
      document: {
        state: "serving",
        lanes: [{ name: lane, first: "0", next: "4", durable: "4" }],
        road: { first: "0", next: "3", durable: "3" },
        service: { version: "0.0.0", writer: "" },
      },
    });
  });

  test("of files that somebody has open: says so, and takes no lock", async () => {
    await using own = await sceneOf(["./state"]);
    const store = own.at("state");
    const { epochOf } = chain;
    const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf };
    await using keeper = await Lanekeeper.open(store, choices);
    await pushBlocks(keeper, chain, lane, { from: 4n, to: 6n });
    await keeper.waitForBlock(lane, 5n);
    const { document } = await json("status", store);
    expect(document["state"]).toBe("sound, and somebody has it open");
    expect(document["lanes"]).toContainEqual({ name: lane, first: "1", next: "6" });
  });

  test("of a store that was restored: how far its guards reach, and by whom", async () => {
    await using own = await sceneOf(["./backups"]);
    const store = own.at("restored");
    expect((await call("restore", own.at("backups"), store)).code).toBe(0);
    const { document } = await json("status", store);
    expect(document["guards"]).toMatchObject({
      lanes: "unknown",
      votes: "unknown",
      by: "restored",
    });
    const { epochOf } = chain;
    const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf };
    {
      await using keeper = await Lanekeeper.open(store, choices);
      const decision = { by: "operator", reason: "the old machine ended at 9" } as const;
      await keeper.raiseGuard({ lanes: 9n, votes: 12n }, decision);
    }
    const { stdout } = await call("status", store);
    expect(stdout).toMatch(
      /^guards +blocks from 9 on may be signed, votes from road index 12 on; by the operator: the old/m,
    );
    const notes = (await lines("dump", store)).filter(
      ({ log, kind }) => log === "guards" && kind === "append",
    );
    expect(notes.at(-1)).toMatchObject({ by: "operator", reason: "the old machine ended at 9" });
  });

  test.each([
    [["status", "/nowhere"], 31],
    [["status", "unix:/nowhere/socket"], 59],
    [["status", "127.0.0.1:1"], 59],
    [["status", ""], 2],
    [["dump", "/nowhere"], 31],
    [["du", "/nowhere"], 31],
  ])("%j is refused with exit code %i", async (args, exit) => {
    expect((await call(...args)).code).toBe(exit);
  });
});

describe("ls", () => {
  test.each([
    ["lanes", "state", 3],
    ["road", "state", 1],
    ["pins", "state", 0],
    ["pins", "pinned-state", 1],
    ["lanes", "served", 1],
    ["segments", "served", 4],
    ["retained", "served", 0],
  ])("%s of %s: one line each", async (what, of, count) => {
    const { document } = await json("ls", what, at(of));
    expect(document[what]).toHaveLength(count);
    const { stdout } = await call("ls", what, at(of));
    expect(stdout.split("\n").length - 1).toBe(count);
  });

  test("retained: the pruned records that are there, as ranges", async () => {
    const { document } = await json("ls", "retained", at("state"));
    expect(document["retained"]).toContainEqual({ name: "road", first: "0", next: "1" });
    expect(document["retained"]).toContainEqual({ name: lane, first: "0", next: "1" });
  });

  test("segments: file, state, sequence", async () => {
    const { document } = await json("ls", "segments", at("state"));
    expect(document["segments"]).toContainEqual(
      expect.objectContaining({ state: "current", bytes: SEGMENT_BYTES }),
    );
    expect((await call("ls", "walls", at("state"))).code).toBe(2);
  });
});

describe("dump", () => {
  test("by lane and range, with what the record is", async () => {
    const found = await lines("dump", at("state"), "--lane", lane.slice(0, 4), "--range", "1..3");
    expect(found.filter(({ kind }) => kind === "append")).toMatchObject([
      { log: lane, number: "1", live: true, headerHash: hashOf(1n) },
      { log: lane, number: "2", live: true, headerHash: hashOf(2n) },
    ]);
  });

  test("a service gives the same records", async () => {
    const found = await lines("dump", at("served"), "--lane", lane.slice(0, 4), "--payload");
    expect(found).toMatchObject([0n, 1n, 2n, 3n].map((number) => served(number)));
    const road = await lines("dump", at("served"), "--road", "--range", "2..");
    expect(road).toMatchObject([{ kind: "append", log: "road", number: "2" }]);
  });

  test("by LSN, which files have and a service has not", async () => {
    const all = await lines("dump", at("state"));
    const [first] = all;
    const lsn = String(first?.["lsn"]);
    expect(await lines("dump", at("state"), "--lsn", lsn)).toEqual([first]);
    expect((await call("dump", at("served"), "--lsn", "1..2")).code).toBe(2);
    expect((await call("dump", at("state"), "--follow")).code).toBe(2);
  });

  test.each(["5..4", "..", "x", "1...2", "99999999999999999999999"])(
    "--range %s",
    async (range) => {
      const { code } = await call("dump", at("state"), "--range", range);
      expect(code).toBe(range === ".." ? 0 : 2);
    },
  );

  test("--follow prints blocks as they become durable, until it is stopped", async () => {
    await using own = await sceneOf(["./served"]);
    const stop = new AbortController();
    const { port, stdout } = portOf(stop.signal);
    const args = ["dump", own.at("served"), "--follow", "--json"];
    const ended = main(args, port);
    const found = await followed(own, stdout);
    expect(found).toMatchObject({ kind: "append", log: lane, headerHash: hashOf(4n) });
    stop.abort({ exitCode: 130, line: undefined });
    expect(await ended).toBe(130);
  });
});

/** Pushes blocks until one of them was told. */
async function followed(own: Scene, stdout: () => string): Promise<Record<string, unknown>> {
  const { LanekeeperClient } = await import("../../../src/client/client.js");
  const address = `unix:${own.at("served/lanekeeper.sock")}`;
  await using writer = await LanekeeperClient.connect(address, { writer: "test" });
  // The subscription is in place at some moment behind the call.
  for (let number = 4n; ; number++) {
    await writer.pushBlock(chain.block(lane, number).bytes);
    await writer.waitForBlock(lane, number);
    const deadline = Date.now() + 300;
    while (stdout() === "" && Date.now() < deadline)
      await new Promise((done) => setTimeout(done, 5));
    const [line] = stdout().split("\n");
    if (line) {
      const told = JSON.parse(line) as Record<string, unknown>;
      const told4 = { ...told, headerHash: hashOf(4n) };
      expect(told["headerHash"]).toBe(hashOf(BigInt(String(told["number"]))));
      return told4;
    }
  }
}

function hashOf(number: bigint): string {
  return Buffer.from(chain.block(lane, number).hash).toString("hex");
}

function served(number: bigint): object {
  const payload = Buffer.from(chain.block(lane, number).bytes).toString("hex");
  return { kind: "append", log: lane, number: `${number}`, headerHash: hashOf(number), payload };
}

test("du: every byte of the directory is in one part", async () => {
  const { document } = await json("du", at("state"));
  const uses = document["uses"] as readonly { readonly part: string; readonly bytes: number }[];
  expect(uses.map(({ part }) => part)).toEqual(
    expect.arrayContaining(["segments, current", "mark", "identity", "anchor and votes", "map"]),
  );
  expect(uses.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(document["bytes"]);
});

describe("pins release", () => {
  const pinned = chain.block(lane, 2n);

  test("offline: on record, and the pin is gone", async () => {
    await using own = await sceneOf(["./pinned-state"]);
    const store = own.at("pinned-state");
    const args = ["pins", "release", store, lane.slice(0, 6), "2", "--reason", "nobody has it"];
    const dry = await json(...args, "--dry-run");
    expect(dry.document).toMatchObject({ released: false, headerHash: hashOf(2n) });
    const refused = await call(...args);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`lifts the pin of number 2 in lane ${lane}`);
    const done = await call(...args, "--by", "me", "--yes");
    expect(done).toMatchObject({ code: 0 });
    const { epochOf } = chain;
    const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf };
    await using keeper = await Lanekeeper.open(store, choices);
    expect(keeper.recovery.pins).toEqual([]);
    expect(await keeper.releases()).toMatchObject([
      { lane, number: 2n, reason: "nobody has it (me)" },
    ]);
    expect(Buffer.from(pinned.hash).toString("hex")).toBe(hashOf(2n));
  });

  test("of a running service: its operator decides, on record", async () => {
    await using own = await sceneOf(["./served-pinned"]);
    const store = own.at("served-pinned");
    const pins = async () => (await json("pins", "ls", store)).document["pins"];
    expect(await pins()).toMatchObject([{ lane, number: "2", headerHash: hashOf(2n) }]);
    const args = ["pins", "release", store, lane.slice(0, 6), "2", "--reason", "nobody has it"];
    expect(await call(...args, "--by", "me", "--yes")).toMatchObject({ code: 0 });
    expect(await pins()).toEqual([]);
  });

  test.each([
    ["5", "x", "nothing is pinned at number 5"],
    ["x", "x", "x is no number"],
    ["2", "  ", "--reason must be a reason of 1 to 1000 characters"],
    ["2", "x".repeat(1001), "--reason must be a reason of 1 to 1000 characters"],
  ])("at %s for the reason '%s': %s", async (number, reason, words) => {
    const place = [at("pinned-state"), "00", number] as const;
    const { code, stderr } = await call("pins", "release", ...place, "--reason", reason, "--yes");
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});

test("a journal of records: its range, its segments, and what each record says of itself", async () => {
  await using own = await sceneOf([]);
  const path = own.at("journal");
  await call("init", path, "--journal");
  await using journal = await Journal.open(path, { types: [REQUIRED_TYPE | 1] });
  const payload = Buffer.from("hello");
  for (let each = 0; each < 3; each++) {
    await journal.append({ type: REQUIRED_TYPE | 1, tenant: 7, shard: 2, payload });
  }
  expect((await json("status", path)).document).toMatchObject({ ok: true, chainId: null });
  expect((await json("ls", "segments", path)).document["segments"]).toHaveLength(3);
  const found = await lines("dump", path);
  expect(found.filter(({ kind }) => kind === "append")).toMatchObject(
    [1, 2, 3].map(() => ({ type: REQUIRED_TYPE | 1, tenant: 7, shard: 2, live: true })),
  );
});

test("a stopped look ends", async () => {
  const stop = AbortSignal.abort({ exitCode: 130, line: undefined });
  expect((await callUntil(stop, ["status", at("state")])).code).toBe(130);
});

/**
 * The behaviours of the persistency library by their numbers (`test/conformance.md`; those of keys and
 * payloads are in `keys`), and those that it does not promise and that are promised here. Each over memory
 * and over a disk.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { int, type Job, type JobStore, key, payload } from "../../src/jobs/index.js";
import { codeOf, fill, folder, memoryStore, numbered, openStore, shown, value } from "./kit.js";

const stores: readonly (readonly [string, () => Promise<JobStore>])[] = [
  ["in memory", () => memoryStore()],
  ["on disk", () => openStore(folder())],
];

describe.each(stores)("%s", (_, open) => {
  describe("one job", () => {
    const openJob = async () => await (await open()).openJob("job");

    test("J13 J38 a value that was put is there, a key that was not is missing", async () => {
      const job = await openJob();
      await job.put("c", key("a"), value(1));
      expect(await job.get("c", key("a"))).toEqual(value(1));
      expect(await job.exists("c", key("a"))).toBe(true);
      expect(await job.exists("c", key("b"))).toBe(false);
    });

    test("J14 a second put replaces the first", async () => {
      const job = await openJob();
      await job.put("c", key("a"), value(1));
      await job.put("c", key("a"), value(2));
      expect(await job.get("c", key("a"))).toEqual(value(2));
      expect(await job.count("c")).toBe(1);
    });

    test("J15 J37 J42 an acknowledged delete tells whether there was a value", async () => {
      const job = await openJob();
      expect(await job.deleteAcked("c", key("a"))).toBe(false);
      await job.put("c", key("a"), value(1));
      expect(await job.deleteAcked("c", key("a"))).toBe(true);
      expect(await job.deleteAcked("c", key("a"))).toBe(false);
      expect(await job.exists("c", key("a"))).toBe(false);
    });

    test("an acknowledged delete sees what was called before it, and nothing that was called after", async () => {
      const job = await openJob();
      const calls = [
        job.put("c", key("a"), value(1)),
        job.deleteAcked("c", key("a")),
        job.put("c", key("a"), value(2)),
        job.deleteAcked("c", key("a")),
        job.deleteAcked("c", key("a")),
      ];
      expect(await Promise.all(calls)).toEqual([undefined, true, undefined, true, false]);
    });

    test("J16 J39 a batch is visible as a whole", async () => {
      const job = await openJob();
      await job.batch(
        [0, 1, 2].map((at) => ({
          kind: "put",
          category: "c",
          key: numbered(at),
          value: value(at),
        })),
      );
      expect(await job.count("c")).toBe(3);
    });

    test("J17 J36 rows come in the order of their keys, whatever the order of their puts", async () => {
      const job = await openJob();
      for (const at of [3, 0, 4, 1, 2]) await job.put("c", numbered(at), value(at));
      const rows = await job.scan("c").all();
      expect(rows.map((row) => row.value)).toEqual([0, 1, 2, 3, 4].map(value));
    });

    test("J18 J41 reversed, from the last to the first", async () => {
      const job = await openJob();
      await fill(job);
      const rows = await job.scan("c", {}, { reverse: true }).all();
      expect(rows.map((row) => row.value)).toEqual([4, 3, 2, 1, 0].map(value));
    });

    test("J19 J20 ranges are half-open, and open-ended without a stop", async () => {
      const job = await openJob();
      await fill(job);
      const range = { start: numbered(2), stop: numbered(4) };
      expect((await job.scan("c", range).all()).map((row) => row.value)).toEqual([
        value(2),
        value(3),
      ]);
      expect(await job.count("c", range)).toBe(2);
      expect(await job.count("c", { start: numbered(2) })).toBe(3);
      expect(await job.count("c", { stop: numbered(2) })).toBe(2);
      expect(await job.count("c", { start: numbered(3), stop: numbered(3) })).toBe(0);
    });

    test("a reversed scan has the same bounds, and a limit counts from its end", async () => {
      const job = await openJob();
      await fill(job);
      const range = { start: numbered(1), stop: numbered(4) };
      const rows = await job.scan("c", range, { reverse: true, limit: 2 }).all();
      expect(rows.map((row) => row.value)).toEqual([value(3), value(2)]);
    });

    test("J21 categories keep the same key apart", async () => {
      const job = await openJob();
      await job.put("one", key("a"), value(1));
      await job.put("two", key("a"), value(2));
      expect(await job.get("one", key("a"))).toEqual(value(1));
      expect(await job.get("two", key("a"))).toEqual(value(2));
      expect(await job.categories()).toEqual(["one", "two"]);
    });

    test("J22 a batch applies its operations in their order", async () => {
      const job = await openJob();
      const at = { category: "c", key: key("a") };
      await job.batch([
        { kind: "put", ...at, value: value(1) },
        { kind: "delete", ...at },
      ]);
      expect(await job.exists("c", key("a"))).toBe(false);
      await job.batch([
        { kind: "delete", ...at },
        { kind: "put", ...at, value: value(1) },
      ]);
      expect(await job.exists("c", key("a"))).toBe(true);
    });

    test("a prefix in a batch takes what the batch put before it, and not what it puts after", async () => {
      const job = await openJob();
      await job.put("c", key("a", "held"), value(0));
      await job.put("c", key("b", "held"), value(0));
      await job.batch([
        { kind: "put", category: "c", key: key("a", "before"), value: value(1) },
        { kind: "deletePrefix", category: "c", prefix: key("a") },
        { kind: "put", category: "c", key: key("a", "after"), value: value(2) },
      ]);
      expect(shown(await job.scan("c").all())).toEqual(
        shown([
          { key: key("a", "after").bytes, value: value(2) },
          { key: key("b", "held").bytes, value: value(0) },
        ]),
      );
    });

    test("J23 J24 a missing key is undefined, and an empty category counts 0", async () => {
      const job = await openJob();
      expect(await job.get("c", key("a"))).toBeUndefined();
      expect(await job.count("c")).toBe(0);
      expect(await job.scan("c").all()).toEqual([]);
    });

    test("J40 a prefix finds its rows in order, and the empty one the whole category", async () => {
      const job = await openJob();
      for (const each of ["b", "a", "ab"]) await job.put("c", key(each, int(1)), value(1));
      await job.put("c", key("a", int(0)), value(0));
      const rows = await job.scanPrefix("c", key("a")).all();
      expect(rows.map((row) => row.key)).toEqual([key("a", int(0)).bytes, key("a", int(1)).bytes]);
      expect(await job.scanPrefix("c", key()).all()).toHaveLength(4);
    });

    test("J43 a plain delete removes, and a second one is harmless", async () => {
      const job = await openJob();
      await job.put("c", key("a"), value(1));
      await job.delete("c", key("a"));
      await job.delete("c", key("a"));
      expect(await job.exists("c", key("a"))).toBe(false);
    });

    test("J56 what is persisted encoded is the payload of it", async () => {
      const job = await openJob();
      await job.persistEncoded("c", key("a"), ["v1", int(1)]);
      expect(await job.get("c", key("a"))).toEqual(payload("v1", int(1)));
    });

    test("persist, persistPut and persistDelete are put, delete and batch", async () => {
      const job = await openJob();
      await job.persistPut("c", key("a"), value(1));
      await job.persist({ kind: "put", category: "c", key: key("b"), value: value(2) });
      await job.persist([{ kind: "put", category: "c", key: key("d"), value: value(3) }]);
      await job.persistDelete("c", key("a"));
      expect(await job.count("c")).toBe(2);
      await job.persistDeletePrefix("c", key());
      expect(await job.count("c")).toBe(0);
    });

    test("empty keys, values and categories are like others", async () => {
      const job = await openJob();
      const nothing = new Uint8Array(0);
      await job.put("", key(), nothing);
      await job.put("", key("a"), value(1));
      expect(await job.get("", key())).toEqual(nothing);
      expect(await job.count("", { start: key() })).toBe(2);
      expect(await job.categories()).toEqual([""]);
    });

    test("any text is a category, and its key is nobody else's", async () => {
      const job = await openJob();
      const categories = ["a", "a!", "!a", "%61", "#lanekeeper", "é", 'a"b', "A", "🐟"];
      for (const [at, category] of categories.entries())
        await job.put(category, key("k"), value(at));
      for (const [at, category] of categories.entries()) {
        expect(await job.scan(category).all()).toEqual([{ key: key("k").bytes, value: value(at) }]);
      }
      expect([...(await job.categories())].sort()).toEqual(categories.toSorted());
    });

    test("a read sees every write that was called before it", async () => {
      const job = await openJob();
      for (let at = 0; at < 50; at++) {
        const put = job.put("c", key("a"), value(at));
        expect(await job.get("c", key("a"))).toEqual(value(at));
        await put;
      }
    });

    test("a delete by prefix takes the key that is the prefix, and all that begin with it", async () => {
      const job = await openJob();
      const names = ["a", "ab", "abc", "ac", "b"].map((name) => Buffer.from(name));
      for (const name of names) await job.put("c", name, value(1));
      // Before the deletion the rows are in LevelDB, and not in its batch.
      await job.flush();
      await job.deletePrefix("c", Buffer.from("ab"));
      const left = await job.scan("c").all();
      expect(left.map((row) => Buffer.from(row.key).toString())).toEqual(["a", "ac", "b"]);
    });

    test("a scan is a snapshot", async () => {
      const job = await openJob();
      await fill(job, "c", 600);
      const seen: number[] = [];
      for await (const row of job.scan("c")) {
        if (seen.length === 0) {
          await job.put("c", numbered(1000), value(0));
          await job.deletePrefix("c", key(), { durable: true });
        }
        seen.push(row.value.length);
      }
      expect(seen).toHaveLength(600);
      expect(await job.count("c")).toBe(0);
    });

    test("bytes that are returned and given are the caller's", async () => {
      const job = await openJob();
      const given = value(1);
      const put = job.put("c", key("a"), given);
      given.fill(9);
      await put;
      const got = await job.get("c", key("a"));
      expect(got).toEqual(value(1));
      expect(Object.getPrototypeOf(got)).toBe(Uint8Array.prototype);
      got?.fill(7);
      expect(await job.get("c", key("a"))).toEqual(value(1));
    });

    test("beyond the queue's bytes a plain write waits, in its order, and none is dropped", async () => {
      const store = await memoryStore({ queueBytes: 4096 });
      const job = await store.openJob("job");
      const puts = Array.from({ length: 500 }, (__, at) => job.put("c", key("a"), value(at)));
      const last = await job.get("c", key("a"));
      await Promise.all(puts);
      expect(last).toEqual(value(499));
    });

    test("a write that waits for room ends with its signal, and the others go on", async () => {
      const store = await memoryStore({ queueBytes: 100 });
      const job = await store.openJob("job");
      const controller = new AbortController();
      const first = job.put("c", key("a"), new Uint8Array(500));
      const second = job.put("c", key("b"), value(2), { signal: controller.signal });
      const third = job.put("c", key("d"), value(3));
      controller.abort();
      expect(await codeOf(() => second)).toBe("ABORTED");
      await Promise.all([first, third]);
      expect((await job.scan("c").all()).map((row) => row.key)).toEqual([
        key("a").bytes,
        key("d").bytes,
      ]);
    });

    test("a scan ends with its signal", async () => {
      const job = await openJob();
      await fill(job, "c", 10);
      const controller = new AbortController();
      const seen: number[] = [];
      const scan = async () => {
        for await (const row of job.scan("c", {}, { signal: controller.signal })) {
          if (seen.push(row.key.length) === 3) controller.abort();
        }
      };
      expect(await codeOf(scan)).toBe("ABORTED");
      expect(seen).toHaveLength(3);
    });

    test("sizes above their limits are refused, and nothing is written", async () => {
      const store = await memoryStore({ valueBytesMax: 10, keyBytesMax: 4 });
      const job = await store.openJob("job");
      const big = new Uint8Array(11);
      expect(await codeOf(() => job.put("c", new Uint8Array(4), big))).toBe("USAGE");
      expect(await codeOf(() => job.put("c", new Uint8Array(5), value(1)))).toBe("USAGE");
      expect(
        await codeOf(() => job.put("x".repeat(129), new Uint8Array(1), new Uint8Array(1))),
      ).toBe("USAGE");
      await job.put("c", new Uint8Array(4), new Uint8Array(10));
      expect(await job.count("c")).toBe(1);
      expect(await job.categories()).toEqual(["c"]);
    });
  });

  describe("jobs of a store", () => {
    test("J30 openJob twice, also at once, is one job", async () => {
      const store = await open();
      const [one, two] = await Promise.all([store.openJob("a"), store.openJob("a")]);
      expect(one).toBe(two);
      expect(await store.openJob("a")).toBe(one);
    });

    test("J33 J44 two jobs have their own values at the same key", async () => {
      const store = await open();
      const [one, two] = await Promise.all([store.openJob("one"), store.openJob("two")]);
      await one.put("c", key("a"), value(1));
      await two.put("c", key("a"), value(2));
      expect(await one.get("c", key("a"))).toEqual(value(1));
      expect(await two.get("c", key("a"))).toEqual(value(2));
    });

    test("J34 a closed job is not running, and its calls are CLOSED", async () => {
      const store = await open();
      const job = await store.openJob("a");
      expect(job.running).toBe(true);
      await store.closeJob("a");
      expect(job.running).toBe(false);
      expect(await codeOf(() => job.get("c", key("a")))).toBe("CLOSED");
      expect(await codeOf(() => job.put("c", key("a"), value(1)))).toBe("CLOSED");
      await store.closeJob("a");
      await store.closeJob("never");
    });

    test("a job that is closed and opened again has its values", async () => {
      const store = await open();
      const job = await store.openJob("a");
      await job.put("c", key("a"), value(1));
      await store.closeJob("a");
      expect(await (await store.openJob("a")).get("c", key("a"))).toEqual(value(1));
    });

    test("J35 a job that is dropped is empty when it is made again", async () => {
      const store = await open();
      await (await store.openJob("a")).put("c", key("a"), value(1), { durable: true });
      await store.dropJob("a");
      expect(store.jobs()).toEqual([]);
      expect(await (await store.openJob("a")).count("c")).toBe(0);
      await store.closeJob("a");
      await store.dropJob("a");
      await store.dropJob("a");
      expect(await (await store.openJob("a")).count("c")).toBe(0);
    });

    test("J57 J58 J59 J60 job, hasJob and jobs follow open and close", async () => {
      const store = await open();
      expect(await codeOf(() => store.job("a"))).toBe("JOB_NOT_FOUND");
      expect(store.hasJob("a")).toBe(false);
      const job = await store.openJob("a");
      expect(store.job("a")).toBe(job);
      expect(store.hasJob("a")).toBe(true);
      await store.closeJob("a");
      expect(store.hasJob("a")).toBe(false);
      expect(store.jobs()).toEqual(["a"]);
    });

    test("J61 J64 J65 by id is the same as by object", async () => {
      const store = await open();
      const job = await store.openJob("a");
      await store.put("a", "c", key("a"), value(1), { durable: true });
      await store.persistEncoded("a", "c", key("b"), int(2));
      await store.batch("a", [{ kind: "put", category: "c", key: key("d"), value: value(3) }]);
      await store.delete("a", "c", key("d"));
      await store.flush("a");
      expect(await store.get("a", "c", key("a"))).toEqual(value(1));
      expect(await store.count("a", "c")).toBe(2);
      expect(await store.exists("a", "c", key("d"))).toBe(false);
      expect(await store.scan("a", "c").all()).toEqual(await job.scan("c").all());
      expect(await store.scanPrefix("a", "c", key("b")).all()).toHaveLength(1);
      expect(await store.deleteAcked("a", "c", key("a"))).toBe(true);
    });

    test("J62 reads, and durable writes, of a job that is not open are JOB_NOT_FOUND", async () => {
      const store = await open();
      const calls = [
        () => store.get("a", "c", key("a")),
        () => store.count("a", "c"),
        () => store.exists("a", "c", key("a")),
        () => store.deleteAcked("a", "c", key("a")),
        () => store.scan("a", "c"),
        () => store.flush("a"),
        () => store.put("a", "c", key("a"), value(1), { durable: true }),
      ];
      for (const call of calls) expect(await codeOf(call)).toBe("JOB_NOT_FOUND");
      expect(store.jobs()).toEqual([]);
    });

    test("J63 plain writes to a job that is not open are counted, warned of once, and dropped", async () => {
      const told: string[] = [];
      const store = await memoryStore({ onError: (error, id) => told.push(`${id} ${error.code}`) });
      for (const id of ["a", "a", "b"]) await store.put(id, "c", key("a"), value(1));
      expect(told).toEqual(["a JOB_NOT_FOUND", "b JOB_NOT_FOUND"]);
      expect((await store.status()).droppedWrites).toBe(3);
      expect(store.jobs()).toEqual([]);
    });

    test("J66 J68 J69 J71 stores are independent, and close is idempotent", async () => {
      const [one, two] = [await open(), await open()];
      await (await one.openJob("a")).put("c", key("a"), value(1));
      expect(await codeOf(() => two.get("a", "c", key("a")))).toBe("JOB_NOT_FOUND");
      expect(await (await two.openJob("a")).count("c")).toBe(0);
      await one.close();
      await one.close();
      expect(await codeOf(() => one.openJob("a"))).toBe("CLOSED");
      expect(await (await two.openJob("a")).count("c")).toBe(0);
    });

    test.each([
      "",
      ".",
      "..",
      ".journal",
      "a/b",
      "a\\b",
      "x".repeat(65),
      "ä",
      "a b",
      "a\n",
      5,
      undefined,
    ])("%j is no id", async (id) => {
      const store = await open();
      expect(await codeOf(() => store.openJob(id as string))).toBe("USAGE");
      expect(await codeOf(() => store.dropJob(id as string))).toBe("USAGE");
    });

    test("J72 J73 J74 J75 a channel's snapshot and log, as a node keeps them", async () => {
      const store = await open();
      const job = await store.openJob("sds");
      expect(await job.get("sds.meta", key("ch"))).toBeUndefined();
      await job.batch([
        { kind: "put", category: "sds.meta", key: key("ch"), value: value(1) },
        { kind: "put", category: "sds.log", key: key("ch", "m1"), value: value(1) },
        { kind: "put", category: "sds.log", key: key("ch", "m2"), value: value(2) },
      ]);
      expect(await job.scanPrefix("sds.log", key("ch")).all()).toHaveLength(2);
      await job.delete("sds.log", key("ch", "m1"));
      expect(await job.count("sds.log")).toBe(1);
      await job.batch([
        { kind: "deletePrefix", category: "sds.log", prefix: key("ch") },
        { kind: "delete", category: "sds.meta", key: key("ch") },
      ]);
      expect(await job.categories()).toEqual([]);
    });
  });
});

describe("on disk", () => {
  test("J25 a root that is there is used, and what else is in it is left alone", async () => {
    const root = folder();
    writeFileSync(join(root, "note.txt"), "mine");
    mkdirSync(join(root, "not-a-job"));
    const store = await openStore(root);
    await store.openJob("a");
    expect(readFileSync(join(root, "note.txt"), "utf8")).toBe("mine");
    expect(await codeOf(() => store.openJob("not-a-job"))).toBe("STORE_EXISTS");
    expect(existsSync(join(root, "not-a-job"))).toBe(true);
  });

  test("J26 J28 a root that is a file, or below one, is refused", async () => {
    const root = folder();
    writeFileSync(join(root, "file"), "");
    expect(await codeOf(() => openStore(join(root, "file")))).toBe("NOT_A_STORE");
    expect(await codeOf(() => openStore(join(root, "file", "below")))).toBe("NOT_A_STORE");
    expect(await codeOf(() => openStore(""))).toBe("USAGE");
  });

  test("J27 J31 the root appears with the first job", async () => {
    const root = join(folder(), "deep", "root");
    const store = await openStore(root);
    expect(existsSync(root)).toBe(false);
    await store.openJob("a");
    expect(readdirSync(root).sort()).toEqual([".journal", "a"]);
  });

  test("J29 J32 J70 values survive close and reopen", async () => {
    const root = folder();
    for (let life = 0; life < 3; life++) {
      const store = await openStore(root);
      const job = await store.openJob("a");
      expect(await job.count("c")).toBe(life);
      await job.put("c", numbered(life), value(life));
      await store.close();
    }
  });

  test("J67 a second store on a root is refused while the first is open", async () => {
    const root = folder();
    const store = await openStore(root);
    await store.openJob("a");
    expect(await codeOf(() => openStore(root))).toBe("STORE_LOCKED");
    await store.close();
    expect((await openStore(root)).jobs()).toEqual(["a"]);
  });

  test("the newest schema alone opens a job; a migration brings it there, once", async () => {
    const root = folder();
    const store = await openStore(root);
    await (await store.openJob("a")).put("c", key("a"), value(1));
    await store.closeJob("a");
    expect(await codeOf(() => store.openJob("a", { schemaVersion: 2 }))).toBe("FORMAT_TOO_NEW");
    const seen: number[] = [];
    const migrate = async (job: Job, from: number) => {
      seen.push(from);
      await job.put("c", key("b"), value(2));
    };
    await store.openJob("a", { schemaVersion: 2, migrate });
    await store.closeJob("a");
    const job = await store.openJob("a", { schemaVersion: 2, migrate });
    expect(await job.count("c")).toBe(2);
    expect(seen).toEqual([1]);
    await store.closeJob("a");
    expect(await codeOf(() => store.openJob("a", { migrate }))).toBe("FORMAT_TOO_NEW");
  });

  test("a job of another schema is refused before a byte of it is touched", async () => {
    const root = folder();
    const store = await openStore(root);
    await (await store.openJob("a", { schemaVersion: 2 })).put("c", key("a"), value(1));
    await store.closeJob("a");
    // The job's own files: the journal's mark follows behind the acknowledgements.
    const own = join(root, "a");
    const facts = (): readonly string[] =>
      readdirSync(own, { recursive: true, encoding: "utf8" })
        .map((name) => join(own, name))
        .map((path) => `${path} ${statSync(path).mtimeMs} ${statSync(path).size}`);
    const before = facts();
    expect(before.length).toBeGreaterThan(3);
    expect(await codeOf(() => store.openJob("a", { schemaVersion: 1 }))).toBe("FORMAT_TOO_NEW");
    expect(await codeOf(() => store.openJob("a", { schemaVersion: 3 }))).toBe("FORMAT_TOO_NEW");
    expect(facts()).toEqual(before);
  });

  test("a migration that fails leaves the job as it was, and is called again", async () => {
    const store = await openStore(folder());
    await store.openJob("a");
    await store.closeJob("a");
    const migrate = () => Promise.reject(new Error("not now"));
    await expect(store.openJob("a", { schemaVersion: 2, migrate })).rejects.toThrow("not now");
    expect(store.hasJob("a")).toBe(false);
    expect((await store.openJob("a")).running).toBe(true);
  });

  test("the journal lets go of what every job has settled", async () => {
    const store = await openStore(folder(), { checkpointBytes: 64 * 1024 });
    const [job, idle] = [await store.openJob("busy"), await store.openJob("idle")];
    await idle.put("c", key("a"), value(1), { durable: true });
    for (let at = 0; at < 400; at++) await job.put("c", numbered(at % 7), new Uint8Array(4096));
    await job.flush();
    await expect
      .poll(async () => (await store.status()).jobs.map(({ journalBytes }) => journalBytes < 1e6))
      .toEqual([true, true]);
    expect(await idle.get("c", key("a"))).toEqual(value(1));
    expect((await store.status()).checkpointFailure).toBeUndefined();
  });
});

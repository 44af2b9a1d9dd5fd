/** A store of jobs under calls that cross each other, failures, and a LevelDB that is stuck. */
import { mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Job, JobStore, key } from "../../../src/jobs/index.js";
import { tryDatabase } from "../../../src/jobs/level/trial.js";
import type { PersisterError } from "../../../src/types/errors.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { codeOf, folder, memoryStore, numbered, openStore, value } from "../kit.js";
import { LossyHomes } from "../crash/lossy-homes.js";
import { openOn } from "../crash/simulated-store.js";

/** The smallest that there are. */
const SEGMENT_BYTES = 40 * 1024;

test("a durable write resolves when the journal's flush has ended, and not before", async () => {
  const disk = new SimulatedDisk();
  const store = await openOn(disk, new LossyHomes(), {});
  const job = await store.openJob("job");
  disk.hold();
  let isDurable = false;
  const put = job.put("c", key("a"), value(1), { durable: true }).then(() => {
    isDurable = true;
  });
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  expect(isDurable).toBe(false);
  disk.release();
  await put;
  await store.close();
});

test("a job that is being opened while the store closes is closed with it", async () => {
  const root = folder();
  const store = await JobStore.open(root);
  const opening = store.openJob("job").then(
    (job) => job.running,
    () => false,
  );
  await store.close();
  expect(await opening).toBe(false);
  const again = await openStore(root);
  expect((await again.openJob("job")).running).toBe(true);
});

test("a job that is dropped and opened at once is a new one, and the old one is CLOSED", async () => {
  const store = await openStore(folder());
  const old = await store.openJob("job");
  await old.put("c", key("a"), value(1), { durable: true });
  const dropping = store.dropJob("job");
  const opening = store.openJob("job");
  await dropping;
  await opening;
  const job = await store.openJob("job");
  expect(await job.get("c", key("a"))).toBeUndefined();
  await job.put("c", key("a"), value(2), { durable: true });
  expect(await codeOf(() => old.put("c", key("a"), value(3)))).toBe("CLOSED");
  expect(await job.get("c", key("a"))).toEqual(value(2));
});

test("writes that were called before a close are written, also those that wait for room", async () => {
  const root = folder();
  const store = await openStore(root, { queueBytes: 500 });
  const job = await store.openJob("job");
  const puts = Array.from({ length: 300 }, (_, at) => job.put("c", numbered(at), value(at)));
  await store.close();
  await Promise.all(puts);
  const again = await openStore(root);
  expect(await (await again.openJob("job")).count("c")).toBe(300);
});

test("a job that is written to as fast as it takes writes never waits for room in vain", async () => {
  const bounds = { checkpointBytes: 2000, queueBytes: 2000, stallMs: 3000 };
  const store = await openOn(new SimulatedDisk(), new LossyHomes(), bounds);
  const job = await store.openJob("job");
  for (let at = 0; at < 3000; at++) await job.put("c", numbered(at), value(at));
  await job.flush();
  expect(await job.count("c")).toBe(3000);
  await store.close();
});

test("a close and a migration wait for no checkpoint", async () => {
  const bounds = { checkpointBytes: 1000, queueBytes: 1000, stallMs: 3000 };
  const store = await openOn(new SimulatedDisk(), new LossyHomes(), bounds);
  const job = await store.openJob("job");
  const puts = Array.from({ length: 200 }, (_, at) => job.put("c", numbered(at), value(at)));
  await store.closeJob("job");
  await Promise.all(puts);
  const migrate = async (old: Job): Promise<void> => {
    for (let at = 0; at < 200; at++) await old.put("c", numbered(at), value(at + 1));
  };
  const newer = await store.openJob("job", { schemaVersion: 2, migrate });
  expect(await newer.get("c", numbered(199))).toEqual(value(200));
  await store.close();
});

test("a full disk loses nothing that was acknowledged, and with room the job goes on", async () => {
  const disk = new SimulatedDisk();
  const homes = new LossyHomes();
  const store = await openOn(disk, homes, { segmentBytes: SEGMENT_BYTES, checkpointBytes: 1e9 });
  const job = await store.openJob("job");
  for (const operation of ["write", "create"] as const) {
    disk.fail({ operation, error: "ENOSPC", mode: "from-then-on" });
  }
  const large = new Uint8Array(8000).fill(1);
  let acked = 0;
  const fill = async (): Promise<void> => {
    for (; ; acked++) await job.put("c", numbered(acked), large, { durable: true });
  };
  expect(await codeOf(fill)).toMatch(/DISK_FULL|POISONED/);
  disk.heal();
  await Promise.allSettled([store.close()]);
  const again = await openOn(
    disk,
    homes.crashed(() => false),
    { segmentBytes: SEGMENT_BYTES },
  );
  const open = await again.openJob("job");
  expect(await open.count("c")).toBeGreaterThanOrEqual(acked);
  await open.put("c", numbered(1000), large, { durable: true });
  await again.close();
});

test("a scan that a drop or a close crosses ends with CLOSED", async () => {
  const store = await openStore(folder());
  for (const end of ["dropJob", "closeJob"] as const) {
    const job = await store.openJob(end);
    for (let at = 0; at < 3000; at++) await job.put("c", numbered(at), value(at));
    const rows = job.scan("c")[Symbol.asyncIterator]();
    expect((await rows.next()).done).toBe(false);
    await store[end](end);
    const rest = async (): Promise<void> => {
      while ((await rows.next()).done === false);
    };
    expect(await codeOf(rest)).toBe("CLOSED");
  }
});

test("a verification has its job for itself", async () => {
  const store = await openStore(folder());
  await (await store.openJob("job")).put("c", key("a"), value(1));
  await store.closeJob("job");
  const [one, two, job] = await Promise.all([
    store.verify("job"),
    store.verify("job"),
    store.openJob("job"),
  ]);
  expect([one.rows, two.rows]).toEqual([1, 1]);
  expect(await job.get("c", key("a"))).toEqual(value(1));
});

test("a job whose close fails can be opened again", async () => {
  const disk = new SimulatedDisk();
  const homes = new LossyHomes();
  const store = await openOn(disk, homes, {});
  const job = await store.openJob("job");
  await job.put("c", key("a"), value(1), { durable: true });
  await job.get("c", key("a"));
  homes.fail("job", new Error("the disk said no"));
  expect(await codeOf(() => store.closeJob("job"))).toBe("JOB_FAILED");
  expect(await (await store.openJob("job")).get("c", key("a"))).toEqual(value(1));
  await store.close();
});

test("an acknowledged delete that the journal refuses tells why, and not that nothing was there", async () => {
  const disk = new SimulatedDisk();
  const store = await openOn(disk, new LossyHomes(), {});
  const job = await store.openJob("job");
  await job.put("c", key("a"), value(1), { durable: true });
  disk.fail({ operation: "write", error: "EIO", mode: "from-then-on" });
  expect(await codeOf(() => job.deleteAcked("c", key("a")))).toBe("POISONED");
  await Promise.allSettled([store.close()]);
});

test("a wait that is aborted lets no read pass the writes before it", async () => {
  const store = await memoryStore({ queueBytes: 1 });
  const job = await store.openJob("job");
  const stop = new AbortController();
  const puts = [1, 2, 3].map((at) => job.put("c", numbered(at), value(at)));
  const last = job.put("c", numbered(4), value(4), { signal: stop.signal });
  stop.abort();
  const reading = job.count("c");
  expect(await codeOf(() => last)).toBe("ABORTED");
  expect(await reading).toBe(3);
  await Promise.all(puts);
});

test("the status leaves LevelDB its lock, and tells of a job without a folder", async () => {
  const root = folder();
  const store = await openStore(root);
  const job = await store.openJob("job");
  await store.openJob("gone");
  await store.closeJob("gone");
  await job.put("c", key("a"), value(1), { durable: true });
  rmSync(join(root, "gone"), { recursive: true });
  expect((await store.status()).jobs.map(({ id, bytes }) => [id, bytes > 0])).toEqual([
    ["gone", false],
    ["job", true],
  ]);
  const [life = ""] = readdirSync(join(root, "job"));
  // A process that closes the lock file once lets others in.
  expect((await tryDatabase(join(root, "job", life))).kind).toBe("refused");
});

test("a store that was closed refuses writes by id, also plain ones", async () => {
  const store = await memoryStore();
  await store.openJob("job");
  await store.close();
  expect(await codeOf(() => store.put("job", "c", key("a"), value(1)))).toBe("CLOSED");
  expect((await store.status()).droppedWrites).toBe(0);
});

test("a batch that no segment takes is refused before it is queued", async () => {
  const store = await openStore(folder(), { segmentBytes: SEGMENT_BYTES });
  const job = await store.openJob("job");
  const large = new Uint8Array(64 * 1024);
  expect(await codeOf(() => job.put("c", key("a"), large))).toBe("USAGE");
  await job.flush();
  expect(await job.exists("c", key("a"))).toBe(false);
});

test("a value of 64 MiB is refused, and its key keeps what it had", async () => {
  const job = await (await memoryStore()).openJob("job");
  await job.put("c", key("a"), value(1));
  const huge = new Uint8Array(64 * 1024 * 1024);
  expect(await codeOf(() => job.put("c", key("a"), huge, { durable: true }))).toBe("USAGE");
  expect(await job.get("c", key("a"))).toEqual(value(1));
});

test("a scan can be gone through twice", async () => {
  const job = await (await memoryStore()).openJob("job");
  await job.put("c", key("a"), value(1));
  const scan = job.scan("c");
  expect([await scan.all(), await scan.all()].map((rows) => rows.length)).toEqual([1, 1]);
  let rows = 0;
  for await (const _ of scan) rows += 1;
  expect(rows).toBe(1);
});

test("an onError that throws harms nothing, and is told of by the status", async () => {
  const store = await memoryStore({
    onError: () => {
      throw new Error("no");
    },
  });
  await store.put("missing", "c", key("a"), value(1));
  const { callbackFailure, droppedWrites } = await store.status();
  expect(callbackFailure).toMatchObject({ code: "CALLBACK_FAILED" });
  expect(droppedWrites).toBe(1);
});

test("two names of one root are one store: the second open is refused", async () => {
  const parent = folder();
  const root = join(parent, "root");
  mkdirSync(root);
  symlinkSync(root, join(parent, "link"));
  const store = await openStore(root);
  await store.openJob("job");
  expect(await codeOf(() => JobStore.open(join(parent, "link")))).toBe("STORE_LOCKED");
});

test("a root that is a link to a folder is used, and one to nothing is refused", async () => {
  const parent = folder();
  mkdirSync(join(parent, "root"));
  symlinkSync(join(parent, "root"), join(parent, "link"));
  symlinkSync(join(parent, "nothing"), join(parent, "dangling"));
  const store = await openStore(join(parent, "link"));
  await (await store.openJob("job")).put("c", key("a"), value(1), { durable: true });
  await store.close();
  const again = await openStore(join(parent, "root"));
  expect(await (await again.openJob("job")).get("c", key("a"))).toEqual(value(1));
  expect(
    await codeOf(async () => (await JobStore.open(join(parent, "dangling"))).openJob("job")),
  ).toBe("NOT_A_STORE");
});

const STUCK = { checkpointBytes: 2000, queueBytes: 1000, stallMs: 500 } as const;

test.each([
  ["takes no writes", true],
  ["writes no tables", false],
])(
  "a job whose LevelDB %s holds a bounded part of the journal, and holds nobody up",
  async (_, all) => {
    const disk = new SimulatedDisk();
    const homes = new LossyHomes();
    const store = await openOn(disk, homes, { ...STUCK, segmentBytes: SEGMENT_BYTES });
    const [stuck, busy] = [await store.openJob("stuck"), await store.openJob("busy")];
    const goOn = homes.stop("stuck", { all });
    const acked: number[] = [];
    const refusals: string[] = [];
    for (let at = 0; refusals.length < 3 && at < 500; at++) {
      await stuck.put("c", numbered(at), value(at), { durable: true }).then(
        () => acked.push(at),
        (cause: PersisterError) => refusals.push(cause.code),
      );
    }
    expect(refusals).toEqual(["JOB_BUSY", "JOB_BUSY", "JOB_BUSY"]);
    const most = STUCK.checkpointBytes + STUCK.queueBytes;
    for (let at = 0; at < 500; at++) {
      await busy.put("c", numbered(at % 9), value(at), { durable: true });
      if (at % 50 !== 0) continue;
      const { jobs, journalBytes, checkpointFailure } = await store.status();
      expect(checkpointFailure).toBeUndefined();
      for (const { journalBytes: held } of jobs) expect(held).toBeLessThan(most + 200);
      expect(journalBytes).toBeLessThan(12 * SEGMENT_BYTES);
    }
    goOn();
    const rows = await stuck.scan("c").all();
    expect(rows.map((row) => row.value)).toEqual(acked.map(value));
    const put = async (): Promise<string> =>
      await codeOf(() => stuck.put("c", numbered(2000), value(1), { durable: true }));
    await expect.poll(put).toBe("nothing was thrown");
    await store.close();
  },
);

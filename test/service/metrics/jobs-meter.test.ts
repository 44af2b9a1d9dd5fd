/** The metrics of jobs: what is open, on its way and lost, and how long a write took. */
import { expect, test } from "vitest";
import type { JobStore } from "../../../src/jobs/job-store.js";
import type { JobStoreChoices } from "../../../src/jobs/options.js";
import { jobsServed } from "../../../src/service/grpc/stores/jobs.js";
import { JobsMeter } from "../../../src/service/metrics/jobs-meter.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { LossyHomes } from "../../jobs/crash/lossy-homes.js";
import { openOn } from "../../jobs/crash/simulated-store.js";
import { TestChain } from "../../model/chain.js";
import { type Running, running } from "../running.js";
import { readScrape, type Scrape, valueOf } from "./scrape.js";

interface Measured extends Running {
  readonly disk: SimulatedDisk;
  readonly homes: LossyHomes;
  readonly jobs: JobStore;
  readonly scrape: () => Promise<Scrape>;
}

async function measured(choices: JobStoreChoices = {}): Promise<Measured> {
  const disk = new SimulatedDisk();
  const homes = new LossyHomes();
  const meter = new JobsMeter();
  const onError: JobStoreChoices["onError"] = (_, job) =>
    meter.failed(job ? "write" : "checkpoint");
  const jobs = await openOn(disk, homes, { ...choices, onError });
  const store = {
    served: jobsServed(jobs, meter),
    isServing: () => jobs.poison === undefined,
    fill: (families: Parameters<JobsMeter["fill"]>[0]) => meter.fill(families, jobs),
    close: () => jobs.close(),
  };
  const served = await running(new TestChain(1), { others: [store] });
  const { service } = served;
  const scrape = async () => readScrape(await service.meters.text(service));
  return { ...served, disk, homes, jobs, scrape };
}

const put = (key: number) => {
  const row = { key: Buffer.from([key]), value: Buffer.alloc(500, key) };
  return { category: "c", put: row };
};

test("a write is measured by how far it went; a job that is open has a queue", async () => {
  const { client, scrape, jobs } = await measured();
  expect(valueOf(await scrape(), "lanekeeper_jobs_open")).toBe(0);
  await client.call("JobsService/OpenJob", { job: "peers" });
  const write = { job: "peers", operations: [put(1), put(2)] };
  await client.call("JobsService/Write", { ...write, durable: true });
  for (let at = 0; at < 2; at++) await client.call("JobsService/Write", write);
  await jobs.job("peers").flush();
  const name = "lanekeeper_job_write_duration_seconds_count";
  const found = await scrape();
  expect(valueOf(found, "lanekeeper_jobs_open")).toBe(1);
  expect(valueOf(found, name, { durability: "durable" })).toBe(1);
  expect(valueOf(found, name, { durability: "queued" })).toBe(2);
  expect(valueOf(found, "lanekeeper_job_queue_ops", { job: "peers" })).toBe(0);
  expect(valueOf(found, "lanekeeper_job_queue_bytes", { job: "peers" })).toBe(0);

  // One scrape is of one moment: two writes are in the queue in the step in which they are called.
  const writes = [1, 2].map((key) => jobs.put("peers", "c", Buffer.from([key]), Buffer.alloc(500)));
  const [queue] = jobs.queues;
  expect(queue).toMatchObject({ id: "peers", writes: 2, isFailed: false });
  expect(queue?.bytes).toBeGreaterThan(1000);
  await Promise.all(writes);
  await jobs.job("peers").flush();
  expect(jobs.queues).toEqual([{ id: "peers", writes: 0, bytes: 0, isFailed: false }]);

  await client.call("JobsService/CloseJob", { job: "peers" });
  expect((await scrape()).samples.filter(({ labels }) => labels["job"] === "peers")).toEqual([]);
});

test("a job that LevelDB fails is counted, and a call that it refuses is one of a job", async () => {
  const { client, scrape, homes, jobs } = await measured();
  await client.call("JobsService/OpenJob", { job: "bad" });
  await client.call("JobsService/OpenJob", { job: "good" });
  homes.fail("bad", new Error("the disk said no"));
  await client.call("JobsService/Write", { job: "bad", operations: [put(1)], durable: true });
  await expect(client.call("JobsService/Count", { job: "bad", category: "c" })).rejects.toThrow(
    "bad",
  );
  const found = await scrape();
  expect(valueOf(found, "lanekeeper_jobs_open")).toBe(2);
  expect(valueOf(found, "lanekeeper_jobs_failed")).toBe(1);
  expect(valueOf(found, "lanekeeper_job_queue_ops", { job: "bad" })).toBe(0);
  expect(valueOf(found, "lanekeeper_refused_total", { code: "JOB_FAILED", kind: "job" })).toBe(1);
  await jobs.close().catch(() => undefined);
});

test("a write that is lost behind its answer is counted, and the journal that lost it is poisoned", async () => {
  const { client, scrape, disk, jobs } = await measured();
  await client.call("JobsService/OpenJob", { job: "peers" });
  const before = await scrape();
  for (const kind of ["write", "checkpoint"]) {
    expect(valueOf(before, "lanekeeper_job_errors_total", { kind })).toBe(0);
  }
  expect(valueOf(before, "lanekeeper_jobs_poisoned")).toBe(0);
  disk.fail({ operation: "write", path: ".seg", effect: "nothing" });
  await client.call("JobsService/Write", { job: "peers", operations: [put(1)] });
  await expect.poll(() => jobs.poison).toBeDefined();
  const found = await scrape();
  expect(valueOf(found, "lanekeeper_job_errors_total", { kind: "write" })).toBe(1);
  expect(valueOf(found, "lanekeeper_jobs_poisoned")).toBe(1);
  await jobs.close().catch(() => undefined);
});

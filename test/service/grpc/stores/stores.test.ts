/** A journal and jobs beside the store of a validator. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { JobStore } from "../../../../src/jobs/job-store.js";
import { Journal } from "../../../../src/records/journal.js";
import { jobsServed } from "../../../../src/service/grpc/stores/jobs.js";
import { JobsMeter } from "../../../../src/service/metrics/jobs-meter.js";
import { journalServed } from "../../../../src/service/grpc/stores/journal.js";
import { TestChain } from "../../../model/chain.js";
import type { ForeignClient } from "../../foreign-client.js";
import { callRefusal, running } from "../../running.js";

async function client(): Promise<ForeignClient> {
  const journal = await Journal.openMemory({ types: [1, 2] });
  const jobs = await JobStore.openMemory();
  const others = [
    { served: journalServed(journal), isServing: () => true, close: () => journal.close() },
    { served: jobsServed(jobs, new JobsMeter()), isServing: () => true, close: () => jobs.close() },
  ];
  return (await running(new TestChain(1), { others })).client;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

test("records are appended, replayed, read and forgotten", async () => {
  const foreign = await client();
  const records = ["a", "b", "c"].map((text) => ({
    type: 1,
    tenant: 7,
    shard: 3,
    payload: bytes(text),
  }));
  expect(await foreign.call("JournalService/Append", { records })).toEqual({
    first: "1",
    next: "4",
  });
  const replayed: string[] = [];
  for await (const { records: batch } of foreign.stream("JournalService/Replay", { from: 2 })) {
    for (const { payload } of batch as { payload: Uint8Array }[])
      replayed.push(Buffer.from(payload).toString());
  }
  expect(replayed).toEqual(["b", "c"]);
  expect(await foreign.call("JournalService/ReadRecord", { lsn: 3 })).toMatchObject({
    record: { lsn: "3", tenant: 7 },
  });
  await foreign.call("JournalService/ForgetBefore", { lsn: 3 });
  const gone = foreign.call("JournalService/ReadRecord", { lsn: 1 });
  expect(await callRefusal(gone)).toMatchObject({ status: status.OUT_OF_RANGE });
  expect(await foreign.call("JournalService/GetJournalStatus")).toMatchObject({ first: "3" });
  const wrong = foreign.call("JournalService/Append", {
    records: [{ type: 9, payload: bytes("x") }],
  });
  expect(await callRefusal(wrong)).toMatchObject({ status: status.INVALID_ARGUMENT });
});

test("rows are written all at once, read, scanned by prefix and range, counted", async () => {
  const foreign = await client();
  const put = (key: string) => ({
    category: "score",
    put: { key: bytes(key), value: bytes(`=${key}`) },
  });
  const write = { job: "peers", operations: ["a1", "a2", "b1"].map(put), durable: true };
  expect(await callRefusal(foreign.call("JobsService/Write", write))).toMatchObject({
    status: status.NOT_FOUND,
  });
  await foreign.call("JobsService/OpenJob", { job: "peers" });
  await foreign.call("JobsService/Write", write);
  const get = { job: "peers", category: "score", key: bytes("a2") };
  expect(
    Buffer.from((await foreign.call("JobsService/Get", get))["value"] as Uint8Array).toString(),
  ).toBe("=a2");
  const scan = async (more: object): Promise<string[]> => {
    const keys: string[] = [];
    for await (const { rows } of foreign.stream("JobsService/Scan", {
      job: "peers",
      category: "score",
      ...more,
    })) {
      for (const { key } of rows as { key: Uint8Array }[]) keys.push(Buffer.from(key).toString());
    }
    return keys;
  };
  expect(await scan({ range: { prefix: bytes("a") } })).toEqual(["a1", "a2"]);
  expect(await scan({ range: { bounds: { first: bytes("a2") } } })).toEqual(["a2", "b1"]);
  expect(await scan({ reverse: true, limit: 1 })).toEqual(["b1"]);
  const count = { job: "peers", category: "score", range: { prefix: bytes("a") } };
  expect(await foreign.call("JobsService/Count", count)).toEqual({ rows: "2" });
  expect(await foreign.call("JobsService/ListJobs")).toMatchObject({
    jobs: [{ job: "peers", state: "open" }],
  });
  const nothing = foreign.call("JobsService/Write", {
    job: "peers",
    operations: [{ category: "score" }],
  });
  expect(await callRefusal(nothing)).toMatchObject({ status: status.INVALID_ARGUMENT });
});

test("a service without them answers UNIMPLEMENTED, as reflection says", async () => {
  const { client: plain } = await running(new TestChain(1));
  await expect(plain.call("KeeperService/GetStatus")).resolves.toBeDefined();
  await expect(async () => await plain.call("JobsService/ListJobs")).rejects.toThrow("JobsService");
});

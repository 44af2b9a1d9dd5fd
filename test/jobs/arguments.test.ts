/** Junk of every JavaScript type at every public function of jobs: typed errors, and no change. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import * as jobs from "../../src/jobs/index.js";
import { LanekeeperError } from "../../src/types/lanekeeper-error.js";
import { fill, memoryStore, shown } from "./kit.js";

const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    undefined,
    null,
    true,
    0,
    -1,
    0.5,
    Number.NaN,
    5n,
    -5n,
    1n << 70n,
    "",
    "job",
    "c",
    Symbol("s"),
  ),
  fc.constantFrom<unknown>(
    () => 1,
    new Date(0),
    /x/,
    new Map(),
    new Set(),
    new ArrayBuffer(3),
    new Uint16Array(2),
  ),
  fc.anything(),
  fc.uint8Array({ maxLength: 3 }),
);

function typed(cause: unknown): void {
  expect(cause, String(cause)).toBeInstanceOf(LanekeeperError);
  expect((cause as LanekeeperError).code).not.toBe("INTERNAL");
}

test("functions of keys and payloads", async () => {
  const {
    int,
    enumeration,
    uint16,
    uint32,
    uint64,
    byte,
    key,
    rawKey,
    payload,
    prefixRange,
    decodeParts,
  } = jobs;
  const functions = {
    int,
    enumeration,
    uint16,
    uint32,
    uint64,
    byte,
    key,
    rawKey,
    payload,
    prefixRange,
    decodeParts,
  };
  for (const call of Object.values(functions) as ((...args: unknown[]) => unknown)[]) {
    fc.assert(
      fc.property(fc.array(junk, { maxLength: 3 }), (args) => {
        try {
          call(...args);
        } catch (cause) {
          typed(cause);
        }
      }),
      { numRuns: 200 },
    );
  }
});

const reads = ["get", "exists", "count", "scan", "scanPrefix"] as const;
const writes = [
  "put",
  "delete",
  "deletePrefix",
  "batch",
  "deleteAcked",
  "persist",
  "persistPut",
] as const;

test("methods of a job: what is refused leaves its rows as they were", async () => {
  const store = await memoryStore();
  const job = await store.openJob("job");
  await fill(job, "kept");
  const before = shown(await job.scan("kept").all());
  for (const name of [...reads, ...writes]) {
    const call = (job[name] as (...args: unknown[]) => unknown).bind(job);
    await fc.assert(
      fc.asyncProperty(fc.array(junk, { maxLength: 4 }), async (args) => {
        try {
          await call(...args);
        } catch (cause) {
          typed(cause);
        }
      }),
      { numRuns: 150 },
    );
  }
  expect(shown(await job.scan("kept").all())).toEqual(before);
  await job.flush();
  expect(job.running).toBe(true);
});

test("functions of a store", async () => {
  const store = await memoryStore();
  await (await store.openJob("kept")).put("c", jobs.key("a"), Uint8Array.of(1));
  for (const name of [
    "openJob",
    "closeJob",
    "dropJob",
    "job",
    "get",
    "put",
    "flush",
    "verify",
  ] as const) {
    const call = (store[name] as (...args: unknown[]) => unknown).bind(store);
    await fc.assert(
      fc.asyncProperty(junk, junk, async (first, second) => {
        fc.pre(first !== "kept");
        try {
          await call(first, second);
        } catch (cause) {
          typed(cause);
        }
      }),
      { numRuns: 100 },
    );
  }
  expect(await store.get("kept", "c", jobs.key("a"))).toEqual(Uint8Array.of(1));
  const open = (root: unknown, choices: unknown) =>
    jobs.JobStore.open(root as string, choices as object);
  await expect(open(5, {})).rejects.toBeInstanceOf(LanekeeperError);
  await expect(open("root", 5)).rejects.toBeInstanceOf(LanekeeperError);
});

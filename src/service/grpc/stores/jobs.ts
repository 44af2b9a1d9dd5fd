/** `JobsService`, over one store of jobs. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { JobStore } from "../../../jobs/job-store.js";
import { type KeyRange, prefixRange } from "../../../jobs/keys/key.js";
import type { JobOperation } from "../../../jobs/journal/write.js";
import {
  JobsService,
  type KeyRange as RangeForm,
  type WriteRequestOperation,
} from "../../../rpc/api/jobs.js";
import { assertNever } from "../../../types/assert.js";
import { PersisterError } from "../../../types/errors.js";
import { forReaders, forWriters } from "../../access/caller.js";
import type { JobsMeter } from "../../metrics/jobs-meter.js";
import type { Served } from "../adapter.js";
import type { Handlers } from "../call.js";

/** Rows, and bytes, of one message. */
const BATCH_ROWS_MAX = 256;
const BATCH_BYTES_MAX = 256 * 1024;

type Row = { readonly key: Uint8Array; readonly value: Uint8Array };

export function jobsServed(store: JobStore, meter: JobsMeter): Served<typeof JobsService.methods> {
  return {
    service: JobsService,
    handlers: { ...lifeHandlers(store), ...rowHandlers(store, meter) },
    allowed: {
      openJob: forWriters,
      closeJob: forWriters,
      dropJob: forWriters,
      listJobs: forReaders,
      write: forWriters,
      get: forReaders,
      scan: forReaders,
      count: forReaders,
    },
  };
}

type All = Handlers<typeof JobsService.methods>;
type Life = "openJob" | "closeJob" | "dropJob" | "listJobs";

function lifeHandlers(store: JobStore): Pick<All, Life> {
  return {
    openJob: async ({ job, schemaVersion }) => {
      await store.openJob(job, schemaVersion === undefined ? {} : { schemaVersion });
      return {};
    },
    closeJob: async ({ job }) => {
      await store.closeJob(job);
      return {};
    },
    dropJob: async ({ job }) => {
      await store.dropJob(job);
      return {};
    },
    listJobs: async () => {
      const { jobs } = await store.status();
      return {
        jobs: jobs.map(({ id, state, schemaVersion, bytes }) => {
          return { job: id, state, schemaVersion, bytes: BigInt(bytes) };
        }),
      };
    },
  };
}

function rowHandlers(store: JobStore, meter: JobsMeter): Omit<All, Life> {
  const openJob = (id: string) => {
    const job = store.job(id);
    if (job) return job;
    throw new PersisterError("JOB_NOT_FOUND", `job ${id} is not open: call OpenJob first`);
  };
  return {
    write: async ({ job, operations, durable }) => {
      const beganMs = performance.now();
      await openJob(job).batch(operations.map(operationOf), { durable });
      meter.wrote(durable, performance.now() - beganMs);
      return {};
    },
    get: async ({ job, category, key }) => ({ value: await openJob(job).get(category, key) }),
    scan: ({ job, category, range, reverse, limit }, { signal }) => {
      const most = limit === 0n ? {} : { limit: Number(limit) };
      return batches(openJob(job).scan(category, rangeOf(range), { reverse, signal, ...most }));
    },
    count: async ({ job, category, range }, { signal }) => {
      return { rows: BigInt(await openJob(job).count(category, rangeOf(range), { signal })) };
    },
  };
}

function operationOf({ category, operation }: WriteRequestOperation): JobOperation {
  switch (operation?.case) {
    case "put":
      return { kind: "put", category, ...operation.value };
    case "delete":
      return { kind: "delete", category, key: operation.value };
    case "deletePrefix":
      return { kind: "deletePrefix", category, prefix: operation.value };
    case undefined:
      throw new PersisterError("USAGE", "an operation is a put, a delete or a delete_prefix");
    default:
      return assertNever(operation);
  }
}

function rangeOf(form: RangeForm | undefined): KeyRange {
  const range = form?.range;
  if (range === undefined) return {};
  if (range.case === "prefix") return prefixRange(range.value);
  const { first, next } = range.value;
  return { start: first, ...(next.length > 0 ? { stop: next } : {}) };
}

async function* batches(rows: AsyncIterable<Row>): AsyncGenerator<{ rows: Row[] }> {
  let batch: Row[] = [];
  let bytes = 0;
  for await (const { key, value } of rows) {
    batch.push({ key, value });
    bytes += key.length + value.length;
    if (batch.length < BATCH_ROWS_MAX && bytes < BATCH_BYTES_MAX) continue;
    yield { rows: batch };
    [batch, bytes] = [[], 0];
    await nextTurn();
  }
  if (batch.length > 0) yield { rows: batch };
}

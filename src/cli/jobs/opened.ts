/** The store, and the jobs of it, that a command is about. */
import type { Job } from "../../jobs/job.js";
import { JobStore } from "../../jobs/job-store.js";
import { PersisterError } from "../../types/errors.js";
import { printable } from "../terminal/table.js";

export interface InJob {
  readonly root: string;
  readonly job: string;
}

export async function withStore(
  root: string,
  work: (store: JobStore) => Promise<void>,
): Promise<void> {
  await using store = await JobStore.open(root);
  await work(store);
}

export async function withJob(
  { root, job }: InJob,
  work: (job: Job) => Promise<void>,
): Promise<void> {
  await withStore(root, async (store) => {
    const [id = job] = chosen(store, job);
    await work(await openedJob(store, id));
  });
}

/** The job that is asked for, or all. Looking makes no job. */
export function chosen(store: JobStore, only: string | undefined): readonly string[] {
  if (only === undefined) return store.jobs();
  if (store.jobs().includes(only)) return [only];
  throw new PersisterError("JOB_NOT_FOUND", `there is no job ${printable(only)}`);
}

/** Opens a job of any schema version: its rows are shown as they are. */
export async function openedJob(store: JobStore, id: string): Promise<Job> {
  const status = (await store.status()).jobs.find((job) => job.id === id);
  return await store.openJob(id, { schemaVersion: status?.schemaVersion ?? 1 });
}

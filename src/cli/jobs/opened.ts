/** The store, and the jobs of it, that a command is about. */
import { join } from "node:path";
import { z } from "zod";
import { RealDisk } from "../../disk/real/real.js";
import type { Job } from "../../jobs/job.js";
import { JOURNAL_FOLDER } from "../../jobs/journal/job-journal.js";
import { JobStore } from "../../jobs/job-store.js";
import { PersisterError } from "../../types/errors.js";
import { jobKeysAsFound } from "../store/key-files.js";
import { printable } from "../terminal/table.js";

/** The flags of every command. */
export const storeFlags = z.object({
  json: z.boolean().default(false),
  moved: z.boolean().default(false),
  key: z.array(z.string()).readonly().default([]),
});

export interface InStore {
  readonly root: string;
  /** The folder was copied or moved: see `JobStoreChoices.moved`. */
  readonly moved: boolean;
  /** The files of its keys. */
  readonly key: readonly string[];
}

export interface InJob extends InStore {
  readonly job: string;
}

/** @throws {PersisterError} NOT_A_STORE where there is no store yet: a path that is wrong is no empty store. */
export async function withStore(
  where: InStore,
  work: (store: JobStore) => Promise<void>,
): Promise<void> {
  const { root } = where;
  const isThere = (await new RealDisk().kind(join(root, JOURNAL_FOLDER))) !== undefined;
  await withStoreMade(where, async (store) => {
    // Jobs without their journal were refused at the open.
    if (!isThere) {
      const text = `${root} holds no store of jobs: check the path (a store is made with its first job)`;
      throw new PersisterError("NOT_A_STORE", text, { file: root });
    }
    await work(store);
  });
}

/** Also where there is no store yet. */
export async function withStoreMade(
  { root, moved, key }: InStore,
  work: (store: JobStore) => Promise<void>,
): Promise<void> {
  await using store = await JobStore.open(root, { moved, keys: await jobKeysAsFound(root, key) });
  await work(store);
}

export async function withJob(
  { job, ...where }: InJob,
  work: (job: Job) => Promise<void>,
): Promise<void> {
  await withStore(where, async (store) => {
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

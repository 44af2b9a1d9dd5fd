/** The status of a store of jobs and of each job, for operators. */
import type { FlushStatus } from "../../disk/surroundings.js";
import type { PersisterError } from "../../types/errors.js";
import type { Journal } from "../../records/journal.js";
import type { JobHomes } from "../level/home.js";
import type { OpenedStore } from "./opened-store.js";

/** The status of one job. */
export interface JobStatus {
  readonly id: string;
  /** `failed`: LevelDB refused a call; close the job and open it again. */
  readonly state: "open" | "failed" | "closed";
  readonly schemaVersion: number;
  /** Writes since it was opened. */
  readonly writes: number;
  /** Bytes of writes on their way into LevelDB. */
  readonly queuedBytes: number;
  /** Bytes of writes that the journal holds for it. */
  readonly journalBytes: number;
  /** Bytes of its LevelDB database. */
  readonly bytes: number;
  /** The ids of the keys that its values may need; "plain" where a value may be. */
  readonly keys: readonly string[];
}

/** The writes of an open job that were taken and are not in LevelDB yet. */
export interface JobQueue {
  readonly id: string;
  readonly writes: number;
  readonly bytes: number;
  /** LevelDB refused a call. */
  readonly isFailed: boolean;
}

/** The bytes on disk of one kind: in the journal, as `Journal.keys` tells of it, and in jobs. */
export type JobKeyUse = Journal["keys"][number] & {
  /** The jobs whose values may be of this kind. */
  readonly jobs: readonly string[];
};

export interface JobStoreStatus {
  readonly root: string;
  /** False for a store without a disk (D10). */
  readonly durable: boolean;
  readonly jobs: readonly JobStatus[];
  /** Plain writes to jobs that were not open, and so are gone. */
  readonly droppedWrites: number;
  /** Bytes of the journal's files. */
  readonly journalBytes: number;
  /** The keys whose bytes lie on disk, and "plain". */
  readonly keys: readonly JobKeyUse[];
  /** How small writes go now, and how long blocking calls held the event loop; none before a job was opened. */
  readonly flush: FlushStatus | undefined;
  /** Why nothing is acknowledged any more (D7). */
  readonly poison: PersisterError | undefined;
  /** Why the last checkpoint could not be taken: the journal grows until one can. */
  readonly checkpointFailure: PersisterError | undefined;
  /** The first error of `onError` itself: CALLBACK_FAILED. */
  readonly callbackFailure: PersisterError | undefined;
}

/** The status of one job. Looks at its folder. */
export async function statusOf(
  id: string,
  store: OpenedStore | undefined,
  homes: JobHomes,
): Promise<JobStatus> {
  const record = store?.journal.recordOf(id);
  const open = store?.jobs.get(id);
  return {
    id,
    state: open === undefined ? "closed" : open.writer.failure ? "failed" : "open",
    schemaVersion: record?.schema ?? 0,
    writes: open?.writer.taken ?? 0,
    queuedBytes: open?.writer.queuedBytes ?? 0,
    journalBytes: store?.journal.heldBytes(id) ?? 0,
    bytes: record ? await homes.of(id, record.life).bytes() : 0,
    keys: store?.contentsOf(id) ?? [],
  };
}

/** The queues of all jobs that are open. */
export function queuesOf(store: OpenedStore | undefined): readonly JobQueue[] {
  return [...(store?.jobs ?? [])].map(([id, { writer }]) => {
    const { queuedWrites, queuedBytes, failure } = writer;
    return { id, writes: queuedWrites, bytes: queuedBytes, isFailed: failure !== undefined };
  });
}

/** The keys whose bytes lie on disk, and "plain". */
export function keyUsesOf(store: OpenedStore): readonly JobKeyUse[] {
  const jobs = new Map<string, string[]>();
  for (const id of store.ids()) {
    for (const content of store.contentsOf(id)) {
      const known = jobs.get(content);
      if (known) known.push(id);
      else jobs.set(content, [id]);
    }
  }
  const inJournal = store.journal.sealing.keys;
  const none = { segments: 0, freeSlots: 0, bytes: 0 };
  const others = [...jobs.keys()]
    .filter((content) => !inJournal.some((use) => use.content === content))
    .map((content) => ({ content, state: store.stateOf(content), ...none }));
  return [...inJournal, ...others].map((use) => ({ ...use, jobs: jobs.get(use.content) ?? [] }));
}

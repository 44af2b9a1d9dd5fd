/** The status of a store of jobs and of each job, for operators. */
import type { FlushStatus } from "../../disk/surroundings.js";
import type { PersisterError } from "../../types/errors.js";
import type { JobJournal } from "../journal/job-journal.js";
import type { JobHomes } from "../level/home.js";
import type { OpenJob } from "./opening.js";

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
}

export interface JobStoreStatus {
  readonly root: string;
  /** False for a store without a disk (D10). */
  readonly durable: boolean;
  readonly jobs: readonly JobStatus[];
  /** Plain writes to jobs that were not open, and so are gone. */
  readonly droppedWrites: number;
  /** Bytes of the journal's files. */
  readonly journalBytes: number;
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
  journal: JobJournal | undefined,
  homes: JobHomes,
  open: OpenJob | undefined,
): Promise<JobStatus> {
  const record = journal?.recordOf(id);
  return {
    id,
    state: open === undefined ? "closed" : open.writer.failure ? "failed" : "open",
    schemaVersion: record?.schema ?? 0,
    writes: open?.writer.taken ?? 0,
    queuedBytes: open?.writer.queuedBytes ?? 0,
    journalBytes: journal?.heldBytes(id) ?? 0,
    bytes: record ? await homes.of(id, record.life).bytes() : 0,
  };
}

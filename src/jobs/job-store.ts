/**
 * `JobStore`: everything that a node must remember and that is not a block, in isolated key-value
 * stores, one per job. Values are in LevelDB, one database per job; a journal that all jobs share stands
 * in front of it, and is what makes a write durable.
 *
 * ```
 * root/.journal/      the journal (a store of its own, locked while open)
 * root/<id>/<life>/   the LevelDB database of a job
 * ```
 *
 * # The life of a job, and the crash at each step
 *
 * | step | a crash behind it leaves | the next `openJob` |
 * |---|---|---|
 * | `making` on record | no folder, or a part of one | makes it anew: no write was taken yet |
 * | folder made, `open` on record | an empty database | opens it as after a crash |
 * | writes | some of them in LevelDB, all that are acknowledged in the journal | does the held ones again |
 * | settled, `open` on record again | tables with all that was settled | does the rest again |
 * | closed, `closed` on record | a database that nobody has open | compares each file, opens it |
 * | `dropped` on record | its folder, or a part of it | removes what is left |
 */
import { join, resolve } from "node:path";
import pLimit, { type LimitFunction } from "p-limit";
import { allEnded } from "../async/all-ended.js";
import type { WaitOptions } from "../async/signal.js";
import { memorySurroundings, realSurroundings, type Surroundings } from "../disk/surroundings.js";
import { optionsArgument, signalArgument } from "../types/arguments.js";
import { PersisterError } from "../types/errors.js";
import { FolderHomes, type JobHomes } from "./level/home.js";
import { checkId, JobsById, notFound } from "./by-id.js";
import type { Job } from "./job.js";
import { JobJournal, JOURNAL_FOLDER } from "./job-journal.js";
import { MemoryHomes } from "./level/memory-homes.js";
import {
  checkJob,
  closeJobIn,
  type JobChoices,
  type OpenJob,
  openJobIn,
  settleJob,
} from "./opening.js";
import { checkJobStore, type JobStoreChoices, type JobStoreSettings } from "./options.js";
import { checkRoot, isDirectory, journalGone, makeRoot } from "./root.js";
import { HeldWrites, type JobVerification, readWhole } from "./verify.js";

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
  /** Why nothing is acknowledged any more (D7). */
  readonly poison: PersisterError | undefined;
  /** Why the last checkpoint could not be taken: the journal grows until one can. */
  readonly checkpointFailure: PersisterError | undefined;
}

interface StoreParts {
  readonly surroundings: Surroundings;
  readonly root: string;
  readonly homes: JobHomes;
  readonly settings: JobStoreSettings;
}

export class JobStore extends JobsById {
  readonly #parts: StoreParts;
  readonly #open = new Map<string, OpenJob>();
  /** One change of a job's state at a time; different jobs go side by side. */
  readonly #locks = new Map<string, LimitFunction>();
  #journal: Promise<JobJournal> | undefined;
  #opened: JobJournal | undefined;
  #checkpointing: Promise<void> | undefined;
  #checkpointFailure: PersisterError | undefined;
  #closing: Promise<void> | undefined;

  private constructor(parts: StoreParts) {
    super(parts.settings.onError);
    this.#parts = parts;
  }

  /**
   * Opens the store below `root`. Makes nothing: the folder and what is in it appear with the first job.
   *
   * @example
   * await using store = await JobStore.open("jobs");
   * const peers = await store.openJob("peers");
   * await peers.put("score", key("node-7"), payload(int(12)), { durable: true });
   *
   * @throws {PersisterError} NOT_A_STORE where `root` or a folder above it is a file; STORE_LOCKED;
   * JOB_CORRUPT where there are jobs and their journal is gone; what `Journal.open` throws; USAGE.
   */
  static async open(root: string, choices: JobStoreChoices = {}): Promise<JobStore> {
    const surroundings = realSurroundings();
    const path = resolve(checkRoot(root));
    return await JobStore.openOn(
      surroundings,
      path,
      new FolderHomes(surroundings.disk, path),
      choices,
    );
  }

  /** A store without a disk: the same behaviour, nothing survives the process (D10). */
  static async openMemory(choices: JobStoreChoices = {}): Promise<JobStore> {
    return await JobStore.openOn(memorySurroundings(), "memory", new MemoryHomes(), choices);
  }

  /** `open` in given surroundings. @internal */
  static async openOn(
    surroundings: Surroundings,
    root: string,
    homes: JobHomes,
    choices: JobStoreChoices,
  ): Promise<JobStore> {
    const store = new JobStore({ surroundings, root, homes, settings: checkJobStore(choices) });
    if (await isDirectory(surroundings.disk, root)) {
      const isMade = (await surroundings.disk.kind(join(root, JOURNAL_FOLDER))) !== undefined;
      if (isMade || (await homes.found()).length > 0) await store.#ensureJournal();
    }
    return store;
  }

  /**
   * Opens a job, and makes it where there is none. Safe to call twice, also at once: the same object.
   *
   * @throws {PersisterError} USAGE for an id that is none (`[A-Za-z0-9._-]{1,64}`, no leading dot);
   * FORMAT_TOO_NEW where the job has another schema version and no `migrate` brings it here; JOB_CORRUPT
   * where its files are damaged; STORE_EXISTS where something else has its folder; CLOSED; DISK_FULL, IO.
   */
  async openJob(id: string, choices: JobChoices = {}): Promise<Job> {
    const chosen = checkJob(choices);
    this.#checkUse(id);
    const openNow = (): Job | undefined => this.#open.get(id)?.job;
    // Not behind a checkpoint that settles it.
    const open = openNow();
    if (open) return open;
    return await this.#exclusive(id, async () => {
      const known = openNow();
      if (known) return known;
      const journal = await this.#ensureJournal();
      const { homes, settings } = this.#parts;
      const parts = {
        journal,
        homes,
        settings,
        onDurable: () => this.#checkpointIfDue(journal),
        onLost: (error: PersisterError) => settings.onError?.(error, id),
      };
      const opened = await openJobIn(parts, id, chosen);
      this.#open.set(id, opened);
      return opened.job;
    });
  }

  /**
   * Writes what is queued, and lets go of the job; one that is not open is left as it is.
   *
   * @throws {PersisterError} why a plain write was lost, or the job could not be closed: its writes are
   * in the journal.
   */
  async closeJob(id: string): Promise<void> {
    checkId(id);
    await this.#exclusive(id, async () => await this.#closeIn(id));
  }

  /** Removes a job and all of its values, open or not; durable when resolved. */
  async dropJob(id: string): Promise<void> {
    this.#checkUse(id);
    await this.#exclusive(id, async () => {
      const journal = this.#opened;
      const record = journal?.recordOf(id);
      if (!journal || !record) return;
      const open = this.#open.get(id);
      if (open) {
        open.job.end();
        this.#open.delete(id);
        await Promise.allSettled([open.writer.applied()]);
        await open.values.close();
      }
      const { life, schema } = record;
      await journal.put({ version: 1, id, life, schema, kind: "dropped" });
      await this.#removeDropped(journal, id);
    });
  }

  /** The ids of all jobs, open or not, sorted. */
  jobs(): readonly string[] {
    const records = this.#opened?.records ?? [];
    return records
      .filter(({ kind }) => kind !== "dropped")
      .map(({ id }) => id)
      .sort();
  }

  /** The status of the store and of every job, for operators. Looks at the folders of the jobs. */
  async status(): Promise<JobStoreStatus> {
    const { root, surroundings } = this.#parts;
    const jobs: JobStatus[] = [];
    for (const id of this.jobs()) jobs.push(await this.#statusOf(id));
    return {
      root,
      durable: surroundings.durable,
      jobs,
      droppedWrites: this.droppedWrites,
      journalBytes: this.#opened?.bytes ?? 0,
      poison: this.#opened?.poison,
      checkpointFailure: this.#checkpointFailure,
    };
  }

  /**
   * Opens a job that is not open, compares it with the journal, reads every value, and closes it again.
   *
   * @throws {PersisterError} JOB_CORRUPT naming the first key that is wrong; JOB_NOT_FOUND; USAGE where
   * the job is open; ABORTED; as `openJob`.
   */
  async verify(id: string, options: WaitOptions = {}): Promise<JobVerification> {
    this.#checkUse(id);
    const signal = signalArgument(optionsArgument("options", options, ["signal"]).signal);
    const record = this.#opened?.recordOf(id);
    if (!this.#opened || !record || record.kind === "dropped") throw notFound(id);
    if (this.hasJob(id)) throw new PersisterError("USAGE", `job ${id} is open: close it first`);
    const held = new HeldWrites();
    for await (const operations of this.#opened.unsettled(id)) held.add(operations);
    const job = await this.openJob(id, { schemaVersion: record.schema });
    try {
      await held.compareWith(job);
      return { id, ...(await readWhole(job, signal)), journalWrites: held.count };
    } finally {
      await this.closeJob(id);
    }
  }

  /** Closes every job, then the journal. Idempotent. Throws as `closeJob`. */
  async close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  protected override openJobOf(id: string): Job | undefined {
    return this.#open.get(id)?.job;
  }

  async #closeIn(id: string): Promise<void> {
    const open = this.#open.get(id);
    if (!open || !this.#opened) return;
    this.#open.delete(id);
    await closeJobIn(this.#opened, open);
  }

  async #removeDropped(journal: JobJournal, id: string): Promise<void> {
    const life = journal.recordOf(id)?.life ?? 0n;
    await this.#parts.homes.of(id, life).remove();
    journal.forget(id);
  }

  /** The journal; made with the root where there is none yet. */
  async #ensureJournal(): Promise<JobJournal> {
    this.#journal ??= this.#openJournal();
    try {
      return await this.#journal;
    } catch (cause) {
      this.#journal = undefined;
      throw cause;
    }
  }

  async #openJournal(): Promise<JobJournal> {
    const { surroundings, root, homes } = this.#parts;
    await makeRoot(surroundings.disk, root);
    const found = await homes.found();
    const mayMake = found.length === 0;
    const { segmentBytes, moved } = this.#parts.settings;
    const options = { segmentBytes, moved, mayMake };
    const journal = await JobJournal.open(surroundings, root, options).catch((cause: unknown) => {
      const isGone = cause instanceof PersisterError && cause.code === "NOT_A_STORE";
      throw isGone ? journalGone(root, found, cause) : cause;
    });
    try {
      for (const { id, kind } of journal.records) {
        if (kind === "dropped") await this.#removeDropped(journal, id);
      }
    } catch (cause) {
      await Promise.allSettled([journal.close()]);
      throw cause;
    }
    this.#opened = journal;
    return journal;
  }

  #checkpointIfDue(journal: JobJournal): void {
    const { checkpointBytes, onError } = this.#parts.settings;
    if (this.#checkpointing || journal.bytesSinceCheckpoint < checkpointBytes) return;
    this.#checkpointing = this.#checkpoint(journal)
      .then(
        () => {
          this.#checkpointFailure = undefined;
        },
        (cause: unknown) => {
          this.#checkpointFailure = asError(cause);
          onError?.(this.#checkpointFailure, "");
        },
      )
      .finally(() => {
        this.#checkpointing = undefined;
      });
  }

  /**
   * Settles every job, or writes the records again of those that cannot settle, and then lets go of what
   * lies below. One job that is slow or full or damaged holds up no write of another.
   */
  async #checkpoint(journal: JobJournal): Promise<void> {
    const end = journal.nextLsn;
    const ids = journal.records.map(({ id }) => id);
    await allEnded(
      ids.map(async (id) => {
        await this.#exclusive(id, async () => {
          const open = this.#open.get(id);
          const isSettled = open !== undefined && (await settlesNow(journal, open));
          // A job that is at work takes no copies: a copy must lie behind all of its writes.
          if (!isSettled && journal.recordOf(id)) await journal.carry(id, end);
        });
      }),
    );
    await journal.checkpoint();
  }

  async #statusOf(id: string): Promise<JobStatus> {
    const open = this.#open.get(id);
    const record = this.#opened?.recordOf(id);
    const life = record?.life ?? 0n;
    const failed = open?.writer.failure !== undefined;
    return {
      id,
      state: open === undefined ? "closed" : failed ? "failed" : "open",
      schemaVersion: record?.schema ?? 0,
      writes: open?.writer.taken ?? 0,
      queuedBytes: open?.writer.queuedBytes ?? 0,
      journalBytes: this.#opened?.unsettledBytes(id) ?? 0,
      bytes: await this.#parts.homes.of(id, life).bytes(),
    };
  }

  async #closeAll(): Promise<void> {
    const ended = await Promise.allSettled(
      [...this.#open.keys()].map((id) => this.#exclusive(id, () => this.#closeIn(id))),
    );
    await this.#checkpointing;
    const journal = this.#opened;
    if (journal) {
      ended.push(...(await Promise.allSettled([journal.checkpoint()])));
      ended.push(...(await Promise.allSettled([journal.close()])));
    }
    for (const end of ended) if (end.status === "rejected") throw end.reason;
  }

  async #exclusive<T>(id: string, task: () => Promise<T>): Promise<T> {
    let lock = this.#locks.get(id);
    if (!lock) {
      lock = pLimit(1);
      this.#locks.set(id, lock);
    }
    return await lock(task);
  }

  #checkUse(id: string): void {
    checkId(id);
    if (this.#closing) throw new PersisterError("CLOSED", "the store of jobs was closed");
  }
}

function asError(cause: unknown): PersisterError {
  if (cause instanceof PersisterError) return cause;
  return new PersisterError("IO", "a checkpoint of the jobs' journal failed", { cause });
}

/** Settles an open job; false where LevelDB fails it, which the job's own callers are told. */
async function settlesNow(journal: JobJournal, open: OpenJob): Promise<boolean> {
  try {
    // Every write that is durable by now: none of them is held any longer.
    await open.writer.applied();
    await settleJob(journal, open);
    return true;
  } catch (cause) {
    if (cause !== open.writer.failure) throw cause;
    return false;
  }
}

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
import { allEnded, inTurn } from "../async/all-ended.js";
import type { WaitOptions } from "../async/signal.js";
import { memorySurroundings, realSurroundings, type Surroundings } from "../disk/surroundings.js";
import { optionsArgument, signalArgument } from "../types/arguments.js";
import { PersisterError } from "../types/errors.js";
import { checkId, JobsById, notFound } from "./by-id.js";
import type { Job } from "./job.js";
import { type JobJournal, JOURNAL_FOLDER } from "./journal/job-journal.js";
import { FolderHomes, type JobHomes } from "./level/home.js";
import { MemoryHomes } from "./level/memory-homes.js";
import { checkJobStore, type JobStoreChoices, type JobStoreSettings } from "./options.js";
import { Checkpoints } from "./store/checkpoints.js";
import { JobLocks } from "./store/job-locks.js";
import {
  checkJob,
  closeJobIn,
  type JobChoices,
  type JobSettings,
  type OpenJob,
  openJobIn,
} from "./store/opening.js";
import { checkRoot, isDirectory, openJournalAt, type RootParts } from "./store/root.js";
import { type JobStoreStatus, statusOf } from "./store/status.js";
import { type JobVerification, verifyJob } from "./store/verify.js";

/** The journal of a store that has one, and its checkpoints. */
interface Opened {
  readonly journal: JobJournal;
  readonly checkpoints: Checkpoints;
}

interface StoreParts extends RootParts {
  readonly settings: JobStoreSettings;
}

export class JobStore extends JobsById {
  readonly #parts: StoreParts;
  readonly #open = new Map<string, OpenJob>();
  readonly #locks = new JobLocks();
  #opening: Promise<Opened> | undefined;
  #opened: Opened | undefined;
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
    const homes = new FolderHomes(surroundings.disk, path);
    return await JobStore.openOn(surroundings, path, homes, choices);
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
      if (isMade || (await homes.found()).length > 0) await store.#ensureOpened();
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
    this.checkUse(id);
    // Not behind a checkpoint that settles it.
    const open = this.#open.get(id);
    if (open) return open.job;
    return await this.#locks.exclusive(id, async () => {
      const known = this.#open.get(id);
      if (known) return known.job;
      this.checkUse(id);
      const opened = await this.#openedJob(await this.#ensureOpened(), id, chosen);
      this.#open.set(id, opened);
      opened.writer.settledByCheckpoints(true);
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
    await this.#locks.exclusive(id, async () => await this.#closeIn(id));
  }

  /** Removes a job and all of its values, open or not; durable when resolved. */
  async dropJob(id: string): Promise<void> {
    this.checkUse(id);
    await this.#locks.exclusive(id, async () => {
      const journal = this.#opened?.journal;
      const state = journal?.recordOf(id);
      if (!journal || !state) return;
      const open = this.#open.get(id);
      if (open) {
        open.job.end();
        open.writer.settledByCheckpoints(false);
        this.#open.delete(id);
        await Promise.allSettled([open.writer.applied()]);
        await open.values.close();
      }
      const { life, schema } = state;
      await journal.put({ id, life, schema, kind: "dropped" });
      await this.#removeDropped(journal, id);
    });
  }

  /** The ids of all jobs, open or not, sorted. */
  jobs(): readonly string[] {
    const records = this.#opened?.journal.records ?? [];
    const held = records.filter(({ kind }) => kind !== "dropped");
    return held.map(({ id }) => id).sort();
  }

  /** For a service: the failed flush after which nothing is written any more. @internal */
  get poison(): PersisterError | undefined {
    return this.#opened?.journal.poison;
  }

  /** The status of the store and of every job, for operators. Looks at the folders of the jobs. */
  async status(): Promise<JobStoreStatus> {
    const { root, surroundings, homes } = this.#parts;
    const { journal, checkpoints } = this.#opened ?? {};
    const statuses = this.jobs().map((id) => statusOf(id, journal, homes, this.#open.get(id)));
    return {
      root,
      durable: surroundings.durable,
      jobs: await Promise.all(statuses),
      droppedWrites: this.droppedWrites,
      journalBytes: journal?.bytes ?? 0,
      flush: journal?.flush,
      poison: journal?.poison,
      checkpointFailure: checkpoints?.failure,
      callbackFailure: this.callbackFailure,
    };
  }

  /**
   * Opens a job that is not open, compares it with the journal, reads every value, and closes it again.
   *
   * @throws {PersisterError} JOB_CORRUPT naming the first key that is wrong; JOB_NOT_FOUND; USAGE where
   * the job is open; ABORTED; as `openJob`.
   */
  async verify(id: string, options: WaitOptions = {}): Promise<JobVerification> {
    this.checkUse(id);
    const signal = signalArgument(optionsArgument("options", options, ["signal"]).signal);
    return await this.#locks.exclusive(id, async () => {
      this.checkUse(id);
      const state = this.#opened?.journal.recordOf(id);
      if (!this.#opened || !state || state.kind === "dropped") throw notFound(id);
      if (this.hasJob(id)) throw new PersisterError("USAGE", `job ${id} is open: close it first`);
      const opened = this.#opened;
      const open = () => this.#openedJob(opened, id, { schemaVersion: state.schema });
      return await verifyJob(opened.journal, id, open, signal);
    });
  }

  /** Closes every job, then the journal. Idempotent. Throws as `closeJob`. */
  async close(): Promise<void> {
    await (this.#closing ??= this.#closeAll());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  protected override openJobOf(id: string): Job | undefined {
    return this.#open.get(id)?.job;
  }

  protected override checkUse(id: string): void {
    checkId(id);
    if (this.#closing) throw new PersisterError("CLOSED", "the store of jobs was closed");
  }

  async #openedJob({ journal, checkpoints }: Opened, id: string, chosen: JobSettings) {
    const { homes, settings } = this.#parts;
    const parts = {
      journal,
      homes,
      settings,
      onDurable: () => checkpoints.lookAtBytes(),
      onLost: (error: PersisterError) => this.tell(error, id),
    };
    return await openJobIn(parts, id, chosen);
  }

  async #closeIn(id: string): Promise<void> {
    const open = this.#open.get(id);
    if (!open || !this.#opened) return;
    this.#open.delete(id);
    open.writer.settledByCheckpoints(false);
    await closeJobIn(this.#opened.journal, open);
  }

  async #removeDropped(journal: JobJournal, id: string): Promise<void> {
    await this.#parts.homes.of(id, journal.recordOf(id)?.life ?? 0n).remove();
    await journal.forget(id);
  }

  /** The journal; made with the root where there is none yet. */
  async #ensureOpened(): Promise<Opened> {
    this.#opening ??= this.#openJournal().catch((cause: unknown) => {
      this.#opening = undefined;
      throw cause;
    });
    return await this.#opening;
  }

  async #openJournal(): Promise<Opened> {
    const journal = await openJournalAt(this.#parts, this.#parts.settings);
    try {
      for (const { id, kind } of journal.records) {
        if (kind === "dropped") await this.#removeDropped(journal, id);
      }
    } catch (cause) {
      await Promise.allSettled([journal.close()]);
      throw cause;
    }
    const checkpoints = new Checkpoints({
      journal,
      locks: this.#locks,
      checkpointBytes: this.#parts.settings.checkpointBytes,
      openJobOf: (id) => this.#open.get(id),
      onFailure: (error) => this.tell(error, ""),
    });
    this.#opened = { journal, checkpoints };
    return this.#opened;
  }

  async #closeAll(): Promise<void> {
    // A journal that is being opened is closed too; why it could not be opened, its caller hears.
    await Promise.allSettled([this.#opening]);
    const ids = new Set([...this.#open.keys(), ...this.#locks.busy]);
    const close = (id: string) => this.#locks.exclusive(id, () => this.#closeIn(id));
    await inTurn([
      async () => await allEnded([...ids].map(close)),
      async () => await this.#opened?.checkpoints.ended(),
      async () => await this.#opened?.journal.checkpoint(),
      async () => await this.#opened?.journal.close(),
    ]);
  }
}

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
import { OPENING, type OpeningChoices } from "../async/opening.js";
import { throwIfAborted, type WaitOptions } from "../async/signal.js";
import { memorySurroundings, realSurroundings, type Surroundings } from "../disk/surroundings.js";
import { optionsArgument, signalArgument } from "../types/arguments.js";
import { PersisterError } from "../types/errors.js";
import { ringOf } from "../keys/ring.js";
import { type KeySource, keySourceArgument } from "../keys/source.js";
import { checkId, JobsById, notFound } from "./by-id.js";
import type { Job } from "./job.js";
import { JOURNAL_FOLDER } from "./journal/job-journal.js";
import { FolderHomes, type JobHomes } from "./level/home.js";
import { MemoryHomes } from "./level/memory-homes.js";
import { checkJobStore, type JobStoreChoices, type JobStoreSettings } from "./options.js";
import { JobLocks } from "./store/job-locks.js";
import { OpenedStore } from "./store/opened-store.js";
import { checkJob, type JobChoices } from "./store/opening.js";
import { checkRoot, isDirectory, type RootParts } from "./store/root.js";
import {
  type JobKeyUse,
  type JobQueue,
  type JobStoreStatus,
  keyUsesOf,
  queuesOf,
  statusOf,
} from "./store/status.js";
import { type JobVerification, verifyJob } from "./store/verify.js";

interface StoreParts extends RootParts {
  readonly settings: JobStoreSettings;
}

export class JobStore extends JobsById {
  readonly #parts: StoreParts;
  readonly #locks = new JobLocks();
  #opening: Promise<OpenedStore> | undefined;
  #opened: OpenedStore | undefined;
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
    const { signal, onProgress, ...settings } = checkJobStore(choices);
    throwIfAborted(signal, OPENING);
    const store = new JobStore({ surroundings, root, homes, settings });
    if (await isDirectory(surroundings.disk, root)) {
      const isMade = (await surroundings.disk.kind(join(root, JOURNAL_FOLDER))) !== undefined;
      if (isMade || (await homes.found()).length > 0) {
        await store.#ensureOpened({ signal, onProgress });
        return store;
      }
    }
    // A key that cannot be used is told now, and not with the first job.
    if (settings.keys) (await ringOf(settings.keys, signal)).close();
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
    const open = this.openJobOf(id);
    if (open) return open;
    return await this.#locks.exclusive(id, async () => {
      const known = this.openJobOf(id);
      if (known) return known;
      this.checkUse(id);
      return (await (await this.#ensureOpened()).openFor(id, chosen)).job;
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
    await this.#locks.exclusive(id, async () => await this.#opened?.closeJob(id));
  }

  /** Removes a job and all of its values, open or not; durable when resolved. */
  async dropJob(id: string): Promise<void> {
    this.checkUse(id);
    await this.#locks.exclusive(id, async () => await this.#opened?.dropJob(id));
  }

  /** The ids of all jobs, open or not, sorted. */
  jobs(): readonly string[] {
    return this.#opened?.ids() ?? [];
  }

  /** For a service: the failed flush after which nothing is written any more. @internal */
  get poison(): PersisterError | undefined {
    return this.#opened?.journal.poison;
  }

  /** For a service: the queues of the jobs that are open. Asks no folder. @internal */
  get queues(): readonly JobQueue[] {
    return queuesOf(this.#opened);
  }

  /** The status of the store and of every job, for operators. Looks at the folders of the jobs. */
  async status(): Promise<JobStoreStatus> {
    const { root, surroundings, homes } = this.#parts;
    const { journal, checkpoints } = this.#opened ?? {};
    const statuses = this.jobs().map((id) => statusOf(id, this.#opened, homes));
    return {
      root,
      durable: surroundings.durable,
      jobs: await Promise.all(statuses),
      droppedWrites: this.droppedWrites,
      journalBytes: journal?.bytes ?? 0,
      keys: this.#opened ? keyUsesOf(this.#opened) : [],
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
      return await verifyJob(opened.journal, id, () => opened.openAsFound(id), signal);
    });
  }

  /**
   * Seals everything that is written from now on with another key; durable when resolved. Values and records
   * that lie on disk under older keys are moved in the background: see `waitForRotation`.
   *
   * @throws {PersisterError} KEY_REFUSED, CALLBACK_FAILED for the key; USAGE where the store was opened without a
   * key that writes; DISK_FULL: the key before goes on; POISONED, CLOSED.
   */
  async rotateKey(key: KeySource): Promise<void> {
    const source = keySourceArgument(key);
    if (this.#closing) throw closed();
    await (await this.#ensureOpened()).rotateKey(source);
  }

  /**
   * Waits until no value of any job, open or not, and no record of the journal is plain, or needs another key
   * than the one that writes: older keys can be destroyed.
   *
   * @throws {PersisterError} KEY_MISSING, KEY_WRONG, JOB_CORRUPT, JOB_FAILED of a job that could not be moved;
   * ABORTED, POISONED, CLOSED.
   */
  async waitForRotation(options: WaitOptions = {}): Promise<void> {
    const signal = signalArgument(optionsArgument("options", options, ["signal"]).signal);
    if (this.#closing) throw closed();
    await this.#opened?.rotated({ signal });
  }

  /** The keys whose bytes lie on disk, and "plain": a key is not needed once it is not among them. */
  get keys(): readonly JobKeyUse[] {
    return this.#opened ? keyUsesOf(this.#opened) : [];
  }

  /** Whether `close` was called: true from the call on. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Closes every job, then the journal. Idempotent. Throws as `closeJob`. */
  async close(): Promise<void> {
    await (this.#closing ??= this.#closeAll());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  protected override openJobOf(id: string): Job | undefined {
    return this.#opened?.jobs.get(id)?.job;
  }

  protected override checkUse(id: string): void {
    checkId(id);
    if (this.#closing) throw closed();
  }

  /** The journal, and all behind it; made with the root where there is none yet. */
  async #ensureOpened(opening: OpeningChoices = {}): Promise<OpenedStore> {
    const tell = (error: PersisterError, id: string): void => this.tell(error, id);
    const parts = { ...this.#parts, locks: this.#locks, tell };
    this.#opening ??= OpenedStore.open(parts, opening).then(
      (opened) => (this.#opened = opened),
      (cause: unknown) => {
        this.#opening = undefined;
        throw cause;
      },
    );
    return await this.#opening;
  }

  async #closeAll(): Promise<void> {
    // A journal that is being opened is closed too; why it could not be opened, its caller hears.
    await Promise.allSettled([this.#opening]);
    await this.#opened?.endRotation(closed());
    const ids = new Set([...(this.#opened?.jobs.keys() ?? []), ...this.#locks.busy]);
    const close = (id: string): Promise<void> =>
      this.#locks.exclusive(id, async () => await this.#opened?.closeJob(id));
    await inTurn([
      async () => await allEnded([...ids].map(close)),
      async () => await this.#opened?.close(),
    ]);
  }
}

function closed(): PersisterError {
  return new PersisterError("CLOSED", "the store of jobs was closed");
}

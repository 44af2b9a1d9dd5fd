/**
 * The surface of a job, by its id. A read of a job that is not open is JOB_NOT_FOUND, a durable write
 * too. A plain write to one is counted, told to `onError` once for each id, and dropped.
 */
import { optionsArgument } from "../types/arguments.js";
import { PersisterError } from "../types/errors.js";
import { isJobId } from "./level/home.js";
import type { Job, WriteOptions } from "./job.js";
import type { JobStoreChoices } from "./options.js";
import type { Scan } from "./scan.js";

export abstract class JobsById {
  readonly #onError: JobStoreChoices["onError"];
  readonly #warned = new Set<string>();
  #droppedWrites = 0;
  #callbackFailure: PersisterError | undefined;

  protected constructor(onError: JobStoreChoices["onError"]) {
    this.#onError = onError;
  }

  protected abstract openJobOf(id: string): Job | undefined;

  /** @throws {PersisterError} CLOSED; USAGE for what is no id. */
  protected abstract checkUse(id: string): void;

  /** Plain writes to jobs that were not open, and so are gone. */
  protected get droppedWrites(): number {
    return this.#droppedWrites;
  }

  /** The first error that `onError` itself has thrown. */
  protected get callbackFailure(): PersisterError | undefined {
    return this.#callbackFailure;
  }

  /** Tells `onError` of an error of job `id`; of the store where `id` is empty. */
  protected tell(error: PersisterError, id: string): void {
    try {
      this.#onError?.(error, id);
    } catch (cause) {
      this.#callbackFailure ??= new PersisterError(
        "CALLBACK_FAILED",
        `onError threw when it was told of this: ${error.message}`,
        { cause },
      );
    }
  }

  /** The open job of this id. @throws {PersisterError} JOB_NOT_FOUND */
  job(id: string): Job {
    checkId(id);
    const job = this.openJobOf(id);
    if (job) return job;
    throw notFound(id);
  }

  /** Whether a job of this id is open. */
  hasJob(id: string): boolean {
    return this.openJobOf(id) !== undefined;
  }

  /** As `Job.put`. */
  async put(id: string, ...args: Parameters<Job["put"]>): Promise<void> {
    await this.#write(id, args[3], (job) => job.put(...args));
  }

  /** As `Job.delete`. */
  async delete(id: string, ...args: Parameters<Job["delete"]>): Promise<void> {
    await this.#write(id, args[2], (job) => job.delete(...args));
  }

  /** As `Job.deletePrefix`. */
  async deletePrefix(id: string, ...args: Parameters<Job["deletePrefix"]>): Promise<void> {
    await this.#write(id, args[2], (job) => job.deletePrefix(...args));
  }

  /** As `Job.batch`. */
  async batch(id: string, ...args: Parameters<Job["batch"]>): Promise<void> {
    await this.#write(id, args[1], (job) => job.batch(...args));
  }

  /** As `Job.persist`. */
  async persist(id: string, ...args: Parameters<Job["persist"]>): Promise<void> {
    await this.#write(id, args[1], (job) => job.persist(...args));
  }

  /** As `Job.persistPut`. */
  async persistPut(id: string, ...args: Parameters<Job["persistPut"]>): Promise<void> {
    await this.#write(id, args[3], (job) => job.persistPut(...args));
  }

  /** As `Job.persistDelete`. */
  async persistDelete(id: string, ...args: Parameters<Job["persistDelete"]>): Promise<void> {
    await this.#write(id, args[2], (job) => job.persistDelete(...args));
  }

  /** As `Job.persistDeletePrefix`. */
  async persistDeletePrefix(
    id: string,
    ...args: Parameters<Job["persistDeletePrefix"]>
  ): Promise<void> {
    await this.#write(id, args[2], (job) => job.persistDeletePrefix(...args));
  }

  /** As `Job.persistEncoded`. */
  async persistEncoded(id: string, ...args: Parameters<Job["persistEncoded"]>): Promise<void> {
    await this.#write(id, args[3], (job) => job.persistEncoded(...args));
  }

  /** As `Job.deleteAcked`. */
  async deleteAcked(id: string, ...args: Parameters<Job["deleteAcked"]>): Promise<boolean> {
    return await this.job(id).deleteAcked(...args);
  }

  /** As `Job.get`. */
  async get(id: string, ...args: Parameters<Job["get"]>): Promise<Uint8Array | undefined> {
    return await this.job(id).get(...args);
  }

  /** As `Job.exists`. */
  async exists(id: string, ...args: Parameters<Job["exists"]>): Promise<boolean> {
    return await this.job(id).exists(...args);
  }

  /** As `Job.count`. */
  async count(id: string, ...args: Parameters<Job["count"]>): Promise<number> {
    return await this.job(id).count(...args);
  }

  /** As `Job.scan`. */
  scan(id: string, ...args: Parameters<Job["scan"]>): Scan {
    return this.job(id).scan(...args);
  }

  /** As `Job.scanPrefix`. */
  scanPrefix(id: string, ...args: Parameters<Job["scanPrefix"]>): Scan {
    return this.job(id).scanPrefix(...args);
  }

  /** As `Job.flush`. */
  async flush(id: string): Promise<void> {
    await this.job(id).flush();
  }

  async #write(
    id: string,
    options: WriteOptions | undefined,
    write: (job: Job) => Promise<void>,
  ): Promise<void> {
    const job = this.openJobOf(id);
    if (job) return await write(job);
    this.checkUse(id);
    const { durable } = optionsArgument("options", options, ["durable", "signal"]);
    if (durable === true) throw notFound(id);
    this.#droppedWrites += 1;
    if (this.#warned.has(id)) return;
    this.#warned.add(id);
    this.tell(notFound(id), id);
  }
}

/** @throws {PersisterError} USAGE for what is no id of a job. */
export function checkId(id: unknown): void {
  if (isJobId(id)) return;
  throw new PersisterError(
    "USAGE",
    "the id of a job has 1 to 64 of A-Z a-z 0-9 . _ - and does not begin with a dot",
  );
}

/** The refusal of a call on a job that is not there. */
export function notFound(id: string): PersisterError {
  return new PersisterError(
    "JOB_NOT_FOUND",
    `job ${id} is not open: open it first, or correct its id`,
  );
}

/**
 * One open job: a key-value store of its own, in categories. Reads see every write that was called
 * before them; a scan is a snapshot.
 *
 * Two grades of writes. A plain one resolves when it is in the queue: it is never dropped, and a failure
 * behind that is told to `onError` and by `flush()`. A durable one resolves when it is on disk (D1).
 */
import type { WaitOptions } from "../async/signal.js";
import {
  booleanArgument,
  optionsArgument,
  signalArgument,
  wrongArgument,
} from "../types/arguments.js";
import { PersisterError } from "../types/errors.js";
import {
  checkCategory,
  checkOperation,
  type JobOperation,
  type Operation,
} from "./journal/write.js";
import { checkRange, type KeyRange, keyBytes, payload, prefixRange } from "./keys/key.js";
import type { Key, Part } from "./keys/parts.js";
import type { JobValues, Row } from "./level/values.js";
import type { JobStoreSettings } from "./options.js";
import { checkScanOptions, JobScan, type Scan, type ScanOptions } from "./scan.js";
import type { JobWriter } from "./writes/job-writer.js";

/** How a write is called. */
export interface WriteOptions {
  /** Resolve when the write is on disk, not when it is in the queue. @defaultValue false */
  readonly durable?: boolean | undefined;
  /** Ends the wait for room in the queue with ABORTED; then nothing was written. */
  readonly signal?: AbortSignal | undefined;
}

/** The parts of an open job. @internal */
export interface JobParts {
  readonly id: string;
  readonly values: JobValues;
  readonly writer: JobWriter;
  readonly settings: JobStoreSettings;
}

export class Job {
  /** The name that the job was opened by. */
  readonly id: string;
  readonly #parts: JobParts;
  #isClosed = false;

  /** Made by `JobStore.openJob` alone. @internal */
  constructor(parts: JobParts) {
    this.id = parts.id;
    this.#parts = parts;
  }

  /** Whether the job takes calls: it was not closed, dropped, or refused by its disk. */
  get running(): boolean {
    return !this.#isClosed && this.#parts.writer.failure === undefined;
  }

  /**
   * Stores `value` at `key`, in place of the one that is there. Copies both.
   *
   * @throws {PersisterError} USAGE for a wrong type or a size above its limit; ABORTED; CLOSED;
   * JOB_FAILED; with `durable` also DISK_FULL, POISONED.
   */
  async put(
    category: string,
    key: Key | Uint8Array,
    value: Uint8Array,
    options?: WriteOptions,
  ): Promise<void> {
    await this.batch([{ kind: "put", category, key, value }], options);
  }

  /** Removes the value at `key`, where there is one. Throws as `put`. */
  async delete(category: string, key: Key | Uint8Array, options?: WriteOptions): Promise<void> {
    await this.batch([{ kind: "delete", category, key }], options);
  }

  /**
   * Removes every value whose key begins with `prefix`; the empty prefix empties the category. Takes
   * memory with the number of these keys. Throws as `put`.
   */
  async deletePrefix(
    category: string,
    prefix: Key | Uint8Array,
    options?: WriteOptions,
  ): Promise<void> {
    await this.batch([{ kind: "deletePrefix", category, prefix }], options);
  }

  /**
   * Applies operations in their order; after a crash all of them are there, or none. An empty list is
   * nothing. Copies. Throws as `put`, and USAGE where they exceed 2 MiB together.
   */
  async batch(operations: readonly JobOperation[], options: WriteOptions = {}): Promise<void> {
    this.#checkOpen();
    if (!Array.isArray(operations)) throw wrongArgument("a batch", "a list", operations);
    const { writer, settings } = this.#parts;
    const checked = operations.map((each: JobOperation) => checkOperation(each, settings));
    const { durable, signal } = checkWriteOptions(options);
    if (checked.length === 0) return;
    await writer.write(checked, durable ? "durable" : "queued", signal);
  }

  /**
   * Removes the value at `key` and tells whether there was one; durable when resolved. Calls that come
   * later do not come between. Throws as `put`.
   */
  async deleteAcked(
    category: string,
    key: Key | Uint8Array,
    options: WaitOptions = {},
  ): Promise<boolean> {
    this.#checkOpen();
    const signal = signalOf(options);
    const { writer, settings } = this.#parts;
    const operation: Operation = checkOperation({ kind: "delete", category, key }, settings);
    return await writer.writeSeen(operation, signal);
  }

  /** One operation, or several as a batch: the name that the persistency library has for it. */
  async persist(
    operations: JobOperation | readonly JobOperation[],
    options?: WriteOptions,
  ): Promise<void> {
    await this.batch(isList(operations) ? operations : [operations], options);
  }

  /** `put` under the name that the persistency library has for it. */
  async persistPut(
    category: string,
    key: Key | Uint8Array,
    value: Uint8Array,
    options?: WriteOptions,
  ): Promise<void> {
    await this.put(category, key, value, options);
  }

  /** `delete` under the name that the persistency library has for it. */
  async persistDelete(
    category: string,
    key: Key | Uint8Array,
    options?: WriteOptions,
  ): Promise<void> {
    await this.delete(category, key, options);
  }

  /** `deletePrefix` under the name that the persistency library has for it. */
  async persistDeletePrefix(
    category: string,
    prefix: Key | Uint8Array,
    options?: WriteOptions,
  ): Promise<void> {
    await this.deletePrefix(category, prefix, options);
  }

  /** Stores the payload of `value` (`payload(value)`). Throws as `put`. */
  async persistEncoded(
    category: string,
    key: Key | Uint8Array,
    value: Part,
    options?: WriteOptions,
  ): Promise<void> {
    await this.put(category, key, payload(value), options);
  }

  /**
   * The value at `key`; `undefined` where there is none. The bytes are the caller's.
   *
   * @throws {PersisterError} USAGE; CLOSED; JOB_FAILED; JOB_CORRUPT where the value is not the one that
   * was written; IO.
   */
  async get(category: string, key: Key | Uint8Array): Promise<Uint8Array | undefined> {
    const bytes = keyBytes(key);
    return await (await this.#readable(category)).get(category, bytes);
  }

  /** Whether there is a value at `key`. Throws as `get`. */
  async exists(category: string, key: Key | Uint8Array): Promise<boolean> {
    return (await this.get(category, key)) !== undefined;
  }

  /** How many rows a range has; all of the category where it is left out. Walks them. Throws as `get`. */
  async count(category: string, range: KeyRange = {}, options: WaitOptions = {}): Promise<number> {
    const signal = signalOf(options);
    return await (await this.#readable(category)).count(category, checkRange(range), signal);
  }

  /**
   * The rows of a range; all of the category where it is left out.
   *
   * @example
   * for await (const { key, value } of job.scan("votes", { start: key(uint64(7)) })) ...
   *
   * @throws {PersisterError} as `get`; ABORTED.
   */
  scan(category: string, range: KeyRange = {}, options: ScanOptions = {}): Scan {
    checkCategory(category);
    const held = checkRange(range);
    return new JobScan((chosen) => this.#pages(category, held, chosen), checkScanOptions(options));
  }

  /** The rows whose keys begin with `prefix`; the empty prefix is the whole category. Throws as `scan`. */
  scanPrefix(category: string, prefix: Key | Uint8Array, options: ScanOptions = {}): Scan {
    return this.scan(category, prefixRange(prefix), options);
  }

  /** The categories that have a row. Throws as `get`. */
  async categories(): Promise<readonly string[]> {
    return await (await this.#readable("")).categories();
  }

  /**
   * Resolves when every write that was called before is durable.
   *
   * @throws {PersisterError} why a plain write before it was lost, each once; CLOSED; JOB_FAILED.
   */
  async flush(): Promise<void> {
    this.#checkOpen();
    await this.#parts.writer.flushed();
  }

  /** Takes no more calls. @internal */
  end(): void {
    this.#isClosed = true;
  }

  async *#pages(
    category: string,
    range: KeyRange,
    options: ScanOptions,
  ): AsyncGenerator<readonly Row[]> {
    const values = await this.#readable(category);
    const snapshot = values.snapshot();
    try {
      yield* values.pages(category, range, { ...options, snapshot });
    } finally {
      await values.endSnapshot(snapshot);
    }
  }

  /** The values, as soon as they hold every write that was called before. */
  async #readable(category: string): Promise<JobValues> {
    this.#checkOpen();
    checkCategory(category);
    const { writer, values } = this.#parts;
    await writer.applied();
    return values;
  }

  #checkOpen(): void {
    if (!this.#isClosed) return;
    throw new PersisterError("CLOSED", `job ${this.id} was closed: open it again`);
  }
}

function isList(
  operations: JobOperation | readonly JobOperation[],
): operations is readonly JobOperation[] {
  return Array.isArray(operations);
}

function checkWriteOptions(options: WriteOptions): Required<WriteOptions> {
  const { durable, signal } = optionsArgument("options", options, ["durable", "signal"]);
  return {
    durable: durable === undefined ? false : booleanArgument("option durable", durable),
    signal: signalArgument(signal),
  };
}

function signalOf(options: WaitOptions): AbortSignal | undefined {
  return signalArgument(optionsArgument("options", options, ["signal"]).signal);
}

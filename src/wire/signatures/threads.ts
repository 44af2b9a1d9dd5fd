/**
 * Batches of signatures over one or two threads: this one, and a worker when many signatures wait. No
 * answer depends on the worker. If no thread can be had, or the worker dies, this thread does it all.
 */
import { existsSync } from "node:fs";
import { type Batch, firstBadHere } from "./batch.js";
import { CheckWorker, CheckWorkerError, type WorkerPart } from "./check-worker.js";
import type { Check } from "./claim.js";

/** Signatures waiting from which on a second thread is worth its messages: 24 ms of work. */
const WORKER_CHECKS_MIN = 200;

/** After as many deaths of workers this thread goes on alone: the next worker would end as they did. */
const WORKER_DEATHS_MAX = 3;

/** The program beside this module, as the package is compiled. */
const PROGRAM = "./verify-worker.js";

/**
 * The worker's program, if it is there. Neither the sources nor a bundle have it beside them, and a bundle
 * in CommonJS does not even know its own place.
 */
function programBeside(): URL | "none" {
  const here: string | undefined = import.meta.url;
  if (here === undefined || !URL.canParse(PROGRAM, here)) return "none";
  const program = new URL(PROGRAM, here);
  return existsSync(program) ? program : "none";
}

export class Threads {
  /** Looked for when it is first needed; "none" if there is none, or no more. */
  #program: URL | "none" | undefined;
  readonly #checksMin: number;
  readonly #part: WorkerPart;
  /** The batches that are being verified. */
  readonly #batches = new Set<Batch>();
  #worker: CheckWorker | undefined;
  #closed: Error | undefined;
  /** Signatures that the worker verified. */
  byWorker = 0;
  /** Workers that died, or could not be started. */
  workerDeaths = 0;

  /**
   * `program` is the compiled worker; the one beside this module if left out. The worker is called in from
   * `checksMin` waiting signatures on, and takes `part` of them.
   */
  constructor(
    program: URL | "none" | undefined,
    choices: { readonly checksMin?: number; readonly part?: WorkerPart } = {},
  ) {
    this.#program = program;
    this.#checksMin = choices.checksMin ?? WORKER_CHECKS_MIN;
    this.#part = choices.part ?? "some";
  }

  /**
   * The first bad check of `batch`, if there is one. Rejects with the reason of `close`, and with
   * whatever the batch is failed with.
   */
  async firstBad(batch: Batch): Promise<Check | undefined> {
    for (let each = batch; ; each = each.again()) {
      if (this.#closed) throw this.#closed;
      this.#batches.add(each);
      try {
        this.#shareIfMany();
        return await firstBadHere(each);
      } catch (cause) {
        // The death of a worker says nothing about the signatures: all of them are verified again.
        if (!(cause instanceof CheckWorkerError)) throw cause;
      } finally {
        this.#batches.delete(each);
      }
    }
  }

  /** Fails what is being verified with `reason`, and stops the worker. */
  async close(reason: Error): Promise<void> {
    this.#closed ??= reason;
    for (const batch of this.#batches) batch.fail(reason);
    await this.#worker?.close();
  }

  /** Calls the worker in if many signatures wait, in one batch or in several. */
  #shareIfMany(): void {
    if (this.#program === "none") return;
    let waiting = 0;
    for (const { left } of this.#batches) waiting += left;
    if (waiting < this.#checksMin) return;
    this.#worker ??= this.#start();
    this.#worker?.share(this.#batches);
  }

  /** A worker, or none if no thread can be had: this thread verifies everything then. */
  #start(): CheckWorker | undefined {
    this.#program ??= programBeside();
    if (this.#program === "none") return undefined;
    try {
      return new CheckWorker(this.#program, this.#part, {
        onVerified: (count) => {
          this.byWorker += count;
        },
        onLost: () => this.#lost(),
      });
    } catch {
      this.#lost();
      return undefined;
    }
  }

  #lost(): void {
    this.#worker = undefined;
    this.workerDeaths += 1;
    if (this.workerDeaths >= WORKER_DEATHS_MAX) this.#program = "none";
  }
}

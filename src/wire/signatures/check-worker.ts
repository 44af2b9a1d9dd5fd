/**
 * A second thread for batches of signatures. It is started when the first large batch comes. It takes
 * ranges of checks as the calling thread does, and a few ahead, so that it never waits for that thread.
 *
 * It keeps the process alive only while it has work. If it dies, the batches that it had a part in fail
 * with `CheckWorkerError`, and are verified again.
 */
import { Worker } from "node:worker_threads";
import { assert } from "../../types/assert.js";
import type { Batch, Taken } from "./batch.js";
import { packChecks } from "./packed-checks.js";

/** Checks in one message: 2 ms of work. */
const MESSAGE_CHECKS_MAX = 16;
/** Checks with the worker: it has work while the calling thread is held for a slice. */
const SENT_CHECKS_MAX = 40;
/** It has one part in so many of the checks that are left: the two threads end at about the same time. */
const SENT_SHARE = 4;

/**
 * `some`: it takes part in what the calling thread does. `all`: that thread has other work, and checks only until the
 * worker is ready.
 */
export type WorkerPart = "some" | "all";

/** The worker stopped, for a reason of its own. It never reaches a user: the checks are made again. */
export class CheckWorkerError extends Error {
  override readonly name = "CheckWorkerError";
}

/** The owner of a worker, which is told what the worker did. */
interface Owner {
  /** The worker has verified so many checks. */
  readonly onVerified: (count: number) => void;
  /** The worker died. */
  readonly onLost: () => void;
}

/** Checks that were sent to the worker. */
interface Sent {
  readonly batch: Batch;
  readonly taken: Taken;
}

export class CheckWorker {
  readonly #worker: Worker;
  readonly #part: WorkerPart;
  readonly #owner: Owner;
  /** `starting` until the worker's first message. */
  #status: "starting" | "ready" | "ended" = "starting";
  /** The batches that may have checks left, the oldest first. */
  #batches: Batch[] = [];
  /** In the order in which the worker answers. */
  readonly #sent: Sent[] = [];
  /** How many checks these are. */
  #sentChecks = 0;

  /** `program` is `verify-worker`, compiled. Throws if no thread can be started. */
  constructor(program: URL, part: WorkerPart, owner: Owner) {
    this.#part = part;
    this.#owner = owner;
    this.#worker = new Worker(program);
    this.#worker.unref();
    this.#worker.on("message", (message: unknown) => this.#receive(message));
    this.#worker.on("messageerror", (cause) => this.#lose("its answer is unreadable", cause));
    this.#worker.on("error", (cause) => this.#lose("it threw", cause));
    this.#worker.on("exit", (code) => this.#lose(`it exited with code ${code}`));
  }

  /** Takes part in `batches` until none has checks left. The calling thread takes from them too. */
  share(batches: Iterable<Batch>): void {
    this.#batches = [...batches];
    this.#feed();
  }

  /** Stops the worker. The ranges that it did not answer are never reported. */
  async close(): Promise<void> {
    this.#status = "ended";
    await this.#worker.terminate();
  }

  #receive(message: unknown): void {
    if (this.#status === "starting") {
      this.#status = "ready";
    } else {
      const sent = this.#sent.shift();
      assert(sent !== undefined, "the worker answers each range once");
      assert(message === undefined || typeof message === "number", "it answers with a place");
      const count = sent.taken.next - sent.taken.first;
      this.#sentChecks -= count;
      this.#owner.onVerified(count);
      sent.batch.report(sent.taken, message === undefined ? message : sent.taken.first + message);
    }
    this.#feed();
  }

  #feed(): void {
    if (this.#status === "ready") {
      this.#batches = this.#batches.filter(({ left }) => left > 0);
      const left = this.#batches.reduce((sum, batch) => sum + batch.left, 0);
      const some = Math.min(SENT_CHECKS_MAX, Math.ceil(left / SENT_SHARE));
      const wanted = this.#part === "some" ? some : this.#sentChecks + left;
      for (const batch of this.#batches) this.#send(batch, wanted);
    }
    if (this.#sent.length > 0) this.#worker.ref();
    else this.#worker.unref();
  }

  /** Sends checks of `batch` until the worker has as many as `wanted`. */
  #send(batch: Batch, wanted: number): void {
    while (this.#sentChecks < wanted) {
      const taken = batch.take(Math.min(MESSAGE_CHECKS_MAX, wanted - this.#sentChecks));
      if (taken === undefined) return;
      const packed = packChecks(batch.checks, taken.first, taken.next);
      this.#worker.postMessage(packed, [packed.buffer]);
      this.#sent.push({ batch, taken });
      this.#sentChecks += taken.next - taken.first;
    }
  }

  #lose(what: string, cause?: unknown): void {
    if (this.#status === "ended") return;
    this.#status = "ended";
    const failure = new CheckWorkerError(`the verifying worker is gone: ${what}`, { cause });
    for (const { batch } of this.#sent) batch.fail(failure);
    for (const batch of this.#batches) batch.fail(failure);
    this.#owner.onLost();
  }
}

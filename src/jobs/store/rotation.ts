/**
 * Rotation of the keys of all jobs of a store: what lies in LevelDB in plain form, or under another key than the
 * one that writes, is moved to it in the background, one job after the other, within a rate. A job that is not open
 * is opened for it, and closed again; a caller who asks for it meanwhile comes first.
 *
 * The journal of the store moves its own segments (`journal/upkeep/rekeyer.ts`). `rewrite.ts` has the steps of one
 * job and their crashes.
 *
 * # Errors
 *
 * A job that cannot be moved (a key of it is missing, a value is damaged, LevelDB has failed it) is left as it is,
 * and those who wait for the rotation are told why. It is tried again when it is opened, and by the next rotation.
 */
import { setTimeout } from "node:timers";
import { awakeFor } from "../../async/awake.js";
import { aborted, throwIfAborted, type WaitOptions, whenAborted } from "../../async/signal.js";
import { PersisterError } from "../../types/errors.js";
import type { JobLocks } from "./job-locks.js";
import type { OpenJob } from "./opening.js";
import { JobRewrite, type RewriteStep } from "./rewrite.js";

/** Bytes that are read and written in a second, at most: LevelDB writes each of them some times more. */
const BYTES_PER_SECOND = 32 * 1024 * 1024;
/** An open has its time first; and a step that waits for a scan is tried again. */
const PAUSE_MS = 100;
const WAIT = "the wait for a rotation";

export interface JobRotationParts {
  readonly locks: JobLocks;
  /** Whether a job may hold bytes that are plain, or under another key than the one that writes. */
  readonly isForeign: (id: string) => boolean;
  readonly openJobOf: (id: string) => OpenJob | undefined;
  /** Opens a job that is not open, for the rotation alone. */
  readonly open: (id: string) => Promise<OpenJob>;
  readonly close: (job: OpenJob) => Promise<void>;
  /** Calls `task` when `ms` are over; a timer, where it is left out. */
  readonly pace?: ((task: () => void, ms: number) => void) | undefined;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

export class JobRotation {
  readonly #parts: JobRotationParts;
  /** Jobs that are to be looked at, in this order. */
  readonly #pending = new Set<string>();
  /** Why a job was left as it is. */
  readonly #stuck = new Map<string, PersisterError>();
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  /** The job that is open, and how far it has come. */
  #rewrite: JobRewrite | undefined;
  #wake: (() => void) | undefined;
  #ended: PersisterError | undefined;

  constructor(parts: JobRotationParts) {
    this.#parts = parts;
  }

  /** Looks at these jobs, also at those that were left. */
  look(ids: readonly string[]): void {
    for (const id of ids) {
      this.#stuck.delete(id);
      if (this.#parts.isForeign(id)) this.#pending.add(id);
    }
    if (this.#pending.size === 0 || this.#ended) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.look([]);
      if (!this.#running) this.#tell();
    });
  }

  /**
   * Resolves when no value of a job is plain, or needs another key than the one that writes.
   *
   * @throws {PersisterError} why a job was left as it is; ABORTED, CLOSED.
   */
  async finished({ signal }: WaitOptions = {}): Promise<void> {
    throwIfAborted(signal, WAIT);
    let takeBack: (() => void) | undefined;
    const told = new Promise<void>((resolve, reject) => {
      if (this.#ended) reject(this.#ended);
      else this.#waiters.push({ resolve, reject });
      if (signal) takeBack = whenAborted(signal, () => reject(aborted(signal, WAIT)));
    });
    if (!this.#running) this.#tell();
    await awakeFor(told).finally(() => takeBack?.());
  }

  /** Moves nothing any more, once the step under way has ended. */
  async end(cause: PersisterError): Promise<void> {
    this.#ended ??= cause;
    this.#wake?.();
    await this.#running;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(this.#ended);
  }

  #tell(): void {
    if (this.#ended) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    const [stuck] = this.#stuck.values();
    for (const { resolve, reject } of waiters) {
      if (stuck) reject(stuck);
      else resolve();
    }
  }

  async #run(): Promise<void> {
    await this.#rest(PAUSE_MS);
    for (const id of this.#pending) {
      if (this.#ended) return;
      // Behind the others, unless it is done.
      this.#pending.delete(id);
      if (!(await this.#move(id))) this.#pending.add(id);
    }
  }

  /** Moves a job, or a part of it; tells whether nothing is left to be done for it. */
  async #move(id: string): Promise<boolean> {
    try {
      let step: RewriteStep | undefined;
      do {
        step = await this.#parts.locks.exclusive(id, async () => await this.#steps(id));
        await this.#rest(msOf(step));
        if (this.#ended) return false;
      } while (step?.kind === "moved");
      return step?.kind !== "waiting";
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      this.#stuck.set(id, cause);
      return true;
    }
  }

  /** One step of a job that is open; as many as nobody waits for of one that is not. */
  async #steps(id: string): Promise<RewriteStep | undefined> {
    const { isForeign, openJobOf, open, close, locks } = this.#parts;
    if (!isForeign(id)) return undefined;
    const job = openJobOf(id);
    if (job) {
      if (this.#rewrite?.open !== job) this.#rewrite = new JobRewrite(job);
      return await this.#rewrite.step();
    }
    const opened = await open(id);
    const rewrite = new JobRewrite(opened);
    let step: RewriteStep;
    try {
      step = await rewrite.step();
      while (step.kind !== "done" && !locks.isAwaited(id)) {
        await this.#rest(msOf(step));
        if (this.#ended) break;
        step = await rewrite.step();
      }
    } finally {
      await close(opened);
    }
    return step.kind === "done" ? step : { kind: "moved", bytes: 0 };
  }

  async #rest(ms: number): Promise<void> {
    if (this.#ended) return;
    const { pace = timer } = this.#parts;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      pace(resolve, ms);
    });
    this.#wake = undefined;
  }
}

function msOf(step: RewriteStep | undefined): number {
  if (step?.kind === "waiting") return PAUSE_MS;
  return step?.kind === "moved" ? Math.ceil((step.bytes * 1000) / BYTES_PER_SECOND) : 0;
}

function timer(task: () => void, ms: number): void {
  setTimeout(task, ms).unref();
}

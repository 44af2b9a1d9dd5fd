/**
 * Checkpoints of the journal of jobs: every `checkpointBytes` of writes the journal lets go of what no job
 * needs any more.
 *
 * # The bound of the journal (D9)
 *
 * 1. A checkpoint asks every open job to settle: LevelDB writes its memory table out.
 * 2. It waits for them until as many bytes again were written, or all have answered.
 * 3. A job that has not settled by then, or cannot (it is closed, damaged, or LevelDB failed it), has its
 *    held writes carried: copied to the end of the journal. Of an open job these are at most
 *    `checkpointBytes` + `queueBytes` (`writes/job-writer.ts`).
 * 4. All that lies below goes.
 *
 * So the journal holds at most three times `checkpointBytes` and what all jobs hold together, however slow
 * one of them is, and no job waits for another.
 */
import { allEnded, inTurn } from "../../async/all-ended.js";
import { PersisterError } from "../../types/errors.js";
import type { JobJournal } from "../journal/job-journal.js";
import type { JobLocks } from "./job-locks.js";
import { type OpenJob, settleJob } from "./opening.js";

export interface CheckpointParts {
  readonly journal: JobJournal;
  readonly locks: JobLocks;
  readonly checkpointBytes: number;
  readonly openJobOf: (id: string) => OpenJob | undefined;
  /** Is told why a checkpoint could not be taken. */
  readonly onFailure: (error: PersisterError) => void;
}

export class Checkpoints {
  readonly #parts: CheckpointParts;
  /** Jobs that were asked to settle, and have not answered. */
  readonly #settling = new Map<string, Promise<boolean>>();
  #running: Promise<void> | undefined;
  #failure: PersisterError | undefined;
  #overdue: (() => void) | undefined;

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
  }

  /** Why the last checkpoint could not be taken. */
  get failure(): PersisterError | undefined {
    return this.#failure;
  }

  /** Begins a checkpoint, or ends the wait of the one under way, where enough was written. */
  lookAtBytes(): void {
    const { journal, checkpointBytes, onFailure } = this.#parts;
    if (journal.bytesSinceCheckpoint < checkpointBytes) return;
    if (this.#running) {
      this.#overdue?.();
      return;
    }
    this.#running = this.#take()
      .then(
        () => {
          this.#failure = undefined;
        },
        (cause: unknown) => {
          this.#failure = asError(cause);
          onFailure(this.#failure);
        },
      )
      .finally(() => {
        this.#running = undefined;
        // Nobody may write again before this one has let go of bytes.
        this.lookAtBytes();
      });
  }

  /** Resolves when no checkpoint is under way. */
  async ended(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #take(): Promise<void> {
    const { journal } = this.#parts;
    journal.beginCheckpoint();
    const end = journal.nextLsn;
    let isOverdue = false;
    const overdue = new Promise<false>((resolve) => {
      this.#overdue = () => {
        isOverdue = true;
        resolve(false);
      };
    });
    const makeWay = async ({ id }: { readonly id: string }): Promise<void> => {
      const isSettled = await Promise.race([this.#settles(id, () => isOverdue), overdue]);
      if (!isSettled) await journal.carry(id, end);
    };
    await inTurn([
      async () => await allEnded(journal.records.map(makeWay)),
      // Also behind a carry that failed: as much as may go.
      async () => await journal.checkpoint(),
    ]);
  }

  /**
   * Whether a job has settled: false where it is not open, or LevelDB fails it, which its callers are told,
   * or the checkpoint that asks is over before the job is asked.
   */
  async #settles(id: string, isOver: () => boolean): Promise<boolean> {
    const { locks, openJobOf } = this.#parts;
    const asked = this.#settling.get(id);
    if (asked) {
      // An earlier checkpoint asked: the writes since then are not settled by that. Were they carried
      // instead, their bytes would stay with the job, and nobody might be left to begin a checkpoint.
      await asked;
      return isOver() ? false : await this.#settles(id, isOver);
    }
    if (!openJobOf(id)) return false;
    const answer = locks.exclusive(id, () => this.#settled(id));
    this.#settling.set(id, answer);
    try {
      return await answer;
    } finally {
      this.#settling.delete(id);
    }
  }

  async #settled(id: string): Promise<boolean> {
    const open = this.#parts.openJobOf(id);
    if (!open) return false;
    try {
      // Every write that is durable by now: none of them is held any longer. Not those that wait for room,
      // which may wait for this.
      await open.writer.takenApplied();
      await settleJob(this.#parts.journal, open);
      return true;
    } catch (cause) {
      if (cause !== open.writer.failure) throw cause;
      return false;
    }
  }
}

function asError(cause: unknown): PersisterError {
  if (cause instanceof PersisterError) return cause;
  return new PersisterError("IO", "a checkpoint of the jobs' journal failed", { cause });
}

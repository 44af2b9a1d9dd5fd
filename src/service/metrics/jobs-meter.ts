/** The measures of a store of jobs that is served. */
import type { JobQueue } from "../../jobs/store/status.js";
import { ByLabels } from "./by-labels.js";
import { type Families, spreadOf } from "./families.js";

/** The store at the moment of a scrape. */
export interface JobsNow {
  readonly queues: readonly JobQueue[];
  readonly poison: unknown;
}

/** A plain write that was lost, and a checkpoint that could not be taken. */
const errorKinds = ["write", "checkpoint"] as const;
export type JobErrorKind = (typeof errorKinds)[number];

export class JobsMeter {
  readonly #seconds = new ByLabels(() => spreadOf("lanekeeper_job_write_duration_seconds"));
  readonly #errors: Record<JobErrorKind, number> = { write: 0, checkpoint: 0 };

  /** An error that no caller has heard of. */
  failed(kind: JobErrorKind): void {
    this.#errors[kind] += 1;
  }

  /** A write that was called so long ago is done: durable, or queued. */
  wrote(isDurable: boolean, ms: number): void {
    this.#seconds.of({ durability: isDurable ? "durable" : "queued" }).note(ms / 1000);
  }

  fill(families: Families, { queues, poison }: JobsNow): void {
    families.put("lanekeeper_jobs_open", queues.length);
    families.put("lanekeeper_jobs_failed", queues.filter(({ isFailed }) => isFailed).length);
    families.put("lanekeeper_jobs_poisoned", poison ? 1 : 0);
    for (const { id, writes, bytes } of queues) {
      families.put("lanekeeper_job_queue_ops", writes, { job: id });
      families.put("lanekeeper_job_queue_bytes", bytes, { job: id });
    }
    for (const { labels, value } of this.#seconds) {
      families.putSpread("lanekeeper_job_write_duration_seconds", value, labels);
    }
    // Both from the begin on: no first error is one of which Prometheus sees no increase.
    for (const kind of errorKinds) {
      families.put("lanekeeper_job_errors_total", this.#errors[kind], { kind });
    }
  }
}

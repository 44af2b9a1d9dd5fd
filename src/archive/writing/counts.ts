/** The counts of an archiver since its store was opened. */
import type { Step } from "./log-writer.js";

export interface ArchiveCounts {
  /** Objects that were put, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  /** Objects of other writers that hold the records of this store. */
  readonly found: number;
  /** Steps that failed. */
  readonly failures: number;
  /** Records that were given up before they were archived. */
  readonly missed: bigint;
}

export class Counts {
  readonly #all = { objects: 0, bytes: 0, found: 0, failures: 0, missed: 0n };

  get all(): ArchiveCounts {
    return { ...this.#all };
  }

  note(step: Step): void {
    if (step.did === "put") {
      this.#all.objects += 1;
      this.#all.bytes += step.bytes;
    }
    if (step.did === "found") this.#all.found += 1;
    if ("hole" in step) this.#all.missed += step.hole;
  }

  failed(): void {
    this.#all.failures += 1;
  }
}

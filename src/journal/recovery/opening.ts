/**
 * The way of an open, step by step: how long each takes, how far it is, and whether its caller has called it
 * off. An open that is called off stops where a kill might have stopped it: between two calls of the disk.
 */
import { throwIfAborted } from "../../async/signal.js";
import type { SoughtStore } from "../form/store.js";
import type { SegmentRange } from "../segment/parts.js";
import { firstPlace } from "../segment/segment.js";
import type { FoundFront } from "./start.js";

/** One step of an open, and how long it took. */
export interface RecoveryStep {
  /**
   * In this order:
   * - "own": the lock of the store, and its identity.
   * - "judge": every record that must be there is read and checked, then the prune anchor and the vote state,
   *   and whether they contradict each other. It takes the time of reading all that is not pruned. Up to its
   *   end no byte is written: a refusal comes here.
   * - "write again": bytes that were seen and are not known to be durable are written again, in place (D1).
   * - "begin": a new segment of the journal begins, and the spare ones are made.
   * - "map": the map to retained records is opened, or begun anew.
   */
  readonly name: "own" | "judge" | "write again" | "begin" | "map";
  readonly ms: number;
}

/** How far an open is. */
export interface OpenProgress {
  readonly step: RecoveryStep["name"];
  /** Bytes of the step that are done, of those that are to be read or written; 0 of 0 where none are counted. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface OpeningChoices {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: OpenProgress) => void) | undefined;
}

/** The name of an open in errors. */
export const OPENING = "the open";

export class Opening {
  readonly steps: RecoveryStep[] = [];
  readonly #choices: OpeningChoices;
  #step: RecoveryStep["name"] = "own";
  #doneBytes = 0;
  #totalBytes = 0;
  #began = performance.now();

  constructor({ signal, onProgress }: OpeningChoices) {
    this.#choices = { signal, onProgress };
  }

  /**
   * Begins a step; the one before it has ended.
   *
   * @throws {PersisterError} ABORTED; whatever `onProgress` throws.
   */
  begin(step: RecoveryStep["name"], totalBytes = 0): void {
    this.#step = step;
    this.#began = performance.now();
    this.passed(0, totalBytes);
  }

  /**
   * Tells how many bytes of the step are done.
   *
   * @throws {PersisterError} ABORTED; whatever `onProgress` throws.
   */
  readonly passed = (doneBytes: number, totalBytes: number): void => {
    const { signal, onProgress } = this.#choices;
    throwIfAborted(signal, OPENING);
    this.#doneBytes = doneBytes;
    this.#totalBytes = totalBytes;
    onProgress?.({ step: this.#step, doneBytes, totalBytes });
  };

  /** The step has ended, with all of its bytes. */
  end(): void {
    this.steps.push({ name: this.#step, ms: performance.now() - this.#began });
    const totalBytes = this.#totalBytes;
    if (this.#doneBytes < totalBytes) this.passed(totalBytes, totalBytes);
    else throwIfAborted(this.#choices.signal, OPENING);
  }
}

/** The records of a segment, up to the byte `to`. */
export function rangeOf({ slot, head, headBytes }: FoundFront, to: number): SegmentRange {
  return { file: slot.file, from: firstPlace(head, headBytes).offset, to };
}

/** Of the records that a recovery reads, how many bytes it has read. */
export class RangesRead {
  readonly #passed: SoughtStore["passed"];
  #doneBytes = 0;
  #totalBytes = 0;

  constructor(passed: SoughtStore["passed"]) {
    this.#passed = passed;
  }

  /** These are all that will be read. */
  begin(ranges: readonly SegmentRange[]): void {
    this.#totalBytes = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    this.add(0);
  }

  /** Counts bytes that the recovery has read. */
  readonly add = (bytes: number): void => {
    this.#doneBytes += bytes;
    this.#passed?.(this.#doneBytes, this.#totalBytes);
  };
}

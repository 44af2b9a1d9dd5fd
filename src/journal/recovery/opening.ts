/**
 * The way of an open, step by step: how long each takes, how far it is, and whether its caller has called it
 * off. An open that is called off stops where a kill might have stopped it: between two calls of the disk.
 */
import {
  type OpeningChoices,
  OPENING,
  type RecoveryStep,
  tellProgress,
} from "../../async/opening.js";
import { throwIfAborted } from "../../async/signal.js";
import type { SoughtStore } from "../form/store.js";
import type { SegmentRange } from "../segment/parts.js";
import { firstPlace } from "../segment/segment.js";
import type { FoundFront } from "./start.js";

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
   * @throws {PersisterError} ABORTED; CALLBACK_FAILED where `onProgress` throws.
   */
  begin(step: RecoveryStep["name"], totalBytes = 0): void {
    this.#step = step;
    this.#began = performance.now();
    this.passed(0, totalBytes);
  }

  /**
   * Tells how many bytes of the step are done.
   *
   * @throws {PersisterError} ABORTED; CALLBACK_FAILED where `onProgress` throws.
   */
  readonly passed = (doneBytes: number, totalBytes: number): void => {
    const { signal, onProgress } = this.#choices;
    throwIfAborted(signal, OPENING);
    this.#doneBytes = doneBytes;
    this.#totalBytes = totalBytes;
    tellProgress(onProgress, { step: this.#step, doneBytes, totalBytes });
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

/**
 * When the steps of a simulated disk happen. Every change of the disk is a numbered step; a write
 * and a directory flush have two: *started* (visible, not durable) and *finished* (durable). A test
 * can hold finishes back and let them go in any order, and can stop the world before any step: from
 * then on nothing settles, so that the stopped program does nothing more.
 */

/** An operation that changes the disk. */
export type ChangeKind =
  | "write"
  | "create"
  | "makeDirectory"
  | "rename"
  | "remove"
  | "syncDirectory";

/** One numbered step, from 1. A change without a flush has the phase "whole". */
export interface Step {
  readonly step: number;
  readonly change: ChangeKind;
  readonly phase: "started" | "finished" | "whole";
  readonly path: string;
}

/** A started write or directory flush whose finish is held back. */
export interface HeldChange {
  /** The step number of its start. */
  readonly step: number;
  readonly change: ChangeKind;
  readonly path: string;
}

interface Waiting extends HeldChange {
  readonly go: () => void;
}

export class Schedule {
  readonly stopped: Promise<void>;
  #steps = 0;
  #stopBefore = Number.POSITIVE_INFINITY;
  #isStopped = false;
  #announceStop: () => void = () => {};
  #holds: ((change: HeldChange) => boolean) | undefined;
  #waiting: readonly Waiting[] = [];
  readonly #onStep: (step: Step) => void;

  constructor(onStep: (step: Step) => void) {
    this.#onStep = onStep;
    this.stopped = new Promise((resolve) => {
      this.#announceStop = resolve;
    });
  }

  get steps(): number {
    return this.#steps;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get waiting(): readonly HeldChange[] {
    return this.#waiting.map(({ step, change, path }) => ({ step, change, path }));
  }

  stopBefore(step: number): void {
    this.#stopBefore = step;
    if (step <= this.#steps) this.stop();
  }

  stop(): void {
    this.#isStopped = true;
    this.#announceStop();
  }

  /** Takes the next step: its number, or `undefined` when the world stops before it. */
  step(change: ChangeKind, phase: Step["phase"], path: string): number | undefined {
    if (!this.#isStopped && this.#steps + 1 >= this.#stopBefore) this.stop();
    if (this.#isStopped) return undefined;
    this.#steps++;
    this.#onStep({ step: this.#steps, change, phase, path });
    return this.#steps;
  }

  hold(which: (change: HeldChange) => boolean): void {
    this.#holds = which;
  }

  /** Lets everything that waits go, oldest first, and holds nothing more. */
  release(): void {
    this.#holds = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { go } of waiting) go();
  }

  /** Lets the change that started at `step` go; false where none such waits. */
  letGo(step: number): boolean {
    const found = this.#waiting.find((waiting) => waiting.step === step);
    this.#waiting = this.#waiting.filter((waiting) => waiting !== found);
    found?.go();
    return found !== undefined;
  }

  /** Resolves when the started change may finish. */
  turn(change: HeldChange): Promise<void> {
    if (!this.#holds?.(change)) return Promise.resolve();
    return new Promise((go) => {
      this.#waiting = [...this.#waiting, { ...change, go }];
    });
  }
}

/** Every call on a stopped disk returns this: a promise of its own, so that it can be freed. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}

/** Faults that a test arms: which call fails, how often, and what a failed write leaves behind. */
import type { ChangeKind } from "./schedule.js";

/** Calls that can fail. */
export type FaultyOperation =
  | ChangeKind
  | "openToRead"
  | "openToWrite"
  | "read"
  | "size"
  | "kind"
  | "identity"
  | "list"
  | "lock";

export interface Fault {
  readonly operation: FaultyOperation;
  /** Only where the path ends so; every path when left out. */
  readonly path?: string;
  /** The n-th matching call from now on fails, from 1. */
  readonly nth?: number;
  readonly error?: "EIO" | "ENOSPC" | "EROFS" | "EMFILE" | "EACCES" | "EPERM" | "EINVAL";
  readonly mode?: "once" | "from-then-on";
  /**
   * The bytes that a failed write or directory flush leaves. "visible-not-durable": all of it can be
   * read, and no later flush of other bytes makes it durable (its pages are clean). "torn": the first half.
   */
  readonly effect?: FaultEffect;
}

export type FaultEffect = "nothing" | "visible-not-durable" | "torn";

/** A fault that has struck. */
export interface Strike {
  readonly error: string;
  readonly effect: FaultEffect;
}

interface Armed {
  readonly fault: Fault;
  callsLeft: number;
}

export class Faults {
  #armed: readonly Armed[] = [];

  arm(fault: Fault): void {
    this.#armed = [...this.#armed, { fault, callsLeft: fault.nth ?? 1 }];
  }

  disarm(): void {
    this.#armed = [];
  }

  /** Counts a call; the fault that strikes it, where one does. */
  strike(operation: FaultyOperation, path: string): Strike | undefined {
    let struck: Fault | undefined;
    for (const armed of this.#armed) {
      const { fault } = armed;
      if (fault.operation !== operation || !path.endsWith(fault.path ?? "")) continue;
      armed.callsLeft--;
      const hits = fault.mode === "from-then-on" ? armed.callsLeft <= 0 : armed.callsLeft === 0;
      if (hits) struck ??= fault;
    }
    if (struck === undefined) return undefined;
    return { error: struck.error ?? "EIO", effect: struck.effect ?? "visible-not-durable" };
  }
}

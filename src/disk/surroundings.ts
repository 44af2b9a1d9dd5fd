/**
 * The world outside of a store: disk, clock, randomness, idle time. A store is given all of it, so that a
 * test can put a simulated disk and a clock of its own here. The node adds its map to it.
 */
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers";
import type { Disk, WriteWay } from "./disk.js";
import { MemoryDisk } from "./memory.js";
import { RealDisk } from "./real/real.js";

/** Long enough that a busy store does nothing on the side, short for an operator's eye. */
const IDLE_MS = 20;

/**
 * How groups of records are written. `auto`: small ones by a blocking call while the disk is measured to be
 * fast, the others by a thread. `async`: always by a thread.
 */
export type Flush = "auto" | "async";

/** The same for a disk without a clock: a test says which way each group of so many bytes goes. */
export type WayOf = (bytes: number) => WriteWay;

/** The way that groups go at present, and how long blocking calls have held the event loop. */
export interface FlushStatus {
  /** Of a small group that came now. */
  readonly way: WriteWay;
  /** Groups that were written by a blocking call since open, all of them or their last chunk. */
  readonly blockingGroups: number;
  /** The longest of these calls, in milliseconds. */
  readonly longestHoldMs: number;
}

export interface Surroundings {
  readonly disk: Disk;
  /** Cryptographically random bytes. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Calls `task` when the store has had nothing to do for a little while. */
  readonly whenIdle: (task: () => void) => void;
  /** Calls `task` a little later; the store has a timer of its own where it is left out. */
  readonly later?: (task: () => void) => void;
  /** Calls `task` when `ms` are over: paces work in the background. Also a timer where it is left out. */
  readonly pace?: (task: () => void, ms: number) => void;
  /** How groups are written unless the user wants none of them to block. */
  readonly flush?: Flush | WayOf;
  readonly nowMs: () => number;
  /** Whether acknowledged records survive the process (D10). */
  readonly durable: boolean;
}

export function realSurroundings(): Surroundings {
  return {
    disk: new RealDisk(),
    randomBytes: (count) => randomBytes(count),
    whenIdle: (task) => setTimeout(task, IDLE_MS),
    nowMs: () => Date.now(),
    flush: "auto",
    durable: true,
  };
}

/** The same with a disk in memory: nothing survives the process, and `durable` says so (D10). */
export function memorySurroundings(): Surroundings {
  return { ...realSurroundings(), disk: new MemoryDisk(), flush: "async", durable: false };
}

/** How groups are written where the user has chosen `wanted`. */
export function flushIn(
  { flush = "async" }: Pick<Surroundings, "flush">,
  wanted: Flush,
): Flush | WayOf {
  return wanted === "async" ? "async" : flush;
}

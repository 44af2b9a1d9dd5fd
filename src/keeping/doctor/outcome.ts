/** The words that all checks share: what is examined, its outcome, and what a workload needs. */
import type { Machine } from "./machine.js";
import type { Level } from "./mounts.js";

/** The outcome of a check. */
export interface Outcome {
  readonly level: Level;
  /** The finding, and what to do about it. */
  readonly text: string;
  readonly figures: Readonly<Record<string, string | number | boolean>>;
}

/** A directory on a machine, and how long it is examined. */
export interface Examined {
  readonly machine: Machine;
  readonly directory: string;
  readonly forMs: number;
  /** The wall clock less the steady one, when the examination began. */
  readonly clockAtBeginMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doneMs: number) => void) | undefined;
}

const MIB = 1024 * 1024;

/** The needs of the workload, each with its reason. */
export const needs = {
  /** A disk beyond this holds up every round: the rule of thumb for consensus logs. */
  goodFlushMs: 10,
  /** The alert for the flushes of a running store begins here. */
  poorFlushMs: 100,
  /** Flushes that one road index waits for: its blocks, then the votes to prepare and to commit, then its QC. */
  flushesOfARoad: 4,
  /** No disk without a protected cache answers a flush so fast. */
  doubtfulFlushMs: 0.03,
  /** The alerts for the space of a running store begin here. */
  poorFreeShare: 0.15,
  badFreeShare: 0.05,
  /** Live segments, 64 MiB of retained records, and room to rotate. */
  freeBytes: 512 * MIB,
  freeFiles: 1000,
  /** Every slot of the journal is open, and so is every connection of a service. */
  openFiles: 1024,
  openFilesLeast: 256,
  /** The largest segment. */
  fileBytes: 64 * MIB,
  /** 64 MiB of cached blocks, 16 MiB of queues, windows of the service, and Node itself. */
  memoryBytes: 512 * MIB,
  memoryBytesLeast: 256 * MIB,
  /** A step of the clock within the measurement. */
  clockStepMs: 500,
  /** No release of Lanekeeper is older: 2024-01-01. */
  wallMsLeast: 1_704_067_200_000,
} as const;

export function unknown(text: string): Outcome {
  return { level: "unknown", text, figures: {} };
}

export function mib(bytes: number): string {
  return `${Math.floor(bytes / MIB).toLocaleString("en-US")} MiB`;
}

export function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
}

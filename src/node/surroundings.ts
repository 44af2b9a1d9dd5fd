/** What stands outside of a store: disk, clock, randomness. Tests put a simulated disk here. */
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers";
import type { Disk } from "../disk/disk.js";
import { MemoryDisk } from "../disk/memory.js";
import { RealDisk } from "../disk/real.js";
import { openLogMap } from "../log/map/level-map.js";
import { type LogMap, memoryLogMap } from "../log/map/log-map.js";
import type { JournalEnd } from "../log/map/seal.js";
import { defaults } from "./options.js";

export interface Surroundings {
  readonly disk: Disk;
  /** Opens the map in this folder, as it was sealed when the journal ended at `end`. */
  readonly openMap: (directory: string, end: JournalEnd) => Promise<LogMap>;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly whenIdle: (task: () => void) => void;
  readonly nowMs: () => number;
  /** Whether acknowledged records survive the process (D10). */
  readonly durable: boolean;
}

export function realSurroundings(): Surroundings {
  const disk = new RealDisk();
  return {
    disk,
    openMap: (directory, end) => openLogMap(disk, directory, end),
    randomBytes: (count) => randomBytes(count),
    whenIdle: (task) => setTimeout(task, defaults.idleMs),
    nowMs: () => Date.now(),
    durable: true,
  };
}

export function memorySurroundings(): Surroundings {
  return {
    ...realSurroundings(),
    disk: new MemoryDisk(),
    openMap: () => Promise.resolve(memoryLogMap(undefined)),
    durable: false,
  };
}

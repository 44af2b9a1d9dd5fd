/** The world outside of a validator's store: what every store has, and where its map is. */
import {
  memorySurroundings as inMemory,
  realSurroundings as onDisk,
  type Surroundings as Outside,
} from "../disk/surroundings.js";
import { openLogMap } from "../log/map/level-map.js";
import { type LogMap, memoryLogMap } from "../log/map/log-map.js";
import type { JournalEnd } from "../log/map/seal.js";
import type { Register } from "../reserve/chain.js";
import type { Words } from "../reserve/run.js";

export interface Surroundings extends Outside {
  /** Opens the map in this folder, as it was sealed when the journal ended at `end`. */
  readonly openMap: (directory: string, end: JournalEnd) => Promise<LogMap>;
  /** Opens the store of reservations at an address; the real one where it is left out. */
  readonly openRegister?: (address: string) => Promise<Register>;
  /** The places that were given out in this process; the real ones where it is left out. */
  readonly words?: Words;
}

/** With the map in LevelDB, beside the journal. */
export function realSurroundings(): Surroundings {
  const real = onDisk();
  return { ...real, openMap: (directory, end) => openLogMap(real.disk, directory, end) };
}

export function memorySurroundings(): Surroundings {
  return { ...inMemory(), openMap: () => Promise.resolve(memoryLogMap(undefined)) };
}

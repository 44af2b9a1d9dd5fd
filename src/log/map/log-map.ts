/**
 * The map: where every record of the sealed segments lies, by log and number. The journal is the truth,
 * the map only finds things in it sooner: every pointer is checked against the record that it names, and
 * a map that is lost, refused or wrong costs time, never a record.
 *
 * There are two: LevelDB's (`level-map.ts`), and this one in memory, for a store in memory and for a store
 * whose index/ cannot be used.
 */
import type { SealedSegment } from "../../journal/form/head.js";
import type { Pointer } from "../../journal/segment/segment.js";
import type { NamedRun, Run } from "../retention.js";

export const INDEX_DIRECTORY = "index";

export interface MapEntry {
  readonly name: string;
  readonly number: bigint;
  readonly pointer: Pointer;
}

/** Numbers of the log with this number on disk: a later log may have the name of one that was dropped. */
export interface LogRun extends Run {
  readonly log: number;
}

/** A sealed segment all of whose records are in the map, and which numbers lie there. */
export interface MappedSegment {
  readonly sequence: bigint;
  readonly runs: readonly LogRun[];
}

/** One change of the map: all of it, or none after a crash. */
export interface MapChange {
  /** Records to be found from now on, in place of other places of the same numbers. */
  readonly entries?: readonly MapEntry[];
  /** The segment in which the entries lie: with them the map holds all of it. */
  readonly mapped?: MappedSegment;
  /** Numbers that the map held and need not hold any longer. */
  readonly forgotten?: readonly NamedRun[];
  /** A segment that is not there any more. */
  readonly released?: bigint;
}

export interface LogMap {
  /** Why the map is not LevelDB's on disk, where it is not. */
  readonly warning: string | undefined;
  /** The segments that the map held when it was opened, in the order of their sequences. */
  mapped(): Promise<readonly MappedSegment[]>;
  write(change: MapChange): Promise<void>;
  /** The place of a record as the map has it, unchecked. */
  find(name: string, number: bigint): Promise<Pointer | undefined>;
  /** The places of the numbers [from, next) of a log, as far as the map has them, in ascending order. */
  range(name: string, from: bigint, next: bigint): AsyncIterable<MapEntry>;
  /** Seals the map if `end` is given: it holds every record up to where the journal's last segment ends. */
  close(end: SealedSegment | undefined): Promise<void>;
}

/** A map that lives as long as the process, with the reason why it is not on disk. */
export function memoryLogMap(warning: string | undefined): LogMap {
  const logs = new Map<string, Map<bigint, Pointer>>();
  const logOf = (name: string): Map<bigint, Pointer> => {
    const log = logs.get(name) ?? new Map<bigint, Pointer>();
    logs.set(name, log);
    return log;
  };
  return {
    warning,
    mapped: () => Promise.resolve([]),
    write({ entries = [], forgotten = [] }) {
      for (const { name, number, pointer } of entries) logOf(name).set(number, pointer);
      for (const { name, from, next } of forgotten) {
        for (let number = from; number < next; number++) logOf(name).delete(number);
      }
      return Promise.resolve();
    },
    find: (name, number) => Promise.resolve(logs.get(name)?.get(number)),
    async *range(name, from, next) {
      for (let number = from; number < next; number++) {
        const pointer = logs.get(name)?.get(number);
        if (pointer) yield await Promise.resolve({ name, number, pointer });
      }
    },
    close: () => Promise.resolve(),
  };
}

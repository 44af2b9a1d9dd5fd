/**
 * The names of a log's files. The name of a sealed file is its index:
 *
 *   <sequence>.wal.u                   live: being written
 *   <sequence>-<first>-<last>.wal      sealed: whole, and never changed again
 *
 * Decimal, written without leading zeros and read with them. Other names are not the log's.
 */
import { U64_MAX } from "../../types/numbers.js";

export type LogName =
  | { readonly kind: "live"; readonly sequence: bigint }
  | {
      readonly kind: "sealed";
      readonly sequence: bigint;
      readonly first: bigint;
      readonly last: bigint;
    };

/** The file that is locked while the log is in use. Its content means nothing, and it stays after close. */
export const LOCK_NAME = "wal.lock";
/** The folder of snapshots of running iterations. Nothing in it lasts. */
export const ITERATOR_NAME = "iterator";
/** The end of the names of unfinished atomic writes. */
export const SWAP_END = ".swap";

/** The numbers in `name`, or `undefined` if it is not the name of a log file. */
export function parseLogName(name: string): LogName | undefined {
  const live = /^(\d+)\.wal\.u$/.exec(name);
  if (live) {
    const [sequence] = numbers(live);
    return sequence === undefined ? undefined : { kind: "live", sequence };
  }
  const sealed = /^(\d+)-(\d+)-(\d+)\.wal$/.exec(name);
  if (!sealed) return undefined;
  const [sequence, first, last] = numbers(sealed);
  if (sequence === undefined || first === undefined || last === undefined) return undefined;
  return { kind: "sealed", sequence, first, last };
}

export function liveName(sequence: bigint): string {
  return `${sequence}.wal.u`;
}

export function sealedName(sequence: bigint, first: bigint, last: bigint): string {
  return `${sequence}-${first}-${last}.wal`;
}

/** The numbers that were matched; `undefined` for one that does not fit 64 bits. */
function numbers(match: RegExpExecArray): readonly (bigint | undefined)[] {
  return match.slice(1).map((digits) => {
    const value = BigInt(digits);
    return value <= U64_MAX ? value : undefined;
  });
}

/**
 * The live records of a log: the longest run of consecutive indices that ends at its last record.
 *
 * Pruning removes whole files only, so records below the prune point may still be there. The next record
 * after a prune past everything leaves a hole. sei-chain takes the records below the last hole for
 * pruned, and cannot tell them from lost ones. The user of a run must know where it has to start.
 *
 * Finding the run takes one pass over the log, which also decodes every record: one that does not
 * decode, live or not, refuses the log. A second pass gives the records. Both hold one file at a time.
 */
import { DecodeError } from "../../wire/codec/decode-error.js";
import { type Cut, type LogOpening, openLog } from "./log-opening.js";
import { type LogRecord, readLog } from "./log-reading.js";
import type { ReadableDisk } from "../../disk/readable.js";
import { StateError } from "../format/state-error.js";

/** A decoded record and its place. */
export interface LiveRecord<T> {
  readonly index: bigint;
  readonly value: T;
  readonly file: string;
  readonly offset: number;
}

export interface LiveRun<T> {
  readonly directory: string;
  /** Records of the log before the run: pruned, or lost. */
  readonly discarded: number;
  /** Records of the run. */
  readonly count: number;
  /** Torn tails that opening drops. */
  readonly cuts: readonly Cut[];
  /** The run, read again from the disk. Throws as `liveRunOf`. */
  records(): AsyncGenerator<LiveRecord<T>, void, void>;
}

/**
 * Finds the live run of the log in `directory`; an empty one if there is no such directory.
 * `decode` makes a record's value of its bytes, which the value may keep.
 *
 * @throws {StateError} as opening and reading do; `record_does_not_decode`.
 * @throws {PersisterError} IO, READ_ONLY.
 */
export async function liveRunOf<T>(
  disk: ReadableDisk,
  directory: string,
  decode: (payload: Uint8Array) => T,
): Promise<LiveRun<T>> {
  const opening = await openLog(disk, directory);
  let total = 0;
  let start = 0;
  let last: bigint | undefined;
  for await (const record of readLog(disk, opening)) {
    decoded(record, decode);
    if (last !== undefined && record.index !== BigInt.asUintN(64, last + 1n)) start = total;
    last = record.index;
    total += 1;
  }
  return {
    directory,
    discarded: start,
    count: total - start,
    cuts: opening.cuts,
    records: () => readRun(disk, opening, start, decode),
  };
}

async function* readRun<T>(
  disk: ReadableDisk,
  opening: LogOpening,
  start: number,
  decode: (payload: Uint8Array) => T,
): AsyncGenerator<LiveRecord<T>, void, void> {
  let position = 0;
  for await (const record of readLog(disk, opening)) {
    if (position++ < start) continue;
    const { index, file, offset } = record;
    yield { index, value: decoded(record, decode), file, offset };
  }
}

function decoded<T>(record: LogRecord, decode: (payload: Uint8Array) => T): T {
  try {
    return decode(record.payload);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    const { file, offset, index } = record;
    const detail = `the record under index ${index} does not decode: ${cause.message}`;
    throw new StateError("record_does_not_decode", detail, { file, offset, cause });
  }
}

/**
 * Imports one log: every record is checked in the order of the log, and comes out as taken or refused.
 * A summary comes at the end.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { LaneId } from "../../types/lane.js";
import type { LiveRecord, LiveRun } from "../read/live-run.js";
import type { Cut } from "../read/log-opening.js";
import { StateError } from "../format/state-error.js";
import type { ImportRefusal } from "./import-refusal.js";
import type { CheckResult } from "./record-check.js";

/** Records between two turns of the event loop: about 2 ms of checking signatures. */
const SLICE_RECORDS = 16;

/** The count of one log, after its last record. */
export interface LogSummary {
  /** None for the road. */
  readonly lane: LaneId | undefined;
  readonly directory: string;
  /** Records given out. They are consecutive, from `first` on. */
  readonly taken: number;
  readonly first: bigint | undefined;
  readonly refused: number;
  /** Records below the start, which were not checked. */
  readonly below: number;
  /** Records below the last gap, which sei-chain takes for pruned. */
  readonly discarded: number;
  /** Torn tails of files that were being written. */
  readonly cuts: readonly Cut[];
  /** The last epoch of a lane that is not in the committee of the newest epoch on the road. */
  readonly pastEpoch: bigint | undefined;
}

export interface RefusedItem {
  readonly kind: "refused";
  readonly refusal: ImportRefusal;
}

export type LogItem<Taken> =
  | Taken
  | RefusedItem
  | { readonly kind: "log"; readonly summary: LogSummary };

/** The place of a log. The road's log has no lane. */
export interface LogPlace {
  readonly lane: LaneId | undefined;
  readonly directory: string;
}

export interface LogToCheck<T> extends LogPlace {
  readonly pastEpoch?: bigint | undefined;
  readonly open: () => Promise<LiveRun<T>>;
  /** The number that a record itself names. */
  readonly numberOf: (value: T) => bigint;
}

/** Checks every record of `log`. A log that cannot be used is refused as a whole. */
export async function* importLog<T, Taken>(
  log: LogToCheck<T>,
  check: (record: LiveRecord<T>) => CheckResult<Taken> | Promise<CheckResult<Taken>>,
): AsyncGenerator<LogItem<Taken>, void, void> {
  const counts = { taken: 0, refused: 0, below: 0 };
  let first: bigint | undefined;
  let run: LiveRun<T> | undefined;
  try {
    run = await log.open();
    let checked = 0;
    for await (const record of run.records()) {
      const result = await check(record);
      counts[result.kind] += 1;
      if (result.kind === "taken") {
        first ??= record.index;
        yield result.taken;
      } else if (result.kind === "refused") {
        const number = log.numberOf(record.value);
        yield refusedItem(log, result, { ...record, number });
      }
      if (++checked % SLICE_RECORDS === 0) await nextTurn();
    }
  } catch (cause) {
    if (!(cause instanceof StateError)) throw cause;
    counts.refused += 1;
    yield refusedWhole(log, cause);
  }
  const { lane, directory, pastEpoch } = log;
  const { discarded = 0, cuts = [] } = run ?? {};
  yield { kind: "log", summary: { lane, directory, ...counts, first, discarded, cuts, pastEpoch } };
}

/** The refusal of one record, or of the whole log where `record` is left out. */
export function refusedItem(
  { lane, directory }: LogPlace,
  why: Pick<ImportRefusal, "reason" | "detail"> & { readonly cause?: unknown },
  record?: Pick<LiveRecord<unknown>, "index" | "file" | "offset"> & { readonly number: bigint },
): RefusedItem {
  const { reason, detail, cause } = why;
  const { number, index, file = directory, offset } = record ?? {};
  return { kind: "refused", refusal: { reason, detail, lane, number, index, file, offset, cause } };
}

/** The refusal of a whole log, or of the A/B pair, with the error that makes it unusable. */
export function refusedWhole({ lane, directory }: LogPlace, cause: StateError): RefusedItem {
  const { errorClass: reason, message: detail, number, file = directory, offset } = cause;
  const index = undefined;
  return { kind: "refused", refusal: { reason, detail, lane, number, index, file, offset, cause } };
}

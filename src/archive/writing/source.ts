/** The store that is archived, as the archiver sees it. */
import type { RetainedRange, RetainedRecord } from "../../log/retained-range.js";
import type { Run } from "../../log/retention.js";
import type { ArchivedLog } from "../form/names.js";
import { max } from "../../types/numbers.js";

/** A log at this moment. Its records below `first` have left the live window. */
export interface LogState {
  readonly log: ArchivedLog;
  readonly first: bigint;
  /** The numbers below `first` that can be read, ascending; all of them, as long as that is not known. */
  readonly retained: () => readonly Run[];
}

/** How many records of [from, first) can be read. */
export function countFrom({ retained }: LogState, from: bigint): bigint {
  return retained().reduce(
    (sum, run) => sum + (run.next > from ? run.next - max(run.from, from) : 0n),
    0n,
  );
}

/** The lowest number that can be read. */
export function lowestOf({ first, retained }: LogState): bigint {
  return retained()[0]?.from ?? first;
}

export interface ArchiveSource {
  readonly chainId: string;
  logs(): readonly LogState[];
  /** Records that were pruned and are retained; see `RetainedRecords.rangeOfRuns`. */
  read(log: ArchivedLog, range: RetainedRange): AsyncGenerator<RetainedRecord>;
}

/** The store that is archived, as the archiver sees it. */
import type { RetainedRange, RetainedRecord } from "../../log/retained-records.js";
import type { ArchivedLog } from "../form/names.js";

/** A log at this moment. Its records below `first` have left the live window. */
export interface LogState {
  readonly log: ArchivedLog;
  /** The lowest number that can be read. */
  readonly retainedFirst: bigint;
  readonly first: bigint;
}

export interface ArchiveSource {
  readonly chainId: string;
  logs(): readonly LogState[];
  /** Records that were pruned and are retained; see `RetainedRecords.range`. */
  read(log: ArchivedLog, range: RetainedRange): AsyncGenerator<RetainedRecord>;
}

/** How far a log is archived: durable in the journal before anything below `through` is given back. */
export interface LogPosition {
  /** Every record below this number is archived, or was never here. */
  readonly through: bigint;
  /** Links of its chain up to there. */
  readonly links: number;
  /** The hash of the last of them; `null` without one. */
  readonly tip: string | null;
}

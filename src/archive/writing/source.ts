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

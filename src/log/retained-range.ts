/** Ranges of retained records, as they are asked for and read. */

/** The part of a log's retained records that is read. */
export interface RetainedRange {
  /** The first number; the lowest retained one if left out, or if that is higher. */
  readonly from?: bigint | undefined;
  /** The number behind the last one; the log's first live number if left out, or if that is lower. */
  readonly next?: bigint | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RetainedRecord {
  readonly number: bigint;
  readonly bytes: Uint8Array;
}

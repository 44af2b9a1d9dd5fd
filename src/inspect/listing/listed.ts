/** The parts of a listing: segments, records, and the places of records that are lost. */
import type { recordType } from "../../journal/form/records.js";
import type { PayloadSeen } from "../walk/sealed.js";

/** `free`: nothing in it is needed, whatever its bytes are. `unread`: it could not be read, so nothing is known of it. */
export type SegmentState = "current" | "sealed" | "retained" | "free" | "unread";

export interface ListedSegment {
  readonly slot: number;
  readonly file: string;
  /** `undefined` where the file could not be opened. */
  readonly bytes: number | undefined;
  readonly state: SegmentState;
  /** Its place in the order of segments; of a free slot that of the segment which lay there last. */
  readonly sequence: bigint | undefined;
  readonly firstLsn: bigint | undefined;
  /** The key that sealed it; `undefined` where it is plain. */
  readonly keyId: string | undefined;
}

export interface ListedRecord {
  readonly kind: Exclude<keyof typeof recordType, "pad" | "footer"> | "optional";
  readonly lsn: bigint;
  /** The lane, "road", or the log of a journal; `undefined` where the record is of no log. */
  readonly log: string | undefined;
  readonly number: bigint;
  /** An append or a copy is live, or pruned and perhaps retained. */
  readonly isLive: boolean | undefined;
  readonly file: string;
  /** Bytes from the start of the file to its header. */
  readonly offset: number;
  readonly payload: PayloadSeen;
}

/** Records from this LSN on cannot be read: one, or up to the next that is listed. */
export interface LostRecord {
  readonly kind: "lost";
  readonly lsn: bigint;
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
}

/** LSNs [from, next). */
export interface LsnRange {
  readonly from?: bigint | undefined;
  readonly next?: bigint | undefined;
}

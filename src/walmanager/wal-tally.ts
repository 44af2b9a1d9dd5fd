/** Counts what a log holds while it is read, and checks that its LSNs are one history. */
import { U64_MAX } from "../types/numbers.js";
import type { SegmentFile } from "./layout.js";
import type { Scanned } from "./segment-scan.js";
import { WalError } from "./wal-error.js";

/** The first LSN that is ever given. */
const FIRST_LSN = 1n;
/** The gaps that are listed one by one. */
const GAPS_TOLD_MAX = 16;

/** The end of the newest segment, behind its last record. */
export interface TornTail {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly reason: string;
  /** Whether records that verify lie behind it. They were cut off then, as the caller chose. */
  readonly hasRecordsBehind: boolean;
}

/** The LSNs [first, next), which no record has. */
export interface LsnGap {
  readonly first: bigint;
  readonly next: bigint;
}

export interface WalSummary {
  readonly segments: number;
  readonly bytes: number;
  /** Records that verify, and those of them that were given. */
  readonly records: number;
  readonly given: number;
  /** The largest payload, and the LSN of the first record that has one of that size. */
  readonly largestPayload: { readonly bytes: number; readonly lsn: bigint } | undefined;
  readonly firstLsn: bigint | undefined;
  readonly lastLsn: bigint | undefined;
  /** The LSN that may be given next: never one that was given, or promised by a segment's name. */
  readonly nextLsn: bigint;
  /** Encrypted records that were opened, and those that were left out. */
  readonly opened: number;
  readonly encrypted: number;
  /** Of a type that is not known and may be skipped. */
  readonly unknownOptional: number;
  /** Records whose payload came from a sidecar. */
  readonly healed: number;
  readonly paddingBytes: number;
  /** The number of gaps in the LSNs, and the first of them. */
  readonly gapCount: number;
  readonly gaps: readonly LsnGap[];
  readonly tail: TornTail | undefined;
  /** Names in the directory that do not belong to the log. */
  readonly passedOver: readonly string[];
}

export class WalTally {
  bytes = 0;
  given = 0;
  opened = 0;
  encrypted = 0;
  unknownOptional = 0;
  paddingBytes = 0;
  tail: TornTail | undefined;
  readonly #missing: "refuse" | "report";
  readonly #passedOver: readonly string[];
  readonly #gaps: LsnGap[] = [];
  #gapCount = 0;
  #segments = 0;
  #records = 0;
  #healed = 0;
  #largest: WalSummary["largestPayload"];
  #first: bigint | undefined;
  #last: bigint | undefined;
  #next: bigint | undefined;

  constructor(missing: "refuse" | "report", passedOver: readonly string[]) {
    this.#missing = missing;
    this.#passedOver = passedOver;
  }

  get records(): number {
    return this.#records;
  }

  /** The LSN that is expected next. */
  get next(): bigint {
    return this.#next ?? FIRST_LSN;
  }

  /** Begins a segment. Its name is the LSN that was next when it was made. */
  begin({ path: file, firstLsn }: SegmentFile): void {
    this.#segments += 1;
    if (firstLsn === undefined) return;
    if (firstLsn < this.next) throw notAbove(firstLsn, this.next, { file });
    if (this.#next !== undefined && firstLsn > this.#next) {
      if (this.#missing === "refuse") {
        const detail = `LSNs [${this.#next}, ${firstLsn}) are in no segment`;
        throw new WalError("missing_records", detail, { file, lsn: this.#next });
      }
      this.#addGap(this.#next, firstLsn);
    }
    this.#next = firstLsn;
  }

  take(
    { path: file }: SegmentFile,
    { header: { lsn }, payload, offset, healed }: Extract<Scanned, { readonly kind: "record" }>,
  ): void {
    if (lsn === U64_MAX) throw noLsnAbove(lsn, { file, offset });
    if (lsn < this.next) throw notAbove(lsn, this.next, { file, offset });
    if (this.#next !== undefined && lsn > this.#next) this.#addGap(this.#next, lsn);
    this.#records += 1;
    if (healed) this.#healed += 1;
    if (this.#largest === undefined || payload.length > this.#largest.bytes) {
      this.#largest = { bytes: payload.length, lsn };
    }
    this.#first ??= lsn;
    this.#last = lsn;
    this.#next = lsn + 1n;
  }

  summary(): WalSummary {
    return {
      segments: this.#segments,
      bytes: this.bytes,
      records: this.#records,
      given: this.given,
      opened: this.opened,
      encrypted: this.encrypted,
      unknownOptional: this.unknownOptional,
      healed: this.#healed,
      paddingBytes: this.paddingBytes,
      tail: this.tail,
      largestPayload: this.#largest,
      firstLsn: this.#first,
      lastLsn: this.#last,
      nextLsn: this.next,
      gapCount: this.#gapCount,
      gaps: this.#gaps,
      passedOver: this.#passedOver,
    };
  }

  #addGap(first: bigint, next: bigint): void {
    this.#gapCount += 1;
    if (this.#gaps.length < GAPS_TOLD_MAX) this.#gaps.push({ first, next });
  }
}

/** The place at which an LSN was found. */
interface Place {
  readonly file: string;
  readonly offset?: number;
}

/** The highest number of 64 bits: `nextLsn` has none that could follow it, and WalManager gives none. */
function noLsnAbove(lsn: bigint, place: Place): WalError {
  return new WalError("lsn_order", `LSN ${lsn} is the highest there is: none can follow it`, {
    ...place,
    lsn,
  });
}

/** WalManager gives an LSN twice after a crash that left its newest segment empty. */
function notAbove(lsn: bigint, next: bigint, place: Place): WalError {
  const detail = `LSN ${lsn} comes where ${next} or a higher one must: it was given twice`;
  return new WalError("lsn_order", detail, { ...place, lsn });
}

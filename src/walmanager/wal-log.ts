/**
 * A log of WalManager, read and never changed: its records in order, from segments that are one
 * unbroken history, or a refusal.
 *
 * WalManager's own reader stops at the first record that does not verify, in whatever segment, goes on
 * with the next segment, and says nothing. This reader differs:
 *
 * - A record that does not verify is damage in any segment but the newest. In the newest it is a torn
 *   tail, unless a record is found behind it.
 * - No LSN may be missing between two segments. Inside a segment WalManager burns an LSN when it refuses
 *   a record, and nothing else can be lost between two neighbouring records: such gaps are reported.
 * - A newer version, a required type that is not known, and an encrypted payload whose key is not given are
 *   refused.
 *
 * The name of a newest segment without records says which LSN is next.
 */
import { z } from "zod";
import { absolutePath, type PathInput } from "../disk/path.js";
import { RealDisk } from "../disk/real/real.js";
import type { Key } from "../keys/key.js";
import { keyFrom, type KeySource, keySourceSchema } from "../keys/source.js";
import { checkChoices } from "../types/choices.js";
import { openPayload } from "./decrypt.js";
import { findLog, type SegmentFile, type WalDisk, type WalLayout } from "./layout.js";
import { isRequired, walTypeName } from "./record-types.js";
import { type Scanned, scanSegment } from "./segment-scan.js";
import { recordBehind } from "./tail-search.js";
import { WalError } from "./wal-error.js";
import { type TornTail, WalTally, type WalSummary } from "./wal-tally.js";
import { FileWindow } from "./window.js";

/** A record with its labels. */
export interface WalRecord {
  readonly lsn: bigint;
  /** 16 bits; bit 15 is set if no reader may skip it. `walTypes` has the types of WalManager. */
  readonly type: number;
  readonly tenantId: number;
  readonly vshard: number;
  /** The caller's to keep. */
  readonly payload: Uint8Array;
}

export interface WalChoices {
  /** Types beside those of WalManager that the caller understands. */
  readonly types?: Iterable<number> | undefined;
  /**
   * Records of an optional type that is not known: left out, or given too.
   *
   * @defaultValue `"skip"`
   */
  readonly unknownOptional?: "skip" | "keep" | undefined;
  /** The keys of encrypted records, in any order: `decrypt.ts` says how they are opened. */
  readonly keys?: readonly KeySource[] | undefined;
  /**
   * Encrypted records that none of the keys opens: refused, or left out.
   *
   * @defaultValue `"refuse"`
   */
  readonly encrypted?: "refuse" | "skip" | undefined;
  /**
   * LSNs that are missing between two segments: refused, or reported in the summary.
   *
   * @defaultValue `"refuse"`
   */
  readonly missing?: "refuse" | "report" | undefined;
  /**
   * A tail of the newest segment with a record behind it: refused, or cut off there.
   *
   * @defaultValue `"refuse"`
   */
  readonly damagedTail?: "refuse" | "cut" | undefined;
}

const TYPE_MAX = 0xffff;
const isType = (type: unknown): boolean => {
  return Number.isInteger(type) && Number(type) >= 0 && Number(type) <= TYPE_MAX;
};

const choicesSchema = z.strictObject({
  types: z
    .custom<Iterable<number>>((types) => {
      const isIterable = typeof types === "object" && types !== null && Symbol.iterator in types;
      return isIterable && [...(types as Iterable<unknown>)].every(isType);
    }, "an iterable of 16-bit integers")
    .default([]),
  unknownOptional: z.enum(["skip", "keep"]).default("skip"),
  keys: z.array(keySourceSchema).readonly().default([]),
  encrypted: z.enum(["refuse", "skip"]).default("refuse"),
  missing: z.enum(["refuse", "report"]).default("refuse"),
  damagedTail: z.enum(["refuse", "cut"]).default("refuse"),
});

type Choices = z.output<typeof choicesSchema>;
type ScannedRecord = Extract<Scanned, { readonly kind: "record" }>;

export class WalLog {
  readonly #disk: WalDisk;
  readonly #layout: WalLayout;
  readonly #types: ReadonlySet<number>;
  readonly #choices: Choices;
  #summary: WalSummary | undefined;

  private constructor(disk: WalDisk, layout: WalLayout, choices: Choices) {
    this.#disk = disk;
    this.#layout = layout;
    this.#types = new Set(choices.types);
    this.#choices = choices;
  }

  /**
   * Finds the log at `path`: a directory, or the single file of an older version. Nothing is read yet.
   *
   * @example
   * const log = await WalLog.open("/var/lib/node/wal");
   * for await (const { lsn, type, payload } of log.records()) console.log(lsn, type, payload.length);
   *
   * @throws {WalError} `not_a_log`, `two_logs`, `segment_name`.
   * @throws {PersisterError} USAGE naming the wrong option; IO, READ_ONLY.
   */
  static async open(path: PathInput, choices: WalChoices = {}): Promise<WalLog> {
    return await WalLog.openOn(new RealDisk(), absolutePath(path), choices);
  }

  /** `open` on a disk of the caller's. @internal */
  static async openOn(disk: WalDisk, path: string, choices: WalChoices = {}): Promise<WalLog> {
    const checked = checkChoices(choicesSchema, choices);
    return new WalLog(disk, await findLog(disk, path), checked);
  }

  /** The directory or the file that was found. A migration may have moved it. */
  get path(): string {
    return this.#layout.path;
  }

  /** By first LSN; the last one is the newest. */
  get segments(): readonly SegmentFile[] {
    return this.#layout.segments;
  }

  /** The summary of the last pass over all records; undefined if no pass has come to the end. */
  get summary(): WalSummary | undefined {
    return this.#summary;
  }

  /**
   * Every record, in order. One chunk, and one record, are in memory at a time.
   *
   * @throws {WalError} as `WalErrorClass` says; PersisterError IO, READ_ONLY.
   */
  async *records(): AsyncGenerator<WalRecord, void, void> {
    const { segments, passedOver } = this.#layout;
    const tally = new WalTally(this.#choices.missing, passedOver);
    const ring: Key[] = [];
    try {
      for (const source of this.#choices.keys) ring.push(await keyFrom(source));
      for (const segment of segments) yield* this.#recordsOf(segment, tally, ring);
    } finally {
      for (const key of ring) key.close();
    }
    this.#summary = tally.summary();
  }

  async *#recordsOf(
    segment: SegmentFile,
    tally: WalTally,
    keys: readonly Key[],
  ): AsyncGenerator<WalRecord, void, void> {
    tally.begin(segment);
    const file = await this.#disk.openToRead(segment.path);
    if (!file) throw new WalError("changed", "it was there a moment ago", { file: segment.path });
    try {
      const window = new FileWindow(segment.path, file, await file.size());
      tally.bytes += window.size;
      for await (const step of scanSegment(this.#disk, segment, window)) {
        if (step.kind === "padding") {
          tally.paddingBytes += step.bytes;
        } else if (step.kind === "stop") {
          tally.tail = await this.#tailAt(segment, window, step, tally);
        } else {
          tally.take(segment, step);
          const record = this.#opened(step, keys, tally);
          if (this.#isGiven(segment, record, tally)) yield recordOf(record, tally);
        }
      }
    } finally {
      await file.close();
    }
  }

  /** The torn tail that `stop` begins, or the refusal of what is none. */
  async #tailAt(
    { path: file, firstLsn }: SegmentFile,
    window: FileWindow,
    { offset, reason }: Extract<Scanned, { readonly kind: "stop" }>,
    tally: WalTally,
  ): Promise<TornTail> {
    const facts = { file, offset, lsn: tally.next };
    if (file !== this.#layout.segments.at(-1)?.path) {
      throw new WalError("damaged_record", `${reason}, and newer segments follow`, facts);
    }
    if (firstLsn === undefined && tally.records === 0) {
      throw new WalError("not_a_log", `${reason}, and no record is in the file`, { file, offset });
    }
    const behind = await recordBehind(window, offset, tally.next);
    if (behind !== undefined && this.#choices.damagedTail === "refuse") {
      const what =
        behind === "unknown" ? "records may lie" : `the record of LSN ${behind.lsn} lies`;
      throw new WalError("damaged_record", `${reason}, and ${what} behind it`, facts);
    }
    return { file, offset, bytes: window.size - offset, reason, hasRecordsBehind: !!behind };
  }

  /** The record with its plain payload, where it is encrypted and one of the keys opens it. */
  #opened(record: ScannedRecord, keys: readonly Key[], tally: WalTally): ScannedRecord {
    const { header } = record;
    const payload = header.encrypted ? openPayload(header, record.payload, keys) : undefined;
    if (!payload) return record;
    tally.opened += 1;
    return { ...record, header: { ...header, encrypted: false }, payload };
  }

  #isGiven({ path: file }: SegmentFile, record: ScannedRecord, tally: WalTally): boolean {
    const { offset, header } = record;
    const { type, lsn, encrypted } = header;
    const facts = { file, offset, lsn, type };
    const isKnown = walTypeName(type) !== undefined || this.#types.has(type);
    if (!isKnown && isRequired(type)) {
      const detail = `type ${typeText(type)} is not known, and may not be skipped`;
      throw new WalError("unknown_type", detail, facts);
    }
    if (encrypted) {
      if (this.#choices.encrypted === "refuse") {
        const detail = `the record of LSN ${lsn} is encrypted, and no key that was given opens it`;
        throw new WalError("encrypted", detail, facts);
      }
      tally.encrypted += 1;
      return false;
    }
    if (isKnown) return true;
    tally.unknownOptional += 1;
    return this.#choices.unknownOptional === "keep";
  }
}

function recordOf({ header, payload }: ScannedRecord, tally: WalTally): WalRecord {
  const { lsn, type, tenantId, vshard } = header;
  tally.given += 1;
  return { lsn, type, tenantId, vshard, payload };
}

function typeText(type: number): string {
  return `0x${type.toString(16).padStart(4, "0")}`;
}

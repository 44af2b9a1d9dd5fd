/**
 * The check of each live record of a journal when it is opened: the record has an envelope of this
 * version, and a type that this program may meet. The check keeps labels, lengths and the last checkpoint.
 */
import type { RecordVisitor, RecoveredRecord } from "../../journal/recovery/scan.js";
import { assert } from "../../types/assert.js";
import { type ErrorCode, PersisterError } from "../../types/errors.js";
import {
  CHECKPOINT_TYPE,
  decodeCheckpoint,
  decodeEnvelope,
  OWN_TYPE,
  REQUIRED_TYPE,
} from "./envelope.js";
import { LabelIndex } from "./label-index.js";

/** The one log of a journal; the number of a record in it is the record's LSN. */
export const RECORDS_LOG = "records";
/** The LSN of a journal's first record. */
export const FIRST_LSN = 1n;

/** A checkpoint on record: records below `lsn` are not needed any more. */
export interface Checkpoint {
  /** The LSN of the checkpoint's own record. */
  readonly at: bigint;
  readonly lsn: bigint;
}

export class RecordCheck {
  readonly labels = new LabelIndex();
  readonly #types: Pick<ReadonlySet<number>, "has">;
  #checkpoint: Checkpoint | undefined;
  #count = 0;

  constructor(types: Pick<ReadonlySet<number>, "has">) {
    this.#types = types;
  }

  /** The newest checkpoint that is held. */
  get checkpoint(): Checkpoint | undefined {
    return this.#checkpoint;
  }

  /** How many records were checked. */
  get count(): number {
    return this.#count;
  }

  /**
   * The visitor of the engine's recovery.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT; FORMAT_TOO_NEW for a version or a required type that is
   * not known here.
   */
  readonly visit: RecordVisitor = (record): undefined => {
    if (record.name !== RECORDS_LOG) {
      throw refusal(
        "JOURNAL_CORRUPT",
        record,
        `it is of a log that no journal has: ${record.name}`,
      );
    }
    const found = decodeEnvelope(record.payload);
    if (found.kind === "damaged") throw refusal("JOURNAL_CORRUPT", record, found.reason);
    if (found.kind === "too-new") {
      throw refusal("FORMAT_TOO_NEW", record, `version ${found.version} is of a newer Lanekeeper`);
    }
    const { labels, payload } = found;
    this.labels.set(placeOf(record.number), labels, payload.length);
    this.#count += 1;
    if (labels.type === CHECKPOINT_TYPE) this.#noteCheckpoint(record, payload);
    else this.#checkType(record, labels.type);
  };

  #checkType(record: RecoveredRecord, type: number): void {
    if (!mustBeKnown(type) || this.#types.has(type)) return;
    const whose = (type & OWN_TYPE) === 0 ? "this program" : "this Lanekeeper";
    const named = `0x${type.toString(16).padStart(4, "0")}`;
    throw refusal("FORMAT_TOO_NEW", record, `${whose} must know its type ${named}, and does not`);
  }

  #noteCheckpoint(record: RecoveredRecord, payload: Uint8Array): void {
    const lsn = decodeCheckpoint(payload);
    if (lsn === undefined || lsn > record.number) {
      throw refusal("JOURNAL_CORRUPT", record, "a checkpoint names an LSN not above its own");
    }
    if (this.#checkpoint && this.#checkpoint.at > record.number) return;
    this.#checkpoint = { at: record.number, lsn };
  }
}

/** An LSN as a safe integer: it counts the records of one journal, and no journal will ever have 2^53. */
export function placeOf(lsn: bigint): number {
  assert(lsn <= Number.MAX_SAFE_INTEGER, "an LSN is a safe integer");
  return Number(lsn);
}

function mustBeKnown(type: number): boolean {
  return (type & REQUIRED_TYPE) !== 0;
}

function refusal(code: ErrorCode, record: RecoveredRecord, reason: string): PersisterError {
  const { file, number, pointer } = record;
  return new PersisterError(
    code,
    `${file}: record ${number} cannot be read: ${reason} (byte ${pointer.offset})`,
    { file, offset: pointer.offset },
  );
}

/**
 * Recovery checks each record that the journal found: it is in its own lane, at its own number, and
 * linked to its parent (D5).
 */
import type { RecoveredRecord } from "../journal/recovery/scan.js";
import { LOOK_FIRST, PersisterError } from "../types/errors.js";
import { isLaneId, type LaneId } from "../types/lane.js";
import { decodeCommitQC } from "../wire/codec/decode.js";
import { DecodeError } from "../wire/codec/decode-error.js";
import { readHashedHeader, sameBytes } from "../wire/hash.js";
import type { CommitQC } from "../wire/messages.js";
import { ROAD } from "./kinds.js";
import { type GuardNote, readGuardNote } from "./guards/heights.js";
import { fieldsOf, GUARDS, isNote, isNoteLog } from "./note-forms.js";

/** A block that was found, and what it must link to. */
interface FoundBlock {
  readonly number: bigint;
  readonly hash: Uint8Array;
  readonly parentHash: Uint8Array;
  readonly record: RecoveredRecord;
}

/** Checks recovered records one by one, in any order; and at the end the links between them. */
export class RecordChecks {
  readonly #blocks = new Map<LaneId, Map<bigint, FoundBlock>>();
  readonly #road = new Map<bigint, CommitQC>();
  #guards: { readonly number: bigint; readonly note: GuardNote } | undefined;

  /** The header hashes of the blocks [first, next) of `lane` that were found, by number. */
  hashesOf(lane: LaneId, { first, next }: { readonly first: bigint; readonly next: bigint }) {
    const hashes = new Map<bigint, Uint8Array>();
    for (const { number, hash } of this.#blocks.get(lane)?.values() ?? []) {
      if (number >= first && number < next) hashes.set(number, hash);
    }
    return hashes;
  }

  /**
   * D5: every block's parent is the block before it, where that one is held.
   *
   * @throws {PersisterError} RECOVERY_MISMATCH
   */
  checkLinks(): void {
    for (const refusal of this.brokenLinks()) throw refusal;
  }

  /** A refusal for each block whose parent is not the block before it. */
  *brokenLinks(): Generator<PersisterError> {
    for (const blocks of this.#blocks.values()) {
      for (const { number, parentHash, record } of blocks.values()) {
        const parent = blocks.get(number - 1n);
        if (parent && !sameBytes(parentHash, parent.hash)) {
          yield mismatch(record, `its parent is not block ${parent.number}`);
        }
      }
    }
  }

  /** Every commit QC that is held. */
  get road(): ReadonlyMap<bigint, CommitQC> {
    return this.#road;
  }

  /** The newest note of the guards, if the store was ever guarded. */
  get guards(): GuardNote | undefined {
    return this.#guards?.note;
  }

  /** The visitor of the journal's recovery: the header hash of a block, nothing for a QC. */
  readonly visit = (record: RecoveredRecord): Uint8Array | undefined => {
    try {
      if (record.name === ROAD) return this.#commitQC(record);
      if (isNoteLog(record.name)) return this.#note(record);
      if (isLaneId(record.name)) return this.#block(record, record.name);
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      throw mismatch(record, `it does not decode: ${cause.message}`, cause);
    }
    throw mismatch(record, "no log of a validator is called so");
  };

  #note(record: RecoveredRecord): undefined {
    const { name, number, payload } = record;
    if (!isNote(name, payload)) throw mismatch(record, "it does not read as a note");
    if (name !== GUARDS || number < (this.#guards?.number ?? 0n)) return;
    const note = readGuardNote(fieldsOf(payload));
    if (note) this.#guards = { number, note };
  }

  #commitQC(record: RecoveredRecord): undefined {
    // A copy: keys and signatures of the QC are copied by the decoder, nothing else is kept.
    const qc = decodeCommitQC(record.payload);
    if (qc.vote.view.index !== record.number) {
      throw mismatch(record, `it is the QC of road index ${qc.vote.view.index}`);
    }
    this.#road.set(record.number, qc);
    return undefined;
  }

  #block(record: RecoveredRecord, lane: LaneId): Uint8Array {
    const { header, hash } = readHashedHeader(record.payload);
    if (header.lane !== lane) throw mismatch(record, `it is a block of lane ${header.lane}`);
    if (header.blockNumber !== record.number) {
      throw mismatch(record, `it is block ${header.blockNumber}`);
    }
    const { name, number, pointer, file } = record;
    const block = {
      number,
      hash,
      parentHash: header.parentHash,
      // Without the payload: it is valid no longer than this visit.
      record: { name, number, pointer, file, payload: NOTHING },
    };
    const blocks = this.#blocks.get(lane) ?? new Map<bigint, FoundBlock>();
    this.#blocks.set(lane, blocks.set(number, block));
    return hash;
  }
}

const NOTHING = new Uint8Array(0);

function mismatch(record: RecoveredRecord, what: string, cause?: unknown): PersisterError {
  const { name, number, file, pointer } = record;
  const facts = name === ROAD ? { roadIndex: number } : { lane: name, blockNumber: number };
  return new PersisterError(
    "RECOVERY_MISMATCH",
    `${file}: record ${name} ${number}: ${what}; ${LOOK_FIRST}`,
    { ...facts, file, offset: pointer.offset, ...(cause === undefined ? {} : { cause }) },
  );
}

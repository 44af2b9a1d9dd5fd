/**
 * Checkpoints, and the truncations that they allow: one after the other, since each relies on what the
 * one before left. Nothing goes that no durable checkpoint gave free, and nothing before the record
 * that stays was read back (D3, D4).
 */
import pLimit from "p-limit";
import type { LogEngine } from "../journal/log-engine.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { CHECKPOINT_TYPE, encodeCheckpoint, encodeEnvelope } from "./envelope.js";
import type { RecordLog } from "./record-log.js";
import { headerAt, readRecord } from "./replay.js";
import { freedBy } from "./segments.js";

/** What a truncation forgot. */
export interface Truncation {
  readonly records: bigint;
  /** Sealed segments that hold nothing any more: recycled, or given back to the file system. */
  readonly segments: number;
  /** Bytes that were in them. */
  readonly bytes: number;
}

export class Checkpoints {
  readonly #engine: LogEngine;
  readonly #log: RecordLog;
  readonly #exclusive = pLimit(1);
  #lsn: bigint | undefined;

  /** `lsn` of the last one that is held. */
  constructor(engine: LogEngine, log: RecordLog, lsn: bigint | undefined) {
    this.#engine = engine;
    this.#log = log;
    this.#lsn = lsn;
  }

  /** What the last durable one names; `undefined`: there is none. */
  get lsn(): bigint | undefined {
    return this.#lsn;
  }

  /** As `Journal.checkpoint`. */
  async put(lsn: bigint): Promise<bigint> {
    return await this.#exclusive(async () => {
      const least = this.#lsn ?? 1n;
      const most = this.#log.next;
      if (lsn < least || lsn > most) {
        throw new PersisterError(
          "OUT_OF_SEQUENCE",
          `a checkpoint at ${lsn}: it may be from ${least}, the last one, to ${most}, what is durable`,
        );
      }
      const payload = encodeCheckpoint(lsn);
      const fields = { type: CHECKPOINT_TYPE, tenant: 0, shard: 0, origin: undefined };
      const labels = { ...fields, byteLength: payload.length };
      const at = await this.#log.append([{ labels, bytes: encodeEnvelope(labels, payload) }]);
      this.#lsn = lsn;
      return at;
    });
  }

  /** As `Journal.truncateBefore`. */
  async truncateBefore(lsn: bigint): Promise<Truncation> {
    return await this.#exclusive(async () => {
      const { first, next } = this.#log;
      if (lsn <= first) return { records: 0n, segments: 0, bytes: 0 };
      const allowed = this.#lsn;
      if (allowed === undefined || lsn > allowed) {
        const last = allowed === undefined ? "there is no checkpoint" : `it is at ${allowed}`;
        throw new PersisterError(
          "OUT_OF_SEQUENCE",
          `truncation to ${lsn} needs a durable checkpoint at or above it: ${last}`,
        );
      }
      assert(lsn < next, "a checkpoint's own record lies at or above what it names");
      await this.#verifyFirst(lsn);
      const freed = freedBy(this.#engine, lsn);
      await this.#log.truncate(lsn);
      return { records: lsn - first, ...freed };
    });
  }

  /** D4: what stays is read back, and is what was written. */
  async #verifyFirst(lsn: bigint): Promise<void> {
    const read = await readRecord(this.#log, lsn);
    const held = headerAt(this.#log, lsn);
    const same =
      read.type === held.type &&
      read.tenant === held.tenant &&
      read.shard === held.shard &&
      read.origin === held.origin &&
      read.payload.length === held.byteLength;
    if (same) return;
    throw new PersisterError(
      "VERIFY_MISMATCH",
      `record ${lsn}, which would become the first, is not the one that was written; nothing went`,
    );
  }
}

/**
 * Checkpoints, and truncations: one after the other, since each relies on what the one before left.
 *
 * # Invariants
 *
 * - Nothing goes that the caller did not give free on disk: by a durable checkpoint, or by the truncation's
 *   own record (`forgetBefore`), which is a checkpoint, too (D3).
 * - Nothing goes before the record that becomes the first was read back (D4).
 */
import pLimit from "p-limit";
import type { LogEngine } from "../../journal/log-engine.js";
import { PersisterError } from "../../types/errors.js";
import { withJson } from "../../types/json.js";
import { CHECKPOINT_TYPE, encodeCheckpoint } from "./envelope.js";
import { RecordAppend } from "./new-record.js";
import { FIRST_LSN } from "./record-check.js";
import type { RecordLog } from "./record-log.js";
import { freedBy } from "./segments.js";

/** The records and segments that a truncation forgot. */
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
  /** The LSN that the last durable checkpoint record names. */
  #recorded: bigint | undefined;

  /** `recorded` by the last checkpoint record that is held. */
  constructor(engine: LogEngine, log: RecordLog, recorded: bigint | undefined) {
    this.#engine = engine;
    this.#log = log;
    this.#recorded = recorded;
  }

  /** Nothing below is needed any more; `undefined` if nobody has said so. */
  get lsn(): bigint | undefined {
    const first = BigInt(this.#log.first);
    if (first > (this.#recorded ?? FIRST_LSN)) return first;
    return this.#recorded;
  }

  /** As `Journal.checkpoint`. */
  put(lsn: bigint): Promise<bigint> {
    return this.#exclusive(async () => {
      const least = this.lsn ?? FIRST_LSN;
      if (lsn < least || lsn > this.#log.next) {
        throw new PersisterError(
          "OUT_OF_SEQUENCE",
          `a checkpoint at ${lsn}: it may be from ${least}, the last one, to ${this.#log.next}, the first ` +
            `LSN that is not durable yet`,
        );
      }
      const payload = encodeCheckpoint(lsn);
      const labels = { type: CHECKPOINT_TYPE, tenant: 0, shard: 0, origin: undefined };
      const record = new RecordAppend({ ...labels, byteLength: payload.length }, payload);
      const at = await this.#log.append([record]);
      this.#recorded = lsn;
      return at;
    });
  }

  /** As `Journal.truncateBefore`. */
  truncateBefore(lsn: bigint): Promise<Truncation> {
    return this.#exclusive(async () => {
      const allowed = this.lsn ?? FIRST_LSN;
      if (lsn > allowed) {
        const last = this.lsn === undefined ? "there is no checkpoint" : `it is at ${allowed}`;
        throw new PersisterError(
          "OUT_OF_SEQUENCE",
          `truncation to ${lsn} needs a durable checkpoint at or above it: ${last}`,
        );
      }
      return await this.#truncate(lsn);
    });
  }

  /** As `Journal.forgetBefore`. */
  forgetBefore(lsn: bigint): Promise<Truncation> {
    return this.#exclusive(async () => {
      if (lsn > this.#log.next) {
        throw new PersisterError(
          "OUT_OF_SEQUENCE",
          `nothing from ${this.#log.next} on is durable yet, so it cannot be forgotten up to ${lsn}`,
        );
      }
      return await this.#truncate(lsn);
    });
  }

  async #truncate(lsn: bigint): Promise<Truncation> {
    const before = this.#log.first;
    if (lsn <= before) return withJson({ records: 0n, segments: 0, bytes: 0 });
    const first = Number(lsn);
    await this.#log.verify(first);
    const freed = freedBy(this.#engine, lsn);
    await this.#log.truncate(first);
    return withJson({ records: lsn - BigInt(before), ...freed });
  }
}

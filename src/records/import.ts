/**
 * Takes the records of a WalManager log into a journal: type, labels and payload as they are, the LSN
 * that each had there as its `origin`. LSNs here are contiguous, there they may have gaps, so they
 * differ; the order is the same.
 *
 * Exactly once, whatever stops it: records become durable in their order, so what a crash leaves is
 * the first part of the log, and the next import goes on behind the highest origin that is held, once
 * it has seen that this is the same record. What the log has as checkpoints are records like others:
 * they name LSNs of that log, and allow no truncation here.
 */
import { PersisterError } from "../types/errors.js";
import type { WalRecord } from "../walmanager/wal-log.js";
import { OWN_TYPE } from "./envelope.js";
import type { Journal } from "./journal.js";

/** Records, and bytes, that are on their way to disk at once. */
const BATCH_RECORDS_MAX = 256;
const BATCH_BYTES_MAX = 1024 * 1024;

/** What an import did. */
export interface WalManagerImport {
  readonly imported: number;
  /** Records that an earlier import had brought. */
  readonly skipped: number;
  /** The LSN, in that log, of the last record that is held. */
  readonly lastOrigin: bigint | undefined;
}

/** The last record that an earlier import brought. */
interface Reached {
  readonly lsn: bigint;
  readonly origin: bigint;
}

/**
 * Appends every record of `source` to `journal`, which holds nothing, or what an earlier import of the
 * same log brought; durable when resolved.
 *
 * @throws {PersisterError} OUT_OF_SEQUENCE where the journal holds records of its own; CONFLICT where
 * an earlier import was of another log; INVALID where LSNs do not rise or a record is encrypted; as
 * `Journal.append`, and whatever `source` throws. What was imported by then stays.
 */
export async function importWalManager(
  source: AsyncIterable<WalRecord>,
  journal: Journal,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<WalManagerImport> {
  const reached = reachedBy(journal);
  const batch = new Batch(journal, options.signal);
  try {
    const skipped = await pump(source, journal, reached, batch);
    await batch.flush();
    return { imported: batch.imported, skipped, lastOrigin: batch.lastOrigin ?? reached?.origin };
  } finally {
    // Whatever stopped it: nothing is on its way any more when the caller is told.
    await batch.settled();
  }
}

/** Adds every record that is not held yet to `batch`; how many were. */
async function pump(
  source: AsyncIterable<WalRecord>,
  journal: Journal,
  reached: Reached | undefined,
  batch: Batch,
): Promise<number> {
  let last = 0n;
  let skipped = 0;
  let isMet = reached === undefined;
  for await (const record of source) {
    checkRecord(record, last);
    last = record.lsn;
    if (reached && record.lsn <= reached.origin) {
      skipped += 1;
      if (record.lsn === reached.origin) isMet = await isSame(journal, reached, record);
      continue;
    }
    if (reached && !isMet) throw anotherLog(reached);
    await batch.add(record);
  }
  if (reached && !isMet) throw anotherLog(reached);
  return skipped;
}

/** Records on their way; payloads are copied by the journal as they are added. */
class Batch {
  imported = 0;
  lastOrigin: bigint | undefined;
  readonly #journal: Journal;
  readonly #signal: AbortSignal | undefined;
  #appends: Promise<bigint>[] = [];
  #bytes = 0;

  constructor(journal: Journal, signal: AbortSignal | undefined) {
    this.#journal = journal;
    this.#signal = signal;
  }

  async add({ lsn, type, tenantId, vshard, payload }: WalRecord): Promise<void> {
    const record = { type, tenant: tenantId, shard: vshard, origin: lsn, payload };
    this.#appends.push(this.#journal.append(record, { signal: this.#signal }));
    this.#bytes += payload.length;
    this.lastOrigin = lsn;
    const isFull = this.#appends.length >= BATCH_RECORDS_MAX || this.#bytes >= BATCH_BYTES_MAX;
    if (isFull) await this.flush();
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#appends);
  }

  async flush(): Promise<void> {
    const ended = await Promise.allSettled(this.#appends);
    this.#appends = [];
    this.#bytes = 0;
    for (const outcome of ended) {
      if (outcome.status === "rejected") throw outcome.reason;
      this.imported += 1;
    }
  }
}

/** How far an earlier import came; `undefined` where there was none. */
function reachedBy(journal: Journal): Reached | undefined {
  let reached: Reached | undefined;
  let own = journal.firstLsn > 1n ? "what was truncated" : undefined;
  for (const { lsn, type, origin } of journal.headers()) {
    if (origin !== undefined) {
      reached = { lsn, origin };
      own = undefined;
    } else if ((type & OWN_TYPE) === 0) own = `record ${lsn}`;
  }
  if (own === undefined) return reached;
  throw new PersisterError(
    "OUT_OF_SEQUENCE",
    `an import wants a journal that holds nothing, or what an import brought, not ${own}`,
  );
}

function checkRecord({ lsn, type }: WalRecord, last: bigint): void {
  if (lsn <= last) {
    throw new PersisterError("INVALID", `record ${lsn} follows ${last} in the log to be imported`);
  }
  if ((type & OWN_TYPE) === 0) return;
  throw new PersisterError("INVALID", `record ${lsn} of the log to be imported is encrypted`);
}

/** The record up to which an earlier import came is the one that the log has there. */
async function isSame(journal: Journal, { lsn }: Reached, record: WalRecord): Promise<boolean> {
  const { type, tenantId, vshard, payload } = record;
  const held = await journal.read(lsn);
  const sameLabels = held.type === type && held.tenant === tenantId && held.shard === vshard;
  return sameLabels && Buffer.compare(held.payload, payload) === 0;
}

function anotherLog({ lsn, origin }: Reached): PersisterError {
  return new PersisterError(
    "CONFLICT",
    `record ${lsn} was imported as record ${origin} of a log, and is not that of this one`,
  );
}

/**
 * The records of an import that are appended together. One batch is on its way at a time, and a batch is
 * appended as a whole or not at all: so the journal holds the first records of the log, without a hole.
 */
import { PersisterError } from "../types/errors.js";
import type { WalRecord } from "../walmanager/wal-log.js";
import type { Journal } from "./journal.js";
import { BATCH_RECORDS_MAX, bytesInBatch, type NewJournalRecord } from "./log/new-record.js";

/** Bytes of one batch, unless a single record is larger: small beside the memory of a node. */
const BATCH_BYTES_MAX = 1024 * 1024;
type ImportedRecord = NewJournalRecord & { readonly origin: bigint };

/** Records that are appended together. One batch is on its way at a time. */
export class ImportBatch {
  imported = 0;
  /** The origin of the last record that is durable. */
  lastOrigin: bigint | undefined;
  readonly #journal: Journal;
  readonly #signal: AbortSignal | undefined;
  readonly #bytesMax: number;
  #records: ImportedRecord[] = [];
  #bytes = 0;

  constructor(journal: Journal, signal: AbortSignal | undefined) {
    this.#journal = journal;
    this.#signal = signal;
    this.#bytesMax = Math.min(BATCH_BYTES_MAX, bytesInBatch(journal.payloadBytesMax));
  }

  /** Takes a record; appends those before it first, if there is no room beside them. */
  async add({ lsn, type, tenantId, vshard, payload }: WalRecord): Promise<void> {
    const bytes = bytesInBatch(payload.length);
    const isFull =
      this.#records.length === BATCH_RECORDS_MAX || this.#bytes + bytes > this.#bytesMax;
    if (isFull) await this.flush();
    this.#records.push({ type, tenant: tenantId, shard: vshard, origin: lsn, payload });
    this.#bytes += bytes;
  }

  /** Appends the records that were added. Durable when resolved. */
  async flush(): Promise<void> {
    const records = this.#records;
    this.#records = [];
    this.#bytes = 0;
    if (records.length === 0) return;
    try {
      await this.#journal.appendBatch(records, { signal: this.#signal });
      this.#note(records);
    } catch {
      // A batch is refused as a whole. One by one, the records in front of the one at fault go in, and
      // the error names that one.
      for (const record of records) await this.#append(record);
    }
  }

  async #append(record: ImportedRecord): Promise<void> {
    try {
      await this.#journal.append(record, { signal: this.#signal });
      this.#note([record]);
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      const { code, message } = cause;
      const where = `record ${record.origin} of the log to be imported`;
      throw new PersisterError(code, `${where}, and those behind it, were not: ${message}`, {
        cause,
      });
    }
  }

  #note(records: readonly ImportedRecord[]): void {
    this.imported += records.length;
    this.lastOrigin = records.at(-1)?.origin ?? this.lastOrigin;
  }
}

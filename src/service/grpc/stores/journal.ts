/** `JournalService`, over one journal of records. */
import type { Journal } from "../../../records/journal.js";
import type { JournalRecord } from "../../../records/replay.js";
import { JournalService } from "../../../rpc/api/journal.js";
import { forReaders, forWriters } from "../../access/caller.js";
import type { Served } from "../adapter.js";

/** Records, and bytes, of one message. */
const BATCH_RECORDS_MAX = 256;
const BATCH_BYTES_MAX = 256 * 1024;

export function journalServed(journal: Journal): Served<typeof JournalService.methods> {
  return {
    service: JournalService,
    handlers: {
      append: async ({ records }, { signal }) => {
        const batch = records.map(({ type, tenant, shard, payload }) => {
          return { type, tenant, shard, payload };
        });
        return await journal.appendBatch(batch, { signal });
      },
      replay: ({ from }, { signal }) => batches(journal.replay({ from, signal })),
      readRecord: async ({ lsn }) => ({ record: await journal.read(lsn) }),
      checkpoint: async ({ lsn }) => ({ checkpointLsn: await journal.checkpoint(lsn) }),
      forgetBefore: async ({ lsn }) => {
        await journal.forgetBefore(lsn);
        return { first: journal.firstLsn };
      },
      getJournalStatus: async () => ({
        first: journal.firstLsn,
        next: journal.nextLsn,
        durable: journal.durableLsn,
        checkpoint: journal.checkpointLsn,
      }),
    },
    allowed: {
      append: forWriters,
      replay: forReaders,
      readRecord: forReaders,
      checkpoint: forWriters,
      forgetBefore: forWriters,
      getJournalStatus: forReaders,
    },
  };
}

async function* batches(
  found: AsyncIterable<JournalRecord>,
): AsyncGenerator<{ records: JournalRecord[] }> {
  let records: JournalRecord[] = [];
  let bytes = 0;
  for await (const record of found) {
    records.push(record);
    bytes += record.payload.length;
    if (records.length < BATCH_RECORDS_MAX && bytes < BATCH_BYTES_MAX) continue;
    yield { records };
    [records, bytes] = [[], 0];
  }
  if (records.length > 0) yield { records };
}

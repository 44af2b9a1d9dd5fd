/** Seals values anew, a page of rows at a time, where the key that writes has not sealed them. */
import type { JobSeals } from "../seal/job-seals.js";
import type { Categories } from "./categories.js";
import { bytesPerRead, type Database, ROWS_PER_READ } from "./database.js";

/** Rows that were looked at. */
export interface ResealedPage {
  /** The last of them, of the whole database; `undefined`: there are no more. */
  readonly last: Uint8Array | undefined;
  /** Bytes that were read and written for it. */
  readonly bytes: number;
}

/**
 * Looks at the rows behind `after`, a key of the whole database. Without a sync, and not beside a batch.
 *
 * @throws {PersisterError} JOB_CORRUPT where a value is not the one that was written, and nothing was changed.
 */
export async function resealPage(
  database: Database,
  categories: Categories,
  seals: JobSeals,
  after: Uint8Array,
): Promise<ResealedPage> {
  const rows = await rowsBehind(database, after);
  const foreign = [];
  let bytes = 0;
  for (const [raw, stored] of rows) {
    bytes += raw.length + stored.length;
    const place = categories.placeOf(raw);
    if (!place?.category.form.isForeign(place.key, stored)) continue;
    const value = place.category.valueIn(place.key, stored);
    foreign.push({ raw, form: place.category.form, key: place.key, value });
    bytes += raw.length + stored.length;
  }
  if (foreign.length > 0) {
    await seals.reserve(foreign.length);
    const batch = database.batch();
    for (const { raw, form, key, value } of foreign) batch.put(raw, form.stored(key, value));
    await batch.write();
  }
  return { last: rows.at(-1)?.[0], bytes };
}

async function rowsBehind(
  database: Database,
  after: Uint8Array,
): Promise<readonly [Uint8Array, Uint8Array][]> {
  const iterator = database.iterator({ gt: after, ...bytesPerRead });
  try {
    return await iterator.nextv(ROWS_PER_READ);
  } finally {
    await iterator.close();
  }
}

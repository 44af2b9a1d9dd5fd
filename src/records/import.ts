/**
 * Takes the records of a WalManager log into a journal: type, labels and payload as they are, the LSN
 * that each had there as its `origin`. LSNs here are contiguous, LSNs there may have gaps, so they
 * differ; the order is the same.
 *
 * Invariant: the journal holds the first records of the log, without a hole, at any time. Records go in
 * batches, each of which is appended as a whole or not at all, and the next batch begins only when the
 * one before is durable. A record that is refused therefore ends the import in front of it. The next
 * import continues there: behind the highest origin that is held, after it has seen that the log has the
 * same record at that LSN.
 *
 * Checkpoints of the log are records like others: they name LSNs of that log, and allow no truncation
 * here.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  bytesArgument,
  integerArgument,
  optionsArgument,
  readingArguments,
  signalArgument,
  u64Argument,
  wrongArgument,
} from "../types/arguments.js";
import { PersisterError } from "../types/errors.js";
import { withJson } from "../types/json.js";
import type { WalRecord } from "../walmanager/wal-log.js";
import type { WalSummary } from "../walmanager/wal-tally.js";
import { OWN_TYPE } from "./log/envelope.js";
import { ImportBatch } from "./import-batch.js";
import type { Journal } from "./journal.js";
import { tooLarge } from "./log/new-record.js";

/** Headers that are looked at in one turn of the event loop. */
const HEADERS_PER_TURN = 4096;

/** The result of an import. `JSON.stringify` gives bigints as decimal strings. */
export interface WalManagerImport {
  readonly imported: number;
  /** Records that an earlier import had brought. */
  readonly skipped: number;
  /** The LSN, in that log, of the last record that is held. */
  readonly lastOrigin: bigint | undefined;
}

export interface WalManagerImportOptions {
  /** Ends the import with ABORTED, between two batches. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The summary of a pass over the log (`WalLog.summary`). With it a record that is too large for this
   * journal is refused before anything is imported.
   */
  readonly summary?: WalSummary | undefined;
}

/** Journals into which records are being imported: two imports at once would bring records twice. */
const underWay = new WeakSet<Journal>();

/** The last record that an earlier import brought. */
interface Reached {
  readonly lsn: bigint;
  readonly origin: bigint;
}

/**
 * Appends every record of `source` to `journal`, which holds nothing, or the records that an earlier
 * import of the same log brought. Durable when resolved. When it rejects, the journal holds every record
 * in front of the one that the error names, and none behind it: import again to go on.
 *
 * @throws {PersisterError} OUT_OF_SEQUENCE if the journal holds records of its own; CONFLICT if an
 * earlier import was of another log; INVALID if LSNs do not rise, or a record is encrypted or too large;
 * USAGE while another import into the journal is under way; as `Journal.append`, and whatever `source`
 * throws.
 */
export async function importWalManager(
  source: AsyncIterable<WalRecord>,
  journal: Journal,
  options?: WalManagerImportOptions,
): Promise<WalManagerImport> {
  const { signal } = importArguments({ source, journal, options });
  if (underWay.has(journal)) {
    throw new PersisterError(
      "USAGE",
      "another import into this journal is under way: await it first",
    );
  }
  underWay.add(journal);
  try {
    return await importAll(source, journal, signal);
  } finally {
    underWay.delete(journal);
  }
}

async function importAll(
  source: AsyncIterable<WalRecord>,
  journal: Journal,
  signal: AbortSignal | undefined,
): Promise<WalManagerImport> {
  const reached = await reachedBy(journal);
  const batch = new ImportBatch(journal, signal);
  try {
    const skipped = await pump(source, journal, reached, batch);
    await batch.flush();
    const lastOrigin = batch.lastOrigin ?? reached?.origin;
    return withJson({ imported: batch.imported, skipped, lastOrigin });
  } catch (cause) {
    // The source ended in the middle of a batch: the records in front of that are wanted all the same.
    await batch.flush();
    throw cause;
  }
}

/** Adds every record that is not held yet to `batch`, and returns how many were. */
async function pump(
  source: AsyncIterable<WalRecord>,
  journal: Journal,
  reached: Reached | undefined,
  batch: ImportBatch,
): Promise<number> {
  let last = 0n;
  let skipped = 0;
  let isMet = reached === undefined;
  for await (const given of source) {
    const record = checkedRecord(given, last);
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

/** The arguments of an import. A record that the journal cannot take is told before anything is imported. */
function importArguments(given: {
  readonly source: unknown;
  readonly journal: unknown;
  readonly options: unknown;
}): { readonly signal: AbortSignal | undefined } {
  return readingArguments("an argument", () => {
    const source = given.source as Partial<AsyncIterable<unknown>> | null | undefined;
    if (typeof source?.[Symbol.asyncIterator] !== "function") {
      throw wrongArgument("source", "an async iterable of records", source);
    }
    const journal = given.journal as Partial<Journal> | null | undefined;
    // Not `instanceof`: the journal may be of another copy of this package.
    if (typeof journal?.appendBatch !== "function" || journal.payloadBytesMax === undefined) {
      throw wrongArgument("journal", "an open Journal", journal);
    }
    const { signal, summary } = optionsArgument("options", given.options, ["signal", "summary"]);
    if (summary !== undefined) checkSummary(summary, journal.payloadBytesMax);
    return { signal: signalArgument(signal) };
  });
}

function checkSummary(summary: unknown, bytesMax: number): void {
  if (typeof summary !== "object" || summary === null || !("largestPayload" in summary)) {
    throw wrongArgument("option summary", "the summary of a WalLog", summary);
  }
  const { largestPayload } = summary as WalSummary;
  if (largestPayload === undefined || largestPayload.bytes <= bytesMax) return;
  const { lsn, bytes } = largestPayload;
  throw new PersisterError(
    "INVALID",
    `record ${lsn} of the log to be imported: ${tooLarge(bytes, bytesMax)}; nothing was imported`,
  );
}

/** How far an earlier import came; `undefined` if there was none. Looks at every header, in turns. */
async function reachedBy(journal: Journal): Promise<Reached | undefined> {
  let reached: Reached | undefined;
  let own = journal.firstLsn > 1n ? "what was truncated" : undefined;
  let looked = 0;
  for (const { lsn, type, origin } of journal.headers()) {
    looked += 1;
    if (looked % HEADERS_PER_TURN === 0) await nextTurn();
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

/** A record that `source` gave, checked as far as it is used here. The journal checks the rest. */
function checkedRecord(record: unknown, last: bigint): WalRecord {
  return readingArguments("a record of the source", () => {
    if (typeof record !== "object" || record === null) {
      throw wrongArgument("a record of the source", "an object", record);
    }
    const { lsn, type, tenantId, vshard, payload } = record as WalRecord;
    u64Argument("lsn", lsn);
    integerArgument(`type of record ${lsn}`, type, [0, 0xffff]);
    bytesArgument(`payload of record ${lsn}`, payload);
    if (lsn <= last) {
      throw new PersisterError(
        "INVALID",
        `record ${lsn} follows ${last} in the log to be imported`,
      );
    }
    if ((type & OWN_TYPE) !== 0) {
      throw new PersisterError("INVALID", `record ${lsn} of the log to be imported is encrypted`);
    }
    return { lsn, type, tenantId, vshard, payload };
  });
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

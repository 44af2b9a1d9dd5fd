/**
 * How a job is opened, settled and closed: the steps of its life, in the order that the table in
 * `job-store.ts` argues for. One of them at a time for each job.
 */
import { z } from "zod";
import { checkChoices } from "../types/choices.js";
import { PersisterError } from "../types/errors.js";
import type { JobHome, JobHomes } from "./level/home.js";
import { Job } from "./job.js";
import type { JobJournal } from "./job-journal.js";
import type { JobRecord } from "./job-record.js";
import { JobWriter } from "./job-writer.js";
import type { JobStoreSettings } from "./options.js";
import { type Database, JobValues } from "./level/values.js";
import type { Operation } from "./write.js";

/** How a job is opened. */
export interface JobChoices {
  /**
   * The version of what this program keeps in the job. A job of a newer one is refused before a byte
   * is touched; one of an older one too, unless `migrate` is given. @defaultValue 1
   */
  readonly schemaVersion?: number;
  /**
   * Brings a job of an older version to `schemaVersion`; the new version is put on record when it
   * resolves. After a crash in between it is called again, with the same `from`.
   */
  readonly migrate?: (job: Job, from: number) => Promise<void>;
}

const jobSchema = z.strictObject({
  schemaVersion: z.number().int().min(1).max(0xffff_ffff).default(1),
  migrate: z
    .custom<JobChoices["migrate"]>((value) => typeof value === "function", "expected a function")
    .optional(),
});

export type JobSettings = z.output<typeof jobSchema>;

/** @throws {PersisterError} USAGE naming the first wrong option. */
export function checkJob(choices: JobChoices): JobSettings {
  return checkChoices(jobSchema, choices);
}

/** A job that is open. */
export interface OpenJob {
  readonly job: Job;
  readonly writer: JobWriter;
  readonly values: JobValues;
  readonly home: JobHome;
}

export interface OpeningParts {
  readonly journal: JobJournal;
  readonly homes: JobHomes;
  readonly settings: JobStoreSettings;
  /** Is told of each write that became durable, and of each plain one that was lost. */
  readonly onDurable: () => void;
  readonly onLost: (error: PersisterError) => void;
}

type LiveRecord = Exclude<JobRecord, { kind: "dropped" }>;

/** Bytes of operations that go to LevelDB in one batch when held writes are done again. */
const REDONE_BYTES = 1024 * 1024;

/** Opens a job, and makes it where there is none. Throws as `JobStore.openJob`. */
export async function openJobIn(
  parts: OpeningParts,
  id: string,
  chosen: JobSettings,
): Promise<OpenJob> {
  const record = await recordIn(parts, id, chosen);
  checkSchema(record, chosen);
  const home = parts.homes.of(id, record.life);
  const values = new JobValues(id, await databaseOf(parts, record, home));
  try {
    await redo(parts.journal, id, values);
    await putSettled(parts.journal, record, home);
    const opened = withWriter(parts, record, values, home);
    if (record.schema !== chosen.schemaVersion) {
      await chosen.migrate?.(opened.job, record.schema);
      await opened.job.flush();
      await settleJob(parts.journal, opened, chosen.schemaVersion);
    }
    return opened;
  } catch (cause) {
    // The first error is the one that tells; what closing adds is the same disk's.
    await Promise.allSettled([values.close()]);
    throw cause;
  }
}

/** Makes what LevelDB has durable there, and puts on record that it is. */
export async function settleJob(
  journal: JobJournal,
  { job, writer, home }: OpenJob,
  schema?: number,
): Promise<void> {
  const record = liveRecord(journal, job.id);
  await writer.settle();
  await putSettled(journal, { ...record, schema: schema ?? record.schema }, home);
}

/** Lets go of an open job: all that was taken is in LevelDB, and each of its files on record. */
export async function closeJobIn(journal: JobJournal, open: OpenJob): Promise<void> {
  const { job, writer, values, home } = open;
  job.end();
  const [flushed] = await Promise.allSettled([writer.flushed()]);
  if (writer.failure) {
    await values.close();
    throw writer.failure;
  }
  await settleJob(journal, open);
  await values.close();
  const { id, life, schema } = liveRecord(journal, job.id);
  await journal.put({ version: 1, id, life, schema, kind: "closed", files: await home.files() });
  if (flushed.status === "rejected") throw flushed.reason;
}

function liveRecord(journal: JobJournal, id: string): LiveRecord {
  const record = journal.recordOf(id);
  if (record && record.kind !== "dropped") return record;
  throw new PersisterError("JOB_NOT_FOUND", `job ${id} was dropped`);
}

/** The record of the job's present life; a new one where there is none. */
async function recordIn(
  { journal, homes }: OpeningParts,
  id: string,
  { schemaVersion }: JobSettings,
): Promise<LiveRecord> {
  const known = journal.recordOf(id);
  if (known && known.kind !== "dropped") return known;
  if (!known && (await homes.isTaken(id))) {
    throw new PersisterError(
      "STORE_EXISTS",
      `job ${id}: something that is not this store's has the place of its folder: move it away`,
    );
  }
  // No life of this id had that number: LSNs are given once.
  const life = journal.nextLsn;
  const record = { version: 1, id, life, schema: schemaVersion, kind: "making" } as const;
  await journal.put(record);
  return record;
}

function checkSchema({ id, schema }: LiveRecord, { schemaVersion, migrate }: JobSettings): void {
  if (schema === schemaVersion || (schema < schemaVersion && migrate)) return;
  throw new PersisterError(
    "FORMAT_TOO_NEW",
    `job ${id} has schema version ${schema}, and this program asks for ${schemaVersion}: ` +
      (schema > schemaVersion ? "run the newer program" : "give `migrate`"),
  );
}

async function databaseOf(
  { journal }: OpeningParts,
  record: LiveRecord,
  home: JobHome,
): Promise<Database> {
  switch (record.kind) {
    case "making":
      return await home.make();
    case "closed": {
      await home.checkClosed(record.files);
      const { id, life, schema } = record;
      // Before LevelDB has it: what LevelDB then writes is no change behind our back.
      const manifest = await home.manifest();
      await journal.put({ version: 1, id, life, schema, kind: "open", manifest });
      return await home.open();
    }
    case "open":
      await home.mend(record.manifest);
      return await home.open();
  }
}

/** Does every write again that the journal holds of a job, in order. */
async function redo(journal: JobJournal, id: string, values: JobValues): Promise<void> {
  let operations: Operation[] = [];
  let bytes = 0;
  for await (const write of journal.unsettled(id)) {
    operations.push(...write);
    for (const each of write)
      bytes += each.key.length + (each.kind === "put" ? each.value.length : 0);
    if (bytes < REDONE_BYTES) continue;
    await values.apply(operations);
    operations = [];
    bytes = 0;
  }
  if (operations.length > 0) await values.apply(operations);
  await values.settle();
  journal.settled(id, journal.nextLsn);
}

async function putSettled(journal: JobJournal, record: LiveRecord, home: JobHome): Promise<void> {
  const { id, life, schema } = record;
  const manifest = await home.manifest();
  await journal.put({ version: 1, id, life, schema, kind: "open", manifest });
}

function withWriter(
  { journal, settings, onDurable, onLost }: OpeningParts,
  { id, life }: LiveRecord,
  values: JobValues,
  home: JobHome,
): OpenJob {
  const owner = { id, life };
  const { queueBytes } = settings;
  const writer = new JobWriter({ owner, journal, values, queueBytes, onDurable, onLost });
  return { job: new Job({ owner, values, writer, settings }), writer, values, home };
}

/**
 * How a job is opened, settled and closed: the steps of its life, in the order that the table in
 * `job-store.ts` argues for. One of them at a time for each job.
 */
import { z } from "zod";
import { checkChoices } from "../../types/choices.js";
import { PersisterError } from "../../types/errors.js";
import type { KeyRing } from "../../keys/ring.js";
import { inTurn } from "../../async/all-ended.js";
import { Job } from "../job.js";
import type { JobJournal } from "../journal/job-journal.js";
import type { JobState, LiveState } from "../journal/job-record.js";
import type { Operation } from "../journal/write.js";
import type { JobHome, JobHomes } from "../level/home.js";
import type { Database } from "../level/database.js";
import { JobValues } from "../level/values.js";
import type { JobStoreSettings } from "../options.js";
import { checkKeysOf } from "../seal/job-seals.js";
import { PLAIN } from "../seal/seal-table.js";
import { JobWriter } from "../writes/job-writer.js";

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
  /** Without a ring all values are plain. */
  readonly ring: KeyRing | undefined;
  readonly randomBytes: (count: number) => Uint8Array;
  /** Calls `task` a little later; a timer, where it is left out. */
  readonly later?: ((task: () => void) => void) | undefined;
  /** Is told of each write that became durable, and of each plain one that was lost. */
  readonly onDurable: () => void;
  readonly onLost: (error: PersisterError) => void;
}

/** Bytes of operations that go to LevelDB in one batch when held writes are done again. */
const REDONE_BYTES = 1024 * 1024;

/** Opens a job, and makes it where there is none. Throws as `JobStore.openJob`. */
export async function openJobIn(
  parts: OpeningParts,
  id: string,
  chosen: JobSettings,
): Promise<OpenJob> {
  const { journal } = parts;
  const state = await stateIn(parts, id, chosen);
  checkSchema(state, chosen);
  checkKeysOf(id, contentsIn(state), parts.ring);
  const home = parts.homes.of(id, state.life);
  const values = new JobValues(id, await databaseOf(journal, state, home));
  const opened = withWriter(parts, id, values, home);
  try {
    await useKeys(parts, state, values, home);
    await redo(journal, id, values);
    await putSettled(journal, liveState(journal, id), home);
    if (state.schema !== chosen.schemaVersion) {
      await chosen.migrate?.(opened.job, state.schema);
      await opened.writer.flushed();
      await settleJob(journal, opened, chosen.schemaVersion);
    }
    return opened;
  } catch (cause) {
    opened.job.end();
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
  await writer.settle();
  const state = liveState(journal, job.id);
  await putSettled(journal, { ...state, schema: schema ?? state.schema }, home);
}

/**
 * Lets go of an open job: all that was taken is in LevelDB, and each of its files on record. LevelDB has
 * let go of it whatever failed.
 */
export async function closeJobIn(journal: JobJournal, open: OpenJob): Promise<void> {
  const { job, writer, values, home } = open;
  job.end();
  let isSettled = false;
  await inTurn([
    () => writer.flushed(),
    async () => {
      if (writer.failure) return;
      await settleJob(journal, open);
      isSettled = true;
    },
    () => values.close(),
    async () => {
      if (!isSettled) return;
      const state = described(liveState(journal, job.id));
      await journal.put({ ...state, kind: "closed", files: await home.files() });
    },
  ]);
}

function liveState(journal: JobJournal, id: string): LiveState {
  const record = journal.recordOf(id);
  if (record && record.kind !== "dropped") return record;
  throw new PersisterError("JOB_NOT_FOUND", `job ${id} was dropped`);
}

/** The ids of the keys that the values of a job may need, and "plain". */
export function contentsIn({ keys = [PLAIN] }: JobState): readonly string[] {
  return keys;
}

/** The facts of a record that every kind of it has. */
function described({ id, life, schema, keys }: LiveState) {
  return { id, life, schema, ...(keys && { keys }) };
}

/** Values are sealed and opened with the keys of the ring, and the record names the keys that they need. */
async function useKeys(
  { journal, ring, randomBytes }: OpeningParts,
  state: LiveState,
  values: JobValues,
  home: JobHome,
): Promise<void> {
  const record = async (contents: readonly string[]): Promise<void> => {
    const isPlain = contents.length === 1 && contents[0] === PLAIN;
    const { keys: _, ...plain } = liveState(journal, id);
    await putSettled(journal, isPlain ? plain : { ...plain, keys: contents }, home);
  };
  const { id, kind } = state;
  const recorded = contentsIn(state);
  const isNew = kind === "making";
  await values.useKeys({ id, ring, randomBytes, recorded, record }, { isNew });
}

/** The state of the job's present life; a new one where there is none. */
async function stateIn(
  { journal, homes }: OpeningParts,
  id: string,
  { schemaVersion }: JobSettings,
): Promise<LiveState> {
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
  const state = { id, life, schema: schemaVersion, kind: "making" } as const;
  await journal.put(state);
  return state;
}

function checkSchema({ id, schema }: LiveState, { schemaVersion, migrate }: JobSettings): void {
  if (schema === schemaVersion || (schema < schemaVersion && migrate)) return;
  throw new PersisterError(
    "FORMAT_TOO_NEW",
    `job ${id} has schema version ${schema}, and this program asks for ${schemaVersion}: ` +
      (schema > schemaVersion ? "run the newer program" : "give `migrate`"),
  );
}

async function databaseOf(journal: JobJournal, state: LiveState, home: JobHome): Promise<Database> {
  switch (state.kind) {
    case "making":
      return await home.make();
    case "closed":
      await home.checkClosed(state.files);
      // Before LevelDB has it: what LevelDB then writes is no change behind our back.
      await putSettled(journal, state, home);
      return await home.open();
    case "open":
      await home.mend(state.manifest);
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
  journal.allSettled(id);
}

async function putSettled(journal: JobJournal, state: LiveState, home: JobHome): Promise<void> {
  await journal.put({ ...described(state), kind: "open", manifest: await home.manifest() });
}

function withWriter(
  { journal, settings, later, onDurable, onLost }: OpeningParts,
  id: string,
  values: JobValues,
  home: JobHome,
): OpenJob {
  const { queueBytes, stallMs, checkpointBytes: heldBytesMax } = settings;
  const bounds = { queueBytes, heldBytesMax, stallMs };
  const writer = new JobWriter({ id, journal, values, bounds, later, onDurable, onLost });
  return { job: new Job({ id, values, writer, settings }), writer, values, home };
}

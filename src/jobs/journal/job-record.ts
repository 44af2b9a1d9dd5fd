/**
 * The record of a job in the journal: that there is such a job, which life of it, and the state in which
 * its LevelDB database was left. The newest record of an id is the one that counts.
 *
 * ```
 * making   its folder is being made: there is nothing in it yet that counts
 * open     LevelDB has it open, or had it when the process ended; `manifest` was durable
 * closed   LevelDB let go of it; every file of it is listed, with its size and checksum
 * dropped  the job is gone; its folder is to be removed where it still is
 * ```
 *
 * The payload is JSON, so that an operator can read it; `life` and `series` are decimal strings. Of the
 * writes of the job those of this series count (`job-journal.ts`). `keys` stands in the record of a job whose
 * values are sealed: a version that cannot read them refuses the record for it.
 */
import { u64Text } from "../../codec/u64-text.js";
import { z } from "zod";
import { PersisterError } from "../../types/errors.js";

const file = z.strictObject({
  name: z.string(),
  bytes: z.number().int().min(0),
  crc: z.number().int().min(0),
});

const base = {
  id: z.string(),
  life: u64Text,
  schema: z.number().int().min(1),
  /** The ids of the keys that its values may need, and "plain"; none where all of them are plain. */
  keys: z.array(z.string()).readonly().optional(),
};

const stateSchema = z.discriminatedUnion("kind", [
  z.strictObject({ ...base, kind: z.literal("making") }),
  z.strictObject({ ...base, kind: z.literal("open"), manifest: file }),
  z.strictObject({ ...base, kind: z.literal("closed"), files: z.array(file).readonly() }),
  z.strictObject({ ...base, kind: z.literal("dropped") }),
]);
const schema = z.strictObject({ version: z.literal(1), series: u64Text, state: stateSchema });

/** A file of a LevelDB database: its name, its size, and the CRC-32C of as many bytes. */
export type FileMark = Readonly<z.output<typeof file>>;
/** A job as it was left. */
export type JobState = Readonly<z.output<typeof stateSchema>>;
/** The state of a job that was not dropped. */
export type LiveState = Exclude<JobState, { kind: "dropped" }>;

export interface JobRecord {
  readonly state: JobState;
  readonly series: bigint;
}

export function encodeJobRecord(state: JobState, series: bigint): Uint8Array {
  const told = { ...state, life: String(state.life) };
  return Buffer.from(JSON.stringify({ version: 1, series: String(series), state: told }));
}

/** @throws {PersisterError} FORMAT_TOO_NEW where the payload of record `lsn` is no record of a job. */
export function jobRecordIn(payload: Uint8Array, lsn: bigint): JobRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch (cause) {
    throw unknownRecord(lsn, cause);
  }
  const { data, error } = schema.safeParse(parsed);
  if (data) return data;
  throw unknownRecord(lsn, error);
}

/** The refusal of a record of the journal of jobs that this version cannot read. */
export function unknownRecord(lsn: bigint, cause: unknown): PersisterError {
  return new PersisterError(
    "FORMAT_TOO_NEW",
    `record ${lsn} of the journal of jobs was not written by this version of Lanekeeper`,
    { cause },
  );
}

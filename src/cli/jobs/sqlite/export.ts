/**
 * `lanekeeper jobs export --to-sqlite`: writes jobs as files of the persistency library, which opens
 * them. A file gets its name when it is whole, durable and compared with the job, and none is overwritten.
 */
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { diskError } from "../../../disk/failure.js";
import type { Job } from "../../../jobs/job.js";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../../../jobs/options.js";
import { PersisterError } from "../../../types/errors.js";
import { differencesOf } from "./comparison.js";
import { SqliteDatabase } from "./database.js";
import { makeTable } from "./schema.js";
import { FILE_ENDING, SqliteSource } from "./source.js";

const PART_ENDING = ".part";
const INSERT = "INSERT INTO kv VALUES (?, ?, ?)";

export interface Exported {
  readonly job: string;
  readonly file: string;
  readonly rows: number;
}

/** The file that a job gets. */
export function jobFileIn(folder: string, id: string): string {
  return join(folder, id + FILE_ENDING);
}

/**
 * Writes `job` into a new file in `folder`, which is made if it is missing; durable when resolved.
 *
 * @throws {PersisterError} STORE_EXISTS where the file is there; DISK_FULL, IO; ABORTED; as `Job.scan`.
 */
export async function exportJob(job: Job, folder: string, signal: AbortSignal): Promise<Exported> {
  const file = jobFileIn(folder, job.id);
  const part = file + PART_ENDING;
  await told("make the folder", folder, async () => await mkdir(folder, { recursive: true }));
  if (await isThere(file)) {
    throw new PersisterError("STORE_EXISTS", `${file} is there already: move it away first`, {
      file,
    });
  }
  await rm(part, { force: true });
  try {
    await writeRows(job, part, signal);
    const rows = await compare(job, part, signal);
    await told("flush the file", part, async () => await flush(part));
    await told("rename the file", part, async () => await rename(part, file));
    await told("flush the folder", folder, async () => await flush(folder));
    return { job: job.id, file, rows };
  } finally {
    await rm(part, { force: true });
  }
}

async function writeRows(job: Job, part: string, signal: AbortSignal): Promise<void> {
  using database = new SqliteDatabase(part, { isNew: true });
  // The file counts only when it is whole, and is flushed as a whole then.
  database.text("PRAGMA journal_mode = MEMORY");
  database.run("PRAGMA synchronous = OFF");
  makeTable(database);
  await database.runEach(INSERT, rowsOf(job, signal));
}

async function* rowsOf(job: Job, signal: AbortSignal): AsyncGenerator<readonly Uint8Array[]> {
  for (const category of await job.categories()) {
    const name = Buffer.from(category, "utf8");
    for await (const { key, value } of job.scan(category, {}, { signal })) yield [name, key, value];
  }
}

/** Reads the file back. */
async function compare(job: Job, part: string, signal: AbortSignal): Promise<number> {
  const limits = { keyBytesMax: KEY_BYTES_MAX, valueBytesMax: VALUE_BYTES_MAX };
  await using source = await SqliteSource.open(part, limits);
  for await (const { category, key } of differencesOf(job, source, signal)) {
    const where = `key ${Buffer.from(key).toString("hex")} of category ${JSON.stringify(category)}`;
    throw new PersisterError("IO", `${part} was not written as it should: ${where} differs`, {
      file: part,
    });
  }
  return source.rowCount;
}

async function isThere(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function told<T>(action: string, file: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw diskError(action, file, cause);
  }
}

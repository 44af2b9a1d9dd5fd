/**
 * `lanekeeper jobs import --from-sqlite`: brings files of the persistency library into jobs.
 *
 * All files are checked before the first row is written. A row that a job has already is left as it is
 * if it is the same, and refuses the file if it is not: an import never overwrites, and one that was
 * cut short is completed by calling it again. At the end job and file are compared, row by row.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { diskError } from "../../../disk/failure.js";
import { checkId } from "../../../jobs/by-id.js";
import type { Job } from "../../../jobs/job.js";
import type { JobStore } from "../../../jobs/job-store.js";
import type { JobOperation } from "../../../jobs/journal/write.js";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../../../jobs/options.js";
import { checkChoices } from "../../../types/choices.js";
import { PersisterError, usageError } from "../../../types/errors.js";
import type { CliPort } from "../../terminal/port.js";
import { tellDone } from "../../terminal/manners.js";
import { printable } from "../../terminal/table.js";
import { openedJob, storeFlags, withStoreMade } from "../opened.js";
import { type Difference, differencesOf } from "./comparison.js";
import { FILE_ENDING, LOG_ENDINGS, SqliteSource } from "./source.js";

/** The largest that a store can be opened with. */
const limits = { keyBytesMax: KEY_BYTES_MAX, valueBytesMax: VALUE_BYTES_MAX } as const;
/** Bytes of rows that are written at once. */
const WRITTEN_BYTES = 256 * 1024;

const flags = storeFlags.extend({
  fromSqlite: z.string(),
  job: z.string().optional(),
  dryRun: z.boolean().default(false),
});

/** The files to import, each with the id of its job. */
interface Found {
  readonly files: readonly { readonly file: string; readonly id: string }[];
  /** Names of the folder that are no such files. */
  readonly leftOut: readonly string[];
}

interface Imported {
  readonly job: string;
  readonly file: string;
  readonly rows: number;
  /** Rows that the job did not have before. */
  readonly written: number;
}

export async function importSqlite(port: CliPort, root: string, options: object): Promise<void> {
  const { json, fromSqlite, job, dryRun, ...where } = checkChoices(flags, options);
  const { files, leftOut } = await found(fromSqlite, job);
  const jobs: Imported[] = [];
  await withStoreMade({ root, ...where }, async (store) => {
    for (const { file, id } of files) {
      await using source = await SqliteSource.open(file, limits);
      await checkTarget(store, id, source, port.stop);
    }
    if (dryRun) return;
    for (const { file, id } of files) {
      await using source = await SqliteSource.open(file, limits);
      jobs.push(await importOne(store, id, source, port.stop));
    }
  });
  if (dryRun) {
    const text = files
      .map(({ file, id }) => `${id}: ${printable(file)} can be imported\n`)
      .join("");
    await tellDone(port, json, { files, leftOut, dryRun }, text);
    return;
  }
  const lines = jobs.map(({ job: id, rows, written }) => {
    return `${id}: ${rows} rows, ${written} written, ${rows - written} were there; compared\n`;
  });
  const out = leftOut.map((name) => `left out: ${printable(name)}\n`);
  await tellDone(port, json, { jobs, leftOut }, [...lines, ...out].join(""));
}

async function found(path: string, job: string | undefined): Promise<Found> {
  const kind = await stat(path).catch((cause: unknown) => {
    throw diskError("read the file", path, cause);
  });
  if (!kind.isDirectory()) {
    return { files: [{ file: path, id: checkedId(job ?? idOf(path), path) }], leftOut: [] };
  }
  if (job !== undefined)
    throw usageError("--job names the job of one file: give a file, not a folder");
  const names = (await readdir(path)).sort();
  const files = names
    .filter((name) => name.endsWith(FILE_ENDING))
    .map((name) => ({ file: join(path, name), id: checkedId(idOf(name), name) }));
  if (files.length === 0) throw usageError(`${path} has no file that ends with ${FILE_ENDING}`);
  const ofFiles = new Set(
    files.flatMap(({ file }) => ["", ...LOG_ENDINGS, "-shm"].map((end) => basename(file) + end)),
  );
  return { files, leftOut: names.filter((name) => !ofFiles.has(name)) };
}

function idOf(path: string): string {
  const name = basename(path);
  return name.endsWith(FILE_ENDING) ? name.slice(0, -FILE_ENDING.length) : name;
}

function checkedId(id: string, path: string): string {
  try {
    checkId(id);
    return id;
  } catch (cause) {
    throw new PersisterError(
      "USAGE",
      `${printable(path)}: its name is no id of a job: import it alone with --job ID`,
      { cause },
    );
  }
}

/** Looks at a job that is there before anything is written. */
async function checkTarget(
  store: JobStore,
  id: string,
  source: SqliteSource,
  signal: AbortSignal,
): Promise<void> {
  if (!store.jobs().includes(id)) return;
  const job = await openedJob(store, id);
  for await (const difference of differencesOf(job, source, signal)) {
    if (difference.kind !== "missing")
      throw differs(source.file, id, difference, "nothing was imported");
  }
  await store.closeJob(id);
}

async function importOne(
  store: JobStore,
  id: string,
  source: SqliteSource,
  signal: AbortSignal,
): Promise<Imported> {
  const job = await openedJob(store, id);
  const written = await writeMissing(job, source, signal);
  for await (const difference of differencesOf(job, source, signal)) {
    throw differs(source.file, id, difference, "import it again");
  }
  await store.closeJob(id);
  return { job: id, file: source.file, rows: source.rowCount, written };
}

/** Writes the rows that the job lacks; durable when resolved, to their number. */
async function writeMissing(job: Job, source: SqliteSource, signal: AbortSignal): Promise<number> {
  let operations: JobOperation[] = [];
  let bytes = 0;
  let written = 0;
  const write = async (): Promise<void> => {
    await job.batch(operations, { signal });
    written += operations.length;
    operations = [];
    bytes = 0;
  };
  for await (const { kind, category, key, value } of differencesOf(job, source, signal)) {
    if (kind !== "missing" || value === undefined) continue;
    operations.push({ kind: "put", category, key, value });
    bytes += key.length + value.length;
    if (bytes >= WRITTEN_BYTES) await write();
  }
  await write();
  await job.flush();
  return written;
}

function differs(file: string, id: string, difference: Difference, so: string): PersisterError {
  const { kind, category, key } = difference;
  const where = `key ${Buffer.from(key).toString("hex")} of category ${JSON.stringify(category)}`;
  const why = {
    missing: "is missing in the job",
    extra: "is in the job and not in the file",
    other: "has another value in the job",
  }[kind];
  return new PersisterError(
    "CONFLICT",
    `${file} and job ${id} differ: ${where} ${why}; ${so}, or into a job of another name (--job)`,
    { file },
  );
}

/** The work of each `lanekeeper jobs` command. */
import { hex } from "../../codec/hex.js";
import { z } from "zod";
import type { Job } from "../../jobs/job.js";
import type { JobStore } from "../../jobs/job-store.js";
import { prefixRange } from "../../jobs/keys/key.js";
import { describedKey } from "../../jobs/keys/described.js";
import type { Row } from "../../jobs/level/values.js";
import type { JobStatus } from "../../jobs/store/status.js";
import type { JobVerification } from "../../jobs/store/verify.js";
import { checkChoices } from "../../types/choices.js";
import { PersisterError } from "../../types/errors.js";
import type { CliPort } from "../terminal/port.js";
import { jsonOf, ListDocument, put } from "../terminal/json-document.js";
import { consented, tellDone } from "../terminal/manners.js";
import { formatSize } from "../terminal/sizes.js";
import { printable, type Row as TableRow, table } from "../terminal/table.js";
import { chosen, openedJob, storeFlags, withJob, withStore } from "./opened.js";
import { exportJob, type Exported, jobFileIn } from "./sqlite/export.js";

/** A job, as a command names it. */
interface Named {
  readonly root: string;
  readonly job: string;
}

const scanFlags = storeFlags.extend({
  prefix: z.string().default(""),
  limit: z
    .string()
    .regex(/^\d{1,9}$/, "expected a number of rows")
    .transform(Number)
    .optional(),
  reverse: z.boolean().default(false),
});
const exportFlags = storeFlags.extend({
  toSqlite: z.string().optional(),
  plaintext: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});
const dropFlags = storeFlags.extend({
  yes: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});

export async function listJobs(port: CliPort, root: string, options: object): Promise<void> {
  const { json, ...where } = checkChoices(storeFlags, options);
  await withStore({ root, ...where }, async (store) => {
    const { jobs, journalBytes } = await store.status();
    const text = jobs.length === 0 ? "no jobs\n" : table(jobs.map(shownJob));
    await tellDone(port, json, { root, jobs, journalBytes }, text);
  });
}

function shownJob({ id, schemaVersion, bytes, keys }: JobStatus): TableRow {
  const sealed = keys.every((each) => each === "plain") ? "" : `, under ${keys.join(", ")}`;
  return [id, `schema ${schemaVersion}, ${formatSize(bytes)}${sealed}`];
}

export async function countRows(
  port: CliPort,
  { root, job: id, category }: Named & { readonly category: string | undefined },
  options: object,
): Promise<void> {
  const { json, ...where } = checkChoices(storeFlags, options);
  await withJob({ root, ...where, job: id }, async (job) => {
    const counts: { readonly category: string; readonly rows: number }[] = [];
    for (const each of category === undefined ? await job.categories() : [category]) {
      counts.push({ category: each, rows: await job.count(each, {}, { signal: port.stop }) });
    }
    const rows = counts.map((each): TableRow => [quoted(each.category), `${each.rows}`]);
    await tellDone(port, json, { job: id, counts }, rows.length === 0 ? "no rows\n" : table(rows));
  });
}

export async function getValue(
  port: CliPort,
  { root, job: id, category, key }: Named & { readonly category: string; readonly key: string },
  options: object,
): Promise<void> {
  const { json, ...where } = checkChoices(storeFlags, options);
  const bytes = fromHex(key);
  await withJob({ root, ...where, job: id }, async (job) => {
    const value = await job.get(category, bytes);
    if (value === undefined) {
      throw new PersisterError("OUT_OF_SEQUENCE", `job ${id} has no value at key ${key}`);
    }
    const row = rowMembers({ key: bytes, value });
    await tellDone(port, json, { job: id, category, ...row }, `${hex(value)}\n`);
  });
}

export async function scanRows(
  port: CliPort,
  { root, job: id, category }: Named & { readonly category: string },
  options: object,
): Promise<void> {
  const { json, prefix, limit, reverse, ...where } = checkChoices(scanFlags, options);
  const range = prefixRange(fromHex(prefix));
  await withJob({ root, ...where, job: id }, async (job) => {
    const document = new ListDocument(port.stdout, "rows");
    const rows = job.scan(category, range, { limit, reverse, signal: port.stop });
    for await (const row of rows) {
      if (json) await document.item(rowMembers(row));
      else await put(port.stdout, shownRow(row));
    }
    if (json) await document.end({ ok: true, exitCode: 0, job: id, category });
  });
}

/** One JSON object a row, so that a store of any size goes through a pipe; or SQLite files. */
export async function exportJobs(
  port: CliPort,
  { root, job: only }: { readonly root: string; readonly job: string | undefined },
  options: object,
): Promise<void> {
  const { json, toSqlite, dryRun, plaintext, ...where } = checkChoices(exportFlags, options);
  await withStore({ root, ...where }, async (store) => {
    const ids = chosen(store, only);
    if (!plaintext) refuseSealed(store);
    if (toSqlite !== undefined && dryRun) {
      const text = ids.map(
        (id) => `${id}: ${printable(jobFileIn(toSqlite, id))} would be written\n`,
      );
      await tellDone(port, json, { root, jobs: ids, dryRun }, text.join("") || "no jobs\n");
      return;
    }
    const files: Exported[] = [];
    for (const id of ids) {
      const job = await openedJob(store, id);
      if (toSqlite === undefined) await printRows(port, job);
      else files.push(await exportJob(job, toSqlite, port.stop));
      await store.closeJob(id);
    }
    if (toSqlite === undefined) return;
    await tellDone(port, json, { root, files }, files.map(shownExport).join("") || "no jobs\n");
  });
}

/** @throws {PersisterError} USAGE where values are sealed: an export of them is a choice of its own. */
function refuseSealed(store: JobStore): void {
  if (store.keys.every(({ jobs, content }) => jobs.length === 0 || content === "plain")) return;
  throw new PersisterError(
    "USAGE",
    "values of this store are sealed, and an export of them can be read by everybody: add --plaintext, or copy " +
      "the folder to keep them sealed",
  );
}

async function printRows(port: CliPort, job: Job): Promise<void> {
  for (const category of await job.categories()) {
    for await (const row of job.scan(category, {}, { signal: port.stop })) {
      const { key, value } = rowMembers(row);
      await put(port.stdout, `${jsonOf({ job: job.id, category, key, value })}\n`);
    }
  }
}

function shownExport({ job, file, rows }: Exported): string {
  return `${job}: ${rows} rows in ${printable(file)}, read back and compared\n`;
}

export async function verifyJobs(
  port: CliPort,
  { root, job: only }: { readonly root: string; readonly job: string | undefined },
  options: object,
): Promise<void> {
  const { json, ...where } = checkChoices(storeFlags, options);
  await withStore({ root, ...where }, async (store) => {
    const jobs: JobVerification[] = [];
    for (const id of chosen(store, only)) {
      jobs.push(await store.verify(id, { signal: port.stop }));
    }
    await tellDone(port, json, { root, jobs }, jobs.map(shownVerification).join("") || "no jobs\n");
  });
}

function shownVerification({ id, rows, bytes, journalWrites }: JobVerification): string {
  const held = `${journalWrites} writes in the journal, all there`;
  return `${id}: ${rows} rows, ${formatSize(bytes)}, every checksum right; ${held}\n`;
}

export async function dropJob(
  port: CliPort,
  { root, job: id }: Named,
  options: object,
): Promise<void> {
  const { json, ...consent } = checkChoices(dropFlags, options);
  await withStore({ root, ...consent }, async (store) => {
    const [known] = chosen(store, id);
    const job = (await store.status()).jobs.find((each) => each.id === known);
    const what = `job ${id} with ${formatSize(job?.bytes ?? 0)} of values`;
    const isMeant = consented(consent, `removes ${what}`);
    if (isMeant) await store.dropJob(id);
    const members = { root, dropped: isMeant ? id : null, bytes: job?.bytes, dryRun: !isMeant };
    const text = isMeant ? `job ${id} is gone\n` : `this would remove ${what}\n`;
    await tellDone(port, json, members, text);
  });
}

function rowMembers({ key, value }: Row): {
  readonly key: string;
  readonly parts: string | undefined;
  readonly value: string;
} {
  return { key: hex(key), parts: describedKey(key), value: hex(value) };
}

function shownRow(row: Row): string {
  const { key, parts, value } = rowMembers(row);
  return `${key}${parts === undefined ? "" : ` (${parts})`} = ${value}\n`;
}

function quoted(category: string): string {
  return printable(JSON.stringify(category));
}

function fromHex(text: string): Uint8Array {
  if (/^(?:[0-9a-fA-F]{2})*$/.test(text)) return Buffer.from(text, "hex");
  throw new PersisterError(
    "USAGE",
    `${printable(text)} is no key: it is given in hex, two digits a byte`,
  );
}

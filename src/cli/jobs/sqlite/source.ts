/**
 * A SQLite file of the persistency library, as it is read: from a copy, so that nothing changes the file
 * itself, with what SQLite's own log beside it holds (`-wal`, `-journal`). A file that somebody has
 * open, or that changes while it is copied, is refused.
 */
import { copyFile, mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { tryLock } from "fs-native-extensions";
import { diskError, lockedError, osCodeOf } from "../../../disk/failure.js";
import type { Row } from "../../../jobs/level/values.js";
import { CATEGORY_BYTES_MAX } from "../../../jobs/options.js";
import { PersisterError } from "../../../types/errors.js";
import { SqliteDatabase } from "./database.js";
import { checkSchema } from "./schema.js";

/** SQLite's own logs beside a database: commits that are not in it, or that are to be taken back. */
export const LOG_ENDINGS = ["-wal", "-journal"] as const;
/** The name of a job's file ends so. */
export const FILE_ENDING = ".db";

export interface SourceLimits {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
}

export class SqliteSource {
  readonly file: string;
  readonly #database: SqliteDatabase;
  readonly #folder: string;

  private constructor(file: string, database: SqliteDatabase, folder: string) {
    this.file = file;
    this.#database = database;
    this.#folder = folder;
  }

  /**
   * Opens a copy of `file`, and checks all of it before the first row is read.
   *
   * @throws {PersisterError} SOURCE_REFUSED where it is missing, damaged, no SQLite file, not the
   * library's, changing, or has a row that no job takes; FORMAT_TOO_NEW; STORE_LOCKED where somebody
   * has it open; READ_ONLY, DISK_FULL, IO.
   */
  static async open(file: string, limits: SourceLimits): Promise<SqliteSource> {
    const folder = await mkdtemp(join(tmpdir(), "lanekeeper-sqlite-"));
    let database: SqliteDatabase | undefined;
    try {
      await copyAlone(file, folder);
      database = new SqliteDatabase(join(folder, basename(file)));
      checkSchema(database, file);
      checkRows(database, file, limits);
      return new SqliteSource(file, database, folder);
    } catch (cause) {
      database?.close();
      await rm(folder, { recursive: true, force: true });
      throw cause;
    }
  }

  get categories(): readonly string[] {
    return this.#database
      .all("SELECT DISTINCT category FROM kv")
      .map(({ category }) => Buffer.from(category as Uint8Array).toString("utf8"));
  }

  get rowCount(): number {
    return Number(this.#database.text("SELECT count(*) FROM kv"));
  }

  /** The rows of a category, by key. */
  *rows(category: string): Generator<Row> {
    const sql = "SELECT key, payload FROM kv WHERE category = ? ORDER BY key";
    for (const { key, payload } of this.#database.rows(sql, [Buffer.from(category, "utf8")])) {
      yield { key: key as Uint8Array, value: payload as Uint8Array };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#database.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Copies a database with its logs, while nobody else can write it. */
async function copyAlone(file: string, folder: string): Promise<void> {
  const handle = await openAlone(file);
  try {
    const before = await factsOf(file);
    for (const name of [file, ...LOG_ENDINGS.map((ending) => file + ending)]) {
      await copyFile(name, join(folder, basename(name))).catch((cause: unknown) => {
        if (name !== file && osCodeOf(cause) === "ENOENT") return;
        throw diskError("read the file", name, cause);
      });
    }
    if ((await factsOf(file)) === before) return;
    throw refused(file, "somebody writes it: stop the program that has it open");
  } finally {
    await handle.close();
  }
}

/** @throws {PersisterError} STORE_LOCKED where SQLite has it open in another process. */
async function openAlone(file: string) {
  try {
    const handle = await open(file, "r+");
    if (tryLock(handle.fd)) return handle;
    await handle.close();
  } catch (cause) {
    const code = osCodeOf(cause);
    if (code === "ENOENT" || code === "EISDIR") throw refused(file, "there is no such file");
    // A file that we may not write can only be watched.
    if (code !== "EACCES" && code !== "EROFS" && code !== "EPERM")
      throw diskError("open the file", file, cause);
    return await open(file, "r").catch((reason: unknown) => {
      throw diskError("read the file", file, reason);
    });
  }
  throw lockedError(file);
}

/** Sizes and times of the last change of a database and its logs. */
async function factsOf(file: string): Promise<string> {
  const facts: string[] = [];
  for (const name of [file, ...LOG_ENDINGS.map((ending) => file + ending)]) {
    const found = await stat(name, { bigint: true }).catch(() => undefined);
    facts.push(found ? `${found.size} ${found.mtimeNs}` : "none");
  }
  return facts.join();
}

/** @throws {PersisterError} SOURCE_REFUSED naming the first row that no job takes. */
function checkRows(database: SqliteDatabase, file: string, limits: SourceLimits): void {
  const { keyBytesMax, valueBytesMax } = limits;
  const row = database.text(
    "SELECT 'category ' || hex(category) || ', key ' || hex(key) || ' (hex), ' || length(payload) " +
      "FROM kv WHERE typeof(category) <> 'blob' OR typeof(key) <> 'blob' OR typeof(payload) <> 'blob' " +
      "OR length(category) > ? OR length(key) > ? OR length(payload) > ? LIMIT 1",
    [CATEGORY_BYTES_MAX, keyBytesMax, valueBytesMax],
  );
  if (row !== undefined) {
    throw refused(
      file,
      `a row (${row} bytes) is not of bytes alone, or larger than a job takes: category ` +
        `${CATEGORY_BYTES_MAX}, key ${keyBytesMax}, value ${valueBytesMax}`,
    );
  }
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (const { category } of database.all("SELECT DISTINCT category FROM kv")) {
    const bytes = category as Uint8Array;
    try {
      decoder.decode(bytes);
    } catch {
      throw refused(file, `its category ${Buffer.from(bytes).toString("hex")} (hex) is not UTF-8`);
    }
  }
}

function refused(file: string, why: string): PersisterError {
  return new PersisterError("SOURCE_REFUSED", `${file}: ${why}; nothing was imported`, { file });
}

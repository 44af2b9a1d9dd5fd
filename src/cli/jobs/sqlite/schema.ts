/**
 * The SQLite files of the persistency library: one file for each job, one table in it.
 *
 * ```
 * kv(category BLOB NOT NULL, key BLOB NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (category, key))
 *   WITHOUT ROWID
 * user_version  1; 0 before the library has opened the file to its end
 * ```
 *
 * A category is its text in UTF-8.
 */
import { PersisterError } from "../../../types/errors.js";
import type { SqliteDatabase } from "./database.js";

const USER_VERSION = 1;
const CREATE =
  "CREATE TABLE kv(category BLOB NOT NULL, key BLOB NOT NULL, payload BLOB NOT NULL, " +
  "PRIMARY KEY (category, key)) WITHOUT ROWID";
/** The columns as SQLite tells them: name, type, not null, place in the primary key. */
const COLUMNS = "category BLOB 1 1, key BLOB 1 2, payload BLOB 1 0";

/** Makes the table in a new database. */
export function makeTable(database: SqliteDatabase): void {
  database.run(CREATE);
  database.run(`PRAGMA user_version = ${USER_VERSION}`);
}

/**
 * Checks that a database is whole and is one of the library's.
 *
 * @throws {PersisterError} SOURCE_REFUSED, FORMAT_TOO_NEW.
 */
export function checkSchema(database: SqliteDatabase, file: string): void {
  const refuse = (why: string): never => {
    throw new PersisterError("SOURCE_REFUSED", `${file}: ${why}; nothing was imported`, { file });
  };
  const version = Number(database.text("PRAGMA user_version"));
  if (version !== USER_VERSION && version !== 0) {
    throw new PersisterError(
      "FORMAT_TOO_NEW",
      `${file} has user_version ${version}, and ${USER_VERSION} is known here; nothing was imported`,
      { file },
    );
  }
  const tables = database
    .all("SELECT name, type FROM sqlite_schema")
    .map(({ name }) => String(name));
  if (!tables.includes("kv")) refuse("it has no table kv: it is not the persistency library's");
  const other = tables.find((name) => name !== "kv");
  if (other !== undefined)
    refuse(`it has ${other} beside its table kv, which no job has a place for`);
  const columns = database.text(
    "SELECT group_concat(name || ' ' || type || ' ' || \"notnull\" || ' ' || pk, ', ') " +
      "FROM pragma_table_xinfo('kv')",
  );
  if (columns !== COLUMNS) refuse(`its table kv has the columns ${columns}, not ${COLUMNS}`);
  const damage = database.text("PRAGMA integrity_check(1)");
  if (damage !== "ok") refuse(`it is damaged: ${damage}`);
}

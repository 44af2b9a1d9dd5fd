/**
 * The door to SQLite: a build in WebAssembly, loaded when the first database is opened, since no other
 * command has a use for it. It knows no locks of other programs and no shared memory, so it is only
 * given files that nobody else has open.
 */
import { createRequire } from "node:module";
import type * as sqlite from "node-sqlite3-wasm";
import { PersisterError, reasonOf } from "../../../types/errors.js";

type Sqlite = typeof sqlite;
type Value = Uint8Array | number | bigint | string | null;
type ResultRow = Readonly<Record<string, Value>>;

const load = createRequire(import.meta.url);

/** An open SQLite file. Every call ends before it returns. Close it: its memory is not collected. */
export class SqliteDatabase {
  readonly #file: string;
  readonly #database: InstanceType<Sqlite["Database"]>;

  /** @throws {PersisterError} SOURCE_REFUSED where `file` cannot be opened. */
  constructor(file: string, { isNew = false }: { readonly isNew?: boolean } = {}) {
    this.#file = file;
    const { Database } = load("node-sqlite3-wasm") as Sqlite;
    this.#database = this.#told(() => new Database(file, { fileMustExist: !isNew }));
    // A log of SQLite's own is read without shared memory by an owner that is alone.
    this.#told(() => this.#database.exec("PRAGMA locking_mode = EXCLUSIVE"));
  }

  run(sql: string, values: readonly Value[] = []): void {
    this.#told(() => this.#database.run(sql, [...values]));
  }

  /** All rows: for those that are few. */
  all(sql: string): readonly ResultRow[] {
    return this.#told(() => this.#database.all(sql)) as readonly ResultRow[];
  }

  /** The first value of the first row, as text; `undefined` where there is no row. */
  text(sql: string, values: readonly Value[] = []): string | undefined {
    const row = this.#told(() => this.#database.get(sql, [...values])) as ResultRow | null;
    const [value] = Object.values(row ?? {});
    return value === undefined ? undefined : String(value);
  }

  /** Rows as they are asked for. */
  *rows(sql: string, values: readonly Value[] = []): Generator<ResultRow> {
    const statement = this.#told(() => this.#database.prepare(sql));
    try {
      const rows = this.#told(() => statement.iterate([...values]));
      for (;;) {
        const next = this.#told(() => rows.next());
        if (next.done) return;
        yield next.value as ResultRow;
      }
    } finally {
      statement.finalize();
    }
  }

  /** Runs one statement with the values of each row that `rows` yields, in one transaction. */
  async runEach(sql: string, rows: AsyncIterable<readonly Value[]>): Promise<void> {
    this.run("BEGIN");
    const statement = this.#told(() => this.#database.prepare(sql));
    try {
      for await (const values of rows) this.#told(() => statement.run([...values]));
    } finally {
      statement.finalize();
    }
    this.run("COMMIT");
  }

  close(): void {
    this.#told(() => this.#database.close());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #told<T>(call: () => T): T {
    try {
      return call();
    } catch (cause) {
      const reason = reasonOf(cause);
      throw new PersisterError("SOURCE_REFUSED", `${this.#file}: SQLite says: ${reason}`, {
        file: this.#file,
        cause,
      });
    }
  }
}

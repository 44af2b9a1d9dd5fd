/**
 * `lanekeeper jobs import --from-sqlite` and `export --to-sqlite`: files of the persistency library, made
 * by SQLite in WebAssembly, and by Python's SQLite if there is one.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { SqliteDatabase } from "../../../src/cli/jobs/sqlite/database.js";
import { int, JobStore, key, payload } from "../../../src/jobs/index.js";
import { folder } from "../../jobs/kit.js";
import { built } from "../../harness/built.js";
import { call } from "../program-kit.js";

const TABLE =
  "CREATE TABLE kv(category BLOB NOT NULL, key BLOB NOT NULL, payload BLOB NOT NULL, " +
  "PRIMARY KEY (category, key)) WITHOUT ROWID";
type Row = readonly [category: string, key: Uint8Array, value: Uint8Array];

let root: string;
let data: string;
beforeEach(() => {
  root = join(folder(), "jobs");
  data = folder();
});

const rows: readonly Row[] = [
  ["", new Uint8Array(0), new Uint8Array(0)],
  ["sds.log", key("channel-42", int(1)).bytes, payload("one")],
  ["sds.log", key("channel-42", int(2)).bytes, payload("two")],
  ["sds.meta", key("channel-42").bytes, payload("v1", int(1))],
  ["é!\u0001", Uint8Array.of(0xff), new Uint8Array(5000).fill(7)],
];

/** Writes a file as the library does, or with what makes it another one's. */
function make(name: string, { table = TABLE, version = 1, more = "", of = rows } = {}): string {
  const file = join(data, name);
  using database = new SqliteDatabase(file, { isNew: true });
  database.run(table);
  if (more !== "") database.run(more);
  database.run(`PRAGMA user_version = ${version}`);
  if (table !== TABLE) return file;
  for (const [category, at, value] of of) {
    database.run("INSERT INTO kv VALUES (?, ?, ?)", [Buffer.from(category), at, value]);
  }
  return file;
}

async function heldIn(job: string): Promise<readonly (readonly unknown[])[]> {
  await using store = await JobStore.open(root);
  const open = await store.openJob(job);
  const held: (readonly unknown[])[] = [];
  for (const category of await open.categories()) {
    for await (const { key: at, value } of open.scan(category)) {
      held.push([category, Buffer.from(at).toString("hex"), value.length]);
    }
  }
  return held.sort();
}
const expected = rows
  .map(([category, at, value]) => [category, Buffer.from(at).toString("hex"), value.length])
  .sort();

const importing = async (...args: string[]) => await call("jobs", "import", root, ...args);

describe("import", () => {
  test("brings every row of a file, and again nothing", async () => {
    const file = make("sds.db");
    const first = await importing("--from-sqlite", file, "--json");
    expect(first.code).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({
      jobs: [{ job: "sds", rows: 5, written: 5 }],
      leftOut: [],
    });
    expect(await heldIn("sds")).toEqual(expected);
    const again = await importing("--from-sqlite", file);
    expect(again.stdout).toBe("sds: 5 rows, 0 written, 5 were there; compared\n");
  });

  test("brings each file of a folder into its job, and names what it leaves out", async () => {
    make("one.db");
    make("two.db", { of: rows.slice(1) });
    writeFileSync(join(data, "notes.txt"), "hello");
    mkdirSync(join(data, "more"));
    const { code, stdout } = await importing("--from-sqlite", data);
    expect(code).toBe(0);
    expect(stdout).toBe(
      "one: 5 rows, 5 written, 0 were there; compared\n" +
        "two: 4 rows, 4 written, 0 were there; compared\nleft out: more\nleft out: notes.txt\n",
    );
  });

  test("completes one that was cut short, and overwrites nothing", async () => {
    const file = make("sds.db");
    {
      await using store = await JobStore.open(root);
      const job = await store.openJob("sds");
      await job.put("sds.meta", key("channel-42"), payload("v1", int(1)));
    }
    const { stdout } = await importing("--from-sqlite", file);
    expect(stdout).toBe("sds: 5 rows, 4 written, 1 were there; compared\n");
    {
      await using store = await JobStore.open(root);
      await (await store.openJob("sds")).put("sds.meta", key("channel-42"), payload("newer"));
    }
    const refused = await importing("--from-sqlite", file);
    expect(refused).toMatchObject({ code: 11 });
    expect(refused.stderr).toContain("has another value in the job");
    {
      await using store = await JobStore.open(root);
      const job = await store.openJob("sds");
      expect(await job.get("sds.meta", key("channel-42"))).toEqual(payload("newer"));
    }
  });

  test("--job names the job of a file whose name is no id", async () => {
    const file = make("no id.db");
    expect((await importing("--from-sqlite", file)).code).toBe(2);
    expect((await importing("--from-sqlite", file, "--job", "sds")).code).toBe(0);
    expect(await heldIn("sds")).toEqual(expected);
  });

  const foreign: readonly (readonly [string, number, string, () => string])[] = [
    ["no SQLite file", 13, "not a database", () => junk("a.db", "junk ".repeat(400))],
    ["an empty file", 13, "no table kv", () => junk("a.db", "")],
    ["a missing file", 41, "ENOENT", () => join(data, "missing.db")],
    ["another table", 13, "no table kv", () => make("a.db", { table: "CREATE TABLE t(a)" })],
    ["another form", 13, "has the columns", () => make("a.db", { table: "CREATE TABLE kv(a)" })],
    ["a second table", 13, "it has t beside", () => make("a.db", { more: "CREATE TABLE t(a)" })],
    ["a newer version", 35, "user_version 2", () => make("a.db", { version: 2 })],
    [
      "text for bytes",
      13,
      "not of bytes alone",
      () => make("a.db", { more: "INSERT INTO kv VALUES ('text', x'00', x'00')" }),
    ],
    [
      "a key too long",
      13,
      "larger than a job takes",
      () => make("a.db", { of: [["c", new Uint8Array(70_000), new Uint8Array(1)]] }),
    ],
    [
      "a category that is not UTF-8",
      13,
      "is not UTF-8",
      () => make("a.db", { more: "INSERT INTO kv VALUES (x'ff', x'00', x'00')" }),
    ],
    ["a damaged page", 13, "", () => damaged()],
  ];

  test.each(foreign)("%s is refused before a row is written", async (_, exit, words, makeFile) => {
    make("0.db");
    const file = makeFile();
    const { code, stderr } = await importing("--from-sqlite", existsSync(file) ? data : file);
    expect(code, stderr).toBe(exit);
    expect(stderr).toContain(words);
    await using store = await JobStore.open(root);
    expect(store.jobs()).toEqual([]);
  });
});

function junk(name: string, text: string): string {
  writeFileSync(join(data, name), text);
  return join(data, name);
}

function damaged(): string {
  const file = make("a.db");
  const bytes = readFileSync(file);
  // The root page of the table. A changed value alone SQLite does not see.
  bytes.fill(0x55, 4096, 4196);
  writeFileSync(file, bytes);
  return file;
}

describe("export", () => {
  test("writes a file that the import reads, and none twice", async () => {
    await importing("--from-sqlite", make("sds.db"));
    const out = join(data, "out");
    const exporting = async () => await call("jobs", "export", root, "--to-sqlite", out);
    expect(await exporting()).toMatchObject({ code: 0 });
    expect(readdirSync(out)).toEqual(["sds.db"]);
    expect(await exporting()).toMatchObject({ code: 30 });
    root = join(folder(), "jobs");
    await importing("--from-sqlite", join(out, "sds.db"));
    expect(await heldIn("sds")).toEqual(expected);
  });
});

test("no other command loads SQLite", async () => {
  const program = join(await built(), "src/cli/jobs/commands.js");
  const script = `
    import { createRequire } from "node:module";
    await import(${JSON.stringify(program)});
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    process.stdout.write(String(loaded.some((path) => path.includes("sqlite"))));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  expect({ stdout, stderr }).toEqual({ stdout: "false", stderr: "" });
});

const hasPython = spawnSync("python3", ["-c", "import sqlite3"]).status === 0;
if (!hasPython) console.log("no Python with sqlite3 here: its files were not tried");

/** Opens a file as the persistency library does. */
const LIBRARY = `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
assert c.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal"
c.execute("PRAGMA synchronous=NORMAL")
c.execute("CREATE TABLE IF NOT EXISTS kv(category BLOB NOT NULL, key BLOB NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (category, key)) WITHOUT ROWID")
version = c.execute("PRAGMA user_version").fetchone()[0]
assert version in (0, 1), version
c.execute("PRAGMA user_version=1")
put = lambda at: c.execute("INSERT OR REPLACE INTO kv VALUES (?, ?, ?)", (b"c", b"%04d" % at, b"v%d" % at))
`;

describe.skipIf(!hasPython)("with SQLite in another process", () => {
  const python = (script: string, file: string): string => {
    const { status, stdout, stderr } = spawnSync("python3", ["-c", LIBRARY + script, file], {
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    return stdout;
  };

  test("a file that its process left with a log is read with that log", async () => {
    const file = join(data, "sds.db");
    python("for at in range(100): put(at)\nimport os\nos._exit(0)", file);
    expect(readdirSync(data)).toContain("sds.db-wal");
    const { code, stdout } = await importing("--from-sqlite", data);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "sds: 100 rows, 100 written, 0 were there; compared\n",
    });
    // The file and its log are as they were.
    expect(python("print(c.execute('SELECT count(*) FROM kv').fetchone()[0])", file)).toBe("100\n");
  });

  test("a log without what it needs is not half read: every row of it, or none", async () => {
    const file = join(data, "sds.db");
    python("for at in range(100): put(at)\nimport os\nos._exit(0)", file);
    const wal = readFileSync(`${file}-wal`);
    writeFileSync(`${file}-wal`, wal.subarray(0, wal.length - 100));
    // SQLite itself takes the last commit of such a log for one that never was.
    const { code, stdout } = await importing("--from-sqlite", file);
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^sds: 99 rows/);
  });

  test("a transaction that its process did not end is taken back", async () => {
    const file = join(data, "sds.db");
    const script = `
c.execute("PRAGMA journal_mode=DELETE")
for at in range(10): put(at)
c.execute("PRAGMA cache_size=1")
c.execute("BEGIN")
for at in range(5000): put(at + 10)
import os
os._exit(0)`;
    python(script, file);
    expect(readdirSync(data)).toContain("sds.db-journal");
    expect((await importing("--from-sqlite", file)).stdout).toMatch(/^sds: 10 rows/);
  });

  test("a file that its process has open is refused", async () => {
    const file = join(data, "sds.db");
    const script = `${LIBRARY}put(1)\nprint('ready', flush=True)\nsys.stdin.read()`;
    const owner = spawn("python3", ["-c", script, file], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      await new Promise((resolve) => owner.stdout.once("data", resolve));
      expect(await importing("--from-sqlite", file)).toMatchObject({ code: 32 });
    } finally {
      const ended = new Promise((resolve) => owner.once("close", resolve));
      owner.stdin.end();
      await ended;
    }
    expect((await importing("--from-sqlite", file)).code).toBe(0);
  });

  test("it opens what was exported, and goes on with it", async () => {
    {
      await using store = await JobStore.open(root);
      const job = await store.openJob("sds");
      for (let at = 0; at < 50; at++) {
        const name = Buffer.from(String(at).padStart(4, "0"));
        await job.put("c", name, Buffer.from(`v${at}`));
      }
    }
    const out = join(data, "out");
    expect(await call("jobs", "export", root, "sds", "--to-sqlite", out)).toMatchObject({
      code: 0,
    });
    const file = join(out, "sds.db");
    const script = `
assert [row for row in c.execute("SELECT * FROM kv ORDER BY key")] == [(b"c", b"%04d" % at, b"v%d" % at) for at in range(50)]
put(50)
print(c.execute("PRAGMA integrity_check").fetchone()[0])`;
    expect(python(script, file)).toBe("ok\n");
    expect((await importing("--from-sqlite", file)).stdout).toBe(
      "sds: 51 rows, 1 written, 50 were there; compared\n",
    );
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { InvariantError } from "../../src/types/assert.js";
import { errorCodes } from "../../src/types/error-codes.js";
import { PersisterError } from "../../src/types/errors.js";
import { LanekeeperError } from "../../src/types/lanekeeper-error.js";
import { WalError } from "../../src/walmanager/wal-error.js";
import { DecodeError } from "../../src/wire/codec/decode-error.js";
import { VerifyError } from "../../src/wire/verify-error.js";
import { StateError } from "../../src/sei/format/state-error.js";

const held = new Uint8Array(2_000_000);
const conflict = new PersisterError("CONFLICT", "another block is held", {
  lane: "a",
  blockNumber: 2n ** 64n - 1n,
  held,
  offered: held,
  cause: new VerifyError("payload_hash", "differs"),
});

test("every code has an exit code that a shell can see, a meaning, a remedy and a warning", () => {
  for (const [code, { exit, ...words }] of Object.entries(errorCodes)) {
    expect(code).toMatch(/^[A-Z][A-Z_]*$/);
    expect(Number.isInteger(exit) && exit > 0 && exit < 126, code).toBe(true);
    for (const [name, text] of Object.entries(words)) {
      expect(text.length, `${code}: ${name}`).toBeGreaterThan(3);
      expect(text, `${code}: ${name}`).not.toMatch(/[|\n]|\.$/);
    }
  }
});

test("exit code 1 is no error's: it always means that a promise was broken", () => {
  expect(Object.values(errorCodes).map(({ exit }) => exit)).not.toContain(1);
});

test("only codes that say the same share an exit code", () => {
  const exits = new Map<number, string[]>();
  for (const [code, { exit }] of Object.entries(errorCodes)) {
    exits.set(exit, [...(exits.get(exit) ?? []), code]);
  }
  const shared = [...exits.values()].filter((codes) => codes.length > 1);
  expect(shared).toEqual([["OUT_OF_SEQUENCE", "DUPLICATE"]]);
});

test("no remedy puts back a file or an older copy, and damage warns of it", () => {
  for (const [code, { exit, remedy, never }] of Object.entries(errorCodes)) {
    expect(remedy, code).not.toMatch(/restore|backup|put back|older copy/);
    if (exit >= 20 && exit < 30) expect(never, code).toMatch(/put back a single file or an older/);
  }
});

const olderMemory =
  /restor(?:e|ing)\b|backup|put back|go back|(?:old|older|former) copy|copy from/i;

/** The texts in a line of source: those of more than one word. */
function wordsOf(line: string): readonly string[] {
  const texts = line.match(/["`][^"`]*["`]?/g) ?? [];
  return texts.filter((text) => text.trim().includes(" "));
}

/**
 * Rooms whose subject are older memories: a store that is made of one is guarded as a whole. The devnet brings
 * validators back from them, to see that the guards hold.
 */
const guarded = /^(?:cli\/)?(?:keeping|devnet)\//;

/** Lines of other sources with words of an older memory in a text, each of which warns of it. */
const warnings: readonly (readonly [string, RegExp])[] = [
  // It copies an archive, and no store.
  ["cli/archive/commands.ts", /"restore"|"archive restore file:/],
  ["types/error-codes.ts", /put back a single file or an older copy/],
  ["types/error-codes.ts", /^ *"start it beside the original, or say `moved` of a backup/],
  ["types/error-codes.ts", /^ *never: "go back to a copy from before the upgrade/],
  ["types/error-codes.ts", /meaning: "a file of a backup is damaged/],
  ["types/error-codes.ts", /never: "mend a manifest by hand, or put a part of a backup/],
  [
    "service/metrics/table.ts",
    /"(?:The moment that|How long|Bytes of) the last backup|is in the last backup\."/,
  ],
  ["journal/recovery/ending.ts", /an old copy of it does"/],
  ["persist/pair-persister.ts", /no crash leaves it so, an old copy of the mark does/],
  ["journal/begin.ts", /as hard-link backups make/],
  ["journal/begin.ts", /"backup changes with this store, and must never be opened/],
];

test("no text of the sources asks for a restored file, an old copy or a backup", () => {
  const paths = sources("src").filter((path) => !guarded.test(path.slice("src/".length)));
  const told = paths.flatMap((path) =>
    readFileSync(path, "utf8")
      .split("\n")
      .filter(
        (line) =>
          !/^\s*(?:\*|\/\/|\/\*|import |export type |} from )/.test(line) && /["`]/.test(line),
      )
      .filter((line) => wordsOf(line).some((text) => olderMemory.test(text)))
      .map((line) => [path.slice("src/".length), line] as const),
  );
  const odd = told.filter(([path, line]) =>
    warnings.every(([known, words]) => path !== known || !words.test(line)),
  );
  expect(odd).toEqual([]);
  expect(told.length).toBeGreaterThanOrEqual(warnings.length);
});

test("the README's table of error codes is this one (`-u` writes it)", async () => {
  const readme = readFileSync("README.md", "utf8");
  const rows = Object.entries(errorCodes).map(
    ([code, { exit, status, meaning, remedy, never }]) => {
      return `| \`${code}\` | ${exit} | ${status} | ${meaning} | ${remedy} | ${never} |`;
    },
  );
  const head = "| code | exit | gRPC | meaning | what to do | never |\n|---|---|---|---|---|---|";
  const table = `<!-- error codes -->\n\n${[head, ...rows].join("\n")}\n\n<!-- end -->`;
  const fresh = readme.replace(/<!-- error codes -->[^]*?<!-- end -->/, () => table);
  expect(fresh).toContain(table);
  await expect(fresh).toMatchFileSnapshot("../../README.md");
});

test("every code of the table is given somewhere in the source", () => {
  const used = sources("src").filter((path) => !path.endsWith("types/error-codes.ts"));
  const text = used.map((path) => readFileSync(path, "utf8")).join("\n");
  const unused = Object.keys(errorCodes).filter((code) => !text.includes(`"${code}"`));
  expect(unused).toEqual([]);
});

test("every error that reaches a user has a code, whatever its class", () => {
  const errors = [
    new PersisterError("IO", "x"),
    new VerifyError("quorum", "x"),
    new DecodeError("size", { path: "Block", offset: 1 }, "x"),
    new WalError("too_new", "x", { file: "f" }),
    new StateError("magic", "x"),
    new InvariantError("x"),
  ];
  for (const error of errors) {
    expect(error).toBeInstanceOf(LanekeeperError);
    expect(errorCodes).toHaveProperty(error.code);
    expect(error.name).toBe(error.constructor.name);
    expect(error.stack).toMatch(new RegExp(`^${error.name}: `));
  }
});

test("an error carries its facts as fields, and its cause", () => {
  const cause = new Error("why");
  const facts = { lane: "a", blockNumber: 1n, roadIndex: 2n, file: "f", offset: 3, cause };
  const error = new PersisterError("IO", "what happened", facts);
  expect(error).toMatchObject({ ...facts, code: "IO", name: "PersisterError" });
});

test("a fact that does not apply is no property, and is not printed", () => {
  const bare = new PersisterError("IO", "bare", { cause: undefined });
  expect(Object.getOwnPropertyNames(bare).toSorted()).toEqual(["code", "message", "name", "stack"]);
  expect(inspect(bare)).not.toContain("undefined");
});

test("held bytes are there to be read, and are neither printed nor copied with the error", () => {
  expect(conflict.held).toBe(held);
  expect(Object.keys(conflict)).toEqual(["code", "lane", "blockNumber"]);
  expect(inspect(conflict).length).toBeLessThan(4000);
});

test("an error is JSON: numbers as strings, the cause as text, without held bytes", () => {
  expect(JSON.parse(JSON.stringify({ error: conflict }))).toEqual({
    error: {
      name: "PersisterError",
      code: "CONFLICT",
      message: "another block is held",
      lane: "a",
      blockNumber: "18446744073709551615",
      cause: "VerifyError: differs (payload_hash)",
    },
  });
  const odd = new PersisterError("ABORTED", "x", { cause: { reason: 1n } });
  expect(odd.toJSON().cause).toBe("{ reason: 1n }");
});

test("structuredClone keeps message, stack and cause, and all of toJSON", () => {
  const { message, stack, cause } = structuredClone(conflict);
  expect([message, stack]).toEqual([conflict.message, conflict.stack]);
  expect(cause).toMatchObject({ message: "differs (payload_hash)" });
  expect(structuredClone(conflict.toJSON())).toEqual(conflict.toJSON());
});

test("a wait that its signal ended is an AbortError by name, as the platform's are", () => {
  const error = new PersisterError("ABORTED", "the wait was ended");
  expect([error.name, error.code]).toEqual(["AbortError", "ABORTED"]);
  expect(error).toBeInstanceOf(PersisterError);
});

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`);
}

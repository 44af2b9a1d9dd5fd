/**
 * The conformance run: every case of a folder of golden data against this checkout.
 *
 *     npm run golden -- [DIR] [--only NAME]... [--json]
 *
 * Without DIR the folder is the one that the tests take: LANEKEEPER_GOLDEN, else `../shared/golden`
 * beside the checkout. `test/golden/NAME.test.ts` checks `NAME.json` or the folder `NAME`. A missing one, a
 * skipped case and a part of DIR that no test reads count as failures: exit code 0 means that everything
 * in DIR was compared, and agrees. `m`, an older revision of sei-chain, is left out.
 *
 * The exit code is 0 if all passed, 1 for anything else, 2 for a wrong option.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, stripVTControlCharacters } from "node:util";
import { startVitest } from "vitest/node";
import { count } from "./check/totals-reporter.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Golden data of an older revision of sei-chain, which Lanekeeper does not read any more. */
const leftOut = ["m"];
const SHOWN_PER_FILE = 5;
const CLIPPED_CHARS = 100;

const usage = "usage: npm run golden -- [DIR] [--only NAME]... [--json]";
const { directory, json, names } = options();
const files = names.map((name) => ({ name, path: pathOf(name), ...none() }));
const present = files.filter(({ path }) => path !== undefined);
for (const file of files) {
  if (file.path !== undefined) continue;
  fail(file, `${file.name}.json or ${file.name}/`, "is missing");
}
if (present.length > 0) await run(present);
const unread = names.length === testNames().length ? unreadIn(directory) : [];
for (const path of unread) {
  const file = { name: path, path, ...none() };
  fail(file, path, "no test reads it");
  files.push(file);
}
report();

function none() {
  return { passed: 0, failed: 0, skipped: 0, differences: [] };
}

function fail(file, name, what) {
  file.failed += 1;
  file.differences.push({ case: name, what });
}

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { json: { type: "boolean" }, only: { type: "string", multiple: true } },
    });
    const unknown = values.only?.find((name) => !testNames().includes(name));
    if (unknown !== undefined) {
      throw new Error(`no such name: ${unknown} (there is: ${testNames().join(", ")})`);
    }
    if (positionals.length > 1) throw new Error("one folder at a time");
    // npm starts scripts in the package; a relative folder is meant from where npm was started.
    const given = positionals[0] && resolve(process.env.INIT_CWD ?? process.cwd(), positionals[0]);
    const usual = process.env.LANEKEEPER_GOLDEN ?? "../shared/golden";
    return {
      directory: given ?? resolve(root, usual),
      json: values.json === true,
      names: values.only ?? testNames(),
    };
  } catch (error) {
    console.error(`${error.message}\n${usage}`);
    process.exit(2);
  }
}

function testNames() {
  const suffix = ".test.ts";
  return readdirSync(join(root, "test", "golden"))
    .filter((file) => file.endsWith(suffix))
    .map((file) => file.slice(0, -suffix.length))
    .sort();
}

/** The golden file, or the folder of cases, that the test called `name` checks. */
function pathOf(name) {
  return [`${name}.json`, name].find((path) => existsSync(join(directory, path)));
}

/** The files in the folder that no test checks. */
function unreadIn(folder) {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
  const read = new Set([
    "README.md",
    ...leftOut,
    ...testNames().flatMap((name) => [name, `${name}.json`]),
  ]);
  return readdirSync(folder).filter((path) => !read.has(path) && !path.startsWith("."));
}

/** Runs the tests of `wanted` and writes into each what came out. */
async function run(wanted) {
  process.env.LANEKEEPER_GOLDEN = directory;
  const test = ({ name }) => `test/golden/${name}.test.ts`;
  const reporter = {
    onTestRunEnd(testModules, unhandledErrors) {
      for (const file of wanted) {
        const own = testModules.find((module) => module.moduleId.endsWith(`/${test(file)}`));
        if (own === undefined) fail(file, test(file), "did not run");
        else addUp(file, own);
      }
      for (const error of unhandledErrors) fail(wanted[0], "outside of any test", said(error));
    },
  };
  const paths = wanted.map((file) => join(root, test(file)));
  const vitest = await startVitest("test", paths, { root, watch: false, reporters: [reporter] });
  await vitest.close();
}

function addUp(file, testModule) {
  Object.assign(file, count([testModule], []));
  const add = (name, errors) => {
    for (const error of errors) file.differences.push({ case: name, what: said(error) });
  };
  add("the file", testModule.errors());
  for (const suite of testModule.children.allSuites()) add(suite.fullName, suite.errors());
  for (const test of testModule.children.allTests()) {
    const { state, errors } = test.result();
    if (state === "failed") add(test.fullName, errors.slice(0, 1));
    if (state === "pending") add(test.fullName, [{ message: "did not end" }]);
    if (state === "skipped") add(test.fullName, [{ message: "was skipped" }]);
  }
  if (file.passed + file.failed + file.skipped === 0) fail(file, "the file", "has no case");
}

/** One line about an error: where expected and found first differ, or its message. */
function said({ message, expected, actual }) {
  if (expected === undefined || actual === undefined || expected === actual) {
    return clip(stripVTControlCharacters(message).replaceAll(/\s+/g, " "), 0, 3 * CLIPPED_CHARS);
  }
  const wanted = String(expected).split("\n");
  const found = String(actual).split("\n");
  const line = wanted.findIndex((text, index) => text !== found[index]);
  const [left, right] = [wanted.at(line) ?? "", found[line < 0 ? wanted.length : line] ?? ""];
  let same = 0;
  while (same < left.length && left[same] === right[same]) same += 1;
  return `expected ${clip(left.trim(), same)}, found ${clip(right.trim(), same)}`;
}

/** At most `chars` of `text`, around the character at `at`. */
function clip(text, at, chars = CLIPPED_CHARS) {
  if (text.length <= chars) return text === "" ? "nothing" : text;
  const start = Math.max(0, Math.min(at - chars / 4, text.length - chars));
  const end = start + chars;
  return `${start > 0 ? "..." : ""}${text.slice(start, end)}${end < text.length ? "..." : ""}`;
}

function report() {
  const sum = (key) => files.reduce((total, file) => total + file[key], 0);
  const [passed, failed, skipped] = ["passed", "failed", "skipped"].map(sum);
  process.exitCode = failed + skipped === 0 && passed > 0 ? 0 : 1;
  if (json) {
    console.log(JSON.stringify({ directory, passed, failed, skipped, files }));
    return;
  }
  console.log(`golden data in ${directory}`);
  if (!existsSync(directory)) console.log("there is no such folder");
  for (const file of files) {
    console.log(row(file.path ?? file.name, file));
    for (const difference of file.differences.slice(0, SHOWN_PER_FILE)) {
      console.log(`    ${difference.case}: ${difference.what}`);
    }
    const more = file.differences.length - SHOWN_PER_FILE;
    if (more > 0) console.log(`    and ${more} more`);
  }
  console.log(row("total", { passed, failed, skipped }));
}

function row(name, { passed, failed, skipped }) {
  const tail = skipped > 0 ? `  ${skipped} skipped` : "";
  return `${name.padEnd(18)} ${String(passed).padStart(6)} passed ${String(failed).padStart(5)} failed${tail}`;
}

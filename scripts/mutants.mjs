/**
 * Plants bugs, one at a time, in a copy of the checkout, and shows that the tests find each.
 *
 *   node scripts/mutants.mjs [--only NAME] [--in FOLDER] [--named] [--json] [--check]
 *
 * A bug is a file in test/mutants, in the folder of the part that it harms. It says what it breaks, names
 * the tests that should find it first, and has lines of one source and the lines to put in their place.
 * Lines are compared without their indentation, and must be there exactly once: a bug that no longer fits
 * the sources is an error. `--check` looks only at that, and is quick. `--in jobs` plants those of one part.
 *
 * If the named tests do not find a bug, all other tests that open a store run too, unless `--named` is
 * given. The exit code is 1 if fewer than 95 in a hundred are found.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const mutantsFolder = join(root, "test", "mutants");

/** Of a hundred bugs, how many must be found. */
const FOUND_MIN = 95;
/** One run of tests may take so long; one that takes longer hangs, which is a find. */
const RUN_MS_MAX = { named: 240_000, rest: 900_000 };
/** Every test that opens a store, or a part of one. */
const rest = ["avail", "crash", "disk", "inspect", "jobs", "journal", "log", "node", "persist"].map(
  (each) => `test/${each}/`,
);

/** Reads a bug; throws where the file is not written as the others are. */
export function parseMutant(name, text) {
  const field = (key) => new RegExp(`^${key}: (.+)$`, "m").exec(text)?.[1];
  const [breaks, file, tests] = ["breaks", "file", "tests"].map(field);
  const hunks = [...text.matchAll(/^<{7}\n([^]*?)^={7}\n([^]*?)^>{7}$/gm)].map(
    ([, old, mutated]) => ({
      old: old.trimEnd().split("\n"),
      mutated: mutated === "" ? [] : mutated.trimEnd().split("\n"),
    }),
  );
  if (!breaks || !file || !tests || hunks.length === 0) {
    throw new Error(`${name}: wants breaks:, file:, tests: and <<<<<<< old ======= new >>>>>>>`);
  }
  return { name, breaks, file, tests: tests.split(" "), hunks };
}

/** The source with the bug in it; throws where its old lines are not there exactly once. */
export function plant({ name, file, hunks }, source) {
  return hunks.reduce((text, { old, mutated }) => {
    const lines = text.split("\n");
    const places = lines
      .map((_, at) => at)
      .filter((at) => old.every((line, each) => lines[at + each]?.trim() === line.trim()));
    if (places.length !== 1) {
      const found = places.length === 0 ? "are not there any more" : "are there more than once";
      throw new Error(`${name}: its lines ${found} in ${file}`);
    }
    return lines.toSpliced(places[0], old.length, ...mutated).join("\n");
  }, source);
}

function readMutants({ only, within }) {
  const listed = readdirSync(mutantsFolder, { recursive: true, encoding: "utf8" });
  const mutants = listed
    .filter((each) => each.endsWith(".mutant"))
    .filter((each) => within === undefined || each.startsWith(`${within}/`))
    .sort()
    .map((each) =>
      parseMutant(basename(each, ".mutant"), readFileSync(join(mutantsFolder, each), "utf8")),
    )
    .filter(({ name }) => only === undefined || name === only);
  if (mutants.length === 0)
    throw new Error(`there is no mutant ${only ?? `in ${within ?? "test/mutants"}`}`);
  return mutants;
}

/** Copies the checkout as it is to `folder`; dependencies are shared. */
function copyCheckout(folder) {
  const listed = spawnSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: root });
  for (const path of listed.stdout.toString().split("\0")) {
    if (path === "" || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
}

/** Runs tests in `folder` until one fails: its name, or undefined where all pass. */
async function firstFailure(folder, tests, msMax) {
  const report = join(folder, "mutant-report.json");
  rmSync(report, { force: true });
  const program = join(root, "node_modules", "vitest", "vitest.mjs");
  const args = ["run", ...tests, "--bail=1", "--reporter=json", `--outputFile=${report}`];
  const golden = process.env.LANEKEEPER_GOLDEN ?? join(root, "..", "shared", "golden");
  // Everything has its size of `npm test`: a bug that is found here is found there.
  const env = { ...process.env, LANEKEEPER_GOLDEN: golden };
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env,
    stdio: "ignore",
    detached: true,
  });
  let hangs = false;
  const { pid } = child;
  const kill = () => {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  };
  const timer = setTimeout(() => {
    hangs = true;
    kill();
  }, msMax);
  process.once("exit", kill);
  const code = await new Promise((resolve) => child.once("close", resolve));
  process.off("exit", kill);
  clearTimeout(timer);
  if (hangs) return "it hangs";
  if (code === 0) return undefined;
  return failureIn(report);
}

function failureIn(report) {
  if (!existsSync(report)) return "the run of the tests broke off";
  const { testResults } = JSON.parse(readFileSync(report, "utf8"));
  for (const { assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === "failed");
    if (failed) return failed.fullName;
  }
  const broken = testResults.find(({ status }) => status === "failed");
  throw new Error(`no test ran: ${broken?.message ?? "and nothing says why"}`);
}

async function judge(folder, mutant, namedOnly) {
  const path = join(folder, mutant.file);
  const source = readFileSync(path, "utf8");
  const startedMs = performance.now();
  writeFileSync(path, plant(mutant, source));
  try {
    const byNamed = await firstFailure(folder, mutant.tests, RUN_MS_MAX.named);
    const by =
      byNamed ?? (namedOnly ? undefined : await firstFailure(folder, rest, RUN_MS_MAX.rest));
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    return { name: mutant.name, breaks: mutant.breaks, found: by !== undefined, by, seconds };
  } finally {
    writeFileSync(path, source);
  }
}

async function judgeAll(mutants, namedOnly, say) {
  const folder = mkdtempSync(join(tmpdir(), "lanekeeper-mutants-"));
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      rmSync(folder, { recursive: true, force: true });
      process.exit(1);
    });
  }
  try {
    copyCheckout(folder);
    const verdicts = [];
    for (const mutant of mutants) {
      const verdict = await judge(folder, mutant, namedOnly);
      say(verdict);
      verdicts.push(verdict);
    }
    return verdicts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Throws with every bug that does not fit the sources. */
function checkAll(mutants) {
  const misfits = mutants.flatMap((mutant) => {
    try {
      plant(mutant, readFileSync(join(root, mutant.file), "utf8"));
      return [];
    } catch (cause) {
      return [cause.message];
    }
  });
  if (misfits.length > 0) throw new Error(misfits.join("\n"));
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      in: { type: "string" },
      named: { type: "boolean", default: false },
      json: { type: "boolean" },
      check: { type: "boolean" },
    },
  });
  const mutants = readMutants({ only: values.only, within: values.in?.replace(/\/+$/, "") });
  checkAll(mutants);
  if (values.check) {
    console.log(`${mutants.length} planted bugs fit the sources`);
    return;
  }
  const verdicts = await judgeAll(mutants, values.named, ({ name, breaks, found, by, seconds }) => {
    if (values.json) return;
    const words = found ? `found by "${by}"` : `SURVIVES: ${breaks}`;
    console.log(`${name.padEnd(40)} ${String(seconds).padStart(4)} s  ${words}`);
  });
  const found = verdicts.filter((verdict) => verdict.found).length;
  if (values.json) console.log(JSON.stringify({ found, planted: verdicts.length, verdicts }));
  else console.log(`${found} of ${verdicts.length} planted bugs are found`);
  if (found * 100 < verdicts.length * FOUND_MIN) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((cause) => {
    console.error(cause.message);
    process.exitCode = 1;
  });
}

/**
 * Everything that can be said of the code without running its tests. The package is built once; then
 * the parts run side by side, also after one failed.
 *
 *   npm run check                    all parts
 *   npm run check -- types lint      these parts
 */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const linted = ["src", "test", "scripts", "vitest.config.ts"];

/** The longest first, so that the processors are busy to the end. */
const parts = {
  package: ["node", "scripts/check/package.mjs"],
  types: ["npx", "tsc", "--noEmit"],
  // The page and its tests know a browser; nothing else does.
  page: ["npx", "tsc", "--noEmit", "-p", "test/service/page"],
  dead: ["npx", "knip"],
  lint: [
    "npx",
    "oxlint",
    "--type-aware",
    "--deny-warnings",
    "--report-unused-disable-directives",
    ...linted,
  ],
  format: ["npx", "biome", "format"],
  layers: ["node", "scripts/check/layers.mjs"],
  sentences: ["node", "scripts/check/sentences.mjs"],
  sizes: ["node", "scripts/check/sizes.mjs"],
  proto: ["npx", "buf", "lint", "proto"],
  generated: ["node", "scripts/generate/generate.mjs", "--check"],
  api: ["node", "scripts/check/api.mjs", "--check"],
  conformance: ["node", "scripts/check/conformance.mjs", "--quiet"],
  mutants: ["node", "scripts/mutants.mjs", "--check"],
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`check: no part is called ${unknown.join(", ")}; ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}

const failed = [];
await report("build", ["npm", "run", "--silent", "build"]);
if (failed.length > 0) end();
const waiting = Object.entries(parts).filter(([name]) => {
  return wanted.length === 0 || wanted.includes(name);
});
await Promise.all(
  Array.from({ length: Math.max(2, availableParallelism()) }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await report(...next);
  }),
);
end();

/** Says again at the end which parts failed: their outputs may be long. */
function end() {
  for (const name of failed) console.log(`FAILED ${name}`);
  process.exit(failed.length === 0 ? 0 : 1);
}

async function report(name, command) {
  const startedMs = performance.now();
  const { ok, output } = await run(command);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${name.padEnd(11)} ${ok ? "ok    " : "failed"} ${seconds.padStart(6)} s`);
  if (ok) return;
  failed.push(name);
  console.log(`\n${output.trimEnd()}\n`);
}

function run([program, ...args]) {
  return new Promise((done) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const output = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    child.once("error", (error) => done({ ok: false, output: error.message }));
    child.once("close", (code) =>
      done({ ok: code === 0, output: Buffer.concat(output).toString() }),
    );
  });
}

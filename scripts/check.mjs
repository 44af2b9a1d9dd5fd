/**
 * Everything that can be said of the code without running it. Each step is an npm script of its
 * own (`npm run check:types`, ...); all of them run, also after one failed.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** In this order: types, lint and build need what `generate` writes. */
const steps = [
  { name: "generate", script: "generate" },
  { name: "types", script: "check:types" },
  { name: "lint", script: "check:lint" },
  { name: "format", script: "check:format" },
  { name: "layers", script: "check:layers" },
  { name: "dead code", script: "check:dead" },
  { name: "package", script: "check:package" },
  { name: "api", script: "check:api" },
  { name: "example", script: "example" },
];

function run(script) {
  return new Promise((resolve) => {
    const child = spawn("npm", ["run", "--silent", script], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    child.once("error", (error) => resolve({ ok: false, output: error.message }));
    child.once("close", (code) =>
      resolve({ ok: code === 0, output: Buffer.concat(output).toString() }),
    );
  });
}

let failed = 0;
for (const { name, script } of steps) {
  const startedMs = performance.now();
  const { ok, output } = await run(script);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${name.padEnd(10)} ${ok ? "ok    " : "failed"} ${seconds.padStart(6)} s`);
  if (ok) continue;
  failed += 1;
  console.log(`\n${output.trimEnd()}\n`);
}
process.exitCode = failed === 0 ? 0 : 1;

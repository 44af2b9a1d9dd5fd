/**
 * The crash campaign without an end: crash states, failing calls, corruption and kills, one after the
 * other with ever new seeds, until the time is over.
 *
 *   npm run torture -- --minutes N [--seed S] [--keep DIR]
 *
 * It says live how much was judged. The first disk of each kind of violation is kept in DIR (by default a
 * new folder in the temporary directory), with the words and the seed that lead there again. The exit
 * code is 1 if anything broke the contract.
 */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string" },
    keep: { type: "string" },
  },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error("torture: --minutes must be above 0, --seed a whole number");
  process.exit(2);
}
const keep = resolve(values.keep ?? mkdtempSync(join(tmpdir(), "lanekeeper-torture-")));

// The tests' own program does the work: it runs from the sources, as they do.
const program = join(root, "node_modules", "vitest", "vitest.mjs");
const config = join(root, "test", "crash", "torture.config.ts");
console.log(
  `torture: ${minutes} minutes, seed ${seed}; disks that break the contract go to ${keep}`,
);
const child = spawn(process.execPath, [program, "run", "--config", config], {
  cwd: root,
  stdio: "inherit",
  env: {
    ...process.env,
    LANEKEEPER_TORTURE_MINUTES: String(minutes),
    LANEKEEPER_SEED: String(seed),
    LANEKEEPER_KEEP: keep,
  },
});
child.once("close", (code) => {
  process.exitCode = code ?? 1;
});

/**
 * Builds the operator's page: its modules are compiled for browsers, its markup and style are copied, and
 * beside them the two libraries that it uses, with their licences. Nothing is bundled.
 */
import { spawnSync } from "node:child_process";
import { copyFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const source = join(root, "src", "service", "page");

const copied = [
  [join(source, "index.html"), "index.html"],
  [join(source, "page.css"), "page.css"],
  [installed("htm", "preact/standalone.module.js"), "vendor/preact.js"],
  [installed("htm", "LICENSE"), "vendor/preact.LICENSE"],
  [installed("uplot", "dist/uPlot.esm.js"), "vendor/uplot.js"],
  [installed("uplot", "dist/uPlot.min.css"), "vendor/uplot.css"],
  [installed("uplot", "LICENSE"), "vendor/uplot.LICENSE"],
];

function installed(name, path) {
  return join(root, "node_modules", name, path);
}

/** Writes the page into `directory`. Throws with the compiler's words if it does not compile. */
export async function buildPage(directory) {
  const manifest = createRequire(import.meta.url).resolve("typescript/package.json");
  const tsc = join(dirname(manifest), "bin", "tsc");
  const emit = ["--noEmit", "false", "--declaration", "false", "--sourceMap", "false"];
  const args = [tsc, "-p", source, ...emit, "--declarationMap", "false", "--outDir", directory];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the page does not compile:\n${stdout}`);
  await mkdir(join(directory, "vendor"), { recursive: true });
  for (const [from, to] of copied) await copyFile(from, join(directory, to));
}

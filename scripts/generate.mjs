/**
 * Writes `scripts/bench/generated/autobahn.js`: protobufjs' static code for `proto/autobahn.proto`, which
 * the benchmarks measure our codec against. A module that is newer than its sources is left alone. It
 * appears whole, by renaming.
 */
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const proto = join(root, "proto", "autobahn.proto");
const outDir = join(root, "scripts", "bench", "generated");
const module = join(outDir, "autobahn.js");

const options =
  "-t static-module -w esm -r autobahn --force-long --null-semantics --no-comments " +
  "--no-verify --no-delimited --no-typeurl --no-service";

const changedMs = async (path) => (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;

const sources = [proto, fileURLToPath(import.meta.url), join(root, "package-lock.json")];
const newestMs = Math.max(...(await Promise.all(sources.map(changedMs))));
if ((await changedMs(module)) > newestMs) process.exit(0);

const { default: pbjs } = await import("protobufjs-cli/pbjs.js");
await mkdir(outDir, { recursive: true });
const temporary = await mkdtemp(join(outDir, ".new-"));
try {
  const made = join(temporary, "autobahn.js");
  await promisify(pbjs.main)([...options.split(" "), "-o", made, proto]);
  await rename(made, module);
} finally {
  await rm(temporary, { recursive: true, force: true });
}

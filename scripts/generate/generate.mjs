/**
 * Writes what follows from the proto files. Each file appears whole, by renaming.
 *
 *   npm run generate                      writes all of it
 *   node scripts/generate/generate.mjs --check     compares `src/rpc/api`, and ends with exit code 1 where it differs
 *
 * 1. `src/rpc/api/*.ts`: the messages and services of `proto/lanekeeper/v1` as tables, and the
 *    descriptors that reflection serves, comments included: those, and `reflected` beside this file.
 * 2. `scripts/bench/generated/autobahn.js`: protobufjs' static code for `proto/autobahn.proto`, which the
 *    benchmarks measure our codec against. One that is newer than its sources is left alone.
 */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { apiFiles, descriptorsOf } from "./tables.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const apiDir = join(root, "src", "rpc", "api");
const isCheck = process.argv.includes("--check");

const set = descriptorSet("proto");
const made = apiFiles(set);
const reflected = descriptorsOf(set, descriptorSet("scripts/generate/reflected"));
made.set("descriptors.ts", await descriptorsModule(reflected));

const stale = [];
for (const [name, text] of made) {
  const path = join(apiDir, name);
  const held = await readFile(path, "utf8").catch(() => undefined);
  if (held === text) continue;
  stale.push(path);
  if (!isCheck) await appear(path, text);
}
if (isCheck) {
  for (const path of stale) console.error(`${path} is not what proto says: npm run generate`);
  console.log(`${made.size} files of the API, ${stale.length} stale`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else await benchModule();

function descriptorSet(folder) {
  const options = { cwd: root, maxBuffer: 1 << 24 };
  const form = ["--as-file-descriptor-set", "-o", "-"];
  return execFileSync("npx", ["buf", "build", folder, ...form], options);
}

/**
 * The descriptors as a module. Node versions deflate differently: a module that inflates to the same
 * descriptors is left as it is.
 */
async function descriptorsModule(files) {
  const bytes = Buffer.concat(
    files.flatMap((file) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(file.length);
      return [length, file];
    }),
  );
  const held = await readFile(join(apiDir, "descriptors.ts"), "utf8").catch(() => "");
  const [, base64] = /"([A-Za-z0-9+/=]*)"/.exec(held.replaceAll(/" \+\n\s*"/g, "")) ?? [];
  if (base64 && inflateRawSync(Buffer.from(base64, "base64")).equals(bytes)) return held;
  const lines = deflateRawSync(bytes, { level: 9 })
    .toString("base64")
    .match(/.{1,100}/g);
  return [
    "/**",
    " * Written by scripts/generate from proto: the FileDescriptorProtos of every file, each behind its",
    " * length as 4 bytes little-endian, deflated, as base64.",
    " */",
    "export const descriptors =",
    `${lines.map((line) => `  "${line}"`).join(" +\n")};\n`,
  ].join("\n");
}

async function appear(path, text) {
  const directory = await mkdtemp(join(root, "node_modules", ".generated-"));
  try {
    await mkdir(apiDir, { recursive: true });
    await writeFile(join(directory, "new"), text);
    await rename(join(directory, "new"), path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function benchModule() {
  const proto = join(root, "proto", "autobahn.proto");
  const outDir = join(root, "scripts", "bench", "generated");
  const module = join(outDir, "autobahn.js");
  const options =
    "-t static-module -w esm -r autobahn --force-long --null-semantics --no-comments " +
    "--no-verify --no-delimited --no-typeurl --no-service";
  const changedMs = async (path) => (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
  const sources = [proto, fileURLToPath(import.meta.url), join(root, "package-lock.json")];
  const newestMs = Math.max(...(await Promise.all(sources.map(changedMs))));
  if ((await changedMs(module)) > newestMs) return;
  const { default: pbjs } = await import("protobufjs-cli/pbjs.js");
  await mkdir(outDir, { recursive: true });
  const temporary = await mkdtemp(join(outDir, ".new-"));
  try {
    const written = join(temporary, "autobahn.js");
    await promisify(pbjs.main)([...options.split(" "), "-o", written, proto]);
    await rename(written, module);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * Writes `src/cli/generated/<name>.js` and `.d.ts` for each `proto/<name>.proto`, where the control
 * messages of a run (`proto/run.proto`) are there. What is newer than its sources is left alone.
 * Modules appear whole, by renaming, so that a build or a test beside this one never reads half.
 */
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const protoDir = join(root, "proto");
const outDir = join(root, "src", "cli", "generated");
const extensions = [".js", ".d.ts"];

// Each module has a root of its own (`-r`): with the default one all modules share a registry.
// No `--no-comments`: with `--dts` it leaves the declarations empty.
const options =
  "-t static-module -w esm --dts --force-long --null-semantics " +
  "--no-verify --no-delimited --no-typeurl --no-service";

const changedMs = async (path) => (await stat(path).catch(() => undefined))?.mtimeMs;

const protos = (await readdir(protoDir).catch(() => [])).filter((file) => file.endsWith(".proto"));
if (!protos.includes("run.proto")) process.exit(0);

// One proto may import another, so any newer source makes all modules stale.
const sources = [
  ...protos.map((file) => join(protoDir, file)),
  fileURLToPath(import.meta.url),
  join(root, "package-lock.json"),
];
const newestMs = Math.max(...(await Promise.all(sources.map(changedMs))).map((ms) => ms ?? 0));

await mkdir(outDir, { recursive: true });
const names = protos.map((file) => basename(file, ".proto"));
const wanted = new Set(names.flatMap((name) => extensions.map((extension) => name + extension)));
for (const file of await readdir(outDir)) {
  if (!wanted.has(file) && extensions.some((extension) => file.endsWith(extension))) {
    await rm(join(outDir, file));
  }
}

const outputs = await Promise.all([...wanted].map((file) => changedMs(join(outDir, file))));
if (outputs.every((ms) => ms !== undefined && ms > newestMs)) process.exit(0);

const { default: pbjs } = await import("protobufjs-cli/pbjs.js");
const run = promisify(pbjs.main);
const temporary = await mkdtemp(join(outDir, ".new-"));
try {
  for (const name of names) {
    const out = join(temporary, `${name}.js`);
    await run([
      ...options.split(" "),
      "-r",
      name,
      "-p",
      protoDir,
      "-o",
      out,
      join(protoDir, `${name}.proto`),
    ]);
    for (const extension of extensions) {
      await rename(join(temporary, name + extension), join(outDir, name + extension));
    }
  }
} finally {
  await rm(temporary, { recursive: true, force: true });
}

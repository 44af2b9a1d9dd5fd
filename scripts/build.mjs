/** Compiles `src` into an empty `dist`, and copies what tsc leaves out: generated modules. */
import { spawnSync } from "node:child_process";
import { cp, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const src = join(root, "src");
const dist = join(root, "dist");

await rm(dist, { recursive: true, force: true });

const manifest = createRequire(import.meta.url).resolve("typescript/package.json");
const tsc = join(dirname(manifest), "bin", "tsc");
const compiled = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

for (const file of await readdir(src, { recursive: true })) {
  const generated = file.split(sep).includes("generated");
  if (generated && /\.(js|d\.ts)$/.test(file)) await cp(join(src, file), join(dist, file));
}

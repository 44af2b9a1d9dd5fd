/** Compiles `src` into an empty `dist`, with the declarations that users need, and the operator's page. */
import { spawnSync } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { keepReached } from "./declarations.mjs";
import { buildPage } from "./page.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = join(root, "dist");

await rm(dist, { recursive: true, force: true });

const manifest = createRequire(import.meta.url).resolve("typescript/package.json");
const tsc = join(dirname(manifest), "bin", "tsc");
const compiled = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);
const { exports } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
await keepReached(root, dist, exports);
await buildPage(join(dist, "service", "page"));

/** The declarations in `dist` that an entry of the package reaches. A user's compiler reads no other. */
import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Removes every other declaration from `dist`. `exports` is that of package.json, at `root`. */
export async function keepReached(root, dist, exports) {
  const reached = new Set();
  for (const { types } of Object.values(exports))
    if (types) await reach(join(root, types), reached);
  for (const name of await readdir(dist, { recursive: true })) {
    const path = join(dist, name);
    if (name.endsWith(".d.ts") && !reached.has(path)) await rm(path);
  }
}

async function reach(path, reached) {
  if (reached.has(path) || !existsSync(path)) return;
  reached.add(path);
  const text = await readFile(path, "utf8");
  for (const [, name] of text.matchAll(/(?:\bfrom|\bimport\(?)\s*"(\.[^"]+)\.js"/g)) {
    await reach(join(dirname(path), `${name}.d.ts`), reached);
  }
}

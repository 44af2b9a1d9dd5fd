/** The trial of a database finds LevelDB from wherever the program of its user lies. */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { FolderHomes } from "../../../src/jobs/level/home.js";
import { realSurroundings } from "../../../src/disk/surroundings.js";
import { type BundleForm, writeBundle } from "../../bundler.js";
import { folder } from "../kit.js";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const trial = join(repository, "src/jobs/level/trial.ts");

test.each<[string, string, BundleForm]>([
  ["an ES module", "mjs", { format: "esm" }],
  ["CommonJS", "cjs", { format: "cjs" }],
  [
    "CommonJS that does not know the URL of its place",
    "cjs",
    { format: "cjs", define: { "import.meta.url": "undefined" } },
  ],
])("in a bundle as %s", async (_, extension, form) => {
  const root = folder();
  const home = new FolderHomes(realSurroundings().disk, join(root, "jobs")).of("job", 1n);
  mkdirSync(join(root, "jobs"));
  await (await home.make()).close();
  symlinkSync(join(repository, "node_modules"), join(root, "node_modules"));
  const program = join(root, "program.ts");
  const life = join(root, "jobs", "job", "1");
  const text = `
    import { tryDatabase } from ${JSON.stringify(trial)};
    tryDatabase(${JSON.stringify(life)}).then((end) => console.log(end.kind));
  `;
  writeFileSync(program, text);
  const file = join(root, `program.${extension}`);
  await writeBundle(program, file, form);
  expect(execFileSync(process.execPath, [file], { encoding: "utf8" })).toBe("opened\n");
});

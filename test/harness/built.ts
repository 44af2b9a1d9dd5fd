/**
 * The programs that tests start, and the sources, compiled: node runs no TypeScript. The first file of a run that asks
 * for them compiles them, and all others find them there.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writePrograms } from "../bundler.js";
import { runFolder } from "./run-folder.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Each is bundled: a process that loads five hundred modules works for twice as long before its first line. */
const programs = [
  "src/cli/main.ts",
  "src/cli/devnet/service.ts",
  "src/cli/devnet/validator.ts",
  "src/devnet/network/child.ts",
  "src/wire/signatures/verify-worker.ts",
  "test/crash/kills/kill-child.ts",
  "test/jobs/crash/kill-child.ts",
  "test/wire/mutation/bounds-program.ts",
];

/** The file to call with node: `source` is the path of one of the programs in the checkout. */
export async function programOf(source: string): Promise<string> {
  if (!programs.includes(source)) throw new Error(`${source} is none of the programs`);
  return join(await once("programs", bundleInto), source.replace(/\.ts$/, ".js"));
}

/** The folder of the compiled sources, laid out as the checkout. Nobody changes it. */
export async function built(): Promise<string> {
  return await once("built", compileInto);
}

/** A folder of this run, which `make` fills unless it is there. */
async function once(
  name: string,
  make: (folder: string, place: string) => Promise<void>,
): Promise<string> {
  const folder = join(runFolder(), name);
  if (existsSync(folder)) return folder;
  const unfinished = await mkdtemp(join(runFolder(), "unfinished-"));
  // Dependencies are found as in the checkout.
  await symlink(join(root, "node_modules"), join(unfinished, "node_modules"));
  await writeFile(join(unfinished, "package.json"), '{"type": "module"}');
  await make(unfinished, folder);
  await rename(unfinished, folder).catch(async (cause: unknown) => {
    // Another file of this run was first.
    if (!existsSync(folder)) throw cause;
    await rm(unfinished, { recursive: true });
  });
  return folder;
}

async function bundleInto(folder: string, place: string): Promise<void> {
  await writePrograms({ root, sources: programs, place }, folder);
  // A service reads the files of its page: no test asks a program for them.
  await mkdir(join(folder, "src", "service", "page"), { recursive: true });
}

async function compileInto(folder: string): Promise<void> {
  const plain = { declaration: false, declarationMap: false, sourceMap: false };
  const settings = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      noCheck: true,
      rootDir: root,
      outDir: folder,
      types: [],
      ...plain,
    },
    include: [join(root, "src")],
    exclude: [join(root, "src/service/page")],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  await promisify(execFile)(process.execPath, [tsc, "-p", folder], { cwd: root });
}

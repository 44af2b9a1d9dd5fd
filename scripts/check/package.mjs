/**
 * The package as it would be published, packed from the build in dist: its manifest and types are
 * linted, nothing in it names a file that is not, it is small when it is installed, and the examples run.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Of the package with all that it depends on. */
const INSTALLED_BYTES_MAX = 40e6;

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "lanekeeper-package-"));
try {
  run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder]);
  const tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".tgz")),
  );
  run("npx", ["publint", "run", tarball, "--strict"]);
  run("npx", ["attw", tarball, "--profile", "esm-only"]);
  run("tar", ["-xzf", tarball, "-C", folder]);
  const missing = filesOf(join(folder, "package")).flatMap(missingFrom);
  for (const each of missing) console.error(each);
  if (missing.length > 0) process.exitCode = 1;
  const bytes = sum([join(folder, "package"), ...installed()].flatMap(sizesOf));
  if (bytes > INSTALLED_BYTES_MAX) {
    console.error(`installed, the package takes ${(bytes / 1e6).toFixed(1)} MB: more than 40`);
    process.exitCode = 1;
  }
  run("node", ["scripts/example.mjs"]);
  run("node", ["scripts/crash-example.mjs"]);
} finally {
  rmSync(folder, { recursive: true });
}

function run(program, args) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: "utf8" });
  if (status === 0) return;
  console.error(`${program} ${args.join(" ")}\n${stdout}${stderr}`);
  process.exitCode = 1;
}

/** The folders of all that comes with the package, an optional peer left out. */
function installed() {
  const tree = ["ls", "--omit=dev", "--omit=peer", "--all", "--parseable"];
  const { stdout } = spawnSync("npm", tree, { cwd: root, encoding: "utf8" });
  return stdout.split("\n").filter((path) => path.includes("node_modules"));
}

/** A package inside of another has a line of its own. */
function sizesOf(directory) {
  const nested = join(directory, "node_modules");
  return filesOf(directory)
    .filter((path) => !path.startsWith(nested))
    .map((path) => statSync(path).size);
}

function sum(numbers) {
  return numbers.reduce((all, each) => all + each, 0);
}

function filesOf(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The files that `path` names and the package does not have: imports, source maps, links. */
function missingFrom(path) {
  if (!/\.(js|ts|md)$/.test(path)) return [];
  const link = path.endsWith(".md")
    ? /\]\((?!https?:|#)([^)#]+)/g
    : /(?:\bfrom |\bimport\(|^\/\/# sourceMappingURL=)"?(\.[^"\s]*|\S+\.map)/gm;
  return [...readFileSync(path, "utf8").matchAll(link)].flatMap(([, name]) => {
    const target = join(dirname(path), name);
    const isThere = existsSync(target) || existsSync(target.replace(/\.js$/, ".d.ts"));
    return isThere ? [] : [`${relative(folder, path)} names ${name}, which is not packed`];
  });
}

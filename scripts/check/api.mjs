/**
 * The public surface: everything that each entry of the package exports, as declarations without
 * comments, kept in `test/api`, so that no change of it goes unseen. It also refuses
 *
 * - more than 40 names in the main entry, and an `export *` anywhere;
 * - a type in a public declaration that no entry exports: a caller could not name it.
 *
 *   npm run api               writes test/api from the build in dist
 *   node scripts/check/api.mjs --check compares, and ends with exit code 1 where they differ
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const MAIN_NAMES_MAX = 40;
const isCheck = process.argv.includes("--check");
const faults = [];

const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const entries = Object.entries(exports)
  .filter(([, target]) => target.types !== undefined)
  .map(([name, { types }]) => ({
    name: name === "." ? "lanekeeper" : name.slice(2),
    ...surfaceOf(join(root, types)),
  }));

const named = new Set(entries.flatMap(({ declarations }) => declarations.map(({ id }) => id)));
for (const { name, declarations } of entries) {
  for (const { exported, needs } of declarations) {
    for (const { id, local } of needs) {
      if (!named.has(id)) faults.push(`${name}: ${exported} needs ${local}, which is not exported`);
    }
  }
}
const mainNames = entries[0].declarations.length;
if (mainNames > MAIN_NAMES_MAX) faults.push(`the main entry has ${mainNames} names`);

for (const { name, declarations } of entries) {
  const path = join(root, "test", "api", `${name}.d.ts`);
  const text = `${declarations.map(({ text: each }) => each).join("\n")}\n`;
  if (!isCheck) writeFileSync(path, text);
  else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
    faults.push(
      `${name} is not what test/api/${name}.d.ts says: npm run api, and look at the diff`,
    );
  }
}
for (const fault of faults) console.error(fault);
const counts = entries.map(({ name, declarations }) => `${name} ${declarations.length}`);
console.log(`names: ${counts.join(", ")}`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** The exports of the declaration file at `path`, by name, each with the types that it mentions. */
function surfaceOf(path) {
  const source = readFileSync(path, "utf8");
  if (/^export (type )?\*/m.test(source)) faults.push(`${path}: export *`);
  const declarations = importsOf(path, source, "export").map(({ file, original, local }) => {
    const module = moduleOf(file);
    const text = module.texts.get(original);
    if (text === undefined) throw new Error(`${file} declares no ${original}`);
    if (text.includes("import(")) faults.push(`${file}: ${original} names a type by its file`);
    const words = new Set(text.replace(/"[^"]*"/g, "").match(/[\p{L}$_][\p{L}\d$_]*/gu));
    const needs = [...words].flatMap((word) => {
      const id = module.ids.get(word);
      return id === undefined || word === original ? [] : [{ id, local: word }];
    });
    return { exported: local, id: `${file} ${original}`, text, needs };
  });
  return { declarations: declarations.toSorted((a, b) => (a.exported < b.exported ? -1 : 1)) };
}

/** The top-level declarations of a file by name, and the identity of each name that it knows. */
function moduleOf(file) {
  const source = readFileSync(file, "utf8").replace(/\/\*\*[^]*?\*\/\n?[ \t]*/g, "");
  const texts = new Map();
  const ids = new Map();
  const head =
    /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|const|function) (\w+)/;
  for (const statement of source.split(/^(?=export |declare |interface |type |import )/m)) {
    const name = head.exec(statement)?.[1];
    if (name === undefined) continue;
    // The overloads of a function follow each other.
    const text = statement.replace(/^\/\/.*$/gm, "").trim();
    texts.set(name, [texts.get(name), text].filter(Boolean).join("\n"));
    // A value that only a type of the same file is made of need not be named.
    if (!/^(export )?declare const /.test(text)) ids.set(name, `${file} ${name}`);
  }
  for (const each of importsOf(file, source, "import")) {
    ids.set(each.local, `${each.file} ${each.original}`);
  }
  for (const each of importsOf(file, source, "export")) {
    texts.set(each.local, moduleOf(each.file).texts.get(each.original));
  }
  return { texts, ids };
}

/** `import { a as b } from "./c.js"`, or the same with `export`, of our own files. */
function importsOf(from, source, word) {
  const clause = new RegExp(`^${word} (?:type )?\\{([^}]*)\\} from "(\\.[^"]*)"`, "gm");
  return [...source.matchAll(clause)].flatMap(([, names, path]) => {
    const file = join(dirname(from), path.replace(/\.js$/, ".d.ts"));
    return names.split(",").flatMap((name) => {
      const [original, local = original] = name
        .trim()
        .replace(/^type /, "")
        .split(" as ");
      return original === "" ? [] : [{ original, local, file: homeOf(file, original) }];
    });
  });
}

/** The file that declares a name that `file` may only pass on. */
function homeOf(file, name) {
  const passed = importsOf(file, readFileSync(file, "utf8"), "export");
  return passed.find(({ local }) => local === name)?.file ?? file;
}
